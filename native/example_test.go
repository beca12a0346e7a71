package native_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// seedModel unpacks a SavedModel that Keras wrote; yours is a directory already.
func seedModel() (dir string, remove func()) {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	dir = filepath.Join(tmp, "seed_keras3")
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(tmp) }
}

func ExampleLoad() {
	dir, remove := seedModel()
	defer remove()

	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range m.Signature().Inputs {
		fmt.Println("takes", in)
	}
	past, err := lockstep.New(make([]float32, 10), 1, 10, 1)
	if err != nil {
		log.Fatal(err)
	}
	next, err := lockstep.New(make([]float32, 4), 1, 4, 1)
	if err != nil {
		log.Fatal(err)
	}
	out, err := m.Run(context.Background(), map[string]*lockstep.Tensor{"encoder_input": past, "decoder_input": next})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("returns output_0", out["output_0"])
	// Output:
	// takes decoder_input float32 (?, ?, 1)
	// takes encoder_input float32 (?, 10, 1)
	// returns output_0 float32 (1, 4, 1)
}

func ExampleRunner_Forecast() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	series := []float32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50} // (1, 10, 1)

	r := m.Seq2Seq().NewRunner(1)
	if err := r.Encode(series, 1); err != nil {
		log.Fatal(err)
	}
	// The last known value is the first that the decoder reads.
	next := make([]float32, 5)
	if err := r.Forecast(next, series[len(series)-1:], len(next)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(next), "steps ahead")
	// Output: 5 steps ahead
}
