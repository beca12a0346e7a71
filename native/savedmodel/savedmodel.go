// Package savedmodel reads a TensorFlow SavedModel, a directory or a zip of one,
// in pure Go: its signatures, its graph with the function calls inlined, and its variables.
//
// It runs nothing. It does not depend on a producer's conventions: which
// checkpoint entry fills which variable follows from the restore operation, as
// in libtensorflow, and not from Keras's metadata or names. Files are treated
// as hostile: their claims are checked against their content before memory is
// allocated.
//
// Begin with Open and choose a MetaGraph, which has Signatures, Variables, and
// a Graph for each signature.
package savedmodel

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/archive"
	mem "github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// maxGraphBytes bounds saved_model.pb: protobuf itself allows 2 GiB a message.
const maxGraphBytes = 2 << 30

// SavedModel is an opened directory or zip. It is immutable.
type SavedModel struct {
	fsys fs.FS
	name string           // of the directory or zip, for messages
	pb   *tfpb.SavedModel // without the functions
	// functions are those of each meta graph.
	functions [][]rawFunction
	// lowered is saved_model.pb without cuDNN's operations, nil where there is none.
	lowered []byte
	cudnn   []CuDNNOperation
}

// Open reads the SavedModel in a directory, or in a zip of one, whose
// saved_model.pb lies at the root or in one folder.
func Open(path string) (*SavedModel, error) {
	fsys, err := FS(path)
	if err != nil {
		return nil, err
	}
	return open(fsys, path)
}

