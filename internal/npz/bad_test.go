package npz

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// npy is a version 1.0 file of a header's text and elements.
func npy(text string, data ...byte) []byte {
	b := append([]byte(npyMagic+"\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(append(b, text...), data...)
}

func dict(descr, fortran, shape string) string {
	return fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s, }   \n", descr, fortran, shape)
}

func readBytes(b []byte) (*lockstep.Tensor, error) {
	t, _, err := readNPY(bytes.NewReader(b), maxBytes)
	return t, err
}

func TestReadRefuses(t *testing.T) {
	four := make([]byte, 4)
	wide := append([]byte(npyMagic+"\x02\x00"), 0xff, 0xff, 0xff, 0x7f)
	good := npy(dict("'<f4'", "False", "(1,)"), four...)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":            {nil, "not a numpy array"},
		"half the magic":     {good[:7], "not a numpy array"},
		"another magic":      {[]byte("\x93NUMPX\x01\x00 123456789"), "not a numpy array"},
		"version 0":          {append([]byte(npyMagic+"\x00\x00"), good[8:]...), "version 0.0, want"},
		"version 4":          {append([]byte(npyMagic+"\x04\x00"), good[8:]...), "version 4.0"},
		"version 1.1":        {append([]byte(npyMagic+"\x01\x01"), good[8:]...), "version 1.1"},
		"no length":          {good[:9], "the header is cut short"},
		"no wide length":     {append([]byte(npyMagic+"\x02\x00"), 1, 0), "the header is cut short"},
		"half a header":      {good[:40], "the header is cut short"},
		"a huge header":      {wide, "a header of 2147483647 bytes, want at most 1048576"},
		"no line end":        {npy(strings.TrimRight(dict("'<f4'", "False", "(1,)"), "\n"), four...), "not a dictionary in one line"},
		"length too short":   {npy(dict("'<f4'", "False", "(1,)")[:40], four...), "not a dictionary in one line"},
		"length too long":    {npy(dict("'<f4'", "False", "(1,)")+"\x00\x00", four...), "not a dictionary in one line"},
		"no dictionary":      {npy("[1, 2]\n"), "not a dictionary"},
		"no end":             {npy("{'descr': '<f4'\n"), "the value of descr does not end"},
		"an empty one":       {npy("{}\n"), "it has no descr"},
		"no order":           {npy("{'descr': '<f4', 'shape': (1,)}\n", four...), "it has no fortran_order"},
		"no shape":           {npy("{'descr': '<f4', 'fortran_order': False}\n", four...), "it has no shape"},
		"another key":        {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}\n", four...), `it has a "x"`},
		"a key twice":        {npy("{'descr': '<f4', 'descr': '<i4', 'fortran_order': False, 'shape': (1,)}\n", four...), "two values of descr"},
		"no key":             {npy("{descr: '<f4'}\n"), "a key is unreadable"},
		"no colon":           {npy("{'descr' '<f4'}\n"), "a key is unreadable"},
		"no comma":           {npy("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}\n", four...), "does not end"},
		"something after":    {npy(strings.TrimRight(dict("'<f4'", "False", "(1,)"), " \n")+" # x\n", four...), "something follows"},
		"an escape":          {npy(dict(`'<f\x34'`, "False", "(1,)"), four...), "array of records"},
		"records":            {npy(dict("[('a', '<f4')]", "False", "(1,)"), four...), "array of records"},
		"neither order":      {npy(dict("'<f4'", "None", "(1,)"), four...), "neither True nor False"},
		"a shape of one":     {npy(dict("'<f4'", "False", "(1)"), four...), "not a tuple of lengths"},
		"a list":             {npy(dict("'<f4'", "False", "[1]"), four...), "not a tuple"},
		"a negative axis":    {npy(dict("'<f4'", "False", "(-1,)"), four...), "not a tuple"},
		"a fraction":         {npy(dict("'<f4'", "False", "(1.0,)"), four...), "not a tuple"},
		"two in one":         {npy(dict("'<f4'", "False", "(1 1)"), four...), "not a tuple"},
		"only a comma":       {npy(dict("'<f4'", "False", "(,)"), four...), "not a tuple"},
		"an endless shape":   {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, \n", four...), "not a tuple"},
		"a huge axis":        {npy(dict("'<f4'", "False", "(99999999999999999999,)"), four...), "not a tuple"},
		"overflow":           {npy(dict("'<f4'", "False", "(2147483647, 2147483647, 2147483647, 4)"), four...), "more elements than memory"},
		"more than memory":   {npy(dict("'<f4'", "False", "(2147483647,)"), four...), "2147483647 elements of 4 bytes are more than"},
		"a gigabyte":         {npy(dict("'<f4'", "False", "(268435457,)"), four...), "are more than the 1073741824 bytes"},
		"many short strings": {npy(dict("'|S1'", "False", "(100000000,)"), four...), "100000000 elements of 17 bytes are more"},
		"many empty strings": {npy(dict("'<U0'", "False", "(2000000,)")), "2000000 empty strings, want at most 1048576"},
		"a long string":      {npy(dict("'<U999999999'", "False", "(1,)"), four...), `the type "<U999999999" is not supported`},
		"cut short":          {npy(dict("'<f4'", "False", "(2,)"), four...), "it is cut short: 4 bytes of elements, want 8 for shape (2,)"},
		"half a number":      {npy(dict("'<f4'", "False", "(1,)"), 1, 2), "2 bytes of elements, want 4"},
		"trailing bytes":     {npy(dict("'<f4'", "False", "(1,)"), append(four, 0)...), "more bytes follow than the shape (1,) has elements"},
		"an empty tail":      {npy(dict("'<f4'", "False", "(0,)"), 1), "more bytes follow"},
		"no character":       {npy(dict("'<U1'", "False", "(1,)"), 0, 0, 0x11, 0), "0x110000 is no character"},
		"a surrogate":        {npy(dict("'<U1'", "False", "(1,)"), 0, 0xd8, 0, 0), "0xd800 is no character"},
		"a huge character":   {npy(dict("'>U1'", "False", "(1,)"), 0xff, 0xff, 0xff, 0xff), "0xffffffff is no character"},
		"int3":               {npy(dict("'|i3'", "False", "(4,)"), four...), "numpy's type i3, which is not supported: convert them"},
		"no type":            {npy(dict("''", "False", "(4,)"), four...), `the type "" is not supported`},
		"a type's name":      {npy(dict("'float32'", "False", "(1,)"), four...), `the type "float32" is not supported`},
	} {
		got, err := readBytes(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, error %v, want one with %q", name, got, err, c.want)
		}
	}
	if _, err := readBytes(good); err != nil {
		t.Error(err)
	}
	// Each part of a complex number has one.
	if x, err := readBytes(npy(dict("'>c8'", "False", "(1,)"), 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0)); err != nil || !x.BitEqual(tensor(t, []complex64{1 + 2i}, 1)) {
		t.Errorf("a complex number in big-endian order: %v, %v", x, err)
	}
	// Characters have no byte order.
	if x, err := readBytes(npy(dict("'>S2'", "False", "(2,)"), 'a', 'b', 'c', 0)); err != nil || !x.BitEqual(tensor(t, []string{"ab", "c"}, 2)) {
		t.Errorf("characters in big-endian order: %v, %v", x, err)
	}
	for _, text := range []string{
		`{"descr":"<f4","fortran_order":False,"shape":(1,)}` + "\n", // as others write it
		"{'shape': (1L,), 'fortran_order': False, 'descr': 'f4'}\n", // Python 2
		"{'descr': '=f4', 'fortran_order': True, 'shape': (1,),}   \n",
	} {
		if x, err := readBytes(npy(text, four...)); err != nil || !x.BitEqual(tensor(t, []float32{0}, 1)) {
			t.Errorf("%q: %v, %v", text, x, err)
		}
	}
}

func TestRefusesNumpysOther(t *testing.T) {
	for file, want := range map[string]string{
		"object":    "it holds Python objects: save an array of numbers",
		"records":   "an array of records",
		"subarrays": "an array of records",
		"complex":   "numpy's type c32, which is not supported: convert them",
		"timedelta": `the type "<m8[s]" is not supported`,
		"long":      "numpy's type f16",
		"dates":     `the type "<M8[D]" is not supported`,
		"void3":     "numpy's type V3",
		"surrogate": "0xd800 is no character",
	} {
		path := "testdata/" + file + ".npy"
		_, err := ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "npz: "+path) {
			t.Errorf("%s: error %v, want one with %q", file, err, want)
		}
	}
}

