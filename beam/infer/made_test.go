package infer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

var (
	stateful = []string{"gru_stateful_keras3", "lstm_stateful_tfkeras", "cudnn_lstm_stateful_keras3"}
	texts    = []string{"text_classifier_lstm_keras3", "text_lookup_file_keras3", "text_vectorization_int_keras3"}
)

// Models that are made and not committed: those that carry states are refused, and strings are rows like others.
func TestMadeModels(t *testing.T) {
	fixture.Made(t)
	for _, name := range stateful {
		if _, err := Open(t.Context(), Config{Model: fixture.Dir(t, name)}); err == nil || !strings.Contains(err.Error(), "stateful=True") {
			t.Errorf("%s: %v, want that it is stateful", name, err)
		}
	}
	for _, name := range texts {
		dir := fixture.Dir(t, name)
		c := config(t, dir)
		c.Rows = 4
		m, err := native.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		inputs := repeated(t, fixture.Tensors(t, name, "inputs.npz"), 9, rand.New(rand.NewPCG(1, 1)))
		got, failed, _, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
			return Infer(s, c, beam.CreateList(s, rowsOf(t, inputs, 9, func() int { return 2 })))
		})
		if err != nil || len(failed) > 0 {
			t.Fatalf("%s: %v, %v", name, failed, err)
		}
		checkBits(t, m, inputs, 9, got, false)
	}
}
