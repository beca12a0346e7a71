//go:build unix

package regular_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-go/lockstep/internal/regular"
)

// Nothing that is no regular file is opened, by whatever name: the test would
// wait for ever at a named pipe.
func TestOpensRegularFilesAlone(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("file"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // a socket's name is short
	listener, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	refused := map[string]string{"directory": "a directory", "pipe": "a named pipe", "socket": "a socket", "device": "a device"}
	if err := os.Symlink("/dev/zero", at("device")); err != nil {
		t.Fatal(err)
	}
	for name := range refused {
		if err := os.Symlink(name, at("link to "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("file", at("link to file")); err != nil {
		t.Fatal(err)
	}
	opens := map[string]func(name string) (fs.File, error){
		"Open":   func(name string) (fs.File, error) { f, err := regular.Open(at(name)); return f, err },
		"OpenFS": func(name string) (fs.File, error) { return regular.OpenFS(os.DirFS(dir), name) },
	}
	for how, open := range opens {
		for name, kind := range refused {
			for _, name := range []string{name, "link to " + name} {
				_, err := open(name)
				if !errors.Is(err, regular.ErrNotRegular) || !strings.Contains(err.Error(), name+" is "+kind) {
					t.Errorf("%s: %s: error %v, want one that says %s", how, name, err, kind)
				}
			}
		}
		for _, name := range []string{"file", "link to file"} {
			f, err := open(name)
			if err != nil {
				t.Errorf("%s: %s: %v", how, name, err)
				continue
			}
			if b, err := io.ReadAll(f); err != nil || string(b) != "hello" {
				t.Errorf("%s: %s: read %q, %v", how, name, b, err)
			}
			f.Close()
		}
		if _, err := open("none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: none: error %v", how, err)
		}
	}
}
