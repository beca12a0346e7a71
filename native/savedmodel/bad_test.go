package savedmodel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_slice_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	folder := func(name string, b []byte) string { return filepath.Dir(write(name, b)) }
	if err := os.MkdirAll(filepath.Join(dir, "folder", pbFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 5000)
	rand.NewChaCha8([32]byte{}).Read(random)
	for name, c := range map[string]struct {
		path  string
		is    error
		words []string
	}{
		"no such directory": {filepath.Join(dir, "nowhere"), fs.ErrNotExist, []string{"nowhere: no such directory"}},
		"a keras file":      {write("m.keras", nil), lockstep.ErrNotSavedModel, []string{"m.keras is a file", "Keras's own format", "model.export"}},
		"an h5 file":        {write("m.H5", nil), lockstep.ErrNotSavedModel, []string{"Keras's own format"}},
		"a pb file":         {write("x/saved_model.pb", nil), lockstep.ErrNotSavedModel, []string{"give the directory that it lies in"}},
		"another file":      {write("m.zip", nil), lockstep.ErrNotSavedModel, []string{"want the directory"}},
		"empty directory":   {filepath.Join(dir, "empty"), lockstep.ErrNotSavedModel, []string{"has no saved_model.pb", "want the directory that model.export"}},
		"a text model":      {folder("text/saved_model.pbtxt", nil), lockstep.ErrNotSavedModel, []string{"saved_model.pbtxt", "save the model again"}},
		"a model in chunks": {folder("chunks/saved_model.cpb", nil), lockstep.ErrNotSavedModel, []string{"in chunks, which is not supported"}},
		"one folder above":  {filepath.Dir(folder("above/saved_model/saved_model.pb", nil)), lockstep.ErrNotSavedModel, []string{"its folder saved_model is one"}},
		"unpacked keras":    {folder("keras/config.json", nil), lockstep.ErrNotSavedModel, []string{"unpacked .keras archive"}},
		"pb is a folder":    {filepath.Join(dir, "folder"), nil, []string{"not a regular file"}},
		"empty pb":          {folder("none/saved_model.pb", nil), lockstep.ErrNotSavedModel, []string{"saved_model.pb of 0 bytes holds no graph"}},
		"random bytes":      {folder("random/saved_model.pb", random), nil, []string{"saved_model.pb of 5000 bytes is damaged or cut short"}},
		"a page":            {folder("page/saved_model.pb", []byte("<html>not found</html>")), nil, []string{"damaged or cut short"}},
	} {
		_, err := Open(c.path)
		wantError(t, name, err, c.words...)
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %q is no %q", name, err, c.is)
		}
	}
	if _, err := Open(fixture.Dir(t, "not_gru") + "/"); err != nil {
		t.Errorf("with a slash at the end: %v", err)
	}
}

// A graph cut short at any length is refused: the last field of a SavedModel
// is never optional.
func TestTruncatedGraph(t *testing.T) {
	files := own(t)
	b := files[pbFile].Data
	for n := 1; n < len(b); n += 1 + n/50 {
		if _, err := OpenFS(with(files, pbFile, b[:n])); err == nil {
			t.Errorf("%d of %d bytes open", n, len(b))
		}
	}
}

func TestTruncatedCheckpoint(t *testing.T) {
	for _, file := range []string{indexFile, dataFile} {
		files := own(t)
		whole, err := readAll(files)
		if err != nil {
			t.Fatal(err)
		}
		b := files[file].Data
		for n := range len(b) {
			got, err := readAll(with(files, file, b[:n]))
			// The data ends with the object graph, which nothing here reads.
			if err == nil && (file == indexFile || got != whole) {
				t.Errorf("%d of %d bytes of %s read", n, len(b), file)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "savedmodel: ") {
				t.Errorf("error %q", err)
			}
		}
	}
}

// A changed bit in the checkpoint is found out, or was in a place that does
// not matter.
func TestFlippedBitsInTheCheckpoint(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"own": own(t), "seed_units1_keras3": small(t), "dtypes": memory(t, os.DirFS("testdata/dtypes")),
	} {
		whole, err := readAll(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{indexFile, dataFile} {
			b, refused, tried := files[file].Data, 0, 0
			for at := 0; at < len(b); at += 1 + len(b)/300 {
				flipped := slices.Clone(b)
				flipped[at] ^= 1 << (at % 8)
				got, err := readAll(with(files, file, flipped))
				tried++
				if err != nil {
					refused++
				} else if got != whole {
					t.Errorf("%s: %s with bit %d of byte %d changed reads as something else", name, file, at%8, at)
				}
			}
			t.Logf("%s: %s: %d of %d changed bits refused", name, file, refused, tried)
			if file == indexFile && refused < tried*4/5 || refused == 0 {
				t.Errorf("%s: %s: only %d of %d changed bits refused", name, file, refused, tried)
			}
		}
	}
}

