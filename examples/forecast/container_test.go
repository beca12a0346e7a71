package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// What the Containerfile builds runs in an image of nothing: it wants no loader
// and no library.
func TestContainerfileBuildsAProgramForScratch(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the Containerfile builds for Linux")
	}
	b, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`CGO_ENABLED=0 go build .*`).FindString(string(b))
	if command == "" || !strings.Contains(string(b), "\nFROM scratch\n") {
		t.Fatalf("the Containerfile builds nothing for scratch:\n%s", b)
	}
	program := filepath.Join(t.TempDir(), "forecast")
	command = strings.Replace(command, "-o /forecast", "-o '"+program+"'", 1)
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("it wants %q, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it wants a loader")
		}
	}
}
