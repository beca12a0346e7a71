package diagnose

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

type tensors = map[string]*lockstep.Tensor

// Where two tensors first differ is told along their own axes: of steps, of a
// mask, or of a state.
func TestPlaces(t *testing.T) {
	steps := func(v ...float32) *lockstep.Tensor { return fixture.NewTensor(t, v, 2, 2, 2) }
	state := func(v ...float32) *lockstep.Tensor { return fixture.NewTensor(t, v, 2, 2) }
	mask := func(v ...bool) *lockstep.Tensor { return fixture.NewTensor(t, v, 2, 2) }
	for name, c := range map[string]struct {
		a, b *lockstep.Tensor
		want *Divergence
	}{
		"equal":        {steps(1, 2, 3, 4, 5, 6, 7, 8), steps(1, 2, 3, 4, 5, 6, 7, 8), nil},
		"missing":      {nil, steps(1, 2, 3, 4, 5, 6, 7, 8), nil},
		"steps":        {steps(1, 2, 3, 9, 5, 9, 7, 8), steps(1, 2, 3, 4, 5, 6, 7, 8), &Divergence{Step: 0, Row: 1, Unit: 1, Reference: 9, Candidate: 6}},
		"a state":      {state(1, 2, 3, 4), state(1, 2, 3, 5), &Divergence{Step: -1, Row: 1, Unit: 1, Reference: 4, Candidate: 5}},
		"a mask":       {mask(true, true, true, false), mask(true, true, false, false), &Divergence{Step: 0, Row: 1, Reference: 1}},
		"another mask": {mask(true, true, true, false), mask(true, true, true, true), &Divergence{Step: 1, Row: 1, Candidate: 1}},
	} {
		got := placeOf(c.a, c.b)
		if (got == nil) != (c.want == nil) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		} else if got != nil {
			got.Bound = 0
			if *got != *c.want {
				t.Errorf("%s: %+v, want %+v", name, *got, *c.want)
			}
		}
	}
	if p := placeOf(state(1, 2, 3, 4), steps(1, 2, 3, 4, 5, 6, 7, 8)); p == nil || !math.IsNaN(p.Reference) || !math.IsNaN(p.Candidate) {
		t.Errorf("of other shapes: %+v", p)
	}
}

// traceOf is a trace of one layer with what its steps show, and an output.
func traceOf(steps, outputs tensors) *lockstep.Trace {
	t := &lockstep.Trace{Layers: []string{"lstm"}, Steps: tensors{}, Outputs: outputs}
	for q, x := range steps {
		t.Steps[lockstep.StepName("lstm", q)] = x
	}
	return t
}

// Two runs are as far from each other as what differs most of what their layers
// read and leave. A mask that leaves nothing out is no mask, and what a mask
// leaves out nobody reads.
func TestRunsApart(t *testing.T) {
	all, most := fixture.NewTensor(t, []bool{true, true, true}, 1, 3), fixture.NewTensor(t, []bool{true, true, false}, 1, 3)
	x, other := fixture.NewTensor(t, []float32{1, 2, 3}, 1, 3, 1), fixture.NewTensor(t, []float32{1, 2, 4}, 1, 3, 1)
	for name, c := range map[string]struct {
		a, b   *lockstep.Trace
		differ bool
	}{
		"the same":                   {traceOf(tensors{"x": x}, tensors{"y": x}), traceOf(tensors{"x": x}, tensors{"y": x}), false},
		"another x":                  {traceOf(tensors{"x": x}, nil), traceOf(tensors{"x": other}, nil), true},
		"another x, masked":          {traceOf(tensors{"x": x, "mask": most}, nil), traceOf(tensors{"x": other, "mask": most}, nil), false},
		"another output":             {traceOf(nil, tensors{"y": x}), traceOf(nil, tensors{"y": other}), true},
		"another beginning":          {traceOf(tensors{"initial_h": x}, nil), traceOf(tensors{"initial_h": other}, nil), true},
		"another c":                  {traceOf(tensors{"initial_c": x}, nil), traceOf(tensors{"initial_c": other}, nil), true},
		"another layer's output":     {traceOf(tensors{"output": x}, nil), traceOf(tensors{"output": other}, nil), true},
		"no output":                  {traceOf(nil, nil), traceOf(nil, tensors{"y": x}), true},
		"a mask of everything":       {traceOf(nil, nil), traceOf(tensors{"mask": all}, nil), false},
		"instead of a mask, nothing": {traceOf(tensors{"mask": all}, nil), traceOf(nil, nil), false},
		"a mask":                     {traceOf(nil, nil), traceOf(tensors{"mask": most}, nil), true},
		"instead of a mask, none":    {traceOf(tensors{"mask": most}, nil), traceOf(nil, nil), true},
		"states between the steps":   {traceOf(tensors{"h": x}, nil), traceOf(tensors{"h": other}, nil), false}, // they follow from the rest
	} {
		if d := traceMargin(c.a, c.b); (d > 1) != c.differ || !c.differ && d != 0 {
			t.Errorf("%s: %v apart", name, d)
		}
	}
}

// The first divergence of a layer is in the states that it begins with, else in
// the earliest step, and there in the mask before x.
func TestFirstInWhatALayerReads(t *testing.T) {
	all, most := fixture.NewTensor(t, []bool{true, true, true}, 1, 3), fixture.NewTensor(t, []bool{true, true, false}, 1, 3)
	x, late, early := fixture.NewTensor(t, []float32{1, 2, 3}, 1, 3, 1), fixture.NewTensor(t, []float32{1, 2, 4}, 1, 3, 1), fixture.NewTensor(t, []float32{1, 4, 3}, 1, 3, 1)
	zero, one := fixture.NewTensor(t, []float32{0}, 1, 1), fixture.NewTensor(t, []float32{1}, 1, 1)
	for name, c := range map[string]struct {
		a, b     tensors
		quantity string
		step     int
	}{
		"nothing":              {tensors{"x": x, "mask": all}, tensors{"x": x}, "", 0},
		"h":                    {tensors{"initial_h": zero, "initial_c": zero, "x": x}, tensors{"initial_h": one, "initial_c": one, "x": early}, "initial_h", -1},
		"c":                    {tensors{"initial_h": zero, "initial_c": zero}, tensors{"initial_h": zero, "initial_c": one}, "initial_c", -1},
		"x":                    {tensors{"x": x}, tensors{"x": late}, "x", 2},
		"x before the mask":    {tensors{"x": x, "mask": all}, tensors{"x": early, "mask": most}, "x", 1},
		"the mask, as early":   {tensors{"x": x, "mask": all}, tensors{"x": late, "mask": most}, "mask", 2},
		"a mask and none":      {tensors{"x": x, "mask": most}, tensors{"x": x}, "mask", 2},
		"x that nothing reads": {tensors{"x": x, "mask": most}, tensors{"x": late, "mask": most}, "", 0},
	} {
		s := &search{Problem: Problem{Reference: traceOf(c.a, nil), Candidate: traceOf(c.b, nil)}, found: &Result{}}
		s.first()
		p := s.found.First
		if (p == nil) != (c.quantity == "") || p != nil && (p.Quantity != c.quantity || p.Step != c.step || p.Layer != "lstm") {
			t.Errorf("%s: %+v, want %q in step %d", name, p, c.quantity, c.step)
		}
	}
}
