package rounding

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// Cell is a recurrent layer's cell.
type Cell struct {
	Kind            recurrent.Kind
	Features, Units int
	unit            Unit
	noise           *Noise // nil for bounds
	operation       uint64 // the first of its operations, for noise
	act, rec        activation
	resetAfter      bool
	gates           int

	kernel, recurrent []float64 // (features, gates·units), (units, gates·units)
	bias              []float64 // (gates·units), nil for none
	recurrentBias     []float64 // of a GRU with resetAfter
	forgetBias        []float64 // of an LSTM that adds to its forget gate, nil for none
}

// NewCell makes the cell of a layer from its weights as Keras has them; bias may
// be nil.
func NewCell(l *recurrent.Layer, unit Unit, kernel, recurrent, bias []float64) (*Cell, error) {
	act, known := activationOf(l.Activation, unit)
	rec, knownToo := activationOf(l.RecurrentActivation, unit)
	if !known || !knownToo {
		return nil, fmt.Errorf("the activations %s and %s are not known", l.Activation, l.RecurrentActivation)
	}
	c := &Cell{operation: Operation(l.Name), Kind: l.Kind, Features: l.Features, Units: l.Units, unit: unit, act: act, rec: rec, resetAfter: l.ResetAfter, gates: len(l.Gates)}
	columns := c.gates * c.Units
	biases := columns
	if c.resetAfter {
		biases *= 2
	}
	if c.gates == 0 || len(kernel) != c.Features*columns || len(recurrent) != c.Units*columns || bias != nil && len(bias) != biases {
		return nil, fmt.Errorf("%d, %d and %d weights for a cell of %d features, %d units and %d gates", len(kernel), len(recurrent), len(bias), c.Features, c.Units, c.gates)
	}
	c.kernel, c.recurrent, c.bias = slices.Clone(kernel), slices.Clone(recurrent), slices.Clone(bias)
	if c.resetAfter && bias != nil {
		c.bias, c.recurrentBias = c.bias[:columns], c.bias[columns:]
	}
	if l.ForgetBias != 0 {
		c.forgetBias = make([]float64, columns)
		for i := range c.Units {
			c.forgetBias[c.Units+i] = l.ForgetBias
		}
	}
	return c, nil
}

// Sampled is the cell with noise: its steps have no bounds, and their results
// are moved.
func (c *Cell) Sampled(n *Noise) *Cell {
	out := *c
	out.noise = n
	return &out
}

// values are those of some rows; with noise all have the same bounds, zeros.
func (c *Cell) values(rows int) Values {
	n := rows * c.Units
	if c.noise == nil {
		return newValues(n)
	}
	if len(c.noise.zeros) < n {
		c.noise.zeros = make([]float64, n)
	}
	return Values{make([]float64, n), c.noise.zeros[:n]}
}

// Step is the result of one step, each (rows, units): the sums before and the
// gates after their activations, in the order of recurrent.Layer.Gates, and the
// states; only an LSTM has C.
type Step struct {
	Sums, Gates []Values
	H, C        Values
}

// Step takes one step from x (rows, features), h and c (rows, units).
func (c *Cell) Step(x, h, cell Values, rows int) *Step {
	c.begin(0)
	out := &Step{H: c.values(rows)}
	for range c.gates {
		out.Sums, out.Gates = append(out.Sums, c.values(rows)), append(out.Gates, c.values(rows))
	}
	switch c.Kind {
	case recurrent.LSTM:
		c.lstm(out, x, h, cell, rows)
	case recurrent.GRU:
		c.gru(out, x, h, rows)
	default:
		c.sum(out.Sums[0], 0, x, h, rows, c.bias)
		c.begin(2)
		c.activate(out.Gates[0], out.Sums[0], c.act)
		copy(out.H.V, out.Gates[0].V)
		copy(out.H.E, out.Gates[0].E)
	}
	return out
}

// sum computes x·kernel + h·recurrent_kernel + biases for the columns of one
// gate; h may have no values.
func (c *Cell) sum(to Values, gate int, x, h Values, rows int, biases ...[]float64) {
	c.begin(1 + 2*gate)
	n := c.Features + len(biases)
	p := c.newProduct(to, rows)
	p.add(x, c.kernel, c.Features, c.gates*c.Units, gate*c.Units)
	if h.V != nil {
		p.add(h, c.recurrent, c.Units, c.gates*c.Units, gate*c.Units)
		n += c.Units
	}
	for _, b := range biases {
		p.bias(b, gate*c.Units)
	}
	p.close(n)
}

// begin says which of the cell's operations comes next.
func (c *Cell) begin(part int) {
	if c.noise != nil {
		c.noise.Begin(c.operation + uint64(part))
	}
}

