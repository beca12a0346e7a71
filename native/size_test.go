package native_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// service is the least that a service does with a model.
const service = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lockstep-go/lockstep/native"
)

func main() {
	m, err := native.Load(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(m.NewRunner().Run(context.Background(), nil))
}
`

// maxServiceBytes bounds that program without its tables of symbols, which
// docs/service.md leaves out too. It is close to what the program takes, so that
// a heavy package which comes in is noticed: TensorFlow's generated protobufs,
// for one, are 1.2 MB of it.
const maxServiceBytes = 10_900_000

// A service that imports native gets a small program, of these modules alone.
func TestSizeOfAService(t *testing.T) {
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "service")
	if err := os.WriteFile(source, []byte(service), 0o666); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f MB", float64(info.Size())/1e6)
	if info.Size() > maxServiceBytes {
		t.Errorf("the program has %d bytes, want at most %d: see what it holds by go tool nm -size -sort size, on one with symbols", info.Size(), maxServiceBytes)
	}
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, m := range built.Deps {
		modules = append(modules, m.Path)
	}
	if want := []string{"github.com/lockstep-go/lockstep", "golang.org/x/sys", "google.golang.org/protobuf"}; !slices.Equal(modules, want) {
		t.Errorf("the program is made of the modules %q, want %q", modules, want)
	}
}
