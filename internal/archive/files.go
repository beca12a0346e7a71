package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
	"weak"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// files is the file system of an archive's model.
type files struct {
	all  map[string]*entry
	tree fs.FS // for folders
}

func (a *files) Open(name string) (fs.File, error) {
	e, ok := a.all[name]
	if !ok {
		return a.tree.Open(name)
	}
	f, err := e.open()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f, nil
}

// Stat describes a file without unpacking it.
func (a *files) Stat(name string) (fs.FileInfo, error) {
	if e, ok := a.all[name]; ok {
		return e.file.FileInfo(), nil
	}
	return fs.Stat(a.tree, name)
}

// entry is a file of the archive.
type entry struct {
	file *zip.File

	mu sync.Mutex
	// unpacked is what a deflated file holds, for as long as the collector
	// leaves it: a checkpoint is read at many places, one after the other.
	unpacked weak.Pointer[[]byte]
}

// open opens the file for reading at any place.
func (e *entry) open() (fs.File, error) {
	if e.file.Method == zip.Store {
		raw, err := e.file.OpenRaw()
		if err != nil {
			return nil, err
		}
		at, ok := raw.(io.ReaderAt)
		if !ok {
			return nil, errors.New("archive: a stored entry cannot be read at any place")
		}
		content, err := e.file.Open()
		if err != nil {
			return nil, err
		}
		return &stored{content, at, e.file.FileInfo()}, nil
	}
	b, err := e.unpack()
	if err != nil {
		return nil, err
	}
	return &deflated{bytes.NewReader(*b), b, e.file.FileInfo()}, nil
}

// unpack returns all bytes of the file, whose sum was checked.
func (e *entry) unpack() (*[]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b := e.unpacked.Value(); b != nil {
		return b, nil
	}
	size := e.file.UncompressedSize64
	if size > uint64(maxInt) {
		return nil, lockstep.ErrMemory
	}
	if err := memory.Fits(int(size), 1); err != nil {
		return nil, err
	}
	f, err := e.file.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := new([]byte)
	*b = make([]byte, size)
	if _, err := io.ReadFull(f, *b); err != nil {
		return nil, lockstep.Damaged(fmt.Errorf("unpacking %d bytes: %w", size, err))
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, lockstep.Damaged(fmt.Errorf("unpacking %d bytes: there are more, or their checksum is wrong: %w", size, err))
	}
	e.unpacked = weak.Make(b)
	return b, nil
}

// stored is an opened file that is in the archive as it is. Reading all of it
// checks its sum; a checkpoint has sums of its own for what is read at a place.
type stored struct {
	io.ReadCloser
	io.ReaderAt
	info fs.FileInfo
}

func (s *stored) Stat() (fs.FileInfo, error) { return s.info, nil }

// deflated is an opened file that was unpacked.
type deflated struct {
	*bytes.Reader
	kept *[]byte // what the entry's weak pointer leads to
	info fs.FileInfo
}

func (d *deflated) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *deflated) Close() error               { return nil }

// onDisk reads a file that it opens for each read.
type onDisk struct {
	name     string
	size     int64
	modified time.Time
}

func (o *onDisk) ReadAt(b []byte, offset int64) (int, error) {
	f, err := regular.Open(o.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() != o.size || !info.ModTime().Equal(o.modified) {
		return 0, fmt.Errorf("%s changed while it was read", o.name)
	}
	return f.ReadAt(b, offset)
}

// limitedReaderAt bounds how much is read while there is a limit.
type limitedReaderAt struct {
	from  io.ReaderAt
	left  int64
	limit bool
}

func (l *limitedReaderAt) ReadAt(b []byte, offset int64) (int, error) {
	if l.limit {
		if l.left -= int64(len(b)); l.left < 0 {
			return 0, fmt.Errorf("its list of entries takes over %d bytes", maxDirectoryBytes)
		}
	}
	return l.from.ReadAt(b, offset)
}
