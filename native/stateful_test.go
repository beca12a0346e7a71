package native

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// statefuls returns the models whose layers are stateful, of every kind.
func statefuls(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, name := range fixture.MadeNames(t) {
		if fixture.ReadRecipe(t, name).Settings.Again != "" {
			names = append(names, name)
		}
	}
	if len(names) < 6 {
		t.Errorf("%d stateful models, want 6 or more: %q", len(names), names)
	}
	return names
}

func near(t testing.TB, what string, got, want tensors) {
	t.Helper()
	for name, w := range want {
		if d := worst(t, what+": "+name, got[name], w); d > 5e-6 {
			t.Errorf("%s: %s is off by %g, want at most 5e-6", what, name, d)
		}
	}
}

// A Model begins again at every call; a Runner goes on, and Reset begins again.
func TestStatefulLayers(t *testing.T) {
	for _, name := range statefuls(t) {
		m := load1(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		first, again := fixture.Tensors(t, name, "expected.npz"), fixture.Tensors(t, name, "expected_again.npz")
		r, other := m.NewRunner(), m.NewRunner()
		run := func(what string, r *Runner, want tensors) {
			t.Helper()
			got, err := r.Run(t.Context(), inputs)
			ok(t, err)
			near(t, name+", "+what, got, want)
		}
		for range 2 {
			got, err := m.Run(t.Context(), inputs)
			ok(t, err)
			near(t, name+", Run", got, first)
			into := copiesOf(t, first)
			ok(t, m.RunInto(t.Context(), inputs, into))
			near(t, name+", RunInto", into, first)
			run("the Runner's first call", r, first)
			run("the Runner's second call", r, again)
			run("another Runner", other, first)
			got, err = m.Run(t.Context(), inputs)
			ok(t, err)
			near(t, name+", Run beside Runners", got, first)
			r.Reset()
			other.Reset()
		}
	}
}

// Calls of a Runner go on from each other whatever their lengths: two parts of a
// sequence give what the whole gives.
func TestStatefulPartsAreTheWhole(t *testing.T) {
	for _, name := range statefuls(t) {
		if name == "producer_stateful_initial_tfkeras" {
			continue // it is given its states, and of one length
		}
		m := load1(t, name)
		inputs := fixture.Tensors(t, name, "inputs_long.npz")
		want, err := m.Run(t.Context(), inputs)
		ok(t, err)
		for _, cut := range []int{1, 3} {
			r := m.NewRunner()
			for range 2 {
				steps := 0
				for _, x := range inputs {
					steps = x.Shape()[1]
				}
				for _, ends := range [][2]int{{0, cut}, {cut, steps}} {
					from, to := ends[0], ends[1]
					step := tensors{}
					for k, x := range inputs {
						step[k] = part(t, x, 1, from, to-from)
					}
					got, err := r.Run(t.Context(), step)
					ok(t, err)
					for k, g := range got {
						w := want[k]
						if w.Rank() == 3 {
							w = part(t, w, 1, from, to-from)
						} else if to < steps {
							continue
						}
						if d := worst(t, name+": "+k, g, w); d > 1e-6 {
							t.Errorf("%s: %s of steps %d to %d is off by %g", name, k, from, to, d)
						}
					}
				}
				r.Reset()
			}
		}
	}
}

// ending is a context that ends when it is asked for the n-th time.
type ending struct {
	context.Context
	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// A call that fails, and one that is cancelled at any point, leave the states
// as they were.
func TestStatesAfterAnError(t *testing.T) {
	for _, name := range statefuls(t) {
		if !slices.Contains(fixture.Cases(t, name), "_long") {
			continue // it has one shape
		}
		m := load1(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		again := fixture.Tensors(t, name, "expected_again.npz")
		wrong := copiesOf(t, inputs)
		for k, x := range wrong {
			wrong[k] = part(t, x, x.Rank()-1, 0, 1)
		}
		for _, c := range []struct {
			what   string
			begins tensors // the call that is cancelled
			load   func() *Model
		}{
			{"in a shape that was met", inputs, func() *Model { return m }},
			{"in a shape that was not", fixture.Tensors(t, name, "inputs_long.npz"), func() *Model { return load1(t, name) }},
		} {
			for n := 0; ; n++ {
				r := c.load().NewRunner()
				_, err := r.Run(t.Context(), inputs)
				ok(t, err)
				_, err = r.Run(&ending{t.Context(), n}, c.begins)
				if err == nil {
					break
				}
				if n > 1000 || !strings.Contains(err.Error(), "context canceled") {
					t.Fatalf("%s, %s, cancelled at %d: error %v", name, c.what, n, err)
				}
				if _, err := r.Run(t.Context(), wrong); err == nil {
					t.Fatalf("%s: inputs of another width ran", name)
				}
				got, err := r.Run(t.Context(), inputs)
				ok(t, err)
				near(t, name+", after a call "+c.what+" that was cancelled", got, again)
			}
		}
	}
}
