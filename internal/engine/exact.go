package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Exact computes in float64 what a signature is meant to compute, and beside
// each float a bound on how far an engine in the graph's own precision may be
// from it (package oracle). The operations are those of the program, on numbers
// of float64; what each makes of its inputs' bounds, and adds to them, is in
// the exact_*.go files.
//
// The bounds are of the operations as they stand in the graph. An operation
// for which no rule has been derived has no bound, nor has what is computed
// from it; and so have operations on float16 and bfloat16.
//
// Any number of goroutines may use it.
type Exact struct {
	unit      rounding.Unit
	inputs    []port
	outputs   []port
	body      *exactBody
	variables []Bounded // by the place of their handles
	layers    map[string]bool
	memory    int64 // see Options
}

// Result is what an exact evaluation knows.
type Result struct {
	// Exact are the tensors by name, floats in float64: the signature's outputs,
	// each recurrent layer's final states <layer>/state_h and <layer>/state_c,
	// and what it begins with, as lockstep.Trace names it: <layer>/x of the
	// first cell in a loop, <layer>/initial_h, <layer>/initial_c, <layer>/mask.
	Exact map[string]*lockstep.Tensor
	// Bound are the bounds beside those of floats, in float64 and of their
	// shapes. An element of +Inf says that nothing bounds it.
	Bound map[string]*lockstep.Tensor
	// Unknown are the reasons, most often an Unsupported, why others have no
	// bound. They may have a value.
	Unknown map[string]error
}

// NewExact makes the exact evaluation of a graph.
func NewExact(g *savedmodel.Graph, o Options) (*Exact, error) {
	e := &Exact{unit: rounding.Float64, layers: map[string]bool{}, memory: o.Memory}
	c := newExactCompiler(g, o, e)
	b := c.compile(nil, c.live())
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	e.body = c.of(b.body)
	if c.single { // numbers of more bits beside those of float32 are no less exact
		e.unit = rounding.Float32
	}
	for _, name := range slices.Sorted(maps.Keys(g.Inputs)) {
		in := port{name, -1}
		if r := g.Inputs[name]; r.Node != nil && b.has(r) {
			in.slot = b.slot(r)
		}
		e.inputs = append(e.inputs, in)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Outputs)) {
		e.outputs = append(e.outputs, port{name, b.slot(g.Outputs[name])})
	}
	return e, nil
}

// Run evaluates the signature from the variables in the model's files.
//
// given, which may be nil, holds the states at each step that another engine
// has for recurrent layers, by their names in lockstep.Trace.Steps: <layer>/h
// and of an LSTM <layer>/c, (batch, steps, units). Such a layer is not run;
// they are taken in its place, without error, so that what stands between
// layers is judged on its own.
func (e *Exact) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (*Result, error) {
	slots := make([]Bounded, e.body.slots)
	for _, in := range e.inputs {
		t := inputs[in.name]
		if t == nil {
			return nil, fmt.Errorf("engine: the input %q is missing", in.name)
		}
		if in.slot < 0 {
			continue
		}
		var err error
		if slots[in.slot], err = widen(t); err != nil {
			return nil, fmt.Errorf("engine: the input %q: %w", in.name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if layer, state := path.Dir(name), path.Base(name); !e.layers[layer] || state != "h" && state != "c" {
			return nil, fmt.Errorf("engine: %q is given, and there is no layer %q with a state %q", name, layer, state)
		}
	}
	return e.runOn(ctx, slots, given)
}

// runOn evaluates the signature on slots in which the inputs stand.
func (e *Exact) runOn(ctx context.Context, slots []Bounded, given map[string]*lockstep.Tensor) (*Result, error) {
	r := &exactRun{ctx: ctx, exact: e, given: given, mem: meter{limit: e.memory}, result: &Result{Exact: map[string]*lockstep.Tensor{}, Bound: map[string]*lockstep.Tensor{}, Unknown: map[string]error{}}}
	defer r.mem.end()
	if err := e.body.run(r, slots); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	for _, out := range e.outputs {
		if err := r.note(out.name, slots[out.slot]); err != nil {
			return nil, fmt.Errorf("engine: output %q: %w", out.name, err)
		}
	}
	return r.result, nil
}

// exactRun is one evaluation.
type exactRun struct {
	ctx    context.Context
	exact  *Exact
	given  map[string]*lockstep.Tensor
	result *Result
	mem    meter
}

// note keeps a tensor of the result.
func (r *exactRun) note(name string, v Bounded) error {
	if v.Tensor != nil {
		r.result.Exact[name] = v.Tensor
	}
	switch {
	case v.Why != nil:
		r.result.Unknown[name] = v.Why
	case v.Tensor == nil:
		return fmt.Errorf("it is %s, want a tensor", v.Value)
	case v.isFloat():
		bound, err := v.errors()
		if err != nil {
			return err
		}
		r.result.Bound[name] = bound.Tensor
	case !v.exact():
		r.result.Unknown[name] = v.reason()
	}
	return nil
}
