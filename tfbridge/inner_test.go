//go:build tensorflow

package tfbridge

import (
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// refs returns the result of a signature's output, and the first tensor of floats
// that the operation before it reads.
func refs(m *Model) (output, before lockstep.InnerTensor) {
	g := m.session.(*tfSession).graph
	inner := func(r savedmodel.Ref) lockstep.InnerTensor {
		return lockstep.InnerTensor{Node: r.Node.Name, Output: r.Index}
	}
	for _, r := range g.Outputs {
		for r = r.Through(); len(r.Node.Inputs) == 1; r = r.Node.Inputs[0].Through() {
			// down to an operation on two tensors
		}
		output, before = inner(r), inner(r.Node.Inputs[0])
	}
	return output, before
}

// Inner tensors are those of the run that makes the outputs; what is given stands
// in the place of what the model computes.
func TestInnerTensors(t *testing.T) {
	for _, name := range []string{"not_three_lstms", "seed_units1_keras3", "not_lstm_classifier", "reports/ln_stack"} {
		m := openFixture(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		output, before := refs(m)
		want := []lockstep.InnerTensor{output, before, output}
		if err := m.Prepare(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		first, err := m.Inner(t.Context(), inputs, nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if len(first) != 3 || first[0] != nil && !first[0].BitEqual(first[2]) {
			t.Fatalf("%s: %v", name, first)
		}
		same, err := m.Inner(t.Context(), inputs, []lockstep.GivenTensor{{InnerTensor: before, Value: first[1]}}, want[:1])
		if err != nil || !same[0].BitEqual(first[0]) {
			t.Errorf("%s: %s given as it is: %v, %v, want %v", name, before.Name(), same, err, first[0])
		}
		d, err := lockstep.Data[float32](first[1])
		if err != nil {
			t.Fatal(err)
		}
		off := make([]float32, len(d))
		for i := range off {
			off[i] = d[i] + 1
		}
		other, err := m.Inner(t.Context(), inputs, []lockstep.GivenTensor{{InnerTensor: before, Value: fixture.NewTensor(t, off, first[1].Shape()...)}}, want[:1])
		if err != nil || other[0].BitEqual(first[0]) {
			t.Errorf("%s: %s given and 1 more: %v, %v", name, before.Name(), other, err)
		}
		run, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		after, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		for k, y := range run {
			if !y.BitEqual(after[k]) {
				t.Errorf("%s: %s differs after its inner tensors were looked at", name, k)
			}
		}
		if err := m.Prepare(t.Context(), []lockstep.InnerTensor{{Node: "no such node"}}); err == nil || !strings.HasPrefix(err.Error(), "tfbridge: ") {
			t.Errorf("%s: no such node was prepared: %v", name, err)
		}
		for _, wrong := range []lockstep.InnerTensor{{Node: "no such node"}, {Node: output.Node, Output: 99}, {Node: output.Node, List: lockstep.Float32}} {
			if _, err := m.Inner(t.Context(), inputs, nil, []lockstep.InnerTensor{wrong}); err == nil || !strings.HasPrefix(err.Error(), "tfbridge: ") {
				t.Errorf("%s: %+v: error %v", name, wrong, err)
			}
		}
		if _, err := m.Inner(t.Context(), nil, nil, want); err == nil {
			t.Errorf("%s: no error without inputs", name)
		}
	}
}

// An operation that TensorFlow's optimizer fuses with those after it, even if it is
// fetched, has its own result: softplus(x) of mish(x) = x·tanh(softplus(x)).
func TestInnerTensorsAreNotFused(t *testing.T) {
	name := "dense_activations_rare_keras3"
	m := openFixture(t, name)
	inputs := fixture.Tensors(t, name, "inputs.npz")
	g := m.session.(*tfSession).graph
	found := 0
	for _, n := range g.Nodes {
		if n.Op != "Softplus" {
			continue
		}
		found++
		got, err := m.Inner(t.Context(), inputs, nil, []lockstep.InnerTensor{{Node: n.Inputs[0].Node.Name, Output: n.Inputs[0].Index}, {Node: n.Name}})
		if err != nil {
			t.Fatal(err)
		}
		x, errX := got[0].Float64s()
		y, errY := got[1].Float64s()
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		for i := range x {
			if want := math.Log1p(math.Exp(x[i])); math.Abs(y[i]-want) > 1e-5*(1+want) {
				t.Errorf("%s: softplus(%g) is %g", n.Name, x[i], y[i])
			}
		}
	}
	if found == 0 {
		t.Errorf("%s has no Softplus", name)
	}
}
