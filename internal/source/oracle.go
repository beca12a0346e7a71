package source

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/errbound"
)

// Oracle computes a model's exact results in float64, and for each value a
// bound on how far an engine in the model's own precision may be from it: in
// any order of summation, with or without fused multiply-add, with functions
// such as tanh as inexact as runtimes have them. It is safe for any number of
// goroutines.
//
// The bounds are those of a running error analysis (Higham, Accuracy and
// Stability of Numerical Algorithms, 2nd ed., chapters 2 to 4) of the graph's
// own operations. They are guaranteed, and so larger than what rounding
// typically does; for a long recurrence they may grow without limit.
type Oracle struct {
	source *Source
	exact  func() (*errbound.Evaluator, error) // made when first asked for
	cells  map[string]*oracleCell
}

// Oracle makes the oracle of the source when it is first asked for.
func (s *Source) Oracle() (*Oracle, error) { return s.oracle() }

func (s *Source) newOracle() (*Oracle, error) {
	o := &Oracle{source: s, exact: s.exact(), cells: map[string]*oracleCell{}}
	for _, l := range s.Found.Layers {
		if err := o.add(l); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Edit returns the oracle of an edited copy of the source: see Source.Edit.
// Layers that the edit does not change keep the cells of o.
func (o *Oracle) Edit(edit func(*Source) error) (*Oracle, error) {
	s, err := o.source.Edit(edit)
	if err != nil {
		return nil, err
	}
	out := &Oracle{source: s, exact: s.exact(), cells: maps.Clone(o.cells)}
	for i, l := range s.Found.Layers {
		if l == o.source.Found.Layers[i] && s.convert == nil && len(s.replaced) == 0 {
			continue
		}
		delete(out.cells, l.Name)
		if err := out.add(l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// exact makes the evaluation of the whole graph, when it is first called:
// single steps do not need it.
func (s *Source) exact() func() (*errbound.Evaluator, error) {
	return sync.OnceValues(func() (*errbound.Evaluator, error) { return errbound.New(s.Graph, s.options()) })
}

// Run evaluates the signature. The results are its outputs, by its names, and
// of each recurrent layer, by the names in lockstep.Trace, the final states
// <layer>/state_h and <layer>/state_c and what it starts from:
// <layer>/initial_h, <layer>/initial_c, <layer>/mask, and <layer>/x of the
// first of the cells that one loop runs.
//
// exact has the values, floats in float64; bound, of the same shapes, the
// possible error of each float, +Inf where there is no bound. unknown says for
// all others, which may have a value, why there is no bound: most often which
// operation before it has none. Integers and bools that no rounding can change
// are in exact alone.
//
// given, which may be nil, are the states that an engine has at each step, as
// lockstep.Trace has them in Steps: <layer>/h and of an LSTM <layer>/c. Such a
// layer is not run; the given states count as exact, so that the rest is judged
// separately.
//
// A stateful layer begins with the states in the model's files.
func (o *Oracle) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return o.evaluate(ctx, inputs, func(e *errbound.Evaluator, inputs map[string]*lockstep.Tensor) (*errbound.Result, error) {
		return e.Run(ctx, inputs, given)
	})
}

// Typical evaluates the signature as Run does. The bounds are how far two
// engines are typically from each other, found by Monte Carlo arithmetic: see
// errbound.Evaluator.Typical. The same inputs have the same bounds. work is as in
// lockstep.Oracle.
func (o *Oracle) Typical(ctx context.Context, inputs map[string]*lockstep.Tensor, work int64) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	return o.evaluate(ctx, inputs, func(e *errbound.Evaluator, inputs map[string]*lockstep.Tensor) (*errbound.Result, error) {
		return e.Typical(ctx, inputs, work)
	})
}

// Rough is Typical of a few samples: see errbound.Evaluator.Rough. Where there is no
// bound there is none in the result.
func (o *Oracle) Rough(ctx context.Context, inputs map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	exact, bound, _, err = o.evaluate(ctx, inputs, func(e *errbound.Evaluator, inputs map[string]*lockstep.Tensor) (*errbound.Result, error) {
		return e.Rough(ctx, inputs)
	})
	return exact, bound, err
}

// Exact evaluates the signature as Run does, without any bounds.
func (o *Oracle) Exact(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	exact, _, _, err := o.evaluate(ctx, inputs, func(e *errbound.Evaluator, inputs map[string]*lockstep.Tensor) (*errbound.Result, error) {
		return e.Exact(ctx, inputs)
	})
	return exact, err
}

// Coarsest is the type of 16 bits of the fewest digits that operations round their
// results to, Invalid if there is none.
func (o *Oracle) Coarsest() lockstep.DType {
	e, err := o.exact()
	if err != nil {
		return lockstep.Invalid // there are no bounds either
	}
	return e.Coarsest()
}

func (o *Oracle) evaluate(ctx context.Context, inputs map[string]*lockstep.Tensor, by func(*errbound.Evaluator, map[string]*lockstep.Tensor) (*errbound.Result, error)) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	e, err := o.exact()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("native: the oracle: %w", err)
	}
	if inputs, err = o.source.Inputs(ctx, inputs); err != nil {
		return nil, nil, nil, fmt.Errorf("native: the oracle: %w", err)
	}
	r, err := by(e, inputs)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("native: the oracle: %w", err)
	}
	return r.Exact, r.Bound, r.Unknown, nil
}
