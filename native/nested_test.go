package native

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

func nestedModel(t *testing.T, name string) *Model {
	t.Helper()
	m, err := LoadFS(fixture.FS(t, name))
	ok(t, err)
	return m
}

// slice is x[:, i] of (batch, n, …).
func slice(t *testing.T, x *lockstep.Tensor, i int) *lockstep.Tensor {
	t.Helper()
	d, err := lockstep.Data[float32](x)
	ok(t, err)
	shape := x.Shape()
	n := x.Len() / shape[0] / shape[1]
	var out []float32
	for row := range shape[0] {
		out = append(out, d[(row*shape[1]+i)*n:][:n]...)
	}
	part, err := lockstep.New(out, append([]int{shape[0]}, shape[2:]...)...)
	ok(t, err)
	return part
}

// A layer that tf.map_fn runs for each part of the input has a run for each in a
// trace, which reads that part; the layer behind it reads what the runs leave.
func TestTraceOfALayerInALoop(t *testing.T) {
	m := nestedModel(t, "nested_map_gru_keras3")
	for _, c := range fixture.Cases(t, "nested_map_gru_keras3") {
		inputs := fixture.Tensors(t, "nested_map_gru_keras3", "inputs"+c+".npz")
		trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
		ok(t, err)
		x := inputs["x"]
		var want []string
		for i := range x.Shape()[1] {
			run := lockstep.RunName("map_over/inner", []int{i})
			want = append(want, run)
			if got := trace.Layer(run).X(); !got.BitEqual(slice(t, x, i)) {
				t.Errorf("case %q: %s reads %s, want part %d of the input", c, run, got, i)
			}
			if got := trace.Layer(run).Final("h"); !got.BitEqual(slice(t, trace.Layer("gru").X(), i)) {
				t.Errorf("case %q: %s ends with %s, which is not what the next layer reads at step %d", c, run, got, i)
			}
		}
		if want = append(want, "gru"); !slices.Equal(trace.Layers, want) {
			t.Errorf("case %q: the layers are %q, want %q", c, trace.Layers, want)
		}
		states, err := m.Trace(t.Context(), inputs, lockstep.States)
		ok(t, err)
		if !slices.Equal(states.Layers, trace.Layers) || len(states.States) != len(trace.States) {
			t.Errorf("case %q: a trace of states has the layers %q and %d states, one of steps %q and %d", c, states.Layers, len(states.States), trace.Layers, len(trace.States))
		}
		for name, s := range states.States {
			if !s.BitEqual(trace.States[name]) {
				t.Errorf("case %q: %s is not the same in both traces", c, name)
			}
		}
	}
}

// In a loop that carries a layer's states, each run begins with what the one before
// it left.
func TestTraceOfCarriedStates(t *testing.T) {
	m := nestedModel(t, "nested_decoder_keras3")
	trace, err := m.Trace(t.Context(), fixture.Tensors(t, "nested_decoder_keras3", "inputs.npz"), lockstep.Steps)
	ok(t, err)
	if len(trace.Layers) != 3 {
		t.Fatalf("the layers are %q, want 3 runs", trace.Layers)
	}
	for i, run := range trace.Layers {
		for _, state := range []string{"h", "c"} {
			first := trace.Layer(run).Initial(state)
			zeros, err := lockstep.Zeros(lockstep.Float32, first.Shape()...)
			ok(t, err)
			before := zeros
			if i > 0 {
				before = trace.Layer(trace.Layers[i-1]).Final(state)
			}
			if !first.BitEqual(before) {
				t.Errorf("%s begins with %s %s, want what is before it", run, state, first)
			}
		}
	}
}

// Of a layer in a branch the trace has what was run.
func TestTraceOfABranch(t *testing.T) {
	m := nestedModel(t, "nested_branch_keras3")
	for _, sign := range []float32{1, -1} {
		d := make([]float32, 2*5*2)
		for i := range d {
			d[i] = sign * float32(i%3)
		}
		x, err := lockstep.New(d, 2, 5, 2)
		ok(t, err)
		trace, err := m.Trace(t.Context(), map[string]*lockstep.Tensor{"x": x}, lockstep.Steps)
		ok(t, err)
		want := "chosen/yes"
		if sign < 0 {
			want = "chosen/no"
		}
		if !slices.Equal(trace.Layers, []string{want}) || !trace.Layer(want).X().BitEqual(x) {
			t.Errorf("with a sum of sign %v the layers are %q, want %q", sign, trace.Layers, want)
		}
	}
}

// A layer that runs too often is not shown, and the trace says so; the outputs are
// the same.
func TestTraceOfManyRuns(t *testing.T) {
	m := nestedModel(t, "nested_map_gru_keras3")
	for _, n := range []int{recurrent.MaxRuns, recurrent.MaxRuns + 1, 2 * recurrent.MaxRuns} {
		x, err := lockstep.Zeros(lockstep.Float32, 1, n, 2, 2)
		ok(t, err)
		inputs := map[string]*lockstep.Tensor{"x": x}
		trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
		ok(t, err)
		why, hidden := trace.Unshown["map_over/inner"]
		shown := slices.ContainsFunc(trace.Layers, func(l string) bool { return strings.HasPrefix(l, "map_over/inner") })
		if many := n > recurrent.MaxRuns; hidden != many || shown == many || many && why != recurrent.TooMany() {
			t.Errorf("%d runs: shown %v, and not shown for %q", n, shown, why)
		}
		out, err := m.Run(t.Context(), inputs)
		ok(t, err)
		for name := range out {
			if !out[name].BitEqual(trace.Outputs[name]) {
				t.Errorf("%d runs: the trace's output %q is not Run's", n, name)
			}
		}
	}
}

