package op

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
)

var softmaxOps = Table{
	"Softmax":    {Own: true, Build: ByType(With16Bits(Floats(Exec(softmax32), softmax[float64](false)))), Shape: NoInput, Bound: softmaxBound(false), Stepwise: true, Time: TimeBesideLast},
	"LogSoftmax": {Build: ByType(Floats(softmax[float32](true), softmax[float64](true))), Shape: NoInput, Bound: softmaxBound(true), Time: TimeBesideLast},
	"L2Loss":     {Build: ByType(Floats(halfSquares[float32], halfSquares[float64]))},
}

// softmaxMemory is the memory of a softmax.
type softmaxMemory[E float] struct {
	ResultMemory[E]
	powers []float64
}

// softmax32 is softmax in float32, as TensorFlow computes it but for the sum, which
// is in float64. A row's bits do not depend on the others.
func softmax32(w *Call, in []value.Value) ([]value.Value, error) {
	t, x, err := rowsOf[float32](in)
	if err != nil {
		return nil, err
	}
	n := t.Shape()[t.Rank()-1]
	y, out, err := Room[ResultMemory[float32]](w).Get(t.Shape()...)
	if err != nil {
		return nil, err
	}
	for at := 0; at < len(x); at += n {
		from := [1]float32{largest(x[at : at+n])}
		subtract(out[at:at+n], x[at:at+n], from[:])
	}
	kernel.Activate(kernel.ExponentialFunction, out, out)
	for at := 0; at < len(x); at += n {
		by := [1]float32{float32(sumOf(out[at : at+n]))}
		divide(out[at:at+n], out[at:at+n], by[:])
	}
	return w.One(y, nil)
}

// rowsOf returns the tensor of a softmax and its elements.
func rowsOf[E float](in []value.Value) (*lockstep.Tensor, []E, error) {
	if len(in) != 1 {
		return nil, nil, fmt.Errorf("%d inputs, want 1", len(in))
	}
	t, x, err := Operand[E](in, 0)
	if err == nil && t.Rank() == 0 {
		err = errors.New("a softmax of a scalar")
	}
	return t, x, err
}

// largest is NaN if a number is. It takes four at a time: each waits for the one before it.
func largest(x []float32) float32 {
	least := float32(math.Inf(-1))
	top, odd := [4]float32{least, least, least, least}, float32(0)
	for ; len(x) >= 4; x = x[4:] {
		for i, v := range x[:4] {
			if v > top[i] {
				top[i] = v
			}
			if v != v {
				odd = v
			}
		}
	}
	for _, v := range x {
		if v > top[0] {
			top[0] = v
		}
		if v != v {
			odd = v
		}
	}
	if odd != 0 {
		return odd
	}
	return max(top[0], top[1], top[2], top[3])
}

// sumOf is the sum of all, of every fourth first.
func sumOf(x []float32) float64 {
	var sums [4]float64
	for ; len(x) >= 4; x = x[4:] {
		sums[0] += float64(x[0])
		sums[1] += float64(x[1])
		sums[2] += float64(x[2])
		sums[3] += float64(x[3])
	}
	for i, v := range x {
		sums[i] += float64(v)
	}
	return sums[0] + sums[1] + (sums[2] + sums[3])
}

// subtract and divide set z to x less y, and to x by y, where y is one number.
func subtract(z, x, y []float32) {
	if !kernel.Pairs(kernel.Difference, z, x, y) {
		for i, v := range x {
			z[i] = v - y[0]
		}
	}
}

func divide(z, x, y []float32) {
	if !kernel.Pairs(kernel.Quotient, z, x, y) {
		for i, v := range x {
			z[i] = v / y[0]
		}
	}
}

