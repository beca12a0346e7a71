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
		return nil, fmt.Errorf("native: the oracle: %w", err)
	}
	if inputs, err = o.source.Inputs(ctx, inputs); err != nil {
		return nil, fmt.Errorf("native: the oracle: %w", err)
	}
	of, err := e.Operations(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: the oracle: %w", err)
	}
	return operatorOracle{of}, nil
}

type operatorOracle struct{ of *errbound.Operations }

func (o operatorOracle) Next(operation lockstep.Operation) (exact, bound []*lockstep.Tensor, unknown []error, err error) {
	results, err := o.of.Next(operation)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("native: the oracle: %w", err)
	}
	for _, r := range results {
		exact, bound, unknown = append(exact, r.Exact), append(bound, r.Bound), append(unknown, r.Unknown)
	}
	return exact, bound, unknown, nil
}

func (o operatorOracle) Take(theirs []*lockstep.Tensor) error {
	if err := o.of.Take(theirs); err != nil {
		return fmt.Errorf("native: the oracle: %w", err)
	}
	return nil
}
