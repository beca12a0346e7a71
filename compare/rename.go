package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Names are the names that an engine has for inputs, outputs and layers, by
// those that it is to be known by. What is not among them has one name.
type Names map[string]string

// theirs is the engine's own name: of one such as lstm/h, what stands before
// the last slash counts as well.
func (n Names) theirs(name string) string {
	if own, ok := n[name]; ok {
		return own
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if own, ok := n[name[:i]]; ok {
			return own + name[i:]
		}
	}
	return name
}

// ours is what a name of the engine's is known by: of one such as lstm/kernel,
// what stands before the slash counts as well.
func (n Names) ours(name string) string {
	for ours, theirs := range n {
		if theirs == name {
			return ours
		}
	}
	for ours, theirs := range n {
		if rest, ok := strings.CutPrefix(name, theirs+"/"); ok {
			return ours + "/" + rest
		}
	}
	return name
}

// toTheirs names tensors as the engine does.
func (n Names) toTheirs(in map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	out := make(map[string]*lockstep.Tensor, len(in))
	for name, t := range in {
		out[n.theirs(name)] = t
	}
	return out
}

// toOurs names what the engine made as it is to be known.
func toOurs[V any](n Names, made map[string]V) map[string]V {
	if made == nil {
		return nil
	}
	out := make(map[string]V, len(made))
	for name, v := range made {
		out[n.ours(name)] = v
	}
	return out
}

// Variables names what is known by an engine's own names of its weights, such as
// their variables, as the engine is to be known.
func (n Names) Variables(own map[string]string) map[string]string { return toOurs(n, own) }

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
	named := func(specs []lockstep.TensorSpec) []lockstep.TensorSpec {
		out := make([]lockstep.TensorSpec, len(specs))
		for i, s := range specs {
			s.Name = r.Names.ours(s.Name)
			out[i] = s
		}
		return out
	}
	sig.Inputs, sig.Outputs = named(sig.Inputs), named(sig.Outputs)
	return sig
}

// Run runs the engine.
func (r Renamed) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out, err := r.Engine.Run(ctx, r.Names.toTheirs(inputs))
	return toOurs(r.Names, out), err
}

// Trace runs the engine and shows what it does.
func (r Renamed) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	t, err := r.Engine.Trace(ctx, r.Names.toTheirs(inputs), detail)
	if err != nil {
		return nil, err
	}
	out := *t
	out.Layers = nil
	for _, l := range t.Layers {
		out.Layers = append(out.Layers, r.Names.ours(l))
	}
	out.Outputs, out.States, out.Steps = toOurs(r.Names, t.Outputs), toOurs(r.Names, t.States), toOurs(r.Names, t.Steps)
	out.Traced = toOurs(r.Names, t.Traced)
	return &out, nil
}

// Step takes one step of a layer, as the engine does.
func (r Renamed) Step(layer string, from map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	s, ok := r.Engine.(lockstep.Stepper)
	if !ok {
		return nil, fmt.Errorf("compare: %s takes no single steps", r.Engine.Name())
	}
	return s.Step(r.Names.theirs(layer), from)
}

// Weights returns the engine's weights, none if it does not show them.
func (r Renamed) Weights() (lockstep.Weights, error) {
	w, ok := r.Engine.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	weights, err := w.Weights()
	for i := range weights {
		weights[i].Name = r.Names.ours(weights[i].Name)
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
	return r.Oracle.Step(r.Names.theirs(layer), from)
}

// Run evaluates the model, as the oracle does.
func (r RenamedOracle) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	exact, bound, unknown, err = r.Oracle.Run(ctx, r.Names.toTheirs(inputs), r.Names.toTheirs(given))
	return toOurs(r.Names, exact), toOurs(r.Names, bound), toOurs(r.Names, unknown), err
}

// Match pairs the names of two signatures, and of two lists of layers. Inputs
// and outputs are paired by name, but for those that given pairs, and for the
// only input or output of both; layers by name or, if not one of them has the other's name, in their order. It fails if
// a name is left that has no counterpart.
func Match(reference, candidate lockstep.Signature, layers, others []string, given Names) (Names, error) {
	out := maps.Clone(given)
	if out == nil {
		out = Names{}
	}
	pair := func(what string, want, have []lockstep.TensorSpec) error {
		left := map[string]bool{}
		for _, s := range have {
			left[s.Name] = true
		}
		if len(want) == 1 && len(have) == 1 && want[0].Name != have[0].Name && out[want[0].Name] == "" && want[0].DType == have[0].DType {
			out[want[0].Name] = have[0].Name // the only ones there are
		}
		for _, s := range want {
			theirs := out.theirs(s.Name)
			if !left[theirs] {
				return fmt.Errorf("compare: the %s %q has no counterpart %q in the candidate, which has %q: pair them with --map theirs=ours", what, s.Name, theirs, specNames(have))
			}
			delete(left, theirs)
		}
		for name := range left {
			return fmt.Errorf("compare: the candidate's %s %q has no counterpart: the reference has %q; pair them with --map theirs=ours", what, name, specNames(want))
		}
		return nil
	}
	if err := pair("input", reference.Inputs, candidate.Inputs); err != nil {
		return nil, err
	}
	if err := pair("output", reference.Outputs, candidate.Outputs); err != nil {
		return nil, err
	}
	for i, l := range layers {
		if _, given := out[l]; !given && len(layers) == len(others) && !slices.Contains(others, l) && !slices.Contains(layers, others[i]) {
			out[l] = others[i]
		}
	}
	return out, nil
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
