package golden_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

// A run is recorded, and another model is compared with it. A program with
// libtensorflow records a model of package tfbridge, as lockstep golden record
// does.
func Example() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	models := map[string]*native.Model{} // that model.export wrote
	for _, name := range []string{"keras3", "retrained"} {
		dir := filepath.Join(tmp, name)
		if err := fixture.Unpack(filepath.Join("testdata", name+".zip"), dir); err != nil {
			log.Fatal(err)
		}
		if models[name], err = native.Load(dir); err != nil {
			log.Fatal(err)
		}
	}

	m := models["keras3"]
	inputs, err := parity.Inputs(context.Background(), m, parity.Options{Seed: 1, Batch: 2, Steps: 5})
	if err != nil {
		log.Fatal(err)
	}
	g, err := golden.Record(context.Background(), m, golden.Recording{Model: "sales", Inputs: inputs, Files: m.Files()})
	if err != nil {
		log.Fatal(err)
	}
	file := filepath.Join(tmp, "sales.golden")
	if err := g.WriteFile(file); err != nil {
		log.Fatal(err)
	}

	if g, err = golden.ReadFile(file); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"keras3", "retrained"} {
		r, err := g.Verify(context.Background(), models[name], golden.Options{Files: models[name].Files()})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s (exit code %d)\n", name, r.Change, r.Change.ExitCode())
	}
	// Output:
	// keras3: in step (exit code 0)
	// retrained: weights changed (exit code 4)
}

// A service refuses to start with a model that does not reproduce its golden.
func ExampleVerifier() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := fixture.Unpack(filepath.Join("testdata", "retrained.zip"), tmp); err != nil { // model.export wrote it
		log.Fatal(err)
	}
	_, err = native.Load(tmp, native.WithVerify(golden.Verifier(filepath.Join("testdata", "keras.golden"))))
	if differs := (*golden.Error)(nil); errors.As(err, &differs) {
		fmt.Println(differs.Result.Change)
	}
	// Output: layout or signature changed
}
