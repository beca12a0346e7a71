package errbound

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// ordinary builds an operation that is not control flow, from the program's
// operation in float64.
func (c *compiler) ordinary(n *savedmodel.Node) operation {
	fail := func(err error) error { return op.Unsupported{Node: n.Name, Op: n.Op, Reason: err} }
	spec, supported := ops.SpecOf(n)
	if !supported {
		return refusedOp(fail(ops.Refusal(n)))
	}
	run, err := spec.InFloat64(n)
	if err != nil {
		return refusedOp(fail(err))
	}
	coarse := spec.CoarseUnit(n)
	c.exact.coarsest = max(c.exact.coarsest, coarse)
	return func(r *evaluationRun, in []op.BoundedValue, results int) ([]op.BoundedValue, error) {
		e := evaluation{spec: spec, fail: fail}
		e.BoundInput = op.BoundInput{Typical: r.noise != nil, OnlyBound: r.onlyBound && coarse == 0 && allFloats(in), Node: n, In: in, Out: make([]op.BoundedValue, results)}
		spec.SetUnits(&e.BoundInput, c.exact.unit, coarse)
		e.Again = func(in ...value.Value) ([]value.Value, error) {
			var keep any
			out, err := run(&op.Call{Keep: &keep, Out: make([]value.Value, results)}, in)
			if err != nil {
				return nil, err
			}
			if len(out) != results {
				return nil, fmt.Errorf("%d results, want %d", len(out), results)
			}
			return slices.Clone(out), nil
		}
		out, err := e.do()
		if err == nil {
			err = r.count(e.work())
		}
		if err == nil && r.noise != nil && coarse == rounding.Float16 {
			err = overflown(out[:e.RoundedResults])
		}
		return out, err
	}
}

// work is about how many products take as long as the operation, in noise: beside
// its own, those for each call and for each element that it reads and makes.
func (x *evaluation) work() int {
	const call, element = 256, 8
	n := call
	for _, v := range x.In {
		if v.Tensor != nil {
			n += element * v.Tensor.Len()
		}
	}
	for _, v := range x.Out {
		if v.Tensor != nil {
			n += (element + x.Terms) * v.Tensor.Len()
		}
	}
	return n
}

// overflown makes numbers that round to none of float16's infinite, as an engine
// has them.
func overflown(out []op.BoundedValue) error {
	const most = 65520 // what is less is rounded to 65504
	tooLarge := func(v float64) bool { return math.Abs(v) >= most && !math.IsInf(v, 0) }
	for i := range out {
		d := op.FloatsOf(out[i].Tensor)
		if !slices.ContainsFunc(d, tooLarge) {
			continue
		}
		d = slices.Clone(d)
		for k, v := range d {
			if tooLarge(v) {
				d[k] = math.Copysign(math.Inf(1), v)
			}
		}
		var err error
		if out[i].Tensor, err = lockstep.New(d, out[i].Tensor.Shape()...); err != nil {
			return err
		}
	}
	return nil
}

func refusedOp(err error) operation {
	return func(_ *evaluationRun, in []op.BoundedValue, n int) ([]op.BoundedValue, error) {
		return unknown(n, err), nil
	}
}

// evaluation is the evaluation of one operation.
type evaluation struct {
	op.BoundInput
	spec *op.Spec
	fail func(error) error // names the node
}

func (x *evaluation) do() ([]op.BoundedValue, error) {
	onShapes := x.spec.Measures != op.Elements
	var why error
	free := false
	for i, v := range x.In {
		if v.None() {
			return unknown(len(x.Out), v.Reason()), nil
		}
		if v.Why != nil && (!onShapes || v.FreeShape) {
			why = v.Why
			free = free || v.FreeShape || !v.IsFloat() && x.spec.ShapedBy(i, len(x.In))
		}
	}
	values := make([]value.Value, len(x.In))
	for i, v := range x.In {
		values[i] = v.Value
	}
	if x.OnlyBound = x.OnlyBound && why == nil; x.OnlyBound {
		return x.Out, x.spec.Bound(&x.BoundInput)
	}
	out, err := x.Again(values...)
	if err != nil {
		if why != nil {
			return unknown(len(x.Out), why), nil
		}
		return nil, err
	}
	for i, v := range out {
		x.Out[i] = op.BoundedValue{Value: v}
	}
	switch {
	case why != nil:
		for i := range x.Out {
			x.Out[i].Why, x.Out[i].FreeShape = why, free
		}
		return x.Out, nil
	case onShapes:
		return x.Out, nil
	}
	if err := x.bound(); err != nil {
		if _, named := err.(op.Unsupported); !named {
			err = x.fail(err)
		}
		for i := range x.Out {
			x.Out[i].Bound, x.Out[i].Why = value.Value{}, err
			x.Out[i].FreeShape = x.shapedByUndecided()
		}
	}
	for i := range x.Out {
		if v := &x.Out[i]; v.Why == nil && !v.IsFloat() && !v.Exact() {
			v.Undecided = x.fail(errors.New("rounding decides its result"))
			for _, in := range x.In {
				if in.Undecided != nil {
					v.Undecided = in.Undecided
				}
			}
		}
	}
	return x.Out, nil
}

// allFloats tells whether values are tensors of floats, in float64.
func allFloats(values []op.BoundedValue) bool {
	return !slices.ContainsFunc(values, func(v op.BoundedValue) bool { return v.Why != nil || op.FloatsOf(v.Tensor) == nil })
}

// shapedByUndecided tells whether integers or bools that rounding decides may
// decide the shapes of the results.
func (x *evaluation) shapedByUndecided() bool {
	for i, v := range x.In {
		if !v.Exact() && !v.IsFloat() && x.spec.ShapedBy(i, len(x.In)) {
			return true
		}
	}
	return false
}

// bound finds the bounds of the results.
func (x *evaluation) bound() error {
	exact := !slices.ContainsFunc(x.In, func(v op.BoundedValue) bool { return !v.Exact() })
	if exact && !x.spec.Undefined && !slices.ContainsFunc(x.Out, op.BoundedValue.IsFloat) {
		return nil
	}
	if x.spec.Bound == nil && x.spec.Moves != nil {
		return x.move(x.spec.Moves(len(x.In)))
	}
	if !x.spec.Undecided {
		for _, v := range x.In {
			if !v.Exact() && !v.IsFloat() {
				return v.Reason()
			}
		}
	}
	if x.spec.Bound == nil {
		return op.ErrNoBound
	}
	return x.spec.Bound(&x.BoundInput)
}
