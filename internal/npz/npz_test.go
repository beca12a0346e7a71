package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func tensor[E lockstep.Element](t testing.TB, data []E, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.New(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// count is a tensor of 0, 1, 2, …
func count(t testing.TB, dtype lockstep.DType, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	floats := make([]float32, n)
	for i := range floats {
		floats[i] = float32(i)
	}
	switch dtype {
	case lockstep.Float32:
		return tensor(t, floats, shape...)
	case lockstep.Float64:
		return tensor(t, convert(floats, func(v float32) float64 { return float64(v) }), shape...)
	case lockstep.Int32:
		return tensor(t, convert(floats, func(v float32) int32 { return int32(v) }), shape...)
	case lockstep.Int64:
		return tensor(t, convert(floats, func(v float32) int64 { return int64(v) }), shape...)
	case lockstep.BFloat16: // whole numbers below 256 fit
		return tensor(t, convert(floats, func(v float32) lockstep.BFloat16Bits {
			return lockstep.BFloat16Bits(math.Float32bits(v) >> 16)
		}), shape...)
	case lockstep.Float16:
		return tensor(t, convert(floats, float16), shape...)
	case lockstep.Bool:
		return tensor(t, convert(floats, func(v float32) bool { return int(v)%3 == 1 }), shape...)
	case lockstep.Int8:
		return tensor(t, convert(floats, func(v float32) int8 { return int8(v) }), shape...)
	case lockstep.Int16:
		return tensor(t, convert(floats, func(v float32) int16 { return int16(v) }), shape...)
	case lockstep.Uint8:
		return tensor(t, convert(floats, func(v float32) uint8 { return uint8(v) }), shape...)
	case lockstep.Uint16:
		return tensor(t, convert(floats, func(v float32) uint16 { return uint16(v) }), shape...)
	case lockstep.Uint32:
		return tensor(t, convert(floats, func(v float32) uint32 { return uint32(v) }), shape...)
	case lockstep.Uint64:
		return tensor(t, convert(floats, func(v float32) uint64 { return uint64(v) }), shape...)
	}
	t.Fatalf("no count of %s", dtype)
	return nil
}

// float16 is the bits of a whole number below 2,048.
func float16(v float32) lockstep.Float16Bits {
	if v == 0 {
		return 0
	}
	b := math.Float32bits(v)
	return lockstep.Float16Bits(((b>>23)-112)<<10 | b>>13&0x3ff)
}

func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

var names = map[string]lockstep.DType{
	"f2": lockstep.Float16, "f4": lockstep.Float32, "f8": lockstep.Float64, "i4": lockstep.Int32, "i8": lockstep.Int64,
	"bf16": lockstep.BFloat16, "b1": lockstep.Bool,
	"i1": lockstep.Int8, "i2": lockstep.Int16, "u1": lockstep.Uint8, "u2": lockstep.Uint16, "u4": lockstep.Uint32, "u8": lockstep.Uint64,
}

// Every type has a name in numpy's files, but strings, which have their length
// in it, and the two of 8 bits, which have the same one.
func TestEveryTypeIsNumpys(t *testing.T) {
	for _, d := range lockstep.DTypes() {
		x, err := lockstep.Zeros(d, 2)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := writeNPY(&b, x); d.IsFloat() && d.Size() == 1 {
			if err == nil || !strings.Contains(err.Error(), d.String()) {
				t.Errorf("%s: error %v", d, err)
			}
			continue
		} else if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		if got, _, err := readNPY(&b, maxBytes); err != nil || !got.BitEqual(x) {
			t.Errorf("%s came back as %v, %v", d, got, err)
		}
	}
}

func TestReadsWhatNumpyWrote(t *testing.T) {
	for _, file := range []string{"numpy.npz", "compressed.npz"} {
		all, err := ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 48 || all[0].Name != "c/f2" || all[len(all)-1].Name != "fortran/b1" {
			t.Errorf("%s: %d arrays, of which the first is %q", file, len(all), all[0].Name)
		}
		for _, nt := range all {
			want := count(t, names[nt.Name[strings.Index(nt.Name, "/")+1:]], 2, 3, 4)
			if !nt.Tensor.BitEqual(want) {
				t.Errorf("%s: %s is not 0, 1, 2, … as %s", file, nt.Name, want)
			}
		}
	}
	texts := tensor(t, []string{"", "a", "Zürich", "日本", "a\x00b", "😀"}, 2, 3)
	all, err := ReadFile("testdata/text.npz")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*lockstep.Tensor{
		"unicode": texts, "fortran": texts, "big": texts,
		"bytes":  tensor(t, []string{"", "a", "bcd", "\xff", "a\x00b", "z"}, 2, 3),
		"scalar": tensor(t, []string{"one"}), "none": tensor(t, []string{}, 0),
	} {
		if got := lockstep.ByName(all)[name]; !got.BitEqual(want) {
			t.Errorf("text.npz: %s is %s, want %s", name, got, want)
		}
	}
	for file, want := range map[string]*lockstep.Tensor{
		"version1": count(t, lockstep.Float32, 2, 3, 4), "version2": count(t, lockstep.Float32, 2, 3, 4), "version3": count(t, lockstep.Float32, 2, 3, 4),
		"scalar": tensor(t, []float64{-2.5}), "empty": tensor(t, []float32{}, 3, 0, 2),
	} {
		got, err := ReadFile("testdata/" + file + ".npy")
		if err != nil || len(got) != 1 || got[0].Name != file || !got[0].Tensor.BitEqual(want) {
			t.Errorf("%s.npy: %v, %v, want %s", file, got, err, want)
		}
	}
}

// What we write is what numpy writes, to the byte.
func TestWritesWhatNumpyWrites(t *testing.T) {
	z, err := zip.OpenReader("testdata/golden.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	tensors := map[string]*lockstep.Tensor{
		"b1":         tensor(t, []bool{true, false, true}, 3),
		"wide":       tensor(t, []float32{}, append(slices.Repeat([]int{1}, 14), 1000000007, 0)...),
		"wider":      tensor(t, []float32{0}, slices.Repeat([]int{1}, 25)...),
		"text":       tensor(t, []string{"", "a", "Zürich", "日本", "a\x00b", "😀"}, 2, 3),
		"text/empty": tensor(t, []string{}, 0),
		"text/none":  tensor(t, []string{""}, 1),
		"i1/ends":    tensor(t, []int8{math.MinInt8, math.MaxInt8, 1}, 3),
		"i2/ends":    tensor(t, []int16{math.MinInt16, math.MaxInt16, 1}, 3),
		"u1/ends":    tensor(t, []uint8{0, math.MaxUint8, 1}, 3),
		"u2/ends":    tensor(t, []uint16{0, math.MaxUint16, 1}, 3),
		"u4/ends":    tensor(t, []uint32{0, math.MaxUint32, 1}, 3),
		"u8/ends":    tensor(t, []uint64{0, math.MaxUint64, 1}, 3),
	}
	for name, dtype := range names {
		if name == "b1" {
			continue
		}
		for rank, shape := range map[string][]int{"/0": nil, "/1": {7}, "/2": {2, 3}, "/5": {1, 2, 3, 2, 1}} {
			tensors[name+rank] = count(t, dtype, shape...)
		}
	}
	if len(z.File) != len(tensors) {
		t.Errorf("numpy wrote %d arrays, and %d are written here", len(z.File), len(tensors))
	}
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := writeNPY(&got, tensors[name]); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is\n%q (%v), and numpy writes\n%q", name, got.Bytes(), err, want)
		}
	}
}

