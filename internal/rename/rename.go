// Package rename gives an engine other names: for an engine that runs another
// export of a model, whose inputs, outputs and layers have different names.
package rename

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Names maps the new names of inputs, outputs and layers to the engine's own.
// Others keep their name. An output and a layer may have the same name, as in
// Keras 2, and different new ones.
type Names struct{ Inputs, Outputs, Layers map[string]string }

// Empty tells whether nothing is renamed.
func (n Names) Empty() bool { return len(n.Inputs)+len(n.Outputs)+len(n.Layers) == 0 }

// theirs is the engine's own name of an input or an output.
func theirs(names map[string]string, name string) string {
	if own, ok := names[name]; ok {
		return own
	}
	return name
}

// ours is the new name of an engine's input or output.
func ours(names map[string]string, name string) (string, bool) {
	for ours, theirs := range names {
		if theirs == name {
			return ours, true
		}
	}
	return name, false
}

// theirLayer is the engine's own name of a layer, or of what is a layer's, such as
// lstm/h or lstm/iteration2/h.
func (n Names) theirLayer(name string) string {
	if own, ok := n.Layers[name]; ok {
		return own
	}
	for i := strings.LastIndexByte(name, '/'); i >= 0; i = strings.LastIndexByte(name[:i], '/') {
		if own, ok := n.Layers[name[:i]]; ok {
			return own + name[i:]
		}
	}
	return name
}

// ourLayer is the new name of an engine's layer, or of a layer's tensor, such
// as lstm/kernel.
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

// outputs gives outputs their new names.
func (n Names) outputs(out map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	return renamed(out, func(name string) string { known, _ := ours(n.Outputs, name); return known })
}

// ofModel gives outputs, and the layers' tensors, their new names.
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

// Variables renames the keys of a map by an engine's weight names, such as that
// of their variables.
func (n Names) Variables(own map[string]string) map[string]string {
	return renamed(own, n.ourLayer)
}

// Engine is an engine under other names.
type Engine struct {
	Of    lockstep.Tracer
	Names Names
}

// Name returns the engine's name.
func (e Engine) Name() string { return e.Of.Name() }

// Signature returns the engine's signature by the other names.
func (e Engine) Signature() lockstep.Signature {
	sig := e.Of.Signature()
	named := func(specs []lockstep.TensorSpec, names map[string]string) []lockstep.TensorSpec {
		out := make([]lockstep.TensorSpec, len(specs))
		for i, s := range specs {
			s.Name, _ = ours(names, s.Name)
			out[i] = s
		}
		return out
	}
	sig.Inputs, sig.Outputs = named(sig.Inputs, e.Names.Inputs), named(sig.Outputs, e.Names.Outputs)
	return sig
}

// Run runs the engine.
func (e Engine) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out, err := e.Of.Run(ctx, e.Names.inputs(inputs))
	return e.Names.outputs(out), err
}

// Trace runs the engine and returns its trace.
func (e Engine) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	t, err := e.Of.Trace(ctx, e.Names.inputs(inputs), detail)
	if err != nil {
		return nil, err
	}
	out := *t
	out.Layers = nil
	for _, l := range t.Layers {
		out.Layers = append(out.Layers, e.Names.ourLayer(l))
	}
	out.Unshown = renamed(t.Unshown, e.Names.ourLayer)
	out.Outputs, out.Traced = e.Names.outputs(t.Outputs), e.Names.outputs(t.Traced)
	out.States, out.Steps = renamed(t.States, e.Names.ourLayer), renamed(t.Steps, e.Names.ourLayer)
	return &out, nil
}

// Step takes one step of a layer, as the engine does.
func (e Engine) Step(layer string, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	s, ok := e.Of.(lockstep.Stepper)
	if !ok {
		return nil, fmt.Errorf("rename: %s takes no single steps", e.Of.Name())
	}
	return s.Step(e.Names.theirLayer(layer), from)
}

// Weights returns the engine's weights, none if it does not show them.
func (e Engine) Weights() (lockstep.Weights, error) {
	w, ok := e.Of.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	weights, err := w.Weights()
	for i := range weights {
		weights[i].Name = e.Names.ourLayer(weights[i].Name)
	}
	return weights, err
}

// Oracle is an oracle under other names.
type Oracle struct {
	Of    lockstep.Oracle
	Names Names
}

// Step takes one step of a layer, as the oracle does.
func (o Oracle) Step(layer string, from map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error) {
	return o.Of.Step(o.Names.theirLayer(layer), from)
}

// Run evaluates the model, as the oracle does.
func (o Oracle) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	exact, bound, unknown, err = o.Of.Run(ctx, o.Names.inputs(inputs), renamed(given, o.Names.theirLayer))
	return ofModel(o.Names, exact), ofModel(o.Names, bound), ofModel(o.Names, unknown), err
}

// Typical evaluates the model, as the oracle does.
func (o Oracle) Typical(ctx context.Context, inputs map[string]*lockstep.Tensor, work int64) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	exact, bound, unknown, err = o.Of.Typical(ctx, o.Names.inputs(inputs), work)
	return ofModel(o.Names, exact), ofModel(o.Names, bound), ofModel(o.Names, unknown), err
}

// Coarsest is the oracle's.
func (o Oracle) Coarsest() lockstep.DType { return o.Of.Coarsest() }

// Operator evaluates single operations, as the oracle does.
func (o Oracle) Operator(ctx context.Context, inputs map[string]*lockstep.Tensor) (lockstep.OperatorOracle, error) {
	return o.Of.Operator(ctx, o.Names.inputs(inputs))
}

func specNames(specs []lockstep.TensorSpec) []string {
	var out []string
	for _, s := range specs {
		out = append(out, s.Name)
	}
	return out
}
