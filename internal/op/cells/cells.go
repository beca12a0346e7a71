// Package cells has TensorFlow 1's operations that are a recurrent cell, or all
// steps of one: LSTMBlockCell, GRUBlockCell, BlockLSTM
// (tensorflow/core/kernels/rnn).
package cells

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations of this package.
var Ops = op.Table{
	"LSTMBlockCell": {Build: buildLSTM, Shape: op.NoInput, Bound: lstmBound},
	"BlockLSTM":     {Build: buildLSTM, Shape: op.NoInput, Bound: lstmBound},
	"BlockLSTMV2":   {Build: buildLSTM, Shape: op.NoInput, Bound: lstmBound},
	"GRUBlockCell":  {Build: buildGRU, Shape: op.NoInput, Bound: gruBound},
}

// lstm are the attributes of an LSTM, and which columns of its matrix are those of
// the gates i, f, c and o.
type lstm struct {
	sequence bool // it runs all steps, and its first input says how many there are at most
	peephole bool
	forget   float64
	clip     float64
	columns  [4]int
}

// The numbers of the gates.
const (
	gateI = iota
	gateF
	gateC
	gateO
)

func readLSTM(n *savedmodel.Node) lstm {
	c := lstm{sequence: n.Op != "LSTMBlockCell", peephole: n.AttrBool("use_peephole"), columns: [4]int{gateI: 0, gateF: 2, gateC: 1, gateO: 3}}
	if n.Op == "BlockLSTMV2" { // which has Keras's order, and no forget bias
		c.columns = [4]int{gateI: 0, gateF: 1, gateC: 2, gateO: 3}
		c.clip = float64(op.FloatOr(n, "cell_clip", 0))
		return c
	}
	c.forget, c.clip = float64(op.FloatOr(n, "forget_bias", 1)), float64(op.FloatOr(n, "cell_clip", 3))
	return c
}

func buildLSTM(n *savedmodel.Node) (op.Exec, error) {
	c := readLSTM(n)
	return op.ByType(op.Variants[op.Exec]{lockstep.Float32: runLSTM[float32](c), lockstep.Float64: runLSTM[float64](c)})(n)
}

func buildGRU(n *savedmodel.Node) (op.Exec, error) {
	return op.ByType(op.Variants[op.Exec]{lockstep.Float32: runGRU[float32], lockstep.Float64: runGRU[float64]})(n)
}

// inputs are an LSTM's inputs: x (steps, rows, features), the states (rows, units),
// the matrix, the peepholes and the bias.
type inputs[F kernel.Float] struct {
	steps, rows, features, units int
	until                        int // the steps that are run
	x, c, h, w, wi, wf, wo, b    []F
}

func (c lstm) read(in []value.Value) (steps int, rest []value.Value, err error) {
	if !c.sequence {
		if len(in) != 8 {
			return 0, nil, op.InputsError(len(in))
		}
		return 1, in, nil
	}
	if len(in) != 9 {
		return 0, nil, op.InputsError(len(in))
	}
	if in[0].Tensor == nil {
		return 0, nil, fmt.Errorf("the number of steps is %s", in[0])
	}
	steps, err = value.ScalarInt(in[0].Tensor)
	return steps, in[1:], err
}

func readInputs[F kernel.Float](c lstm, in []value.Value) (*inputs[F], error) {
	until, in, err := c.read(in)
	if err != nil {
		return nil, err
	}
	t, d, err := op.Operands[F](in, 8)
	if err != nil {
		return nil, err
	}
	shape := t[0].Shape()
	if !c.sequence {
		shape = append([]int{1}, shape...)
	}
	if len(shape) != 3 || t[2].Rank() != 2 || t[3].Rank() != 2 {
		return nil, fmt.Errorf("%s, the states %s and the matrix %s", t[0], t[2], t[3])
	}
	i := &inputs[F]{
		steps: shape[0], rows: shape[1], features: shape[2], units: t[2].Shape()[1], until: until,
		x: d[0], c: d[1], h: d[2], w: d[3], wi: d[4], wf: d[5], wo: d[6], b: d[7],
	}
	if !c.sequence && i.rows == 0 {
		return nil, fmt.Errorf("no rows in %s, which TensorFlow does not take", t[0])
	}
	if until < 0 || until > i.steps {
		return nil, fmt.Errorf("%d steps of %d", until, i.steps)
	}
	states := []int{i.rows, i.units}
	want := [][]int{t[0].Shape(), states, states, {i.features + i.units, 4 * i.units}, {i.units}, {i.units}, {i.units}, {4 * i.units}}
	for k, w := range want {
		if !c.peephole && k >= 4 && k <= 6 {
			continue // nothing reads it
		}
		if !slices.Equal(t[k].Shape(), w) {
			return nil, fmt.Errorf("input %d is %s, want the shape %s", k, t[k], lockstep.FormatShape(w))
		}
	}
	return i, nil
}

