//go:build tensorflow

package faults_test

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/fault"
)

// expected says where a fault must show first, worked out without either engine:
// in single steps from how far the sound and the faulty cell are from each other
// in float64, on what TensorFlow's layers read; in what layers read from how far
// the sound and the faulty model's are.
type expected struct{ layers []layerShows }

// layerShows is what of a layer shows, in the order in which it is computed.
type layerShows struct {
	name  string
	shows []shows
}

// shows is one place, and the difference there as a part of what rounding may do.
type shows struct {
	place diagnose.Divergence
	ratio float64
}

// What is below sure may be hidden by rounding, and what is above maybe may be
// shown by it: an engine's own rounding is rarely a quarter of its bound.
const maybe, sure = 0.75, 1.25

func (e *expected) certain() bool {
	for _, l := range e.layers {
		for _, s := range l.shows {
			if s.ratio > sure {
				return true
			}
		}
	}
	return false
}

// judge says what is wrong with the first place that was found: it must be one
// where the fault shows, and none before it must have to show it. The report's
// first single step must be it too.
func (e *expected) judge(found *diagnose.Result, r *compare.Report) string {
	p := found.First
	if p == nil {
		if e.certain() {
			return "none was found"
		}
		return "" // it shows in the outputs alone
	}
	for i := range r.Comparisons {
		k := &r.Comparisons[i]
		if k.Title != "single steps" || k.First() == nil || p.Step < 0 || p.Quantity == "x" || p.Quantity == "mask" {
			continue
		}
		first := k.First()
		if first.Name != path.Join(p.Layer, p.Quantity) || first.First.Step != p.Step || first.First.Unit != p.Unit || first.First.Batch != p.Row {
			return fmt.Sprintf("the report says %s at %s, and the diagnosis %s", first.Name, &first.First.Place, p)
		}
	}
	for _, l := range e.layers {
		for _, s := range l.shows {
			if s.place == (diagnose.Divergence{Layer: p.Layer, Quantity: p.Quantity, Step: p.Step, Row: p.Row, Unit: p.Unit}) {
				return ""
			}
			if s.ratio > sure {
				return fmt.Sprintf("found %s, and it must show in %s, step %d, unit %d, row %d (%.3g)", p, path.Join(s.place.Layer, s.place.Quantity), s.place.Step, s.place.Unit, s.place.Row, s.ratio)
			}
		}
	}
	return fmt.Sprintf("found %s, where it cannot show", p)
}

func (c *subject) expect(t *testing.T, f fault.Fault, faulty *lockstep.Trace, mode int) *expected {
	e := &expected{}
	for _, layer := range c.sound.Layers {
		l := layerShows{name: layer}
		var at []shows
		for _, q := range []string{"initial_h", "initial_c", "mask", "x"} {
			at = append(at, c.reads(t, layer, q, faulty)...)
		}
		if !f.OutsideSteps() {
			for _, s := range c.steps(t, layer, f) {
				if q := s.place.Quantity; mode == inModel || q == "h" || q == "c" {
					at = append(at, s)
				}
			}
		}
		slices.SortStableFunc(at, func(a, b shows) int {
			if a.place.Step != b.place.Step {
				return a.place.Step - b.place.Step
			}
			return order(a.place.Quantity) - order(b.place.Quantity)
		})
		l.shows = at
		e.layers = append(e.layers, l)
	}
	return e
}

// order is that in which a step has its quantities.
func order(q string) int {
	list := []string{"initial_h", "initial_c", "mask", "x", "sum_z", "sum_r", "sum_i", "sum_f", "sum_g", "sum_o", "z", "r", "i", "f", "g", "o", "c", "h"}
	return slices.Index(list, q)
}

// reads lists where what a layer reads differs with the fault.
func (c *subject) reads(t *testing.T, layer, q string, faulty *lockstep.Trace) []shows {
	a, b := c.sound.Layer(layer).Step(q), faulty.Layer(layer).Step(q)
	if a == nil || b == nil {
		return nil
	}
	if !slices.Equal(a.Shape(), b.Shape()) {
		return []shows{{diagnose.Divergence{Layer: layer, Quantity: q}, math.Inf(1)}}
	}
	var x, y []float64
	if q == "mask" {
		x, y = truths(t, a), truths(t, b)
	} else {
		x, y = numbers(t, a), numbers(t, b)
	}
	shape := append(slices.Clone(a.Shape()), 1, 1)[:3]
	if strings.HasPrefix(q, "initial_") {
		shape = []int{a.Shape()[0], 1, a.Shape()[1]}
	}
	var there []float64 // the x of a step that a mask leaves out is not read
	if mask := c.sound.Layer(layer).Mask(); q == "x" && mask != nil {
		there = truths(t, mask)
	}
	return list(layer, q, shape, strings.HasPrefix(q, "initial_"), func(i int) float64 {
		if there != nil && there[i/shape[2]] == 0 {
			return 0
		}
		return math.Abs(x[i]-y[i]) / (compare.DefaultAtol + compare.DefaultRtol*math.Abs(x[i]))
	})
}

// steps lists where single steps differ with the fault.
func (c *subject) steps(t *testing.T, layer string, f fault.Fault) []shows {
	from, err := c.reference.trace.Layer(layer).Before()
	if err != nil {
		t.Fatal(err)
	}
	if from == nil {
		return nil
	}
	oracle, err := c.m.Source().Oracle()
	if err != nil {
		t.Fatal(err)
	}
	bad, err := oracle.Edit(f.Plant)
	if err != nil {
		t.Fatal(err)
	}
	sound, _, err := oracle.Step(layer, from)
	if err != nil {
		t.Fatal(err)
	}
	wrong, wrongBound, err := bad.Step(layer, from)
	if err != nil {
		t.Fatal(err)
	}
	var there []float64
	if mask := c.reference.trace.Layer(layer).Mask(); mask != nil {
		there = truths(t, mask)
	}
	rounding := 0x1p-24
	if from["x"].DType() == lockstep.Float64 {
		rounding = 0x1p-53
	}
	var out []shows
	for q := range sound {
		if c.reference.trace.Layer(layer).Step(q) == nil || wrong[q] == nil {
			continue
		}
		a, b, bound := numbers(t, sound[q]), numbers(t, wrong[q]), numbers(t, wrongBound[q])
		shape := sound[q].Shape()
		out = append(out, list(layer, q, shape, false, func(i int) float64 {
			if there != nil && there[i/shape[2]] == 0 {
				return 0
			}
			return math.Abs(a[i]-b[i]) / (2*bound[i] + rounding*math.Abs(b[i]))
		})...)
	}
	return out
}

// list lists the places (batch, steps, units) that may show, along time.
func list(layer, q string, shape []int, initial bool, ratio func(i int) float64) []shows {
	var out []shows
	for step := range shape[1] {
		for row := range shape[0] {
			for u := range shape[2] {
				if r := ratio((row*shape[1]+step)*shape[2] + u); r > maybe {
					p := diagnose.Divergence{Layer: layer, Quantity: q, Step: step, Row: row, Unit: u}
					if initial {
						p.Step = -1
					}
					out = append(out, shows{p, r})
				}
			}
		}
	}
	return out
}

func numbers(t *testing.T, x *lockstep.Tensor) []float64 {
	d, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func truths(t *testing.T, x *lockstep.Tensor) []float64 {
	d, err := lockstep.Data[bool](x)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(d))
	for i, v := range d {
		if v {
			out[i] = 1
		}
	}
	return out
}
