// Package atomicfile writes files that appear completely or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/internal/regular"
)

// WriteFile creates path with what write writes. On an error, an existing file
// stays as it was. A device or a pipe is refused: it would be replaced by the
// file.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	if err := regular.Check(path); errors.Is(err, regular.ErrNotRegular) {
		return fmt.Errorf("%w: give the name of one, or a new name", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			err = at.Err // its path names the temporary file
		}
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