// hard are tensors whose bits are easily lost.
func hard(t testing.TB) []lockstep.NamedTensor {
	return []lockstep.NamedTensor{
		{Name: "f4", Tensor: tensor(t, []float32{float32(math.NaN()), math.Float32frombits(0xffc12345), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 1e-45, math.MaxFloat32}, 6)},
		{Name: "f8", Tensor: tensor(t, []float64{math.NaN(), math.Float64frombits(0xfff8000000000123), math.Inf(1), math.Copysign(0, -1), 5e-324, math.MaxFloat64}, 2, 3)},
		{Name: "f2", Tensor: tensor(t, []lockstep.Float16Bits{0x7e01, 0xfc00, 0x8000, 1}, 4)},
		{Name: "bf16", Tensor: tensor(t, []lockstep.BFloat16Bits{0x7fc1, 0xff80, 0x8000, 1}, 2, 2)},
		{Name: "i4", Tensor: tensor(t, []int32{math.MinInt32, -1, 0, math.MaxInt32}, 1, 2, 2, 1, 1)},
		{Name: "i8", Tensor: tensor(t, []int64{math.MinInt64, -1, 0, math.MaxInt64}, 4)},
		{Name: "i1", Tensor: tensor(t, []int8{math.MinInt8, -1, math.MaxInt8}, 3)},
		{Name: "i2", Tensor: tensor(t, []int16{math.MinInt16, -1, math.MaxInt16}, 3)},
		{Name: "u1", Tensor: tensor(t, []uint8{1, math.MaxUint8}, 2)},
		{Name: "u2", Tensor: tensor(t, []uint16{1, math.MaxUint16}, 2)},
		{Name: "u4", Tensor: tensor(t, []uint32{1, math.MaxUint32}, 2)},
		{Name: "u8", Tensor: tensor(t, []uint64{1, math.MaxUint64}, 2)},
		{Name: "b1", Tensor: tensor(t, []bool{true, false}, 2, 1)},
		{Name: "text", Tensor: tensor(t, []string{"", "\x00a", "日本", " ", "\n"}, 5)},
		{Name: "scalar", Tensor: tensor(t, []float32{1})},
		{Name: "empty", Tensor: tensor(t, []int64{}, 2, 0, 3)},
		{Name: "encoder/kernel", Tensor: tensor(t, []float32{1, 2}, 1, 2)},
		{Name: "", Tensor: tensor(t, []float32{1}, 1)},
		{Name: "x.npy", Tensor: tensor(t, []float32{1}, 1)},
		{Name: "naïve 日本", Tensor: tensor(t, []float32{1}, 1)},
	}
}

