// Package convert writes a SavedModel that was exported on a GPU as one that any
// TensorFlow runs on a CPU: `lockstep convert`.
package convert

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-go/lockstep/internal/cudnn"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// ErrUsage is wrapped by the errors that the caller's arguments have.
var ErrUsage = errors.New("wrong usage")

// usageError is an error that is ErrUsage, without its words.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == ErrUsage }

func wrongUse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// fingerprint is the file in which TensorFlow writes hashes of the others.
const fingerprint = "fingerprint.pb"

// Model writes the SavedModel in dir without cuDNN's operations to a new directory,
// and returns what became of each.
func Model(dir, to string) ([]cudnn.Operation, error) {
	m, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	var refused []error
	for _, op := range m.CuDNN() {
		if op.Refused != nil {
			refused = append(refused, fmt.Errorf("convert: %s: node %q (%s): %w", dir, op.Node, op.Op, op.Refused))
		}
	}
	if len(refused) > 0 {
		return nil, errors.Join(refused...)
	}
	if len(m.CuDNN()) == 0 {
		return nil, wrongUse("convert: %s has no operation of cuDNN: TensorFlow runs it on a CPU as it is", dir)
	}
	b, err := readAll(filepath.Join(dir, graphFile))
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	// Also what Python alone calls, such as a layer that is called while it is trained.
	b, found, err := cudnn.Lower(b, true)
	if err != nil {
		return nil, fmt.Errorf("convert: %s: %w", dir, err)
	}
	return found, writeModel(dir, to, b)
}

const graphFile = "saved_model.pb"

func readAll(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f) // of a size that savedmodel.Open allows
}

// writeModel writes a copy of a model with another graph, completely or not at all.
func writeModel(dir, to string, graph []byte) (err error) {
	to = filepath.Clean(to)
	if _, err := os.Lstat(to); err == nil {
		return wrongUse("convert: %s exists already: give the name of a new directory", to)
	}
	inside, err := isInside(to, dir)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if inside {
		return wrongUse("convert: %s is inside of %s, which is copied: give another name", to, dir)
	}
	part, err := os.MkdirTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*")
	if err != nil {
		return fmt.Errorf("convert: writing %s: %w", to, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(part)
			err = fmt.Errorf("convert: writing %s: %w", to, err)
		}
	}()
	if err := copyFolder(dir, part, 0); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(part, graphFile), graph, 0o644); err != nil {
		return err
	}
	if err := checkConverted(part); err != nil {
		return err
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	return os.Rename(part, to)
}

// isInside tells whether a new path is in a directory.
func isInside(path, dir string) (bool, error) {
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	if parent, err = filepath.Abs(parent); err != nil {
		return false, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return false, err
	}
	at, err := filepath.Rel(dir, parent)
	return err == nil && at != ".." && !strings.HasPrefix(at, ".."+string(filepath.Separator)), nil
}

// maxFolders bounds the folders within folders, which a link could make endless.
const maxFolders = 16

// copyFolder copies what a model's directory holds, except what describes the graph
// that is not copied. What links lead to is copied as files and folders.
func copyFolder(from, to string, depth int) error {
	if depth > maxFolders {
		return fmt.Errorf("%s is more than %d folders deep", from, maxFolders)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if depth == 0 && (name == fingerprint || name == graphFile) {
			continue
		}
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		info, err := os.Stat(source)
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err = os.Mkdir(target, 0o755); err == nil {
				err = copyFolder(source, target, depth+1)
			}
		} else {
			err = copyFile(source, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	source, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	if _, err = io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

// checkConverted reads back what was written.
func checkConverted(dir string) error {
	m, err := savedmodel.Open(dir)
	if err != nil {
		return err
	}
	if left := m.CuDNN(); len(left) > 0 {
		return fmt.Errorf("node %q is still a %s", left[0].Node, left[0].Op)
	}
	return nil
}