// softmax normalizes rows along the last axis: e^(x-max)/Σe^(x-max), or its
// logarithm. It is computed in float64, and rounded once.
func softmax[E float](log bool) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, x, err := rowsOf[E](in)
		if err != nil {
			return nil, err
		}
		n := t.Shape()[t.Rank()-1]
		m := Room[softmaxMemory[E]](w)
		y, out, err := m.Get(t.Shape()...)
		if err != nil {
			return nil, err
		}
		if len(m.powers) != min(n, len(x)) { // an axis of no elements may be of any length
			m.powers = make([]float64, min(n, len(x)))
		}
		powers := m.powers
		for at := 0; at < len(x); at += n {
			row := x[at : at+n]
			top := math.Inf(-1)
			for _, v := range row {
				top = max(top, float64(v))
			}
			sum := 0.0
			for i, v := range row {
				powers[i] = math.Exp(float64(v) - top)
				sum += powers[i]
			}
			for i, v := range row {
				if log {
					out[at+i] = E(float64(v) - top - math.Log(sum))
				} else {
					out[at+i] = E(powers[i] / sum)
				}
			}
		}
		return w.One(y, nil)
	}
}

// halfSquares is Σx²/2.
func halfSquares[E float](w *Call, in []value.Value) ([]value.Value, error) {
	_, d, err := Operands[E](in, 1)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for _, v := range d[0] {
		sum = plusSquare(sum, v)
	}
	return w.One(lockstep.New([]E{E(sum / 2)}))
}

// softmaxBound: with z = x - max x, off by d each (the input's bound, and the
// rounding of the difference), an engine's e^z_i/Σe^z_j lies between the
// quotients that have e^(z_i-d_i) over Σe^(z_j+d_j), and e^(z_i+d_i) over
// Σe^(z_j-d_j). The common shift by the maximum cancels, whatever it is. Added
// to that are the roundings of exponentials, the sum and the quotient, or of
// the logarithm of the sum, where the engine computes that instead.
func softmaxBound(log bool) BoundRule {
	return func(x *BoundInput) error {
		d, off, v := x.V(0), x.E(0), FloatsOf(x.Out[0].Tensor)
		e := make([]float64, len(v))
		shape := x.Shape()
		n := shape[len(shape)-1]
		u := float64(x.Unit)
		low, high := make([]float64, n), make([]float64, n)
		for at := 0; at < len(d); at += n {
			top, most := math.Inf(-1), 0.0
			for _, z := range d[at : at+n] {
				top = max(top, z)
			}
			if off != nil { // how far the engine's maximum may be from that
				for i, z := range d[at : at+n] {
					most = max(most, z+off[at+i]-top)
				}
			}
			least, largest := 0.0, 0.0
			for i, z := range d[at : at+n] {
				err := 0.0
				if off != nil {
					err = off[at+i]
				}
				z -= top
				err += u * (math.Abs(z) + err + most)
				low[i], high[i] = z-err, z+err
				least, largest = least+math.Exp(low[i]), largest+math.Exp(high[i])
			}
			rounds := n + 24 + 2*int(math.Log(float64(n)))
			switch {
			case x.Unit.IsCoarse(): // eight sums side by side, and correctly rounded functions
				rounds = n/8 + 8
			case x.Typical: // partial sums are a third of the sum, in squares, and exponentials are off by 1.5 units
				rounds = n/3 + 9
			}
			for i := range n {
				y := v[at+i]
				if log {
					size := math.Abs(y) + math.Abs(math.Log(largest)) + math.Abs(high[i]) + 1
					e[at+i] = x.Rounded(size, max(high[i]-math.Log(least)-y, y-low[i]+math.Log(largest)), rounds)
					continue
				}
				err := max(math.Exp(high[i])/least-y, y-math.Exp(low[i])/largest)
				if x.Typical {
					err /= math.Sqrt(3) // of that at most, evenly
				}
				if !(err < 1) {
					err = max(y, 1-y) // whatever the exponents, it is between 0 and 1
				}
				e[at+i] = x.Rounded(y, err, rounds)
			}
		}
		return x.Set(0, e)
	}
}
