package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Names are the names that an engine has for inputs, outputs and layers, by those
// that it is to be known by. What is not among them has one name. An output and a
// layer may have the same name, as Keras 2 gives it, and be known by two.
type Names struct{ Inputs, Outputs, Layers map[string]string }

// Empty tells whether nothing has two names.
func (n Names) Empty() bool { return len(n.Inputs)+len(n.Outputs)+len(n.Layers) == 0 }

// theirs is the engine's own name of an input or an output.
func theirs(names map[string]string, name string) string {
	if own, ok := names[name]; ok {
		return own
	}
	return name
}

// ours is what an input or an output of the engine's is known by.
func ours(names map[string]string, name string) (string, bool) {
	for ours, theirs := range names {
		if theirs == name {
			return ours, true
		}
	}
	return name, false
}

// theirLayer is the engine's own name of a layer, or of what is a layer's, such as
// lstm/h.
func (n Names) theirLayer(name string) string {
	if own, ok := n.Layers[name]; ok {
		return own
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if own, ok := n.Layers[name[:i]]; ok {
			return own + name[i:]
		}
	}
	return name
}

// ourLayer is what a layer of the engine's, or what is a layer's, such as
// lstm/kernel, is known by.
func (n Names) ourLayer(name string) string {
	out, longest := name, -1
	for ours, theirs := range n.Layers {
		if theirs == name {
			return ours
		}
		if rest, ok := strings.CutPrefix(name, theirs+"/"); ok && len(theirs) > longest {
			out, longest = ours+"/"+rest, len(theirs)
		}
	}
	return out
}

// inputs names inputs as the engine does.
func (n Names) inputs(in map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	return renamed(in, func(name string) string { return theirs(n.Inputs, name) })
}

// outputs names outputs as they are to be known.
func (n Names) outputs(out map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	return renamed(out, func(name string) string { known, _ := ours(n.Outputs, name); return known })
}

// ofModel names outputs, and what is the layers', as they are to be known.
func ofModel[V any](n Names, made map[string]V) map[string]V {
	return renamed(made, func(name string) string {
		if known, ok := ours(n.Outputs, name); ok {
			return known
		}
		return n.ourLayer(name)
	})
}

func renamed[V any](in map[string]V, name func(string) string) map[string]V {
	if in == nil {
		return nil
	}
	out := make(map[string]V, len(in))
	for was, v := range in {
		out[name(was)] = v
	}
	return out
}

// Variables names what is known by an engine's own names of its weights, such as
// their variables, as the engine is to be known.
func (n Names) Variables(own map[string]string) map[string]string {
	return renamed(own, n.ourLayer)
}

// Renamed is an engine that is known by other names, such as one that runs
// another export of a model, whose inputs and layers have names of its own.
type Renamed struct {
	Engine lockstep.Tracer
	Names  Names
}

// Name returns the engine's name.
func (r Renamed) Name() string { return r.Engine.Name() }

// Signature returns the engine's signature by the other names.
func (r Renamed) Signature() lockstep.Signature {
	sig := r.Engine.Signature()
	named := func(specs []lockstep.TensorSpec, names map[string]string) []lockstep.TensorSpec {
		out := make([]lockstep.TensorSpec, len(specs))
		for i, s := range specs {
			s.Name, _ = ours(names, s.Name)
			out[i] = s
		}
		return out
	}
	sig.Inputs, sig.Outputs = named(sig.Inputs, r.Names.Inputs), named(sig.Outputs, r.Names.Outputs)
	return sig
}

// Run runs the engine.
func (r Renamed) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out, err := r.Engine.Run(ctx, r.Names.inputs(inputs))
	return r.Names.outputs(out), err
}

// Trace runs the engine and shows what it does.
func (r Renamed) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	t, err := r.Engine.Trace(ctx, r.Names.inputs(inputs), detail)
	if err != nil {
		return nil, err
	}
	out := *t
	out.Layers = nil
	for _, l := range t.Layers {
		out.Layers = append(out.Layers, r.Names.ourLayer(l))
	}
	out.Outputs, out.Traced = r.Names.outputs(t.Outputs), r.Names.outputs(t.Traced)
	out.States, out.Steps = renamed(t.States, r.Names.ourLayer), renamed(t.Steps, r.Names.ourLayer)
	return &out, nil
}

// Step takes one step of a layer, as the engine does.
func (r Renamed) Step(layer string, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	s, ok := r.Engine.(lockstep.Stepper)
	if !ok {
		return nil, fmt.Errorf("compare: %s takes no single steps", r.Engine.Name())
	}
	return s.Step(r.Names.theirLayer(layer), from)
}

// Weights returns the engine's weights, none if it does not show them.
func (r Renamed) Weights() (lockstep.Weights, error) {
	w, ok := r.Engine.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	weights, err := w.Weights()
	for i := range weights {
		weights[i].Name = r.Names.ourLayer(weights[i].Name)
	}
	return weights, err
}

// RenamedOracle is an oracle whose layers are known by other names.
type RenamedOracle struct {
	Oracle lockstep.Oracle
	Names  Names
}

// Step takes one step of a layer, as the oracle does.
func (r RenamedOracle) Step(layer string, from map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	return r.Oracle.Step(r.Names.theirLayer(layer), from)
}

// Run evaluates the model, as the oracle does.
func (r RenamedOracle) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	exact, bound, unknown, err = r.Oracle.Run(ctx, r.Names.inputs(inputs), renamed(given, r.Names.theirLayer))
	return ofModel(r.Names, exact), ofModel(r.Names, bound), ofModel(r.Names, unknown), err
}

func specNames(specs []lockstep.TensorSpec) []string {
	var out []string
	for _, s := range specs {
		out = append(out, s.Name)
	}
	return out
}

// Before returns what the cell of a layer reads at each step of a trace: x, and
// the states before it, h and of an LSTM c, each (batch, steps, …). It returns
// nil if the trace does not show the layer's steps.
func Before(steps map[string]*lockstep.Tensor, layer string) (map[string]*lockstep.Tensor, error) {
	return before(steps, layer)
}