// FS returns the files of the SavedModel in a directory or a zip. A zip is
// refused where its entries do not fit the memory budget, or are more than files
// in folders below its root.
func FS(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("savedmodel: %s: no such directory: %w", path, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("savedmodel: %w", err)
	}
	if info.IsDir() {
		return os.DirFS(path), nil
	}
	hint := "want the directory that model.export or model.save wrote, or a zip of it"
	switch strings.ToLower(filepath.Ext(path)) {
	case ".keras", ".h5", ".hdf5":
		hint = "this is Keras's own format: load it in Keras and model.export it"
	case ".pb":
		hint = "give the directory that it lies in"
	default:
		fsys, err := archive.Open(path)
		if err == nil {
			return fsys, nil
		}
		if !errors.Is(err, zip.ErrFormat) && !errors.Is(err, regular.ErrNotRegular) {
			return nil, fmt.Errorf("savedmodel: %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("savedmodel: %s is a file: %w; %s", path, lockstep.ErrNotSavedModel, hint)
}

// OpenFS reads the SavedModel at the root of fsys, which may be embedded, or in
// fsys as Open does where that is a *zip.Reader.
func OpenFS(fsys fs.FS) (*SavedModel, error) {
	const name = "the model"
	z, ok := fsys.(*zip.Reader)
	if closing, closes := fsys.(*zip.ReadCloser); closes {
		z, ok = &closing.Reader, true
	}
	if ok {
		var err error
		if fsys, err = archive.Of(z); err != nil {
			return nil, fmt.Errorf("savedmodel: %s: %w", name, err)
		}
	}
	return open(fsys, name)
}

func open(fsys fs.FS, name string) (*SavedModel, error) {
	b, err := readFile(fsys, "saved_model.pb", maxGraphBytes)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("savedmodel: %s has no saved_model.pb: %w%s", name, lockstep.ErrNotSavedModel, whatElse(fsys))
		}
		return nil, fmt.Errorf("savedmodel: %s: %w", name, err)
	}
	m := &SavedModel{fsys: fsys, name: name, pb: &tfpb.SavedModel{}}
	var rest []byte
	var functions [][]rawFunction
	size := len(b)
	if b, err = m.lower(b); err == nil {
		rest, functions, err = cutFunctions(b)
	}
	if err == nil {
		m.functions = functions
		err = proto.Unmarshal(rest, m.pb)
	}
	if err != nil {
		return nil, lockstep.Damaged(fmt.Errorf("savedmodel: %s: saved_model.pb of %d bytes is damaged or cut short: %w", name, size, err))
	}
	if len(m.pb.GetMetaGraphs()) == 0 {
		return nil, fmt.Errorf("savedmodel: %s: saved_model.pb of %d bytes holds no graph: %w; it may be damaged", name, size, lockstep.ErrNotSavedModel)
	}
	return m, nil
}

// Files returns the files that the model is read from.
func (m *SavedModel) Files() fs.FS { return m.fsys }

// whatElse says what a directory without saved_model.pb contains instead.
func whatElse(fsys fs.FS) string {
	for _, other := range []struct{ file, hint string }{
		{"saved_model.pbtxt", "; it has a saved_model.pbtxt, a text form that is not supported: save the model again"},
		{"saved_model.cpb", "; it has a saved_model.cpb, a graph of over 2 GiB in chunks, which is not supported"},
		{"saved_model/saved_model.pb", "; its folder saved_model is one: give that"},
		{"config.json", "; it looks like an unpacked .keras archive: load it in Keras and model.export it"},
	} {
		if _, err := fs.Stat(fsys, other.file); err == nil {
			return other.hint
		}
	}
	if zips, err := fs.Glob(fsys, "*.zip"); err == nil && len(zips) > 0 {
		return "; it has " + zips[0] + ": give that, or in Go what zip.NewReader makes of it"
	}
	return "; want the directory that model.export or model.save wrote"
}

// readFile reads a whole file of at most limit bytes.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := regular.OpenFS(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, info.Size(), limit)
	}
	if err := fits(info.Size()); err != nil {
		return nil, fmt.Errorf("%s of %d bytes: %w", name, info.Size(), err)
	}
	b, err := readWhole(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// fits tells whether size bytes fit the memory budget.
func fits(size int64) error {
	if size > math.MaxInt {
		return lockstep.ErrMemory
	}
	return mem.Fits(int(size), 1)
}

// readWhole reads a file of size bytes to its end, where an archive checks the
// file's sum. Memory is allocated as in readPart.
func readWhole(f fs.File, size int64) ([]byte, error) {
	var b bytes.Buffer
	if _, ok := f.(io.ReaderAt); ok {
		b.Grow(int(size) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(f, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, want %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return b.Bytes(), err
}

// readPart reads size bytes at an offset. A file on disk has its reported size;
// of another, such as one in an archive, it is a claim, and memory is allocated
// only as data is read.
func readPart(f fs.File, offset, size int64) ([]byte, error) {
	if r, ok := f.(io.ReaderAt); ok {
		b := make([]byte, size)
		_, err := io.ReadFull(io.NewSectionReader(r, offset, size), b)
		return b, err
	}
	if _, err := io.CopyN(io.Discard, f, offset); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, f, size); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// MetaGraph returns the graph that was saved under exactly these tags; without
// tags, that under "serve", which Keras uses, else the only one.
func (m *SavedModel) MetaGraph(tags ...string) (*MetaGraph, error) {
	want := slices.Sorted(slices.Values(tags))
	if len(tags) == 0 {
		want = []string{"serve"}
	}
	var found []string
	for i, g := range m.pb.GetMetaGraphs() {
		have := slices.Sorted(slices.Values(g.GetMetaInfoDef().GetTags()))
		if slices.Equal(have, want) {
			return newMetaGraph(m, g, m.functions[i])
		}
		found = append(found, "{"+strings.Join(have, ", ")+"}")
	}
	if len(tags) == 0 && len(found) == 1 {
		return newMetaGraph(m, m.pb.GetMetaGraphs()[0], m.functions[0])
	}
	return nil, fmt.Errorf("savedmodel: %s has no graph with the tags {%s}; it has %s", m.name, strings.Join(want, ", "), strings.Join(found, ", "))
}
