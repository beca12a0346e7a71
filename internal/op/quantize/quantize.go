// Package quantize has the operations that round floats to the few numbers of a
// quantized type and give them back as floats: FakeQuant and
// QuantizeAndDequantize of quantization-aware training
// (tensorflow/core/kernels/fake_quant_ops_functor.h and
// quantize_and_dequantize_op.h).
package quantize

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations of this package.
var Ops = op.Join(fakeOps, thereOps)

var fakeOps = op.Table{
	"FakeQuantWithMinMaxArgs":           {Build: fakeArgs[float32], Float64: fakeArgs[float64], Shape: op.NoInput, Bound: fakeBound, Time: op.TimeOfFirst, KeepsShape: true},
	"FakeQuantWithMinMaxVars":           {Build: fakeVars[float32], Float64: fakeVars[float64], Shape: op.NoInput, Bound: fakeBound, Time: op.TimeElementwise, KeepsShape: true},
	"FakeQuantWithMinMaxVarsPerChannel": {Build: fakeVars[float32], Float64: fakeVars[float64], Shape: op.NoInput, Bound: fakeBound, Time: op.TimeElementwise, KeepsShape: true},
}

type float interface{ float32 | float64 }

// steps are the least and the largest whole number that FakeQuant rounds to.
type steps struct{ least, most float32 }

func readSteps(n *savedmodel.Node) (steps, error) {
	bits := op.IntOr(n, "num_bits", 8)
	if bits < 2 || bits > 16 {
		return steps{}, op.NotSupported("num_bits", bits)
	}
	s := steps{most: float32(int(1)<<bits - 1)}
	if n.AttrBool("narrow_range") {
		s.least = 1
	}
	return s, nil
}

// grid are the numbers that FakeQuant rounds to: low to high in steps of scale,
// zero among them. One without scale has nothing but zero.
type grid struct{ low, high, scale, inverse, zero float32 }

// grid moves a range so that zero is on the grid. It is computed in float32
// whatever the numbers are: to which side zero is moved, rounding may decide.
func (s steps) grid(least, most float32) grid {
	span := s.most - s.least
	g := grid{scale: (most - least) / span, inverse: span / (most - least)}
	at := s.least - float32(least/g.scale)
	switch {
	case at < s.least:
		at = s.least
	case at > s.most:
		at = s.most
	default:
		at = float32(math.Round(float64(at)))
	}
	g.low, g.high = float32((s.least-at)*g.scale), float32((s.most-at)*g.scale)
	g.zero = float32(math.Floor(float64(float32(-g.low*g.inverse) + 0.5)))
	return g
}

// quantize rounds numbers to the grid, each stride after the one before. divides
// says that they are divided by the scale, and not multiplied by its inverse.
func quantize[F float](to, x []F, g grid, stride int, divides bool) {
	low, high, scale, inverse, zero := F(g.low), F(g.high), F(g.scale), F(g.inverse), F(g.zero)
	for i := 0; i < len(x); i += stride {
		v := x[i]
		if high < v {
			v = high
		}
		if v < low {
			v = low
		}
		if v = v - low; divides {
			v = v / scale
		} else {
			v = F(v * inverse)
		}
		to[i] = F(math.Floor(float64(F(v-zero)+0.5))) * scale
	}
}

func fakeArgs[F float](n *savedmodel.Node) (op.Exec, error) {
	s, err := readSteps(n)
	if err != nil {
		return nil, err
	}
	least, most := op.FloatOr(n, "min", -6), op.FloatOr(n, "max", 6)
	if !(least < most) {
		return nil, fmt.Errorf("attribute \"min\" is %v and \"max\" %v, want a smaller one", least, most)
	}
	g := s.grid(least, most)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 1 {
			return nil, fmt.Errorf("%d inputs, want 1", len(in))
		}
		t, x, err := op.Operand[F](in, 0)
		if err != nil {
			return nil, err
		}
		out, y, err := op.Room[op.ResultMemory[F]](w).Get(t.Shape()...)
		if err != nil {
			return nil, err
		}
		quantize(y, x, g, 1, false)
		return w.One(out, nil)
	}, nil
}

// fakeVars takes the range from its inputs: one, or one for each place of the last
// axis.
func fakeVars[F float](n *savedmodel.Node) (op.Exec, error) {
	s, err := readSteps(n)
	if err != nil {
		return nil, err
	}
	each := n.Op == "FakeQuantWithMinMaxVarsPerChannel"
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[F](in, 3)
		if err != nil {
			return nil, err
		}
		channels := 1
		if each {
			if t[0].Rank() == 0 {
				return nil, fmt.Errorf("%s, want an axis at least", t[0])
			}
			channels = t[0].Shape()[t[0].Rank()-1]
		}
		for i, what := range []string{"the least numbers", "the largest numbers"} {
			if err := wantRange(what, t[1+i], each, channels); err != nil {
				return nil, err
			}
		}
		out, y, err := op.Room[op.ResultMemory[F]](w).Get(t[0].Shape()...)
		if err != nil || len(y) == 0 {
			return w.One(out, err)
		}
		for c := range channels {
			least, most := float32(d[1][c]), float32(d[2][c])
			if least == 0 && most == 0 {
				for i := c; i < len(y); i += channels {
					y[i] = 0
				}
				continue
			}
			quantize(y[c:], d[0][c:], s.grid(least, most), channels, !each)
		}
		return w.One(out, nil)
	}, nil
}

// wantRange checks the ends of the ranges: one number, or one for each channel.
func wantRange(what string, t *lockstep.Tensor, each bool, channels int) error {
	if !each {
		return op.WantScalar(what, t)
	}
	if t.Rank() != 1 || t.Len() != channels {
		return fmt.Errorf("%s are %s, want a list of %d", what, t, channels)
	}
	return nil
}

// fakeBound: the function never falls, so that what it makes of the ends of a number's
// range are the ends of its own. The roundings before a number is rounded to the grid
// are as if the number were moved.
func fakeBound(x *op.BoundInput) error {
	far := max(math.Abs(float64(op.FloatOr(x.Node, "min", -6))), math.Abs(float64(op.FloatOr(x.Node, "max", 6))))
	if len(x.In) > 1 {
		far = 0
		for i := range x.In[1:] {
			if !x.In[1+i].Exact() { // it may decide where zero is
				return x.In[1+i].Reason()
			}
			for _, v := range x.V(1 + i) {
				far = max(far, math.Abs(v))
			}
		}
	}
	v, off := x.V(0), x.E(0)
	e := make([]float64, len(v))
	values := make([]value.Value, len(x.In))
	for i, in := range x.In {
		values[i] = in.Value
	}
	for _, sign := range []float64{-1, 1} {
		end := make([]float64, len(v))
		for i := range v {
			move := x.Gamma(6) * (math.Abs(v[i]) + 2*far)
			if off != nil {
				move += off[i]
			}
			end[i] = v[i] + sign*move
		}
		values[0] = x.Like(0, end)
		out, err := x.Run(values...)
		if err != nil {
			return err
		}
		for i, r := range op.FloatsOf(x.Out[0].Tensor) {
			if d := math.Abs(out[i] - r); !(d <= e[i]) {
				e[i] = d
			}
		}
	}
	for i, r := range op.FloatsOf(x.Out[0].Tensor) {
		if x.Typical { // a step is taken once, whatever multiple of this is tried
			e[i] /= 8
		}
		if r != 0 || e[i] != 0 {
			e[i] = x.Rounded(r, e[i], 4)
		}
	}
	return x.Set(0, e)
}
