package native

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Trial runs a signature to see which inputs its graph takes. It needs no model
// that Load accepts: what the engine does not support is left out, with all that
// needs it.
type Trial struct {
	graph    *savedmodel.Graph
	program  *engine.Program
	complete bool
}

// NewTrial reads the SavedModel in dir for a Trial.
func NewTrial(dir string, options ...Option) (*Trial, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	src, err := read(saved, chosen(options))
	if err != nil {
		return nil, err
	}
	o := src.options()
	o.Partial = true
	p, err := engine.Compile(src.graph, o)
	if err != nil {
		return nil, fmt.Errorf("native: signature %q: %w", src.graph.Signature.Name, err)
	}
	return &Trial{src.graph, p, p.Complete()}, nil
}

// Trial returns a Trial of the same signature.
func (m *Model) Trial() *Trial { return &Trial{m.source.graph, m.program, true} }

// Signature returns the signature that Run runs.
func (t *Trial) Signature() lockstep.Signature { return t.graph.Signature }

// Complete tells whether nothing is left out.
func (t *Trial) Complete() bool { return t.complete }

// Graph returns what the signature computes.
func (t *Trial) Graph() *savedmodel.Graph { return t.graph }

// Run returns the outputs that can be computed. An error says with reached how
// many of the graph's operations took the inputs, counted from the first.
func (t *Trial) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (out map[string]*lockstep.Tensor, reached int, err error) {
	if err := t.graph.Signature.CheckInputs(inputs); err != nil {
		return nil, 0, fmt.Errorf("native: %w", err)
	}
	out, _, err = t.program.Run(ctx, inputs, false)
	if err == nil {
		return out, 0, nil
	}
	var at *engine.StepError
	if errors.As(err, &at) {
		reached = at.At
	}
	return nil, reached, fmt.Errorf("native: %w", err)
}