// The graph has no checksum, so a changed bit may make another graph; it must
// not do worse.
func TestFlippedBitsInTheGraph(t *testing.T) {
	files := own(t)
	b := files[pbFile].Data
	for at := 0; at < len(b); at += 7 {
		flipped := slices.Clone(b)
		flipped[at] ^= 1 << (at % 8)
		if _, err := readAll(with(files, pbFile, flipped)); err != nil && !strings.HasPrefix(err.Error(), "savedmodel: ") {
			t.Errorf("byte %d: error %q does not name the package", at, err)
		}
	}
}

const wKey = "w/.ATTRIBUTES/VARIABLE_VALUE"

func TestCheckpointRefuses(t *testing.T) {
	files := own(t)
	entry := func(edit func(e *pb.BundleEntryProto)) fstest.MapFS {
		return editIndex(t, files, func(entries map[string][]byte) {
			var e pb.BundleEntryProto
			if err := proto.Unmarshal(entries[wKey], &e); err != nil {
				t.Fatal(err)
			}
			edit(&e)
			entries[wKey] = marshal(t, &e)
		})
	}
	header := func(edit func(h *pb.BundleHeaderProto)) fstest.MapFS {
		return editIndex(t, files, func(entries map[string][]byte) {
			var h pb.BundleHeaderProto
			if err := proto.Unmarshal(entries[""], &h); err != nil {
				t.Fatal(err)
			}
			edit(&h)
			entries[""] = marshal(t, &h)
		})
	}
	shape := func(dims ...int64) *tensor_shape_go_proto.TensorShapeProto {
		s := &tensor_shape_go_proto.TensorShapeProto{}
		for _, d := range dims {
			s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
		}
		return s
	}
	without := func(name string) fstest.MapFS {
		out := with(files, name, nil)
		delete(out, name)
		return out
	}
	random := bytes.Repeat([]byte{0xa5, 0x17}, 4000)
	for name, c := range map[string]struct {
		files fstest.MapFS
		words []string
	}{
		"no index":          {without(indexFile), []string{"has no variables/variables.index: its weights are missing"}},
		"no data":           {without(dataFile), []string{"variables.data-00000-of-00001", "not exist"}},
		"empty index":       {with(files, indexFile, nil), []string{"damaged or cut short"}},
		"random index":      {with(files, indexFile, random), []string{"does not end as a table does"}},
		"another index":     {with(files, indexFile, small(t)[indexFile].Data), []string{`no such entry: it belongs to another model`, wKey}},
		"no header":         {editIndex(t, files, func(e map[string][]byte) { delete(e, "") }), []string{"no header entry"}},
		"header is no":      {editIndex(t, files, func(e map[string][]byte) { e[""] = []byte{0xff} }), []string{"the header"}},
		"entry is no":       {editIndex(t, files, func(e map[string][]byte) { e[wKey] = []byte{0xff} }), []string{wKey}},
		"big-endian":        {header(func(h *pb.BundleHeaderProto) { h.Endianness = pb.BundleHeaderProto_BIG }), []string{"big-endian"}},
		"of the future":     {header(func(h *pb.BundleHeaderProto) { h.Version = &versions_go_proto.VersionDef{MinConsumer: 2} }), []string{"format's version 2, want at most 1"}},
		"no shards":         {header(func(h *pb.BundleHeaderProto) { h.NumShards = 0 }), []string{"0 data files, want 1 or more"}},
		"negative shards":   {header(func(h *pb.BundleHeaderProto) { h.NumShards = -1 }), []string{"-1 data files"}},
		"very many shards":  {header(func(h *pb.BundleHeaderProto) { h.NumShards = math.MaxInt32 }), []string{"variables.data-00000-of-2147483647"}},
		"shard beyond":      {entry(func(e *pb.BundleEntryProto) { e.ShardId = 1 }), []string{"no such file: there are 1"}},
		"shard below":       {entry(func(e *pb.BundleEntryProto) { e.ShardId = -1 }), []string{"no such file"}},
		"shape of another":  {entry(func(e *pb.BundleEntryProto) { e.Shape = shape(1, 2) }), []string{"the checkpoint has float32 (1, 2), the graph wants float32 (2, 1)", "another model"}},
		"shape unknown":     {entry(func(e *pb.BundleEntryProto) { e.Shape.UnknownRank = true }), []string{"another model"}},
		"shape missing":     {entry(func(e *pb.BundleEntryProto) { e.Shape = nil }), []string{"float32 (), the graph wants float32 (2, 1)"}},
		"type of another":   {entry(func(e *pb.BundleEntryProto) { e.Dtype = types_go_proto.DataType_DT_INT32 }), []string{"the checkpoint has int32", "the graph wants float32"}},
		"type unsupported":  {entry(func(e *pb.BundleEntryProto) { e.Dtype = types_go_proto.DataType_DT_COMPLEX64 }), []string{"the checkpoint has complex64 (2, 1), the graph wants float32 (2, 1)"}},
		"slices":            {entry(func(e *pb.BundleEntryProto) { e.Slices = []*tensor_slice_go_proto.TensorSliceProto{{}, {}} }), []string{"a slice of 0 axes of a tensor of 2"}},
		"offset beyond":     {entry(func(e *pb.BundleEntryProto) { e.Offset = 1 << 20 }), []string{"8 bytes at 1048576", "cut short or the index is damaged"}},
		"offset overflows":  {entry(func(e *pb.BundleEntryProto) { e.Offset = math.MaxInt64 }), []string{"cut short"}},
		"offset negative":   {entry(func(e *pb.BundleEntryProto) { e.Offset = -8 }), []string{"8 bytes at -8"}},
		"size overflows":    {entry(func(e *pb.BundleEntryProto) { e.Size, e.Offset = math.MaxInt64, 8 }), []string{"cut short"}},
		"size negative":     {entry(func(e *pb.BundleEntryProto) { e.Size = -8 }), []string{"cut short"}},
		"size too small":    {entry(func(e *pb.BundleEntryProto) { e.Size = 4 }), []string{"4 bytes for float32 (2, 1), want 2 elements of 4"}},
		"size not whole":    {entry(func(e *pb.BundleEntryProto) { e.Size = 11 }), []string{"11 bytes for float32"}},
		"elsewhere":         {entry(func(e *pb.BundleEntryProto) { e.Offset = 4 }), []string{"checksum", "damaged"}},
		"checksum":          {entry(func(e *pb.BundleEntryProto) { e.Crc32C++ }), []string{"checksum", "want 0x", "damaged"}},
		"data is a folder":  {with(without(dataFile), dataFile+"/x", nil), []string{dataFile}},
		"index is a folder": {with(without(indexFile), indexFile+"/x", nil), []string{"not a regular file"}},
	} {
		_, err := readAll(c.files)
		wantError(t, name, err, c.words...)
	}
}

