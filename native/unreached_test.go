package native

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What no signature reaches changes nothing: neither an answer by a bit, nor what
// Inspect says of the signature. It is of every type of TensorFlow's, of those
// that do not exist yet, and of unknown operations.
func TestUnreachedThingsDoNotMatter(t *testing.T) {
	names := []string{
		"seed_units1_keras3", "seed_units1_tfkeras", "gru_masked_tfkeras", "module_autograph_lstm", "embedding_mask_zero_keras3",
		"reports/seed_uint32", "reports/stateful",
	}
	for seed := range uint64(70) {
		name := names[seed%uint64(len(names))]
		rng := rand.New(rand.NewPCG(seed, 16))
		dir := fixture.Dir(t, name)
		before, err := Load(dir)
		ok(t, err)
		described, err := Inspect(dir)
		ok(t, err)
		added := fixture.AddUnreached(t, dir, rng, 1+rng.IntN(12), false)
		what := fmt.Sprintf("%s, seed %d, with %q", name, seed, added)

		after, err := Load(dir)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		inputs := fixture.Tensors(t, name, "inputs.npz")
		want, err := before.Run(t.Context(), inputs)
		ok(t, err)
		got, err := after.Run(t.Context(), inputs)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for output := range want {
			if !got[output].BitEqual(want[output]) {
				t.Errorf("%s: %s differs", what, output)
			}
		}
		again, err := Inspect(dir)
		if err != nil {
			t.Errorf("%s: Inspect: %v", what, err)
			continue
		}
		if again.Reason != nil {
			t.Errorf("%s: Inspect: the native engine refuses: %v", what, again.Reason)
		}
		if !reflect.DeepEqual(again.Layers, described.Layers) || len(again.Weights) != len(described.Weights) {
			t.Errorf("%s: %d layers and %d weights, want %d and %d", what, len(again.Layers), len(again.Weights), len(described.Layers), len(described.Weights))
		}
		for i, w := range described.Weights {
			if a := again.Weights[i]; a.Name != w.Name || a.Type != w.Type || a.Key != w.Key {
				t.Errorf("%s: weight %d is %s, want %s", what, i, a.Name, w.Name)
			}
		}
	}
}
