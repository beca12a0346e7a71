package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
)

var softmaxOps = Table{
	"Softmax":    {Build: byType(halved(floats(softmax[float32](false), softmax[float64](false)))), Shape: NoInput, Bound: softmaxBound(false), Time: timeBesideLast},
	"LogSoftmax": {Build: byType(floats(softmax[float32](true), softmax[float64](true))), Shape: NoInput, Bound: softmaxBound(true), Time: timeBesideLast},
	"L2Loss":     {Build: byType(floats(halfSquares[float32], halfSquares[float64]))},
}

// normalizing is the memory of a softmax.
type normalizing[E float] struct {
	made[E]
	powers []float64
}

// softmax normalizes rows along the last axis: e^(x-max)/Σe^(x-max), or its
// logarithm. All of it is in float64, and rounded once.
func softmax[E float](log bool) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		if len(in) != 1 {
			return nil, fmt.Errorf("%d inputs, want 1", len(in))
		}
		t, x, err := operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		if t.Rank() == 0 {
			return nil, errors.New("a softmax of a scalar")
		}
		n := t.Shape()[t.Rank()-1]
		m := room[normalizing[E]](w)
		y, out, err := m.get(t.Shape()...)
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
		return w.one(y, nil)
	}
}

// halfSquares is Σx²/2.
func halfSquares[E float](w *Call, in []Value) ([]Value, error) {
	_, d, err := operands[E](in, 1)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for _, v := range d[0] {
		sum = plusSquare(sum, v)
	}
	return w.one(lockstep.New([]E{E(sum / 2)}))
}
