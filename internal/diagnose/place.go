package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Divergence is where two engines first diverge: in what a layer reads, its
// mask, x or the states before the first step, or in the result of a single
// step.
type Divergence struct {
	Layer string
	// Quantity is as in lockstep.Trace.Steps: x, mask, initial_h, sum_i, h.
	Quantity string
	// Step is -1 for the states before the first.
	Step, Row, Unit int
	// Reference and Candidate are the values, and Bound what their difference
	// was compared with.
	Reference, Candidate, Bound float64
}

// Gate returns the quantity's gate, "" if it has none.
func (p Divergence) Gate() string {
	gate := strings.TrimPrefix(p.Quantity, "sum_")
	if len(gate) == 1 && strings.Contains("zrifgo", gate) {
		return gate
	}
	return ""
}

// String says where it is.
func (p Divergence) String() string {
	layer, at, isRun := lockstep.CutRun(p.Layer)
	s := "layer " + layer
	if isRun {
		s += ", iteration " + strings.Trim(strings.ReplaceAll(fmt.Sprint(at), " ", "."), "[]")
	}
	if p.Step >= 0 {
		s += fmt.Sprintf(", step %d", p.Step)
	}
	switch gate := p.Gate(); {
	case gate != "" && gate != p.Quantity:
		s += ", gate " + gate + " (its sum)"
	case gate != "":
		s += ", gate " + gate
	case p.Quantity == "x":
		s += ", what it reads"
	default:
		s += ", " + p.Quantity
	}
	return s + fmt.Sprintf(", unit %d, batch row %d: %.9g and %.9g", p.Unit, p.Row, p.Reference, p.Candidate)
}

// first finds where the engines first diverge.
func (s *search) first() {
	for _, name := range s.Reference.Layers {
		if s.found.First = s.firstOf(name); s.found.First != nil {
			return
		}
	}
}

func (s *search) firstOf(name string) *Divergence {
	a, b := s.Reference.Steps, s.Candidate.Steps
	for _, q := range []string{"initial_h", "initial_c"} {
		if p := placeOf(a[lockstep.StepName(name, q)], b[lockstep.StepName(name, q)]); p != nil {
			p.Layer, p.Quantity, p.Step = name, q, -1
			return p
		}
	}
	var first *Divergence
	take := func(p *Divergence, q string) {
		if p != nil && (first == nil || p.Step < first.Step) {
			p.Layer, p.Quantity = name, q
			first = p
		}
	}
	mask, other := a[lockstep.StepName(name, "mask")], b[lockstep.StepName(name, "mask")]
	if (mask == nil) != (other == nil) {
		mask, other = everything(mask, other), everything(other, mask)
	}
	take(placeOf(mask, other), "mask")
	take(placeOf(read(a[lockstep.StepName(name, "x")], mask), read(b[lockstep.StepName(name, "x")], mask)), "x")
	for _, l := range s.layers {
		if l.name == name {
			for _, q := range l.quantities[InCandidate] {
				take(l.first(q), q)
			}
		}
	}
	return first
}

// placeOf returns the first place where two tensors differ by more than the
// default tolerance: (batch, steps, …), or (batch, …) without steps.
func placeOf(reference, candidate *lockstep.Tensor) *Divergence {
	if reference == nil || candidate == nil {
		return nil
	}
	if !slices.Equal(reference.Shape(), candidate.Shape()) {
		return &Divergence{Reference: math.NaN(), Candidate: math.NaN()} // not the same number
	}
	r := judged(reference, candidate, func(_ string, shape []int) compare.Layout {
		switch {
		case len(shape) == 3:
			return compare.Layout{Batch: 0, Time: 1, Unit: 2}
		case reference.DType() == lockstep.Bool: // a mask
			return compare.Layout{Batch: 0, Time: 1, Unit: -1}
		}
		return compare.Layout{Batch: 0, Time: -1, Unit: 1}
	})
	if r.First == nil {
		return nil
	}
	number := func(v compare.Value) float64 { return v.Float64() }
	p := &Divergence{Step: r.First.Step, Row: max(r.First.Batch, 0), Unit: max(r.First.Unit, 0), Bound: r.First.Bound}
	if reference.DType() != lockstep.Bool {
		p.Reference, p.Candidate = number(r.First.Reference), number(r.First.Candidate)
	} else if r.First.Reference.String() == "true" {
		p.Reference = 1
	} else {
		p.Candidate = 1
	}
	return p
}

// first returns the first place along time where a quantity of single steps
// differs by more than the rounding of two engines.
func (l *layer) first(q string) *Divergence {
	there := make([]bool, l.batch*l.steps)
	for _, row := range l.rows {
		there[row] = true
	}
	a, b, e := l.values[InReference][q], l.values[InCandidate][q], l.meant[InReference]
	shown := func(v float64) float64 { return v }
	if l.from["x"].DType() == lockstep.Float32 {
		shown = func(v float64) float64 { return float64(float32(v)) } // as traces show it
	}
	for t := range l.steps {
		for i := range l.batch {
			row := i*l.steps + t
			if !there[row] {
				continue
			}
			for u := range l.units {
				at := row*l.units + u
				bound := 2*finiteBound(e.bound[q][at], e.value[q][at]) + l.rounding*math.Abs(e.value[q][at])
				have := shown(b[at])
				d := math.Abs(a[at] - have)
				if d > bound || math.IsNaN(d) && (math.IsNaN(a[at]) != math.IsNaN(have)) {
					return &Divergence{Step: t, Row: i, Unit: u, Reference: a[at], Candidate: have, Bound: bound}
				}
			}
		}
	}
	return nil
}