// archive makes a zip of entries, compressed where a name begins with "z".
func archive(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		method := zip.Store
		if strings.HasPrefix(entries[i], "z") {
			method = zip.Deflate
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, entries[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesRefuse(t *testing.T) {
	one := string(npy(dict("'<f4'", "False", "(1,)"), 1, 2, 3, 4))
	encrypted := archive(t, "a.npy", one)
	for at := range encrypted { // the flag in both headers
		if bytes.HasPrefix(encrypted[at:], []byte("PK\x03\x04")) {
			encrypted[at+6] |= 1
		}
		if bytes.HasPrefix(encrypted[at:], []byte("PK\x01\x02")) {
			encrypted[at+8] |= 1
		}
	}
	damaged := bytes.Replace(archive(t, "a.npy", one), []byte{1, 2, 3, 4}, []byte{1, 2, 3, 5}, 1)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":          {nil, "it is not an .npz: want what numpy.savez wrote"},
		"text":             {[]byte("hello, world"), "it is not an .npz"},
		"cut short":        {archive(t, "a.npy", one)[:60], "it is not an .npz"},
		"another entry":    {archive(t, "a.txt", one), `entry "a.txt" is not an array`},
		"a folder":         {archive(t, "a/", ""), `entry "a/" is not an array`},
		"a name twice":     {archive(t, "a.npy", one, "a.npy", one), `two arrays are called "a"`},
		"an array that is": {archive(t, "a.npy", one, "b.npy", "hello"), `array "b": it is not a numpy array`},
		"encrypted":        {encrypted, `array "a": it is encrypted`},
		"a changed byte":   {damaged, `array "a": zip: checksum error`},
	} {
		_, err := Read(bytes.NewReader(c.b), int64(len(c.b)))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "npz: ") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// Every bit of an archive that is changed is found out, or does not matter.
func TestFlippedBits(t *testing.T) {
	for _, file := range []string{"text.npz", "compressed.npz"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b lockstep.NamedTensor) bool { return a.Name == b.Name && a.Tensor.BitEqual(b.Tensor) }
		refused := 0
		for at := range b {
			flipped := slices.Clone(b)
			flipped[at] ^= 1 << (at % 8)
			got, err := Read(bytes.NewReader(flipped), int64(len(flipped)))
			if err != nil {
				refused++
			} else if names := convert(got, func(nt lockstep.NamedTensor) string { return nt.Name }); !slices.EqualFunc(got, whole, same) && len(names) == len(whole) {
				// A name has no checksum; a tensor has.
				for i := range got {
					if !got[i].Tensor.BitEqual(whole[i].Tensor) {
						t.Errorf("%s: bit %d of byte %d is changed, and %q reads as something else", file, at%8, at, got[i].Name)
					}
				}
			}
		}
		t.Logf("%s: %d of %d changed bits are refused", file, refused, len(b))
		if refused < len(b)/2 {
			t.Errorf("%s: only %d of %d changed bits are refused", file, refused, len(b))
		}
	}
}

func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.npz"):              "no such file",
		dir:                                         "is a directory: not a regular file: want an .npz or .npy that numpy wrote",
		write("empty.npz", nil):                     "it is not an .npz",
		write("short.npy", []byte(npyMagic)):        "it is not a numpy array",
		write("x.csv", []byte("1,2\n")):             "it is not an .npz",
		write("h.npy", npy("{}\n")):                 "it has no descr",
		write("a.npz", archive(t, "readme.md", "")): "is not an array",
	} {
		_, err := ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "npz: ") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
		}
	}
}