// runLSTM computes, with the sums z = [x, h]·w + b,
//
//	i = σ(z_i + wci∘c), f = σ(z_f + forget + wcf∘c), ci = tanh(z_c)
//	c' = clip(i∘ci + f∘c), o = σ(z_o + wco∘c'), co = tanh(c'), h' = o∘co
//
// and returns i, c', f, o, ci, co and h' of each step; steps that are not run are
// zeros.
func runLSTM[F kernel.Float](c lstm) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		i, err := readInputs[F](c, in)
		if err != nil {
			return nil, err
		}
		if err := op.Affordable(max(i.until, 1), i.rows, i.features+i.units, 4*i.units); err != nil {
			return nil, err
		}
		shape := []int{i.steps, i.rows, i.units}
		if !c.sequence {
			shape = shape[1:]
		}
		size, err := value.AllowSized(append([]int{7}, shape...), value.SizeFor[F]())
		if err != nil {
			return nil, err
		}
		size /= 7
		var all [7][]F
		out := make([]value.Value, 7)
		for k := range all {
			all[k] = make([]F, size)
			t, err := lockstep.New(all[k], shape...)
			if err != nil {
				return nil, err
			}
			out[k].Tensor = t
		}
		i.run(c, all)
		return out, nil
	}
}

func (in *inputs[F]) run(c lstm, out [7][]F) {
	n, u := in.rows*in.units, in.units
	joined, z := make([]F, in.rows*(in.features+u)), make([]F, 4*n)
	var matrix kernel.Matrix[F]
	cell, h := in.c, in.h
	for t := range in.until {
		join(joined, in.x[t*in.rows*in.features:], h, in.rows, in.features, u)
		matrix.Product(z, joined, in.w, in.rows, in.features+u, 4*u, false)
		var now [7][]F
		for k := range out {
			now[k] = out[k][t*n : (t+1)*n]
		}
		for row := range in.rows {
			sums := z[row*4*u : (row+1)*4*u]
			for k := range u {
				at := row*u + k
				sum := func(gate int) F { return sums[c.columns[gate]*u+k] + in.b[c.columns[gate]*u+k] }
				zi, zf, zo := sum(gateI), sum(gateF)+F(c.forget), sum(gateO)
				if c.peephole {
					zi += in.wi[k] * cell[at]
					zf += in.wf[k] * cell[at]
				}
				i, f, ci := kernel.Sigmoid(zi), kernel.Sigmoid(zf), kernel.Tanh(sum(gateC))
				next := i*ci + f*cell[at]
				if c.clip > 0 {
					next = max(min(next, F(c.clip)), F(-c.clip))
				}
				if c.peephole {
					zo += in.wo[k] * next
				}
				o, co := kernel.Sigmoid(zo), kernel.Tanh(next)
				for r, v := range [7]F{i, next, f, o, ci, co, o * co} {
					now[r][at] = v
				}
			}
		}
		cell, h = now[1], now[6]
	}
}

// join puts rows of x and h side by side.
func join[F kernel.Float](to, x, h []F, rows, features, units int) {
	for row := range rows {
		at := to[row*(features+units) : (row+1)*(features+units)]
		copy(at, x[row*features:(row+1)*features])
		copy(at[features:], h[row*units:(row+1)*units])
	}
}

// runGRU computes
//
//	r, u = σ([x, h]·w_ru + b_ru), c = tanh([x, r∘h]·w_c + b_c), h' = u∘h + (1-u)∘c
//
// and returns r, u, c and h'.
func runGRU[F kernel.Float](w *op.Call, in []value.Value) ([]value.Value, error) {
	t, d, err := op.Operands[F](in, 6)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() != 2 || t[1].Rank() != 2 {
		return nil, fmt.Errorf("%s and the state %s", t[0], t[1])
	}
	rows, features, units := t[0].Shape()[0], t[0].Shape()[1], t[1].Shape()[1]
	for k, want := range [][]int{{rows, features}, {rows, units}, {features + units, 2 * units}, {features + units, units}, {2 * units}, {units}} {
		if !slices.Equal(t[k].Shape(), want) {
			return nil, fmt.Errorf("input %d is %s, want the shape %s", k, t[k], lockstep.FormatShape(want))
		}
	}
	if err := op.Affordable(rows, features+units, 3*units); err != nil {
		return nil, err
	}
	n, err := value.AllowSized([]int{rows, units}, 8*value.SizeFor[F]())
	if err != nil {
		return nil, err
	}
	x, h := d[0], d[1]
	joined, z, reset := make([]F, rows*(features+units)), make([]F, 2*n), make([]F, n)
	var all [4][]F
	out := make([]value.Value, 4)
	for k := range all {
		all[k] = make([]F, n)
		if out[k].Tensor, err = lockstep.New(all[k], rows, units); err != nil {
			return nil, err
		}
	}
	r, u, c, next := all[0], all[1], all[2], all[3]
	var matrix kernel.Matrix[F]
	join(joined, x, h, rows, features, units)
	matrix.Product(z, joined, d[2], rows, features+units, 2*units, false)
	for at := range n {
		row, k := at/units, at%units
		r[at] = kernel.Sigmoid(z[row*2*units+k] + d[4][k])
		u[at] = kernel.Sigmoid(z[row*2*units+units+k] + d[4][units+k])
		reset[at] = r[at] * h[at]
	}
	join(joined, x, reset, rows, features, units)
	matrix.Product(z[:n], joined, d[3], rows, features+units, units, false)
	for at := range n {
		c[at] = kernel.Tanh(z[at] + d[5][at%units])
		next[at] = u[at]*h[at] + (1-u[at])*c[at]
	}
	return out, nil
}