func (c *Cell) activate(to, from Values, a activation) {
	for i, v := range from.V {
		to.V[i], to.E[i] = c.apply(a, v, from.err(i))
	}
}

// apply is a function of one number that is off by at most e.
func (c *Cell) apply(a activation, x, e float64) (y, bound float64) {
	if c.noise == nil {
		return a.apply(c.unit, x, e)
	}
	y, deviation := Function{a}.Typical(c.unit, x)
	return c.noise.Move(y, deviation), 0
}

func (c *Cell) lstm(out *Step, x, h, cell Values, rows int) {
	const i, f, g, o = 0, 1, 2, 3
	for gate := range c.gates {
		if gate == f && c.forgetBias != nil {
			c.sum(out.Sums[gate], gate, x, h, rows, c.bias, c.forgetBias)
		} else {
			c.sum(out.Sums[gate], gate, x, h, rows, c.bias)
		}
		a := c.rec
		if gate == g {
			a = c.act
		}
		c.begin(2 + 2*gate)
		c.activate(out.Gates[gate], out.Sums[gate], a)
	}
	c.begin(0)
	out.C = c.values(rows)
	for k := range out.C.V {
		out.C.V[k], out.C.E[k] = c.twoProducts(out.Gates[f].at(k), cell.at(k), out.Gates[i].at(k), out.Gates[g].at(k))
		t, e := c.apply(c.act, out.C.V[k], out.C.err(k))
		out.H.V[k], out.H.E[k] = c.product(number{t, e}, out.Gates[o].at(k), 1)
	}
}

func (c *Cell) gru(out *Step, x, h Values, rows int) {
	const z, r, g = 0, 1, 2
	for gate := z; gate <= r; gate++ {
		c.sum(out.Sums[gate], gate, x, h, rows, c.bias, c.recurrentBias)
		c.begin(2 + 2*gate)
		c.activate(out.Gates[gate], out.Sums[gate], c.rec)
	}
	if c.resetAfter {
		c.sum(out.Sums[g], g, x, Values{}, rows, c.bias)
		inner := c.values(rows)
		p := c.newProduct(inner, rows)
		p.add(h, c.recurrent, c.Units, c.gates*c.Units, g*c.Units)
		p.bias(c.recurrentBias, g*c.Units)
		p.close(c.Units + 1)
		for k := range inner.V {
			v, e := c.product(out.Gates[r].at(k), inner.at(k), 1)
			s := out.Sums[g]
			s.V[k], s.E[k] = c.plus(s.at(k), number{v, e})
		}
	} else {
		reset := c.values(rows)
		for k := range reset.V {
			reset.V[k], reset.E[k] = c.product(out.Gates[r].at(k), h.at(k), 1)
		}
		c.sum(out.Sums[g], g, x, reset, rows, c.bias)
	}
	c.begin(2 + 2*g)
	c.activate(out.Gates[g], out.Sums[g], c.act)
	c.begin(0)
	for k := range out.H.V {
		gate := out.Gates[z].at(k)
		rest, e := c.plus(number{1, 0}, number{-gate.v, gate.e})
		out.H.V[k], out.H.E[k] = c.twoProducts(gate, h.at(k), number{rest, e}, out.Gates[g].at(k))
	}
}

// number is one value and its bound.
type number struct{ v, e float64 }

func (n number) size() float64 { return math.Abs(n.v) + n.e }

func (v Values) at(i int) number { return number{v.V[i], v.err(i)} }

// product is a·b, rounded n times.
func (c *Cell) product(a, b number, n int) (v, e float64) {
	v = a.v * b.v
	if c.noise != nil {
		return c.noise.Move(v, c.unit.Deviation(n)*math.Abs(v)), 0
	}
	e = a.size()*b.e + a.e*math.Abs(b.v)
	return v, (e+c.unit.gamma(n)*(math.Abs(v)+e))*slack + c.unit.tiny()
}

// plus is a + b, rounded once.
func (c *Cell) plus(a, b number) (v, e float64) {
	v = a.v + b.v
	if c.noise != nil {
		return c.noise.Move(v, c.unit.Deviation(1)*math.Abs(v)), 0
	}
	e = a.e + b.e
	return v, (e+c.unit.gamma(1)*(math.Abs(v)+e))*slack + c.unit.tiny()
}

// twoProducts is a·b + d·f, fused or not.
func (c *Cell) twoProducts(a, b, d, f number) (v, e float64) {
	p, pe := c.product(a, b, 1)
	q, qe := c.product(d, f, 1)
	return c.plus(number{p, pe}, number{q, qe})
}
