package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// The operations that choose between elements.
var selectOps = Table{
	"SelectV2":    {Types: ofT, Build: buildSelect(selection), Shape: NoInput, Bound: selectBound, Undecided: true, Time: TimeElementwise, Back: sameOf(1, 2)},
	"Select":      {Types: ofT, Build: buildSelect(selectionV1), Shape: NoInput, Bound: selectBound, Undecided: true, Time: TimeElementwise, Back: sameOf(1, 2)},
	"ClipByValue": {Types: ofT, Build: ByType(With16Bits(Floats(clip[float32], clip[float64])).and(integers(Exec(clip[int8]), clip[int16], clip[int32], clip[int64], clip[uint8], clip[uint16], clip[uint32], clip[uint64])).without(lockstep.Uint32, lockstep.Uint64)), Bound: clipBound, Back: sameOf(0)},
}

// buildSelect makes an operation that takes elements from one input or the
// other. shape relates the condition's shape to those of the others.
func buildSelect(shape func(cond, x, y []int) ([]int, error)) Builder {
	return ByType(Variants[Exec]{
		lockstep.Float32: choose[float32](shape), lockstep.Float64: choose[float64](shape),
		lockstep.Float16: choose[lockstep.Float16Bits](shape), lockstep.BFloat16: choose[lockstep.BFloat16Bits](shape),
		lockstep.Bool: choose[bool](shape), lockstep.String: choose[string](shape),
	}.and(integers(
		choose[int8](shape), choose[int16](shape), choose[int32](shape), choose[int64](shape),
		choose[uint8](shape), choose[uint16](shape), choose[uint32](shape), choose[uint64](shape))))
}

// selectMemory is the memory of a choice.
type selectMemory[E lockstep.Element] struct {
	walkMemory
	ResultMemory[E]
}

func choose[E lockstep.Element](shape func(cond, x, y []int) ([]int, error)) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 3 {
			return nil, fmt.Errorf("%d inputs, want 3", len(in))
		}
		c, cond, err := Operand[bool](in, 0)
		if err != nil {
			return nil, err
		}
		s, x, err := Operand[E](in, 1)
		if err != nil {
			return nil, err
		}
		t, y, err := Operand[E](in, 2)
		if err != nil {
			return nil, err
		}
		of, err := shape(c.Shape(), s.Shape(), t.Shape())
		if err != nil {
			return nil, err
		}
		m := Room[selectMemory[E]](w)
		walk, err := m.together3(of, s.Shape(), t.Shape())
		if err != nil {
			return nil, err
		}
		out, z, err := m.Get(walk.shape...)
		if err != nil {
			return nil, err
		}
		last := walk.steps[len(walk.steps)-1]
		walk.each(func(o int, at []int) {
			for i := range walk.run() {
				if cond[at[0]+i*last[0]] {
					z[o+i] = x[at[1]+i*last[1]]
				} else {
					z[o+i] = y[at[2]+i*last[2]]
				}
			}
		})
		return w.One(out, nil)
	}
}

func selection(cond, _, _ []int) ([]int, error) { return cond, nil }

// selectionV1 is TensorFlow 1's rule: the inputs have one shape, and the
// condition has it too, or is a scalar, or a vector that chooses rows.
func selectionV1(cond, x, y []int) ([]int, error) {
	if !slices.Equal(x, y) {
		return nil, fmt.Errorf("inputs of shape %s and %s, want one shape", lockstep.FormatShape(x), lockstep.FormatShape(y))
	}
	if len(cond) == 0 || slices.Equal(cond, x) {
		return cond, nil
	}
	if len(cond) != 1 || len(x) < 2 || cond[0] != x[0] {
		return nil, fmt.Errorf("a condition of shape %s for inputs of shape %s", lockstep.FormatShape(cond), lockstep.FormatShape(x))
	}
	rows := pad(nil, len(x))
	rows[0] = cond[0]
	return rows, nil
}

// clip takes the smaller of an element and the upper bound, then the larger of
// that and the lower one; a NaN bound has no effect.
func clip[E number](w *Call, in []value.Value) ([]value.Value, error) {
	t, d, err := Operands[E](in, 3)
	if err != nil {
		return nil, err
	}
	for _, bound := range t[1:] {
		if bound.Rank() > 0 && !slices.Equal(bound.Shape(), t[0].Shape()) {
			return nil, fmt.Errorf("%s and a bound %s, want a scalar or the same shape", t[0], bound)
		}
	}
	walk, err := together(t[0].Shape(), t[1].Shape(), t[2].Shape())
	if err != nil {
		return nil, err
	}
	out, last := make([]E, walk.n), walk.steps[len(walk.steps)-1]
	walk.each(func(o int, at []int) {
		for i := range walk.run() {
			v, low, high := d[0][at[0]+i], d[1][at[1]+i*last[1]], d[2][at[2]+i*last[2]]
			if high < v {
				v = high
			}
			if v < low {
				v = low
			}
			out[o+i] = v
		}
	})
	return w.One(lockstep.New(out, walk.shape...))
}

// broadcasted broadcasts elements to a shape.
func broadcasted(d []float64, from, to []int) ([]float64, error) {
	w, err := together(to, from)
	if err != nil {
		return nil, err
	}
	out := make([]float64, w.n)
	last := w.steps[len(w.steps)-1]
	w.each(func(o int, at []int) {
		for i := range w.run() {
			out[o+i] = d[at[1]+i*last[1]]
		}
	})
	return out, nil
}

// clipBound: each input moves the result by no more than it moves itself.
func clipBound(x *BoundInput) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	for i := range 3 {
		if x.E(i) == nil {
			continue
		}
		part, err := broadcasted(x.E(i), x.In[i].Tensor.Shape(), x.Shape())
		if err != nil {
			return err
		}
		for k := range e {
			e[k] = max(e[k], part[k])
		}
	}
	return x.Set(0, e)
}

// selectBound is the bound of the chosen element. Where the condition is not
// decided an engine may have the other one, with the difference to it as error.
func selectBound(x *BoundInput) error {
	if !x.Out[0].IsFloat() {
		for _, v := range x.In {
			if !v.Exact() {
				return v.Reason()
			}
		}
		return nil
	}
	var errs [2]value.Value
	for i := range errs {
		var err error
		if errs[i], err = x.In[1+i].Errors(); err != nil {
			return err
		}
	}
	e, err := x.Run(x.In[0].Value, errs[0], errs[1])
	if err != nil {
		return err
	}
	e = slices.Clone(e)
	if x.In[0].Bound.Tensor == nil {
		return x.Set(0, e)
	}
	// The condition, negated where it is not decided.
	cond, err := lockstep.Data[bool](x.In[0].Tensor)
	if err != nil {
		return err
	}
	turned := slices.Clone(cond)
	for i, off := range x.E(0) {
		if off != 0 {
			turned[i] = !turned[i]
		}
	}
	other, err := lockstep.New(turned, x.In[0].Tensor.Shape()...)
	if err != nil {
		return err
	}
	values, err := x.Run(value.Value{Tensor: other}, x.In[1].Value, x.In[2].Value)
	if err != nil {
		return err
	}
	off, err := x.Run(value.Value{Tensor: other}, errs[0], errs[1])
	if err != nil {
		return err
	}
	for i, v := range FloatsOf(x.Out[0].Tensor) {
		if d := math.Abs(values[i]-v) + off[i]; !(d <= e[i]) {
			e[i] = d
		}
	}
	return x.Set(0, e)
}
