//go:build tensorflow

package worker

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// operationsOf are the operations of a fixture's graph.
func operationsOf(t *testing.T, name string, inputs map[string]*lockstep.Tensor) []lockstep.Operation {
	t.Helper()
	engine, err := native.Load(fixture.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	operator, err := engine.Operator(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return operator.Operations()
}

// sameInner compares an inner tensor, also with one that is given.
func sameInner(t *testing.T, name string, m *Model, here *tfbridge.Model, inputs map[string]*lockstep.Tensor) {
	t.Helper()
	all := operationsOf(t, name, inputs)
	first, last := all[0].Results[:1], all[len(all)-1].Results[:1]
	if err := m.Prepare(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := m.Prepare(t.Context(), []lockstep.InnerTensor{{Node: "none"}}); err == nil {
		t.Error("no such node was prepared")
	}
	got, err := m.Inner(t.Context(), inputs, nil, first)
	if err != nil {
		t.Fatal(err)
	}
	want, err := here.Inner(t.Context(), inputs, nil, first)
	if err != nil || !got[0].BitEqual(want[0]) {
		t.Errorf("%s: %v, want %v, %v", first[0].Name(), got, want, err)
	}
	given := []lockstep.GivenTensor{{InnerTensor: first[0], Value: want[0]}}
	if got, err = m.Inner(t.Context(), inputs, given, last); err != nil {
		t.Fatal(err)
	}
	if want, err = here.Inner(t.Context(), inputs, given, last); err != nil || !got[0].BitEqual(want[0]) {
		t.Errorf("%s: %v, want %v, %v", last[0].Name(), got, want, err)
	}
	if _, err := m.Inner(t.Context(), inputs, nil, []lockstep.InnerTensor{{Node: "none"}}); err == nil {
		t.Error("no error for a tensor that there is not")
	}
}
