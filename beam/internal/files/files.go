// Package files reads and writes files through the file systems that Beam has
// registered: local paths, and gs://, s3:// and others in programs that are built with them.
//
// A file appears completely or not at all.
package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/lockstep-go/lockstep/internal/regular"
)

// Local tells whether a path is on this machine.
func Local(path string) bool { return !strings.Contains(path, "://") }

// Join appends a name to a folder's path.
func Join(dir, name string) string {
	if Local(dir) {
		return filepath.Join(dir, name)
	}
	return strings.TrimRight(dir, "/") + "/" + name
}

// List returns the files that match any of the patterns, each once, in order of name.
func List(ctx context.Context, patterns []string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		found, err := list(ctx, pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no such file", pattern)
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func list(ctx context.Context, pattern string) ([]string, error) {
	fsys, err := filesystem.New(ctx, pattern)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	found, err := fsys.List(ctx, pattern)
	if err != nil || !Local(pattern) {
		return found, err
	}
	return slices.DeleteFunc(found, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir()
	}), nil
}

// File is a file that is open for reading anywhere in it.
type File struct {
	io.ReaderAt
	Size  int64
	close func() error
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

// Open opens a file. One that is not on this machine is copied into a temporary file first.
func Open(ctx context.Context, path string) (*File, error) {
	if Local(path) {
		f, err := regular.Open(path)
		if err != nil {
			return nil, err
		}
		return sized(f, f.Close)
	}
	from, err := reader(ctx, path)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	f, err := os.CreateTemp("", "lockstep-batch-")
	if err != nil {
		return nil, err
	}
	remove := func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	if _, err := io.Copy(f, from); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), remove())
	}
	return sized(f, remove)
}

func sized(f *os.File, close func() error) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, close())
	}
	return &File{f, info.Size(), close}, nil
}

func reader(ctx context.Context, path string) (io.ReadCloser, error) {
	fsys, err := filesystem.New(ctx, path)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	return fsys.OpenRead(ctx, path)
}

// Read returns a small file's bytes; for one that does not exist, fs.ErrNotExist.
func Read(ctx context.Context, path string) ([]byte, error) {
	if Local(path) {
		f, err := regular.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
	}
	found, err := list(ctx, path)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(found, path) {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	f, err := reader(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Remove removes a file, where the file system can.
func Remove(ctx context.Context, path string) error {
	fsys, err := filesystem.New(ctx, path)
	if err != nil {
		return err
	}
	defer fsys.Close()
	if r, ok := fsys.(filesystem.Remover); ok {
		return r.Remove(ctx, path)
	}
	return nil
}

// Sum is what a file holds.
type Sum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Output is a file that is being written.
type Output struct {
	ctx       context.Context
	path, tmp string
	to        io.WriteCloser
	sum       hash.Hash
	size      int64
	done      bool
}

// Temporary is in the names of files that are not finished.
const Temporary = ".unfinished-"

// Create begins a file. Nobody sees it before Commit.
func Create(ctx context.Context, path string) (*Output, error) {
	o := &Output{ctx: ctx, path: path, sum: sha256.New()}
	if Local(path) {
		f, err := os.CreateTemp(filepath.Dir(path), Temporary+filepath.Base(path)+"-*")
		if err != nil {
			return nil, err
		}
		o.tmp, o.to = f.Name(), f
		return o, nil
	}
	fsys, err := filesystem.New(ctx, path)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	o.to, err = fsys.OpenWrite(ctx, path) // object stores show a file when it is closed
	return o, err
}

// Write writes to the file.
func (o *Output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	o.sum.Write(b[:n])
	o.size += int64(n)
	return n, err
}

// Commit makes the file appear under its name, in the place of one that is there. It
// does not wait for the disk: who relies on a file compares its Sum.
func (o *Output) Commit() (Sum, error) {
	sum := Sum{o.size, hex.EncodeToString(o.sum.Sum(nil))}
	if f, ok := o.to.(*os.File); ok {
		if err := f.Chmod(0o644); err != nil {
			return Sum{}, errors.Join(err, o.Abort())
		}
	}
	o.done = true
	if err := o.to.Close(); err != nil {
		return Sum{}, err
	}
	if o.tmp != "" {
		return sum, os.Rename(o.tmp, o.path)
	}
	return sum, nil
}

// Abort drops the file if it was not committed.
func (o *Output) Abort() error {
	if o.done || o.tmp == "" {
		return nil // another file system's is never closed, and so not seen
	}
	o.done = true
	return errors.Join(o.to.Close(), os.Remove(o.tmp))
}

// WriteFile writes a small file.
func WriteFile(ctx context.Context, path string, b []byte) (Sum, error) {
	o, err := Create(ctx, path)
	if err != nil {
		return Sum{}, err
	}
	if _, err := io.Copy(o, bytes.NewReader(b)); err != nil {
		return Sum{}, errors.Join(err, o.Abort())
	}
	return o.Commit()
}

// SumOf reads a file and returns what it holds.
func SumOf(f *File) (Sum, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size))
	return Sum{n, hex.EncodeToString(h.Sum(nil))}, err
}

// Sweep removes the unfinished files that killed runs left in a folder.
func Sweep(dir string) error {
	if !Local(dir) {
		return nil
	}
	left, err := filepath.Glob(filepath.Join(dir, Temporary+"*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
