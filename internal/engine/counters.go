package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
)

// StepsOf returns the number of steps that a recognised loop takes.
func StepsOf(bounds []recurrent.Bound, in []value.Value) (n int, ok bool) {
	for i, b := range bounds {
		bound := int(b.Const)
		if b.Variable >= 0 {
			if bound, ok = value.Integer(in[b.Variable].Tensor); !ok {
				return 0, false
			}
		}
		if i == 0 || bound < n {
			n = bound
		}
	}
	return n, len(bounds) > 0
}

// Counters are the values after a loop of the variables that count its steps.
type Counters []*lockstep.Tensor

// Count sets them in out, at the positions of a loop's variables, from what
// they are before it.
func (c *Counters) Count(at []int, in, out []value.Value, steps int) error {
	if *c == nil {
		*c = make([]*lockstep.Tensor, len(at))
	}
	for i, at := range at {
		before := in[at].Tensor
		if before == nil {
			return fmt.Errorf("the counter is %s, want an integer", in[at])
		}
		after := (*c)[i]
		if after == nil || after.DType() != before.DType() || !slices.Equal(after.Shape(), before.Shape()) {
			var err error
			if after, err = value.CloneTensor(before); err != nil {
				return err
			}
			(*c)[i] = after
		}
		if err := addTo[int32](after, before, int32(steps)); err != nil {
			if err := addTo[int64](after, before, int64(steps)); err != nil {
				return fmt.Errorf("the counter: %w", err)
			}
		}
		out[at] = value.Value{Tensor: after}
	}
	return nil
}

// addTo sets after to before and n.
func addTo[E int32 | int64](after, before *lockstep.Tensor, n E) error {
	to, err := lockstep.Data[E](after)
	if err != nil {
		return err
	}
	from, err := lockstep.Data[E](before)
	if err != nil {
		return err
	}
	for i := range to {
		to[i] = from[i] + n
	}
	return nil
}
