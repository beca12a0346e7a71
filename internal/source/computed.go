package source

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// computed returns the value of a weight that the graph computes of variables and
// constants alone, each once: as the engine computes it, before any conversion.
func (s *Source) computed(r savedmodel.Ref) (*lockstep.Tensor, error) {
	r = r.Through()
	own := len(s.replaced) == 0 // what an edit put into variables is no other copy's
	if own {
		s.read.mu.Lock()
		t := s.read.computed[r]
		s.read.mu.Unlock()
		if t != nil {
			return t, nil
		}
	}
	const name = "weight"
	g := s.Graph.WithOutputs(map[string]savedmodel.Ref{name: r})
	g.Inputs, g.Effects = nil, nil // it needs none of them
	p, err := engine.Compile(g, engine.Options{Variable: s.unconverted, Memory: s.Options.Memory})
	if err != nil {
		return nil, fmt.Errorf("the weight %s: %w", r, err)
	}
	out, _, err := p.Run(context.Background(), nil, false)
	if err != nil {
		return nil, fmt.Errorf("the weight %s: %w", r, err)
	}
	if own {
		s.read.mu.Lock()
		s.read.computed[r] = out[name]
		s.read.mu.Unlock()
	}
	return out[name], nil
}

// unconverted returns the value of a variable by its handle, before any conversion.
func (s *Source) unconverted(handle savedmodel.Ref) (*lockstep.Tensor, error) {
	v, ok, err := s.meta.Variable(handle)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("%s (%s) is not a variable", handle, handle.Node.Op)
	case s.replaced[v] != nil:
		return s.replaced[v], nil
	}
	return s.value(v)
}
