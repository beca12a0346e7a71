//go:build tensorflow

package tfbridge

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// part is x[:, i] of (batch, n, …).
func part(t *testing.T, x *lockstep.Tensor, i int) *lockstep.Tensor {
	t.Helper()
	d, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	shape := x.Shape()
	n := x.Len() / shape[0] / shape[1]
	var out []float32
	for row := range shape[0] {
		out = append(out, d[(row*shape[1]+i)*n:][:n]...)
	}
	made, err := lockstep.New(out, append([]int{shape[0]}, shape[2:]...)...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func nestedTrace(t *testing.T, name string, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*Model, *lockstep.Trace) {
	t.Helper()
	m, err := Open(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	trace, err := m.Trace(t.Context(), inputs, detail)
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Unshown) > 0 {
		t.Errorf("%s: not shown: %v", name, trace.Unshown)
	}
	return m, trace
}

// What a layer reads in each iteration of tf.map_fn is its part of the input, and
// what it leaves is what the next layer reads: TensorFlow's own tensors, bit for bit.
func TestTraceOfALayerInALoop(t *testing.T) {
	const name = "nested_map_gru_keras3"
	for _, c := range fixture.Cases(t, name) {
		inputs := fixture.Tensors(t, name, "inputs"+c+".npz")
		m, trace := nestedTrace(t, name, inputs, lockstep.Steps)
		x := inputs["x"]
		var want []string
		for i := range x.Shape()[1] {
			run := lockstep.RunName("map_over/inner", []int{i})
			want = append(want, run)
			if got := trace.Layer(run).X(); !got.BitEqual(part(t, x, i)) {
				t.Errorf("case %q: %s reads %s, want part %d of the input", c, run, got, i)
			}
			if got := trace.Layer(run).Final("h"); !got.BitEqual(part(t, trace.Layer("gru").X(), i)) {
				t.Errorf("case %q: %s ends with %s, which is not what the next layer reads", c, run, got)
			}
			if q := trace.Quantities(run); !slices.Equal(q, []string{"sum_z", "sum_r", "sum_g", "z", "r", "g", "h"}) {
				t.Errorf("case %q: of %s the trace has %q", c, run, q)
			}
		}
		if want = append(want, "gru"); !slices.Equal(trace.Layers, want) {
			t.Errorf("case %q: the layers are %q, want %q", c, trace.Layers, want)
		}
		states, err := m.Trace(t.Context(), inputs, lockstep.States)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(states.Layers, trace.Layers) || len(states.States) != len(trace.States) {
			t.Errorf("case %q: a trace of states has the layers %q and %d states", c, states.Layers, len(states.States))
		}
		for name, out := range fixture.Tensors(t, name, "expected"+c+".npz") {
			if !near(out, trace.Outputs[name], 1e-6) || !near(out, trace.Traced[name], 1e-6) {
				t.Errorf("case %q: %s is not what Keras predicted", c, name)
			}
		}
	}
}

// near tells whether no number differs by more than a share of one.
func near(a, b *lockstep.Tensor, share float64) bool {
	x, err := a.Float64s()
	if err != nil || b == nil || !slices.Equal(a.Shape(), b.Shape()) {
		return false
	}
	y, err := b.Float64s()
	if err != nil {
		return false
	}
	for i := range x {
		if d := x[i] - y[i]; !(d <= share && -d <= share) {
			return false
		}
	}
	return true
}

// In a loop that carries a layer's states, each run begins with those that the one
// before it left.
func TestTraceOfCarriedStates(t *testing.T) {
	const name = "nested_decoder_keras3"
	_, trace := nestedTrace(t, name, fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
	if len(trace.Layers) != 3 {
		t.Fatalf("the layers are %q, want 3 runs", trace.Layers)
	}
	for i, run := range trace.Layers[1:] {
		for _, state := range []string{"h", "c"} {
			if !trace.Layer(run).Initial(state).BitEqual(trace.Layer(trace.Layers[i]).Final(state)) {
				t.Errorf("%s does not begin with the %s that the run before it left", run, state)
			}
		}
	}
}

// A layer in a branch is shown where the branch is taken, masks are shown, and so
// are layers in two loops.
func TestTraceOfNestedLayers(t *testing.T) {
	for name, want := range map[string][]string{
		"nested_branch_keras3":     {"chosen/no"},
		"nested_map_masked_keras3": {"masked/inner/iteration0", "masked/inner/iteration1", "masked/inner/iteration2", "masked/inner/iteration3"},
	} {
		_, trace := nestedTrace(t, name, fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
		if !slices.Equal(trace.Layers, want) {
			t.Errorf("%s: the layers are %q, want %q", name, trace.Layers, want)
		}
		for _, l := range trace.Layers {
			if masked := trace.Layer(l).Mask() != nil; masked != strings.HasPrefix(name, "nested_map_masked") {
				t.Errorf("%s: %s has a mask: %v", name, l, masked)
			}
		}
	}
}

// A layer that runs too often, or whose runs are too large, is not shown; the trace
// says why, and has all else.
func TestTraceOfManyRuns(t *testing.T) {
	const name = "nested_map_gru_keras3"
	m, err := Open(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, n := range []int{recurrent.MaxRuns, recurrent.MaxRuns + 1} {
		x, err := lockstep.Zeros(lockstep.Float32, 1, n, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := m.Trace(t.Context(), map[string]*lockstep.Tensor{"x": x}, lockstep.Steps)
		if err != nil {
			t.Fatal(err)
		}
		want := n + 1
		if n > recurrent.MaxRuns {
			want = 1
		}
		if len(trace.Layers) != want || (trace.Unshown["map_over/inner"] == recurrent.TooMany()) != (want == 1) || trace.Layer("gru").X() == nil {
			t.Errorf("%d runs: %d layers, not shown: %v", n, len(trace.Layers), trace.Unshown)
		}
	}
}

// Where the copy of the loops cannot run, the layers inside them are not shown, and
// the trace has all else.
func TestTraceWithoutNestedLayers(t *testing.T) {
	const name = "nested_map_gru_keras3"
	inputs := fixture.Tensors(t, name, "inputs.npz")
	m, err := open(fixture.Dir(t, name), settings{tags: []string{"serve"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	s := m.(*tfSession)
	whole := s.stepping[0]()
	s.stepping[0] = func() steppers {
		broken := whole
		broken.states.nested.outputs = slices.Clone(whole.states.nested.outputs)
		// A handle, which no session can fetch.
		broken.states.nested.outputs[0] = s.saved.Graph.Operation("map_over/inner/gru_cell/kernel_1").Output(0)
		return broken
	}
	trace, err := m.trace(inputs, lockstep.Steps)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(trace.Layers, []string{"gru"}) || !strings.Contains(trace.Unshown["map_over/inner"], "could not be fetched") || trace.Layer("gru").X() == nil {
		t.Errorf("layers %q, not shown: %v", trace.Layers, trace.Unshown)
	}
}
