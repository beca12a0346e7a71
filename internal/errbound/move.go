package errbound

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations that only move elements move the bounds the same way.

// move moves the bounds.
func (x *evaluation) move(data []int) error {
	exact := true
	in := make([]value.Value, len(x.In))
	for i, v := range x.In {
		in[i] = v.Value
		if !slices.Contains(data, i) {
			if !v.Exact() {
				return v.Reason()
			}
			continue
		}
		exact = exact && v.Exact()
	}
	lists := slices.ContainsFunc(x.Out, func(v op.BoundedValue) bool { return v.List != nil && v.IsFloat() })
	if exact && !lists {
		return nil
	}
	for _, i := range data {
		if v := x.In[i]; v.IsFloat() || !v.Exact() {
			var err error
			if in[i], err = v.Errors(); err != nil {
				return err
			}
		}
	}
	out, err := x.Again(in...)
	if err != nil {
		return fmt.Errorf("its bounds: %w", err)
	}
	for i, bound := range out {
		switch v := &x.Out[i]; {
		case bound.List != nil && bound.List.DType == lockstep.Float64:
			v.Bound = bound
		case bound.Tensor != nil && bound.Tensor.DType() == lockstep.Float64 && !op.AllZero(op.FloatsOf(bound.Tensor)):
			v.Bound = bound
		}
	}
	return nil
}
