package native

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
)

// Operator runs the operations of the signature's graph one by one, by the
// kernels that Run uses: see lockstep.Operator. It is for one goroutine, and ends
// with ctx.
func (m *Model) Operator(ctx context.Context, inputs map[string]*lockstep.Tensor) (lockstep.Operator, error) {
	if err := m.check(inputs); err != nil {
		return nil, err
	}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	of, err := m.program.Operations(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return operator{of}, nil
}

type operator struct{ of *engine.Operations }

func (o operator) Operations() []lockstep.Operation { return o.of.All }

func (o operator) Next() ([]*lockstep.Tensor, error) {
	own, err := o.of.Next()
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return own, nil
}

func (o operator) Take(theirs []*lockstep.Tensor) error {
	if err := o.of.Take(theirs); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return nil
}

// Inner computes tensors inside the signature's graph, by their names in the
// graph with all calls inlined; given ones stand in the place of its own.
func (m *Model) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	if err := m.check(inputs); err != nil {
		return nil, err
	}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	out, err := m.program.Inner(ctx, inputs, given, want)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return out, nil
}
