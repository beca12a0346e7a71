package plain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	base := t.TempDir()
	for how, where := range map[string]string{"descriptor": descriptors, "link": filepath.Join(base, "none")} {
		was := descriptors
		descriptors = where
		for _, name := range []string{"plain", "a*b", "a?b", "[ab]", "a[b", `a\b`, `\`, "*", "deep[1]/in*side"} {
			dir := filepath.Join(base, name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
			path, release, err := Dir(dir)
			if err != nil {
				t.Errorf("%s: %s: %v", how, name, err)
				continue
			}
			if strings.ContainsAny(path, special) || name == "plain" && path != dir {
				t.Errorf("%s: %s: the path is %s", how, name, path)
			}
			if b, err := os.ReadFile(filepath.Join(path, "file")); err != nil || string(b) != name {
				t.Errorf("%s: %s: its file reads %q, %v", how, name, b, err)
			}
			release()
			if _, err := os.Stat(path); name != "plain" && err == nil {
				t.Errorf("%s: %s: %s is left behind", how, name, path)
			}
		}
		descriptors = was
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left behind", left, err)
	}
}

// A link that a dead process made goes; those of others stay.
func TestRemoveLinks(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path, release, err := link(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	RemoveLinks(os.Getpid() + 1)
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("another process's link is gone: %v", err)
	}
	RemoveLinks(os.Getpid())
	if left, err := os.ReadDir(temporary()); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left behind", left, err)
	}
}

// With leads to what a folder holds, but for one file.
func TestWith(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := filepath.Join(t.TempDir(), "a*b")
	for _, name := range []string{"variables/index", "graph"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path, release, err := With(dir, "graph", []byte("other"), "variables", "assets")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"graph": "other", "variables/index": "variables/index"} {
		if b, err := os.ReadFile(filepath.Join(path, name)); err != nil || string(b) != want {
			t.Errorf("%s holds %q, want %q: %v", name, b, want, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(path, "assets")); err == nil {
		t.Error("there is a link to what is missing")
	}
	release()
	if b, err := os.ReadFile(filepath.Join(dir, "graph")); err != nil || string(b) != "graph" {
		t.Errorf("the folder's own file holds %q now: %v", b, err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "variables/index")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left behind", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(temp, "missing"))
	if path, _, err := With(dir, "graph", nil); err == nil {
		t.Errorf("without a folder for temporary files: %s", path)
	}
}
