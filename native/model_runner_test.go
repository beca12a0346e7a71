package native

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Whatever calls came before, in whatever shapes, a call of a Model, of a Runner
// and of RunInto gives the same bits as the first call of a new Model. Inputs
// are neither changed nor kept, and what Run returns is the caller's.
func TestCallsDoNotTouchEachOther(t *testing.T) {
	for _, name := range anyNames(t) {
		recipe := fixture.ReadRecipe(t, name)
		t.Run(name, func(t *testing.T) {
			load := func() *Model {
				m, err := LoadFS(fixture.FS(t, name), WithSignature(recipe.SignatureOf("")))
				ok(t, err)
				return m
			}
			calls := callsOf(t, name, load)
			m := load()
			stateful := recipe.Settings.Again != ""
			r := m.NewRunner()
			for _, c := range calls {
				inputs := copiesOf(t, c.inputs)
				if stateful {
					r.Reset()
				}
				own, err := r.Run(t.Context(), inputs)
				if err == nil {
					err = same(inputs, c.inputs)
				}
				spoil(inputs)
				if err == nil {
					err = same(own, c.want)
				}
				if err != nil {
					t.Errorf("Runner, %s: %v", c.what, err)
				}

				inputs = copiesOf(t, c.inputs)
				out, err := m.Run(t.Context(), inputs)
				if err == nil {
					err = same(inputs, c.inputs)
				}
				spoil(inputs)
				if err == nil {
					err = same(out, c.want)
				}
				if err != nil {
					t.Errorf("Run, %s: %v", c.what, err)
				}
				spoil(out)

				into := copiesOf(t, c.want)
				spoil(into)
				err = m.RunInto(t.Context(), c.inputs, into)
				if err == nil {
					err = same(into, c.want)
				}
				if err != nil {
					t.Errorf("RunInto, %s: %v", c.what, err)
				}
				spoil(into)
			}
		})
	}
}

// seedInputs are inputs of the seed model of some rows and decoder steps.
func seedInputs(t testing.TB, batch, steps int) tensors {
	return tensors{"encoder_input": random(t, batch, 10, 1), "decoder_input": random(t, batch, steps, 1)}
}

// A service may be sent sequences of any length.
func TestManyShapes(t *testing.T) {
	m := load1(t, "seed_keras3")
	r := m.NewRunner()
	want := map[[2]int]tensors{}
	for round := range 3 {
		for steps := 1; steps <= 40; steps++ {
			shape := [2]int{1 + steps%3, steps}
			out, err := m.Run(t.Context(), seedInputs(t, shape[0], shape[1]))
			ok(t, err)
			if round == 0 {
				want[shape] = out
			}
			if err := same(out, want[shape]); err != nil {
				t.Errorf("Run, round %d, %v: %v", round, shape, err)
			}
			own, err := r.Run(t.Context(), seedInputs(t, shape[0], shape[1]))
			ok(t, err)
			if err := same(own, want[shape]); err != nil {
				t.Errorf("Runner, round %d, %v: %v", round, shape, err)
			}
		}
	}
}

// One Model is shared by goroutines that send it different shapes: by Run, by
// RunInto and by a Runner of each.
func TestGoroutinesWithManyShapes(t *testing.T) {
	m := load1(t, "seed_tfkeras")
	const shapes = 36
	inputs, want := make([]tensors, shapes), make([]tensors, shapes)
	alone := load1(t, "seed_tfkeras")
	for i := range shapes {
		inputs[i] = seedInputs(t, 1+i%3, 1+i)
		out, err := alone.Run(t.Context(), inputs[i])
		ok(t, err)
		want[i] = out
	}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			r := m.NewRunner()
			for k := range 2 * shapes {
				i := (k*(g+1) + g) % shapes
				var out tensors
				var err error
				switch g % 3 {
				case 0:
					out, err = m.Run(context.Background(), inputs[i])
				case 1:
					out, err = r.Run(context.Background(), inputs[i])
				default:
					out = tensors{}
					for name, w := range want[i] {
						out[name], _ = lockstep.Zeros(w.DType(), w.Shape()...)
					}
					err = m.RunInto(context.Background(), inputs[i], out)
				}
				if err == nil {
					err = same(out, want[i])
				}
				if err != nil {
					t.Errorf("goroutine %d, shape %d: %v", g, i, err)
				}
			}
		})
	}
	group.Wait()
}