// A few kilobytes that unpack to gigabytes are refused before they do.
func TestBombs(t *testing.T) {
	const limit = 16 << 20
	zeros := strings.Repeat("\x00", limit/8)
	array := func(descr string, n int) string {
		return string(npy(dict(descr, "False", fmt.Sprintf("(%d,)", n)))) + zeros
	}
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("z%d.npy", i), array("'|b1'", len(zeros)))
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"many arrays":    {archive(t, many...), "left of what a file may unpack to"},
		"many strings":   {archive(t, "z.npy", array("'|S1'", len(zeros))), "2097152 elements of 17 bytes are more than the 16777216 bytes"},
		"a claim":        {archive(t, "z.npy", string(npy(dict("'<f8'", "False", "(1000000,)")))), "it is cut short: 0 bytes"},
		"more than said": {archive(t, "z.npy", array("'|b1'", 5)), "more bytes follow"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(bytes.NewReader(c.b), int64(len(c.b)), limit)
		runtime.ReadMemStats(&after)
		used := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %d bytes of zip, %d MiB allocated in all", name, len(c.b), used)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if name != "many arrays" && used > 2 {
			t.Errorf("%s: %d MiB were allocated", name, used)
		}
	}
	// A file that is itself as large may hold as much.
	data := npy(dict("'|b1'", "False", "(5,)"), 1, 0, 1, 0, 1)
	if _, used, err := readNPY(bytes.NewReader(data), 5); err != nil || used != 5 {
		t.Errorf("5 bytes of 5: %d, %v", used, err)
	}
	if _, _, err := readNPY(bytes.NewReader(data), 4); err == nil {
		t.Error("5 bytes of 4 were read")
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range []string{"text.npz", "numpy.npz", "compressed.npz", "version1.npy", "version3.npy", "scalar.npy", "object.npy", "records.npy"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(npy(dict("'<U3'", "True", "(2, 3)"), make([]byte, 72)...))
	f.Add(emptyZip)
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		all, err := Read(bytes.NewReader(b), int64(len(b)))
		if one, err := readBytes(b); err == nil {
			all = append(all, lockstep.NamedTensor{Name: "one", Tensor: one})
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
			t.Errorf("%d MiB were allocated for %d bytes", used>>20, len(b))
		}
		if err != nil && !strings.HasPrefix(err.Error(), "npz: ") {
			t.Errorf("error %q does not name the package", err)
		}
		// What was read can be written, and reads back as it was.
		for _, nt := range all {
			var out bytes.Buffer
			if err := writeNPY(&out, nt.Tensor); err != nil {
				if nt.Tensor.DType() != lockstep.String {
					t.Errorf("%s was read and cannot be written: %v", nt.Tensor, err)
				}
				continue
			}
			if again, err := readBytes(out.Bytes()); err != nil || !again.BitEqual(nt.Tensor) {
				t.Errorf("%s came back as %s, %v", nt.Tensor, again, err)
			}
		}
	})
}
