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
		return nil, ofNative(err)
	}
	of, err := m.program.Operations(ctx, inputs)
	if err != nil {
		return nil, ofNative(err)
	}
	return operator{of}, nil
}

type operator struct{ of *engine.Operations }

func (o operator) Operations() []lockstep.Operation { return o.of.All }

func (o operator) Next() ([]*lockstep.Tensor, error) {
	own, err := o.of.Next()
	return own, ofNative(err)
}

func (o operator) Take(theirs []*lockstep.Tensor) error { return ofNative(o.of.Take(theirs)) }

func (o operator) Loop() (lockstep.LoopOperator, error) {
	of, err := o.of.Loop()
	return loopOperator{of}, ofNative(err)
}

type loopOperator struct{ of *engine.LoopOperations }

func (l loopOperator) Condition() (lockstep.Operator, error) {
	of, err := l.of.Condition()
	return operator{of}, ofNative(err)
}

func (l loopOperator) Body() (lockstep.Operator, error) {
	of, err := l.of.Body()
	return operator{of}, ofNative(err)
}

func (l loopOperator) Results() ([]*lockstep.Tensor, error) {
	own, err := l.of.Results()
	return own, ofNative(err)
}

// ofNative says that an error is the engine's.
func ofNative(err error) error {
	if err != nil {
		err = fmt.Errorf("native: %w", err)
	}
	return err
}

func (o operator) GiveLayers(given map[string]*lockstep.Tensor) { o.of.GiveLayers(given) }

// Inner computes tensors inside the signature's graph, by their names in the
// graph with all calls inlined; given ones stand in the place of its own.
func (m *Model) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	if err := m.check(inputs); err != nil {
		return nil, err
	}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, ofNative(err)
	}
	out, err := m.program.Inner(ctx, inputs, given, want)
	if err != nil {
		return nil, ofNative(err)
	}
	return out, nil
}