// A sparse file claims a size that is not there to be read; so does an entry
// of an archive.
func TestFilesAreNotTakenAtTheirWord(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, pbFile)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxGraphBytes+1); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	_, err := Open(dir)
	wantError(t, "sparse", err, "saved_model.pb has 2147483649 bytes, want at most 2147483648")

	var before, after = allocated(), uint64(0)
	_, err = OpenFS(claims{"saved_model.pb": {size: 1 << 30, data: "short"}})
	if after = allocated(); after-before > 1<<20 {
		t.Errorf("%d bytes were allocated for a file of 5 that claims 1 GiB", after-before)
	}
	wantError(t, "claim", err, "reading saved_model.pb", "EOF")
}

func TestStringsRefuse(t *testing.T) {
	sum := func(lengths ...uint32) (crc uint32) {
		var b []byte
		for _, l := range lengths {
			b = binary.LittleEndian.AppendUint32(b, l)
		}
		return crcOf(b)
	}
	ok := append([]byte{1, 2}, binary.LittleEndian.AppendUint32(nil, maskedCRC(sum(1, 2)))...)
	ok = append(ok, "abb"...)
	whole := maskedCRC(crcOf(append(binary.LittleEndian.AppendUint32(nil, 1), append(binary.LittleEndian.AppendUint32(nil, 2), ok[2:]...)...)))
	if _, err := readStrings(ok, 2, []int{2}, whole); err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := slices.Clone(ok)
		b[at] ^= 1
		return b
	}
	huge := append([]byte{1}, binary.AppendUvarint(nil, math.MaxUint64)...)
	for name, c := range map[string]struct {
		data []byte
		n    int
		want string
	}{
		"more strings than bytes": {ok, 100, "9 bytes for 100 strings"},
		"none":                    {nil, 1, "0 bytes for 1 strings"},
		"a length cut short":      {[]byte{1, 0x80}, 2, "the length of string 1 is damaged"},
		"a huge length":           {huge, 2, "the length of string 1 is damaged"},
		"a length too many":       {ok, 3, "the length of string 2 is damaged"},
		"too long":                {append(slices.Clone(ok), 'x'), 2, "2 strings of 3 bytes in all, and 4 bytes are left"},
		"cut short":               {ok[:8], 2, "2 bytes are left"},
		"no sum":                  {ok[:4], 2, "are left"},
		"sum of lengths":          {flip(3), 2, "the checksum of the lengths"},
		"a character":             {flip(8), 2, "the bytes are damaged"},
	} {
		_, err := readStrings(c.data, c.n, []int{c.n}, whole)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
