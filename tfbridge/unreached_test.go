//go:build tensorflow

package tfbridge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What no signature reaches keeps no model from being opened, and changes no bit
// of the outputs, the states or the weights.
func TestUnreachedThingsDoNotMatter(t *testing.T) {
	names := []string{"seed_units1_keras3", "seed_units1_tfkeras", "gru_masked_tfkeras", "reports/seed_uint32"}
	before := map[string]*lockstep.Trace{}
	for seed := range uint64(10) {
		name := names[seed%uint64(len(names))]
		rng := rand.New(rand.NewPCG(seed, 16))
		dir := fixture.Dir(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		if before[name] == nil {
			m := openDir(t, dir)
			var err error
			if before[name], err = m.Trace(context.Background(), inputs, lockstep.States); err != nil {
				t.Fatal(err)
			}
		}
		what := fmt.Sprintf("%s, seed %d, with %q", name, seed, fixture.AddUnreached(t, dir, rng, 6+rng.IntN(10), true))
		m, err := Open(dir)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		after, err := m.Trace(context.Background(), inputs, lockstep.States)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else {
			for _, pair := range [][2]map[string]*lockstep.Tensor{{before[name].Outputs, after.Outputs}, {before[name].States, after.States}} {
				for tensor, x := range pair[0] {
					if !x.BitEqual(pair[1][tensor]) {
						t.Errorf("%s: %s differs", what, tensor)
					}
				}
			}
		}
		if _, err := m.Weights(); err != nil {
			t.Errorf("%s: the weights: %v", what, err)
		}
		m.Close()
	}
}
