package op

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var scanOps = Table{
	"Cumsum": {Types: ofT, Build: scan(with16Scans(Floats(scanOf(add[float32], 0), scanOf(add[float64], 0)).and(integers(
		scanOf(add[int8], 0), scanOf(add[int16], 0), scanOf(add[int32], 0), scanOf(add[int64], 0),
		scanOf(add[uint8], 0), scanOf(add[uint16], 0), scanOf(add[uint32], 0), scanOf(add[uint64], 0))), add, 0)), Bound: linear(termsOfAxis), Stepwise: true, Rows: rowsBesideAxes(1, "")},
	"Cumprod": {Types: ofT, Build: scan(with16Scans(Floats(scanOf(mul[float32], 1), scanOf(mul[float64], 1)).and(integers(
		scanOf(mul[int8], 1), scanOf(mul[int16], 1), scanOf(mul[int32], 1), scanOf(mul[int64], 1),
		scanOf(mul[uint8], 1), scanOf(mul[uint16], 1), scanOf(mul[uint32], 1), scanOf(mul[uint64], 1))), mul, 1)), Rows: rowsBesideAxes(1, "")},
	"CumulativeLogsumexp": {Build: scan(Floats(scanOf(via2(logSumExp), lowest[float32]()), scanOf(logSumExp, lowest[float64]())))},
}

// lines are a tensor's elements along one axis: there are outer·inner of them,
// each of n elements with the stride inner.
type lines struct{ outer, n, inner int }

func linesOf(t *lockstep.Tensor, axis int) (lines, error) {
	axis, err := value.AxisOf(axis, t.Rank())
	if err != nil {
		return lines{}, err
	}
	return lines{value.Product(t.Shape()[:axis]), t.Shape()[axis], value.Product(t.Shape()[axis+1:])}, nil
}

// each calls f with the number of each line and the place of its first element.
func (l lines) each(f func(line, at int)) {
	for o := range l.outer {
		for i := range l.inner {
			f(o*l.inner+i, o*l.n*l.inner+i)
		}
	}
}

// scanner adds up, or multiplies, along lines.
type scanner func(t *lockstep.Tensor, l lines, exclusive, reverse bool) (*lockstep.Tensor, error)

// scanOf takes the elements in order, rounding each partial result to the
// element's type, as TensorFlow does.
func scanOf[E lockstep.Element](take func(x, y E) E, start E) scanner {
	return func(t *lockstep.Tensor, l lines, exclusive, reverse bool) (*lockstep.Tensor, error) {
		x, err := lockstep.Data[E](t)
		if err != nil {
			return nil, err
		}
		out := make([]E, len(x))
		if len(x) == 0 {
			return lockstep.New(out, t.Shape()...)
		}
		l.each(func(_, at int) {
			s := start
			for k := range l.n {
				i := at + k*l.inner
				if reverse {
					i = at + (l.n-1-k)*l.inner
				}
				before := s
				s = take(s, x[i])
				out[i] = s
				if exclusive {
					out[i] = before
				}
			}
		})
		return lockstep.New(out, t.Shape()...)
	}
}

// with16Scans adds the types of 16 bits, to which each partial result is rounded.
func with16Scans(v Variants[scanner], take func(x, y float32) float32, start float32) Variants[scanner] {
	v[lockstep.Float16] = scanOf(via16[lockstep.Float16Bits](take), to16[lockstep.Float16Bits](start))
	v[lockstep.BFloat16] = scanOf(via16[lockstep.BFloat16Bits](take), to16[lockstep.BFloat16Bits](start))
	return v
}

// logSumExp is log(e^x+e^y). As in TensorFlow, a NaN y is treated as x, and two
// +∞ give NaN.
func logSumExp(x, y float64) float64 {
	low, high := x, x
	if y < low {
		low = y
	}
	if y > high {
		high = y
	}
	if math.IsInf(high, -1) {
		return high
	}
	return high + math.Log1p(math.Exp(low-high))
}

func scan(v Variants[scanner]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := v.choose(n, "T")
		if err != nil {
			return nil, err
		}
		exclusive, reverse := n.AttrBool("exclusive"), n.AttrBool("reverse")
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			t, l, err := alongAxis(in)
			if err != nil {
				return nil, err
			}
			return w.One(run(t, l, exclusive, reverse))
		}, nil
	}
}

// alongAxis reads a tensor and, as a scalar, an axis.
func alongAxis(in []value.Value) (*lockstep.Tensor, lines, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, lines{}, err
	}
	axis, err := Scalar(t[1])
	if err != nil {
		return nil, lines{}, fmt.Errorf("the axis: %w", err)
	}
	l, err := linesOf(t[0], axis)
	return t[0], l, err
}
