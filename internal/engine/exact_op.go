package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// ordinary builds an operation that is no control flow: what it computes is
// what the program's own operation computes in float64.
func (c *exactCompiler) ordinary(n *savedmodel.Node) exactOperation {
	fail := func(err error) error { return Unsupported{Node: n.Name, Op: n.Op, Reason: err} }
	spec, known := SpecOf(n)
	if !known {
		return refusedOp(fail(errors.New("the operation is not supported")))
	}
	for _, d := range []lockstep.DType{lockstep.BFloat16, lockstep.Float16} {
		if n.Uses(d) {
			return refusedOp(fail(lockstep.CoarseError{DType: d}))
		}
	}
	run, err := spec.InFloat64(n)
	if err != nil {
		return refusedOp(fail(err))
	}
	return func(_ *exactRun, in []Bounded, results int) ([]Bounded, error) {
		e := evaluation{spec: spec, fail: fail}
		e.Bounding = Bounding{Unit: c.exact.unit, Node: n, In: in, Out: make([]Bounded, results)}
		e.Again = func(in ...Value) ([]Value, error) {
			var keep any
			out, err := run(&Call{Keep: &keep, Out: make([]Value, results)}, in)
			if err != nil {
				return nil, err
			}
			if len(out) != results {
				return nil, fmt.Errorf("%d results, want %d", len(out), results)
			}
			return slices.Clone(out), nil
		}
		return e.do()
	}
}

func refusedOp(err error) exactOperation {
	return func(_ *exactRun, in []Bounded, n int) ([]Bounded, error) { return unknown(n, err), nil }
}

// evaluation is one operation that is evaluated.
type evaluation struct {
	Bounding
	spec *Spec
	fail func(error) error // names the node
}

func (x *evaluation) do() ([]Bounded, error) {
	onShapes := x.spec.Measures != Elements
	var why error
	free := false
	for i, v := range x.In {
		if v.none() {
			return unknown(len(x.Out), v.reason()), nil
		}
		if v.Why != nil && (!onShapes || v.FreeShape) {
			why = v.Why
			free = free || v.FreeShape || !v.isFloat() && x.spec.shapedBy(i, len(x.In))
		}
	}
	values := make([]Value, len(x.In))
	for i, v := range x.In {
		values[i] = v.Value
	}
	out, err := x.Again(values...)
	if err != nil {
		if why != nil {
			return unknown(len(x.Out), why), nil
		}
		return nil, err
	}
	for i, v := range out {
		x.Out[i] = Bounded{Value: v}
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
		if _, named := err.(Unsupported); !named {
			err = x.fail(err)
		}
		for i := range x.Out {
			x.Out[i].Bound, x.Out[i].Why = Value{}, err
			x.Out[i].FreeShape = x.shapedByUndecided()
		}
	}
	for i := range x.Out {
		if v := &x.Out[i]; v.Why == nil && !v.isFloat() && !v.exact() {
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

// shapedByUndecided tells whether integers or bools that rounding decides may
// decide the shapes of the results.
func (x *evaluation) shapedByUndecided() bool {
	for i, v := range x.In {
		if !v.exact() && !v.isFloat() && x.spec.shapedBy(i, len(x.In)) {
			return true
		}
	}
	return false
}

// bound finds the bounds of the results.
func (x *evaluation) bound() error {
	exact := !slices.ContainsFunc(x.In, func(v Bounded) bool { return !v.exact() })
	if exact && !slices.ContainsFunc(x.Out, Bounded.isFloat) {
		return nil
	}
	if x.spec.Bound == nil && x.spec.Moves != nil {
		return x.move(x.spec.Moves(len(x.In)))
	}
	if !x.spec.Undecided {
		for _, v := range x.In {
			if !v.exact() && !v.isFloat() {
				return v.reason()
			}
		}
	}
	if x.spec.Bound == nil {
		return errNoBound
	}
	return x.spec.Bound(&x.Bounding)
}
