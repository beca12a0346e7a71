package explain

import (
	"fmt"
	"math"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Gate has the figures of one of a layer's gates, or of its candidate.
type Gate struct {
	Name string // as in lockstep.Trace.Steps: i, f, o, g, z, r
	// Between says that its values are from 0 to 1, so that it is open or
	// closed. A candidate's are from -1 to 1.
	Between bool
	All     Shares
	Units   []Shares
}

// Shares are fractions of all rows and steps of a layer, from 0 to 1.
type Shares struct {
	// Mean is the mean value, for a candidate that of its magnitude.
	Mean float64
	// Open and Closed are the shares above OpenAbove and below ClosedBelow; 0 for
	// a candidate.
	Open, Closed float64
	// Saturated is the share nearer than the constant Saturated to an end of
	// the range.
	Saturated float64
}

// ranges are the limits of an activation's results, where it has two.
func ranges(activation string) (low, high float64, ok bool) {
	switch {
	case activation == "sigmoid" || strings.HasPrefix(activation, "hard_sigmoid"):
		return 0, 1, true
	case activation == "tanh" || activation == "hard_tanh" || activation == "softsign":
		return -1, 1, true
	}
	return 0, 0, false
}

// watch counts the values of the layer's gates in the steps that it has.
func (l *Layer) watch(e *Explanation, trace *lockstep.Trace, seen []bool) error {
	if l.RecurrentActivation == "" {
		e.notApplicable("layer %s: a %s has no gates; what it has is a candidate, which is its h", l.Name, l.Kind)
	}
	for _, q := range trace.Quantities(l.Name) {
		if len(q) != 1 || q == "c" || q == "h" {
			continue // sums and states
		}
		activation, what := l.RecurrentActivation, "gate "+q
		if q == "g" {
			activation, what = l.Activation, "candidate"
		}
		low, high, ok := ranges(activation)
		if !ok {
			e.notApplicable("layer %s: its %s has the activation %s, whose values have no two ends, and so is neither open nor closed", l.Name, what, activation)
			continue
		}
		if q != "g" && low < 0 {
			e.notApplicable("layer %s: its %s has the activation %s, from %g to %g, and so is neither open nor closed", l.Name, what, activation, low, high)
			continue
		}
		g, err := count(q, trace.Layer(l.Name).Step(q), l.Units, low, high, seen)
		if err != nil {
			return err
		}
		l.Gates = append(l.Gates, g)
	}
	return nil
}

// count counts one gate's values (rows, steps, units) where seen.
func count(name string, t *lockstep.Tensor, units int, low, high float64, seen []bool) (Gate, error) {
	g := Gate{Name: name, Between: low == 0, Units: make([]Shares, units)}
	values, err := t.Float64s()
	if err != nil {
		return g, err
	}
	if len(values) != len(seen)*units {
		return g, fmt.Errorf("%s is %s, want %d rows and steps of %d units", name, t, len(seen), units)
	}
	n := 0.0
	for i, s := range seen {
		if !s {
			continue
		}
		n++
		for u, v := range values[i*units : (i+1)*units] {
			c := &g.Units[u]
			if !g.Between {
				v = math.Abs(v)
			}
			c.Mean += v
			if g.Between && v > OpenAbove {
				c.Open++
			}
			if g.Between && v < ClosedBelow {
				c.Closed++
			}
			if v > high-Saturated || g.Between && v < low+Saturated {
				c.Saturated++
			}
		}
	}
	if n == 0 {
		return g, fmt.Errorf("the mask leaves out every step")
	}
	for u := range g.Units {
		c := &g.Units[u]
		for _, x := range []struct{ of, all *float64 }{{&c.Mean, &g.All.Mean}, {&c.Open, &g.All.Open}, {&c.Closed, &g.All.Closed}, {&c.Saturated, &g.All.Saturated}} {
			*x.of /= n
			*x.all += *x.of / float64(units)
		}
	}
	return g, nil
}
