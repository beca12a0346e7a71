package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
)

func abs(x float64) float64 { return math.Abs(x) }

// inTypeOf returns numbers in the type and shape of like.
func inTypeOf(t, like *lockstep.Tensor) (*lockstep.Tensor, error) {
	if t.DType() == like.DType() && slices.Equal(t.Shape(), like.Shape()) {
		return t, nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(like.Shape())
	if like.DType() == lockstep.Float64 {
		return lockstep.New(d, shape...)
	}
	out := make([]float32, len(d))
	for i, v := range d {
		out[i] = float32(v)
	}
	return lockstep.New(out, shape...)
}

// leaveOut returns t with the rows that a mask leaves out of a step: their
// states are exactly those before the step, and their gates, which are not
// compared, are the engine's own.
func (s *stepTolerances) leaveOut(t *lockstep.Tensor, q string, own *lockstep.Tensor, from map[string]*lockstep.Tensor, mask *lockstep.Tensor, e exactTolerance) (*lockstep.Tensor, error) {
	if mask == nil {
		return t, nil
	}
	if t.DType() == lockstep.Float64 {
		return leaveOut[float64](t, own, from[q], mask, e)
	}
	return leaveOut[float32](t, own, from[q], mask, e)
}

func leaveOut[F float32 | float64](t, own, old, mask *lockstep.Tensor, e exactTolerance) (*lockstep.Tensor, error) {
	there, err := lockstep.Data[bool](mask)
	if err != nil {
		return nil, err
	}
	if old == nil {
		old = own
	}
	kept, err := lockstep.Data[F](old)
	if err != nil {
		return nil, err
	}
	d, err := lockstep.Data[F](t)
	if err != nil {
		return nil, err
	}
	units := t.Shape()[t.Rank()-1]
	if len(there)*units != len(d) || len(kept) != len(d) {
		return nil, fmt.Errorf("the mask %s does not fit %s", mask, t)
	}
	out := slices.Clone(d)
	for i := range out {
		if !there[i/units] {
			out[i] = kept[i]
			e.exact[i], e.bound[i] = float64(kept[i]), 0
		}
	}
	return lockstep.New(out, slices.Clone(t.Shape())...)
}
