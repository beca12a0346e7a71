//go:build tensorflow

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

// The program starts itself once more; its main calls Serve where it is asked to
// by the command line:
//
//	if len(os.Args) == 3 && os.Args[1] == "lockstep-test-child" { … worker.Serve(os.Stdin, os.Stdout) … }
func Example() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "my_model") // that model.export wrote
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}

	process, err := worker.Start(os.Args[0], "lockstep-test-child", "serve")
	if err != nil {
		log.Fatal(err)
	}
	defer process.Close()
	m, err := process.Open(context.Background(), dir, worker.Options{})
	if errors.Is(err, worker.ErrCrashed) {
		log.Fatal("libtensorflow ended the child, not this program: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Name(), "takes", m.Signature().Inputs[0])
	// Output:
	// tensorflow takes decoder_input float32 (?, ?, 1)
}
