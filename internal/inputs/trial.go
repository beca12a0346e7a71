package inputs

import (
	"context"
	"errors"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Trial runs a signature to see which inputs its graph accepts.
type Trial struct {
	graph    *savedmodel.Graph
	run      func(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)
	table    func(handle *savedmodel.Node) (*value.LookupTable, error)
	complete bool
}

// Model is a model of the native engine, as native.Model is.
type Model interface {
	lockstep.Engine
	Source() *source.Source
}

// NewTrial returns a Trial of a model.
func NewTrial(m Model) *Trial {
	t := &Trial{m.Source().Graph, m.Run, m.Source().Table, true}
	if of, ok := m.(interface {
		TraceStates(ctx context.Context, inputs map[string]*lockstep.Tensor) (*lockstep.Trace, error)
	}); ok {
		// A Run keeps all of a network's tensors, to write over them in the next one.
		t.run = func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
			trace, err := of.TraceStates(ctx, inputs)
			if err != nil {
				return nil, err
			}
			return trace.Outputs, nil
		}
	}
	return t
}

// OpenTrial reads the SavedModel in dir for a Trial. It needs no model that
// native.Load accepts: operations that the engine does not support are left
// out, with all that need them.
func OpenTrial(dir string, o source.Options) (*Trial, error) {
	src, err := source.Open(dir, o)
	if err != nil {
		return nil, err
	}
	p, err := src.Compile(true)
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
		if err := src.Graph.Signature.CheckInputs(in); err != nil {
			return nil, err
		}
		out, _, _, err := p.Record(ctx, in)
		return out, err
	}
	return &Trial{src.Graph, run, src.Table, p.Complete()}, nil
}

// Signature returns the signature that Run runs.
func (t *Trial) Signature() lockstep.Signature { return t.graph.Signature }

// Complete tells whether nothing is left out.
func (t *Trial) Complete() bool { return t.complete }

// Graph returns what the signature computes.
func (t *Trial) Graph() *savedmodel.Graph { return t.graph }

// Run returns the outputs that can be computed. An error comes with the number of
// the graph's operations, counted from the first, that accepted the inputs.
func (t *Trial) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (out map[string]*lockstep.Tensor, accepted int, err error) {
	out, err = t.run(ctx, inputs)
	if at := (*engine.StepError)(nil); errors.As(err, &at) {
		accepted = at.At
	}
	return out, accepted, err
}
