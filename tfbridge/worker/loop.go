package worker

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// Loop runs the iterations of a loop inside the signature's graph, as
// tfbridge.Model.Loop does.
func (m *Model) Loop(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want lockstep.LoopTensors) (lockstep.LoopRun, error) {
	req, err := m.from(request{Op: opLoop, LoopWant: want}, inputs, given)
	if err != nil {
		return nil, err
	}
	res, err := m.process.call(ctx, req)
	if err != nil {
		return nil, err
	}
	return &loopRun{model: m, id: res.Loop, want: want}, nil
}

// loopRun is a loop that the child runs.
type loopRun struct {
	model *Model
	id    int
	want  lockstep.LoopTensors
}

func (l *loopRun) call(ctx context.Context, what op, bytes int64) (response, error) {
	return l.model.process.call(ctx, request{Op: what, Model: l.model.id, Loop: l.id, BytesAbout: bytes})
}

func (l *loopRun) Next(ctx context.Context, bytes int64) ([]lockstep.Iteration, error) {
	res, err := l.call(ctx, opIterate, bytes)
	if err != nil {
		return nil, err
	}
	out := make([]lockstep.Iteration, len(res.Iterations))
	for i, w := range res.Iterations {
		it := lockstep.Iteration{Holds: w.Holds}
		if it.Condition, err = listFromWire(w.Condition, len(l.want.Condition)); err != nil {
			return nil, err
		}
		if w.Holds {
			it.Body, err = listFromWire(w.Body, len(l.want.Body))
		} else if len(w.Body) > 0 {
			err = fmt.Errorf("worker: the body of the loop %q ran, and its condition does not hold", l.want.Node)
		}
		if err != nil {
			return nil, err
		}
		out[i] = it
	}
	return out, nil
}

func (l *loopRun) Results(ctx context.Context) ([]*lockstep.Tensor, error) {
	res, err := l.call(ctx, opLoopResults, 0)
	if err != nil {
		return nil, err
	}
	return listFromWire(res.Inner, len(l.want.Results))
}

// Close ends the loop in the child.
func (l *loopRun) Close() error {
	_, err := l.call(context.Background(), opEndLoop, 0)
	return err
}
