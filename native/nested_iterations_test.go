package native

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// In a loop that is run iteration by iteration, a layer inside its body takes the
// states that are given for that iteration, in the engine and in the oracle; it is no
// loop that counts as one operation.
func TestIterationsOfGivenLayers(t *testing.T) {
	const name = "nested_map_gru_keras3"
	m := nestedModel(t, name)
	inputs := fixture.Tensors(t, name, "inputs.npz")
	trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
	ok(t, err)
	given := map[string]*lockstep.Tensor{}
	for i := range inputs["x"].Shape()[1] {
		run := lockstep.RunName("map_over/inner", []int{i})
		shape := trace.Layer(run).Step("h").Shape()
		n := shape[0] * shape[1] * shape[2]
		given[lockstep.StepName(run, "h")] = fixture.NewTensor(t, slices.Repeat([]float32{float32(i + 1)}, n), shape...)
	}
	operator, oracle := operatorsOf(t, m, inputs, given)
	iterations := 0
	for _, op := range operator.Operations() {
		if op.Loop != nil && op.Loop.Whole == "" {
			iterations += givenIterations(t, op, operator, oracle, inputs["x"].Shape()[1])
			continue
		}
		own, err := operator.Next()
		ok(t, err)
		_, _, _, err = oracle.Next(op)
		ok(t, err)
		if own == nil { // of a layer: what the model itself has
			own, err = m.Inner(t.Context(), inputs, nil, op.Results)
			ok(t, err)
		}
		ok(t, operator.Take(own))
		ok(t, oracle.Take(own))
	}
	if iterations != inputs["x"].Shape()[1] {
		t.Errorf("%d iterations ran the layer, want %d", iterations, inputs["x"].Shape()[1])
	}
}

// givenIterations runs n iterations of a loop, and counts those in which the layer
// left the states that were given for them.
func givenIterations(t *testing.T, op lockstep.Operation, operator lockstep.Operator, oracle lockstep.OperatorOracle, n int) (found int) {
	t.Helper()
	loop, err := operator.Loop()
	ok(t, err)
	exact, err := oracle.Loop(op)
	ok(t, err)
	function := func(i int, all []lockstep.Operation, a lockstep.Operator, b lockstep.OperatorOracle) {
		for _, is := range all {
			own, err := a.Next()
			ok(t, err)
			values, _, _, err := b.Next(is)
			ok(t, err)
			ok(t, a.Take(own))
			ok(t, b.Take(own))
			if is.Op != "While" {
				continue
			}
			if is.Loop != nil {
				t.Errorf("%s: the loop of a layer counts as one operation: %s", is.Node, is.Loop.Whole)
			}
			want := float64(i + 1)
			if holds(t, own, want) && holds(t, values, want) {
				found++
			} else {
				t.Errorf("iteration %d: %s leaves no states of %v", i, is.Node, want)
			}
		}
	}
	for i := range n {
		a, err := loop.Condition()
		ok(t, err)
		b, err := exact.Condition()
		ok(t, err)
		function(i, op.Loop.Condition, a, b)
		a, err = loop.Body()
		ok(t, err)
		b, err = exact.Body()
		ok(t, err)
		function(i, op.Loop.Body, a, b)
	}
	own, err := loop.Results()
	ok(t, err)
	_, _, _, err = exact.Results()
	ok(t, err)
	ok(t, operator.Take(own))
	ok(t, oracle.Take(own))
	return found
}

// holds tells whether all numbers of one of the tensors are x.
func holds(t *testing.T, tensors []*lockstep.Tensor, x float64) bool {
	t.Helper()
	return slices.ContainsFunc(tensors, func(of *lockstep.Tensor) bool {
		d, err := of.Float64s()
		return err == nil && len(d) > 0 && !slices.ContainsFunc(d, func(v float64) bool { return v != x })
	})
}