func TestRoundTrip(t *testing.T) {
	want := hard(t)
	path := filepath.Join(t.TempDir(), "all.npz")
	if err := WriteFile(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got, want, func(a, b lockstep.NamedTensor) bool { return a.Name == b.Name && a.Tensor.BitEqual(b.Tensor) }) {
		t.Errorf("%v came back as %v", want, got)
	}
	for _, nt := range want[:14] {
		path := filepath.Join(t.TempDir(), nt.Name+".npy")
		if err := WriteFile(path, []lockstep.NamedTensor{nt}); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if err != nil || len(got) != 1 || got[0].Name != nt.Name || !got[0].Tensor.BitEqual(nt.Tensor) {
			t.Errorf("%s.npy came back as %v, %v", nt.Name, got, err)
		}
	}
	// The bytes depend on the tensors alone.
	var a, b bytes.Buffer
	if err := errors.Join(Write(&a, want), Write(&b, want)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("written twice, it is not the same: %v", err)
	}
	file, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(a.Bytes(), file) {
		t.Errorf("Write and WriteFile differ: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if got, err := Read(bytes.NewReader(a.Bytes()), int64(a.Len())); err != nil || len(got) != len(want) {
		t.Errorf("Read: %d tensors, %v", len(got), err)
	}
	if none, err := Read(bytes.NewReader(emptyZip), int64(len(emptyZip))); err != nil || len(none) != 0 {
		t.Errorf("an empty archive holds %v, %v", none, err)
	}
}

var emptyZip = append([]byte("PK\x05\x06"), make([]byte, 18)...)

func TestWriteRefuses(t *testing.T) {
	one := tensor(t, []float32{1}, 1)
	for name, c := range map[string]struct {
		file    string
		tensors []lockstep.NamedTensor
		want    string
	}{
		"no tensor":      {"x.npz", []lockstep.NamedTensor{{Name: "a"}}, `"a": no tensor`},
		"a name twice":   {"x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: one}, {Name: "a", Tensor: one}}, `two tensors are called "a"`},
		"two in one":     {"x.npy", []lockstep.NamedTensor{{Name: "a", Tensor: one}, {Name: "b", Tensor: one}}, "an .npy holds one tensor and there are 2"},
		"none in one":    {"x.npy", nil, "an .npy holds one tensor and there are 0"},
		"no text":        {"x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: tensor(t, []string{"\xff"}, 1)}}, `"\xff" is no text in UTF-8`},
		"a trailing nul": {"x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: tensor(t, []string{"a\x00"}, 1)}}, "ends in a zero character"},
		"one long text":  {"x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: tensor(t, append(make([]string, 9999), strings.Repeat("x", 1<<20)), 10_000)}}, "10000 strings of up to 1048576 characters are more than"},
		"many axes":      {"x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: tensor(t, []float32{1}, slices.Repeat([]int{1}, 30_000)...)}}, "a shape of 30000 axes"},
		"no folder":      {"none/x.npz", []lockstep.NamedTensor{{Name: "a", Tensor: one}}, "no such file or directory"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, c.file)
		err := WriteFile(path, c.tensors)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "npz: ") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left behind, %v", name, left, err)
		}
		if filepath.Dir(path) != dir {
			continue
		}
		// An old file survives the error.
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, c.tensors); err == nil {
			t.Errorf("%s: no error over an old file", name)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
			t.Errorf("%s: the old file is now %q, %v", name, b, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: %v is left behind", name, left)
		}
	}
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npz")
	for i := range 3 {
		if err := WriteFile(path, []lockstep.NamedTensor{{Name: "a", Tensor: count(t, lockstep.Float32, i)}}); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFile(path); err != nil || got[0].Tensor.Len() != i {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	// What is no file is not replaced by one.
	device := filepath.Join(dir, "device")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, device} {
		err := WriteFile(path, hard(t))
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	// A writer that fails is an error.
	if err := Write(failing{}, hard(t)); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fs.ErrInvalid }
