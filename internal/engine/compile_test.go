package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// compile compiles the graph.
func compileDrawing(d *drawing, outputs map[string]string) *Program {
	d.t.Helper()
	_, g := d.flatten(outputs)
	p, err := Compile(g, Options{Variable: d.value})
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// compiled compiles a graph with what was recognised in it, or, where found is
// nil, to be interpreted.
func compiled(t testing.TB, m *savedmodel.MetaGraph, g *savedmodel.Graph, found *recurrent.Found) *Program {
	t.Helper()
	value := valuesOf(m)
	o := Options{Variable: value, Weight: value}
	if found != nil {
		o.Recurrences = found.Recurrences
	}
	p, err := Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
