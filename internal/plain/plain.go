// Package plain gives a directory, or files that are in none, a path that
// libtensorflow reads literally.
// libtensorflow looks for a checkpoint by pattern, which a path with one of * ?
// [ \ may not match.
package plain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// special are the characters with a meaning in libtensorflow's patterns.
const special = `*?[\`

// descriptors is where the system shows a process's open files, each of which
// leads on to what a directory holds; a variable for the tests.
var descriptors = "/proc/self/fd"

// Dir returns a path that leads to dir, dir itself if that is plain. Nothing may
// use the path after release. When the process dies, it leaves at most what
// RemoveLinks removes.
func Dir(dir string) (path string, release func(), err error) {
	if !strings.ContainsAny(dir, special) {
		return dir, func() {}, nil
	}
	if path, release, err = descriptor(dir); err == nil {
		return path, release, nil
	}
	return link(dir)
}

// descriptor opens dir and returns its path among the open files.
func descriptor(dir string) (path string, release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	path = fmt.Sprintf("%s/%d", descriptors, f.Fd())
	want, err := f.Stat()
	if err == nil {
		var have os.FileInfo
		if have, err = os.Stat(path); err == nil && !os.SameFile(have, want) {
			err = errors.New("another file")
		}
	}
	if err != nil {
		f.Close()
		return "", nil, err
	}
	return path, func() { f.Close() }, nil
}

// link makes a symbolic link to dir.
func link(dir string) (path string, release func(), err error) {
	folder, release, err := linked(dir, func(folder, target string) error {
		return os.Symlink(target, filepath.Join(folder, "model"))
	})
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(folder, "model"), release, nil
}

// With returns a path that leads to what dir holds under some names, and to a
// file of other content under one more. Nothing may use the path after release;
// what is left when the process dies, RemoveLinks removes.
func With(dir, file string, content []byte, names ...string) (path string, release func(), err error) {
	return linked(dir, func(folder, target string) error {
		for _, name := range names {
			from := filepath.Join(target, name)
			if _, err := os.Lstat(from); err != nil {
				continue // a model need not have all of them
			}
			if err := os.Symlink(from, filepath.Join(folder, name)); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(folder, file), content, 0o600)
	})
}

// Copy writes the files of a file system into a folder that only this user can
// read, and returns its path; see With.
func Copy(files fs.FS) (path string, release func(), err error) {
	return filled(func(folder string) error { return os.CopyFS(folder, files) })
}

// linked makes a folder with links into dir, whose absolute path is target.
func linked(dir string, fill func(folder, target string) error) (folder string, release func(), err error) {
	target, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	return filled(func(folder string) error { return fill(folder, target) })
}

// filled makes a temporary folder with something in it.
func filled(fill func(folder string) error) (folder string, release func(), err error) {
	if folder, err = os.MkdirTemp(temporary(), prefix(os.Getpid())+"*"); err != nil {
		return "", nil, err
	}
	if err := fill(folder); err != nil {
		os.RemoveAll(folder)
		return "", nil, err
	}
	return folder, func() { os.RemoveAll(folder) }, nil
}

// temporary is the folder of links, which itself must be plain.
func temporary() string {
	if dir := os.TempDir(); !strings.ContainsAny(dir, special) {
		return dir
	}
	return "/tmp"
}

func prefix(pid int) string { return fmt.Sprintf("lockstep-link-%d-", pid) }

// RemoveLinks removes the links of a process that has died.
func RemoveLinks(pid int) {
	all, err := os.ReadDir(temporary())
	if err != nil {
		return
	}
	for _, entry := range all {
		if strings.HasPrefix(entry.Name(), prefix(pid)) {
			os.RemoveAll(filepath.Join(temporary(), entry.Name()))
		}
	}
}