// A call that fails, in whichever way, leaves a Runner as it was.
func TestRunnerAfterAnError(t *testing.T) {
	m := load1(t, "seed_keras3_broken")
	inputs := func(batch, steps int) tensors { return seedInputs(t, batch, steps) }
	want, err := m.Run(t.Context(), inputs(4, 4))
	ok(t, err)
	r := m.NewRunner()
	good := func(after string) {
		out, err := r.Run(t.Context(), inputs(4, 4))
		if err == nil {
			err = same(out, want)
		}
		if err != nil {
			t.Errorf("after %s: %v", after, err)
		}
	}
	good("nothing")
	good("a call")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if _, err := r.Run(t.Context(), inputs(5, 4)); err == nil {
			t.Error("5 rows of 4 steps ran, which looks for steps that are not there")
		}
		good("an operation that failed")
		if _, err := r.Run(cancelled, inputs(4, 4)); err == nil || !strings.Contains(err.Error(), "context canceled") {
			t.Errorf("a cancelled context: error %v", err)
		}
		good("a cancelled context")
		if _, err := r.Run(cancelled, inputs(3, 6)); err == nil {
			t.Error("a cancelled context ran a new shape")
		}
		good("a cancelled context and a new shape")
		if _, err := r.Run(t.Context(), tensors{}); err == nil {
			t.Error("no inputs ran")
		}
		if _, err := r.Run(t.Context(), nil); err == nil {
			t.Error("nil inputs ran")
		}
		good("no inputs")
	}
	if _, err := (&Runner{}).Run(t.Context(), nil); err == nil {
		t.Error("a Runner that NewRunner did not make ran")
	}
}

// poolsForget says that what is put into a sync.Pool may be gone at once.
var poolsForget = false

// A call of a shape that was met allocates nothing where the model is made of
// native cells and of operations with their own memory.
func TestCallsAllocateNothing(t *testing.T) {
	for _, name := range []string{
		"seed_keras3", "seed_tfkeras", "seed_units1_keras3", "no_bias_tfkeras", "states_out_keras3",
		"simplernn_last_tfkeras", "gru_states_keras3", "cells_mixed_keras3", "lstm_hard_sigmoid_tfkeras",
	} {
		m := load1(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		r := m.NewRunner()
		ctx := t.Context()
		into, err := m.Run(ctx, inputs)
		ok(t, err)
		for what, call := range map[string]func() error{
			"Runner.Run": func() error { _, err := r.Run(ctx, inputs); return err },
			"RunInto":    func() error { return m.RunInto(ctx, inputs, into) },
		} {
			if what == "RunInto" && poolsForget {
				continue
			}
			for range 3 {
				ok(t, call())
			}
			// The pool behind RunInto is emptied by a collection of garbage.
			if n := testing.AllocsPerRun(50, func() {
				if err := call(); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: %s allocates %v times a call, want 0", name, what, n)
			}
		}
	}
}

func TestRunIntoRefusesWrongTensors(t *testing.T) {
	m := load1(t, "states_out_keras3")
	inputs := fixture.Tensors(t, "states_out_keras3", "inputs.npz")
	want, err := m.Run(t.Context(), inputs)
	ok(t, err)
	var name string
	for name = range want {
		break
	}
	shape := want[name].Shape()
	longer := slices.Clone(shape)
	longer[0]++
	zeros := func(d lockstep.DType, shape ...int) *lockstep.Tensor {
		x, err := lockstep.Zeros(d, shape...)
		ok(t, err)
		return x
	}
	for what, to := range map[string]*lockstep.Tensor{
		"missing": nil, "type": zeros(lockstep.Float64, shape...), "shape": zeros(lockstep.Float32, longer...),
		"rank": zeros(lockstep.Float32, want[name].Len()),
	} {
		outputs := copiesOf(t, want)
		spoil(outputs)
		before := copiesOf(t, outputs)
		outputs[name] = to
		if to == nil {
			delete(outputs, name)
		}
		err := m.RunInto(t.Context(), inputs, outputs)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%s: error %v, want one that names %q", what, err, name)
		}
		for other, x := range outputs {
			if other != name && !x.BitEqual(before[other]) {
				t.Errorf("%s: %q was written to, though the call failed", what, other)
			}
		}
	}
	if err := m.RunInto(t.Context(), inputs, nil); err == nil {
		t.Error("outputs into nothing")
	}
	outputs := copiesOf(t, want)
	spoil(outputs)
	outputs["one more"] = zeros(lockstep.Float32, 1)
	ok(t, m.RunInto(t.Context(), inputs, outputs))
	delete(outputs, "one more")
	if err := same(outputs, want); err != nil {
		t.Error(err)
	}
}
