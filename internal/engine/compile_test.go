package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// compile compiles the graph.
func compileDrawing(d *graphtest.Drawing, outputs map[string]string) *Program {
	d.T.Helper()
	_, g := d.Flatten(outputs)
	p, err := Compile(g, Options{Variable: d.Value})
	if err != nil {
		d.T.Fatal(err)
	}
	return p
}

// compiled compiles a graph with what was recognised in it, or, where found is
// nil, to be interpreted.
func compiled(t testing.TB, m *savedmodel.MetaGraph, g *savedmodel.Graph, found *recurrent.Findings) *Program {
	t.Helper()
	value := graphtest.ValuesOf(m)
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
