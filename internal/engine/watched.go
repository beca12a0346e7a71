package engine

import (
	"context"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Watched is what is kept of a loop that is run iteration by iteration.
type Watched struct {
	// Variables are the indices of the wanted variables, and Iterations their
	// values after each iteration; nil for what is no tensor.
	Variables  []int
	Iterations [][]*lockstep.Tensor
	// Cut says that there were more iterations than memory is used for.
	Cut bool

	bytes int64
}

// maxWatchedBytes bounds what is kept of a loop.
const maxWatchedBytes = 64 << 20

// Watch runs the program as Run does, and returns the extra tensors that were
// requested. loops are those whose variables are kept; of a loop inside another, or
// in a branch, nothing is.
func (p *Program) Watch(ctx context.Context, inputs map[string]*lockstep.Tensor, loops map[*savedmodel.Node]*Watched) (map[string]*lockstep.Tensor, error) {
	in, err := p.ordered(inputs)
	if err != nil {
		return nil, err
	}
	slots, _, err := p.once(&Running{Ctx: ctx, Variables: slices.Clone(p.Initial), watched: loops}, in)
	if err != nil {
		return nil, err
	}
	return copiesOf(p.Out[p.Wanted:], slots)
}

// watch keeps the variables after an iteration of a loop.
func (r *Running) watch(loop *savedmodel.Node, state []value.Value) error {
	w := r.watched[loop]
	if w == nil || w.Cut {
		return nil
	}
	kept := make([]*lockstep.Tensor, len(w.Variables))
	for i, at := range w.Variables {
		t := state[at].Tensor
		if t == nil {
			continue
		}
		if w.bytes += int64(t.Len()) * int64(t.DType().Size()); w.bytes > maxWatchedBytes {
			w.Cut = true
			return nil
		}
		if err := memory.Fits(t.Len(), t.DType().Size()); err != nil {
			return err
		}
		var err error
		if kept[i], err = value.CloneTensor(t); err != nil {
			return err
		}
	}
	w.Iterations = append(w.Iterations, kept)
	return nil
}
