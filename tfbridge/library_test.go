//go:build tensorflow

package tfbridge

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A process loads libtensorflow once, so each case below has its own: this test
// binary, which then says what Available and Version answer.
const libraryChild = "LOCKSTEP_TEST_LIBRARY"

func TestMain(m *testing.M) {
	if os.Getenv(libraryChild) != "" {
		fmt.Println(Version())
		fmt.Println(Available())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// askChild returns the child's Version and Available.
func askChild(t *testing.T, workDir, library string) (version, available string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = workDir
	cmd.Env = append(os.Environ(), libraryChild+"=1", "LOCKSTEP_LIBTENSORFLOW="+library)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the child fails: %v", err)
	}
	version, available, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	if available == "" { // no version
		return "", version
	}
	return version, available
}

// realLibraries returns the paths of the two libraries that this test runs with.
func realLibraries(t *testing.T) (framework, main string) {
	t.Helper()
	dir := os.Getenv("LOCKSTEP_LIBTENSORFLOW")
	if dir == "" {
		dir = libraryDir
	}
	if dir == "" {
		t.Skip("this test is linked with libtensorflow itself, so there is nothing to find; `make test` links it without")
	}
	framework, err := find(dir, "libtensorflow_framework")
	if err == nil {
		main, err = find(dir, "libtensorflow")
	}
	if err != nil {
		t.Fatal(err)
	}
	return framework, main
}

func TestFindsTheLibraryInEveryLayout(t *testing.T) {
	framework, main := realLibraries(t)
	for _, c := range []struct {
		name            string
		framework, main string // below the folder
		workDir, given  string // "." for the folder itself
	}{
		{name: "the C library archive", framework: "lib/libtensorflow_framework.so.2", main: "lib/libtensorflow.so.2"},
		{name: "its links alone", framework: "lib/libtensorflow_framework.so", main: "lib/libtensorflow.so"},
		{name: "the Python package", framework: "libtensorflow_framework.so.2", main: "libtensorflow_cc.so.2"},
		{name: "a name with spaces", framework: "a b/libtensorflow_framework.so.2", main: "a b/libtensorflow_cc.so.2", given: "a b"},
		// dlopen would look for a bare name among the system's libraries.
		{name: "the folder that we are in", framework: "libtensorflow_framework.so.2", main: "libtensorflow_cc.so.2", given: "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, target := range map[string]string{c.framework: framework, c.main: main} {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
			}
			given := filepath.Join(dir, c.given)
			if c.given == "." {
				given = "."
			}
			version, available := askChild(t, dir, given)
			if available != "<nil>" || version != Version() {
				t.Errorf("version %q, %s", version, available)
			}
		})
	}
}

func TestSaysWhyTheLibraryDoesNotLoad(t *testing.T) {
	const framework, main = "libtensorflow_framework.so.2", "libtensorflow.so.2"
	realFramework, _ := realLibraries(t)
	write := func(t *testing.T, path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want []string
	}{
		{"nothing there", func(*testing.T, string) {}, []string{"no " + framework + " in "}},
		{"one of two", func(t *testing.T, dir string) { os.Symlink(realFramework, filepath.Join(dir, framework)) },
			[]string{"no " + main + " in "}},
		{"no library at all", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, framework), strings.Repeat("text ", 1000))
			write(t, filepath.Join(dir, main), "")
		}, []string{"libtensorflow does not load", framework, "invalid ELF header"}},
		{"a dangling link", func(t *testing.T, dir string) {
			os.Symlink("/nowhere", filepath.Join(dir, framework))
		}, []string{"no " + framework + " in "}},
		{"another library", func(t *testing.T, dir string) {
			os.Symlink(realFramework, filepath.Join(dir, framework))
			os.Symlink(realFramework, filepath.Join(dir, main))
		}, []string{"has no TF_", "it is not a libtensorflow with the C API"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, dir)
			version, available := askChild(t, dir, dir)
			if version != "" {
				t.Errorf("version %q, want none", version)
			}
			for _, w := range append(c.want, "tfbridge: ", dir, "LOCKSTEP_LIBTENSORFLOW names this folder: set it to one") {
				if !strings.Contains(available, w) {
					t.Errorf("%q does not say %q", available, w)
				}
			}
		})
	}
}

func TestSaysWhereTheFolderWasNamed(t *testing.T) {
	err := loadFrom("", "")
	if err == nil || !strings.Contains(err.Error(), "without a folder to find it in: set LOCKSTEP_LIBTENSORFLOW") {
		t.Errorf("no folder: %v", err)
	}
	dir := t.TempDir()
	err = loadFrom(dir, "a hint")
	if err == nil || err.Error() != "tfbridge: no libtensorflow_framework.so.2 in "+dir+"; a hint" {
		t.Errorf("an empty folder: %v", err)
	}
}
