package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Operations that only move elements move the bounds the same way.

// move moves the bounds.
func (x *evaluation) move(data []int) error {
	exact := true
	in := make([]Value, len(x.In))
	for i, v := range x.In {
		in[i] = v.Value
		if !slices.Contains(data, i) {
			if !v.exact() {
				return v.reason()
			}
			continue
		}
		exact = exact && v.exact()
	}
	lists := slices.ContainsFunc(x.Out, func(v Bounded) bool { return v.List != nil && v.isFloat() })
	if exact && !lists {
		return nil
	}
	for _, i := range data {
		if v := x.In[i]; v.isFloat() || !v.exact() {
			var err error
			if in[i], err = v.errors(); err != nil {
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
		case bound.Tensor != nil && bound.Tensor.DType() == lockstep.Float64 && !allZero(floatsOf(bound.Tensor)):
			v.Bound = bound
		}
	}
	return nil
}
