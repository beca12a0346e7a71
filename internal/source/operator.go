package source

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/errbound"
)

// Operator evaluates single operations, those of an engine's Operator for the same
// inputs.
func (o *Oracle) Operator(ctx context.Context, inputs map[string]*lockstep.Tensor) (lockstep.OperatorOracle, error) {
	e, err := o.exact()
	if err != nil {
		return nil, ofOracle(err)
	}
	if inputs, err = o.source.Inputs(ctx, inputs); err != nil {
		return nil, ofOracle(err)
	}
	of, err := e.Operations(ctx, inputs)
	if err != nil {
		return nil, ofOracle(err)
	}
	return operatorOracle{of}, nil
}

type operatorOracle struct{ of *errbound.Operations }

func (o operatorOracle) Next(operation lockstep.Operation) (exact, bound []*lockstep.Tensor, unknown []error, err error) {
	return shown(o.of.Next(operation))
}

func (o operatorOracle) Bounds(operation lockstep.Operation) (bound []*lockstep.Tensor, unknown []error, err error) {
	_, bound, unknown, err = shown(o.of.Bounds(operation))
	return bound, unknown, err
}

func (o operatorOracle) Skip(operation lockstep.Operation) error {
	return ofOracle(o.of.Skip(operation))
}

func (o operatorOracle) Take(theirs []*lockstep.Tensor) error { return ofOracle(o.of.Take(theirs)) }

func (o operatorOracle) GiveLayers(given map[string]*lockstep.Tensor) { o.of.GiveLayers(given) }

func (o operatorOracle) Loop(operation lockstep.Operation) (lockstep.LoopOracle, error) {
	of, err := o.of.Loop(operation)
	return loopOracle{of}, ofOracle(err)
}

type loopOracle struct{ of *errbound.LoopOperations }

func (l loopOracle) Condition() (lockstep.OperatorOracle, error) {
	of, err := l.of.Condition()
	return operatorOracle{of}, ofOracle(err)
}

func (l loopOracle) Body() (lockstep.OperatorOracle, error) {
	of, err := l.of.Body()
	return operatorOracle{of}, ofOracle(err)
}

func (l loopOracle) Results() (exact, bound []*lockstep.Tensor, unknown []error, err error) {
	return shown(l.of.Results())
}

func shown(results []errbound.OperationResult, err error) (exact, bound []*lockstep.Tensor, unknown []error, _ error) {
	for _, r := range results {
		exact, bound, unknown = append(exact, r.Exact), append(bound, r.Bound), append(unknown, r.Unknown)
	}
	return exact, bound, unknown, ofOracle(err)
}

// ofOracle says that an error is the oracle's.
func ofOracle(err error) error {
	if err != nil {
		err = fmt.Errorf("native: the oracle: %w", err)
	}
	return err
}
