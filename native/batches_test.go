package native

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/streaming"
)

// rowsOf makes a batch of an input's rows, none of which is like its neighbours.
func rowsOf(t testing.TB, x *lockstep.Tensor, batch int) *lockstep.Tensor {
	t.Helper()
	n := x.Shape()[0]
	all := repeat(t, x, 0, (batch+n-1)/n)
	if all.DType() == lockstep.Float32 {
		d := floats(t, all)
		for i := range d {
			d[i] *= 1 + float32(i/(len(d)/all.Shape()[0]))/512
		}
	}
	return part(t, all, 0, 0, batch)
}

// withPortions has portions take some bytes.
func withPortions(t *testing.T, bytes int64) {
	before := streaming.PortionBytes
	streaming.PortionBytes = bytes
	t.Cleanup(func() { streaming.PortionBytes = before })
}

// A batch that is run by portions of its rows has the bits of the whole, whatever the
// portion, in every way to run it.
func TestPortionsAreTheWhole(t *testing.T) {
	shareAll(t)
	divided := map[string]bool{}
	names := anyNames(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, err := LoadFS(fixture.FS(t, name))
			if err != nil {
				t.Skip(err)
			}
			if !openBatch(m.signature) || m.program.Stateful() {
				t.Skip("it takes no batch of any length")
			}
			inputs := tensors{}
			given := fixture.Tensors(t, name, "inputs.npz")
			for _, in := range m.signature.Inputs {
				if given[in.Name] == nil {
					t.Skip("the inputs are of another signature")
				}
				inputs[in.Name] = rowsOf(t, given[in.Name], 67)
			}
			whole := &counting{Context: t.Context()}
			want, wantExtra, err := m.program.Run(whole, inputs, true)
			if err != nil {
				t.Skip(err)
			}
			m.program.Run(whole, inputs, true)
			for _, bytes := range []int64{1, 1 << 15, 1 << 17} {
				withPortions(t, bytes)
				for _, workers := range []int{1, 2, 3} {
					m.batches = streaming.NewBatches(m.program, workers, true)
					r := m.NewRunner()
					for range 4 {
						parts := &counting{Context: t.Context()}
						got, err := r.Run(parts, inputs)
						ok(t, err)
						if err := same(got, want); err != nil {
							t.Errorf("a Runner, portions of %d bytes, %d workers: %v", bytes, workers, err)
						}
						if parts.asked.Load() > whole.asked.Load() {
							divided[name] = true
						}
					}
					got, gotExtra, err := m.batches.Run(t.Context(), inputs, true)
					ok(t, err)
					if err := same(got, want); err != nil {
						t.Errorf("Run, portions of %d bytes, %d workers: %v", bytes, workers, err)
					}
					if err := same(gotExtra, wantExtra); err != nil {
						t.Errorf("the states, portions of %d bytes, %d workers: %v", bytes, workers, err)
					}
					into := tensors{}
					for k, x := range want {
						into[k], err = lockstep.Zeros(x.DType(), x.Shape()...)
						ok(t, err)
					}
					ok(t, m.RunInto(t.Context(), inputs, into))
					if err := same(into, want); err != nil {
						t.Errorf("RunInto, portions of %d bytes, %d workers: %v", bytes, workers, err)
					}
				}
			}
		})
	}
	if len(divided)*2 < len(names) {
		t.Errorf("of %d models %d were run by portions: %v", len(names), len(divided), divided)
	}
}

// An output in the memory of an input: its rows are still to be read.
func TestRunIntoTheInputs(t *testing.T) {
	withPortions(t, 1<<15)
	m := load1(t, "no_bias_keras3")
	inputs := tensors{}
	for k, x := range fixture.Tensors(t, "no_bias_keras3", "inputs.npz") {
		inputs[k] = rowsOf(t, x, 200)
	}
	want, err := m.Run(t.Context(), inputs)
	ok(t, err)
	for k, x := range want {
		for in, from := range inputs {
			if from.Len() < x.Len() {
				continue
			}
			own := tensors{}
			for name, y := range inputs {
				own[name] = rowsOf(t, y, 200)
				put(own[name], y, 0, 0, y.Len())
			}
			shared, err := lockstep.New(floats(t, own[in])[from.Len()-x.Len():], x.Shape()...)
			ok(t, err)
			into := tensors{k: shared}
			for other, y := range want {
				if other != k {
					into[other], err = lockstep.Zeros(y.DType(), y.Shape()...)
					ok(t, err)
				}
			}
			ok(t, m.RunInto(t.Context(), own, into))
			if err := same(into, want); err != nil {
				t.Errorf("%s in the memory of %s: %v", k, in, err)
			}
			if slices.Equal(floats(t, own[in]), floats(t, inputs[in])) {
				t.Error("it was not written there")
			}
		}
	}
}
