// Package regular opens regular files, and nothing else: opening a named pipe
// waits until somebody writes into it, reading a device may never end, and a
// file's name should not lead to a directory.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrNotRegular is wrapped by the error for anything but a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file for reading, or one that links lead to.
func Open(path string) (*os.File, error) {
	if err := Check(path); err != nil {
		return nil, err
	}
	// The file may be replaced after the check: opening must not wait even
	// then.
	f, err := os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	if err := opened(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Check tells whether a path leads to a regular file, without opening it.
func Check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return Mode(path, info.Mode())
}

// Mode tells whether what has this mode is a regular file.
func Mode(path string, mode fs.FileMode) error {
	if mode.IsRegular() {
		return nil
	}
	return fmt.Errorf("%s is %s: %w", path, kind(mode), ErrNotRegular)
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither a file nor a directory"
}

// OpenFS opens a regular file in a file system. One that answers Stat without
// opening, as os.DirFS does, is asked first.
func OpenFS(fsys fs.FS, name string) (fs.File, error) {
	if s, ok := fsys.(fs.StatFS); ok {
		info, err := s.Stat(name)
		if err != nil {
			return nil, err
		}
		if err := Mode(name, info.Mode()); err != nil {
			return nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if err := opened(f, name); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func opened(f fs.File, name string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return Mode(name, info.Mode())
}
