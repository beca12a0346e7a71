package main

import (
	"bufio"
	"debug/elf"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What the Containerfile builds runs in an image of nothing: it wants no loader
// and no library.
func TestContainerfileBuildsAProgramForScratch(t *testing.T) {
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
	// Root can see for itself: a folder with the program alone is all that there is.
	if os.Geteuid() == 0 {
		answers(t, program)
	}
}

// answers runs the program where its own folder is the root of all files, as the
// image's user.
func answers(t *testing.T, program string) {
	t.Helper()
	dir := filepath.Dir(program)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/forecast", "-addr", "127.0.0.1:0")
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Logf("it was not run in a separate root: %v", err) // root of a container
		return
	} else if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(log).ReadString('\n')
	found := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(line)
	if err != nil || found == nil {
		t.Fatalf("%q, %v", line, err)
	}
	if status, text := post(t, "http://"+found[1], good); status != http.StatusOK {
		t.Errorf("status %d, %s", status, text)
	}
}
