package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// The assembly is what its generators write, and they pass their own tests.
func TestAssemblyIsNotStale(t *testing.T) {
	fixture.Slow(t)
	if out, err := command("mod", "download").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the generators' modules are not available: %v\n%s", err, out)
		}
		t.Skipf("NOT CHECKED that the assembly is what its generators write, whose modules are not available: %v\n%s", err, out)
	}
	if out, err := command("test", "./...").CombinedOutput(); err != nil {
		t.Errorf("go test in asm: %v\n%s", err, out)
	}
	checkStale(t, "kernel_amd64.s", "stubs_amd64.go", "run", ".", "-pkg", "kernel")
	checkStale(t, "kernel_arm64.s", "stubs_arm64.go", "run", "./neon", "-like", "../stubs_amd64.go")
}

// checkStale runs a generator and compares what it writes with what is there.
func checkStale(t *testing.T, assembly, stubs string, run ...string) {
	t.Helper()
	dir := t.TempDir()
	args := append(run, "-out", filepath.Join(dir, assembly), "-stubs", filepath.Join(dir, stubs))
	if out, err := command(args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s in asm: %v\n%s", strings.Join(run, " "), err, out)
	}
	for _, name := range []string{assembly, stubs} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, found := bytes.Cut(want, []byte("\n")); found { // but for the command line
			want = rest
		}
		if _, rest, found := bytes.Cut(got, []byte("\n")); found {
			got = rest
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what its generator writes: run go generate ./... in asm", name)
		}
	}
}

// needAVX512 are the functions that are called where there is AVX-512.
var needAVX512 = []string{"lstmWide", "lstmRowWide", "productPanelWide", "productRowWide", "gruGatesWide", "sigmoidsWide", "tanhsWide"}

// avo takes the registers of AVX-512 when the sixteen of AVX2 do not do, and they
// are not there.
func TestAssemblyIsAVX2(t *testing.T) {
	text, err := os.ReadFile("kernel_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	registers := regexp.MustCompile(`.*\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b.*`)
	for _, function := range strings.Split(string(text), "\nTEXT ")[1:] {
		name, _, _ := strings.Cut(function, "(")
		if slices.Contains(needAVX512, strings.TrimPrefix(name, "·")) {
			continue
		}
		if found := registers.FindString(function); found != "" {
			t.Errorf("%s: %q needs more than AVX2", name, found)
		}
	}
}

// command runs go in the generators' module, for this machine.
func command(args ...string) *exec.Cmd {
	c := exec.Command("go", args...)
	c.Dir = "asm"
	c.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=-mod=readonly", "GOWORK=off")
	return c
}