// The layer's cell runs, and not the operations of its body: that is what Layers
// says, and what a step shows.
func TestNestedLayersRunAsCells(t *testing.T) {
	for name, want := range map[string]string{
		"nested_map_gru_keras3": "the body of loop", "nested_map_masked_keras3": "the body of loop",
		"nested_decoder_keras3": "the body of loop", "nested_branch_keras3": "the branch for true of",
	} {
		m := nestedModel(t, name)
		if l := m.Layers()[0]; !strings.HasPrefix(l.Within, want) {
			t.Errorf("%s: layer %s stands in %q, want %q", name, l.Name, l.Within, want)
		}
		for _, l := range m.source.Found.Layers {
			x := make([]float32, l.Features)
			h, c := make([]float32, l.Units), make([]float32, l.Units)
			if _, err := m.Step(lockstep.RunName(l.Name, []int{1}), cellInputs(t, x, h, c, len(l.States))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func cellInputs(t *testing.T, x, h, c []float32, states int) map[string]*lockstep.Tensor {
	t.Helper()
	out := map[string]*lockstep.Tensor{}
	for i, d := range [][]float32{x, h, c}[:1+states] {
		var err error
		out["xhc"[i:i+1]], err = lockstep.New(d, 1, len(d))
		ok(t, err)
	}
	return out
}

// A loop that is given the states of the layer inside it is judged by what is left
// of it: the bounds are smaller, and what the engine computes is within them.
func TestOperationsOfGivenLayers(t *testing.T) {
	const name = "nested_decoder_keras3"
	m := nestedModel(t, name)
	inputs := fixture.Tensors(t, name, "inputs.npz")
	trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
	ok(t, err)
	given := map[string]*lockstep.Tensor{}
	for _, l := range trace.Layers {
		for _, q := range []string{"h", "c"} {
			given[lockstep.StepName(l, q)] = trace.Layer(l).Step(q)
		}
	}
	free, isolated := loopBound(t, m, inputs, nil), loopBound(t, m, inputs, given)
	if !(isolated < free/2) {
		t.Errorf("the loop's bound is %.3g with its layer given, and %.3g without", isolated, free)
	}
	// A state of another shape is no state of the layer.
	wrong := map[string]*lockstep.Tensor{}
	for k, v := range given {
		wrong[k], err = lockstep.Zeros(lockstep.Float32, 1, 1, v.Shape()[2])
		ok(t, err)
	}
	operator, err := m.Operator(t.Context(), inputs)
	ok(t, err)
	operator.GiveLayers(wrong)
	for err == nil {
		var own []*lockstep.Tensor
		if own, err = operator.Next(); err == nil {
			err = operator.Take(own)
		}
	}
	if !strings.Contains(err.Error(), "is given as float32 (1, 1, 4), want the shape") {
		t.Errorf("states of another shape: %v", err)
	}
}

// operatorsOf begins the single operations of the engine and of the oracle, with what
// is given for layers inside loops.
func operatorsOf(t *testing.T, m *Model, inputs, given map[string]*lockstep.Tensor) (lockstep.Operator, lockstep.OperatorOracle) {
	t.Helper()
	operator, err := m.Operator(t.Context(), inputs)
	ok(t, err)
	o, err := m.Oracle()
	ok(t, err)
	oracle, err := o.Operator(t.Context(), inputs)
	ok(t, err)
	operator.GiveLayers(given)
	oracle.GiveLayers(given)
	return operator, oracle
}

// loopBound is the largest bound of the results of the loop, all of which must hold.
func loopBound(t *testing.T, m *Model, inputs, given map[string]*lockstep.Tensor) float64 {
	t.Helper()
	operator, oracle := operatorsOf(t, m, inputs, given)
	most := 0.0
	for _, op := range operator.Operations() {
		own, err := operator.Next()
		ok(t, err)
		exact, bound, _, err := oracle.Next(op)
		ok(t, err)
		ok(t, operator.Take(own))
		ok(t, oracle.Take(own))
		if op.Op != "While" {
			continue
		}
		for i, b := range bound {
			if b == nil {
				continue
			}
			limits, err := b.Float64s()
			ok(t, err)
			want, err := exact[i].Float64s()
			ok(t, err)
			have, err := own[i].Float64s()
			ok(t, err)
			for k, limit := range limits {
				if d := have[k] - want[k]; !(d <= limit && -d <= limit) {
					t.Errorf("result %d of the loop is off by %.3g, and its bound is %.3g", i, d, limit)
				}
				most = max(most, limit)
			}
		}
	}
	return most
}
