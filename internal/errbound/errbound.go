// Package errbound evaluates a graph in float64 and finds what rounding may have
// done to each value in an engine that computes in float32.
package errbound

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Evaluator computes a signature in float64, and for each float a bound on how
// far an engine in the graph's own precision may be from it. The operations are
// those of the program, on float64; each operation's Spec says how it
// propagates its inputs' bounds and what it adds.
//
// The bounds are those of the operations as written in the graph. An operation
// without a derived rule has no bound, nor has what is computed from it.
//
// Any number of goroutines may use it.
type Evaluator struct {
	unit      rounding.Unit
	coarsest  rounding.Unit // of the types of 16 bits that operations round to, 0 for none
	inputs    []engine.Port
	outputs   []engine.Port
	body      *body
	variables []op.BoundedValue // by the index of their handles; see mostKept
	kept      int               // the bytes of all of them in float64
	layers    map[string]bool
	loops     map[*savedmodel.Node]loopBodies
	memory    int64 // see Options
}

// Result is the result of an exact evaluation.
type Result struct {
	// Exact are the tensors by name, floats in float64 and complex numbers as their
	// parts (lockstep.Tensor.RealParts): the signature's outputs,
	// each recurrent layer's final states <layer>/state_h and <layer>/state_c,
	// and its initial values, as lockstep.Trace names them: <layer>/x of the
	// first cell in a loop, <layer>/initial_h, <layer>/initial_c, <layer>/mask.
	// A layer inside a loop has those of each run, by lockstep.RunName, unless it
	// runs more than recurrent.MaxRuns times.
	Exact map[string]*lockstep.Tensor
	// Bound are the bounds of the floats in Exact, in float64 and of their
	// shapes. An element of +Inf says that nothing bounds it.
	Bound map[string]*lockstep.Tensor
	// Unknown are the reasons, most often an Unsupported, why others have no
	// bound. They may have a value.
	Unknown map[string]error
}

func newResult() *Result {
	return &Result{Exact: map[string]*lockstep.Tensor{}, Bound: map[string]*lockstep.Tensor{}, Unknown: map[string]error{}}
}

// New makes the exact evaluation of a graph.
func New(g *savedmodel.Graph, o engine.Options) (*Evaluator, error) {
	e := &Evaluator{unit: rounding.Float64, layers: map[string]bool{}, loops: map[*savedmodel.Node]loopBodies{}, memory: o.Memory}
	c := newExactCompiler(g, o, e)
	nodes := c.Live()
	for _, n := range nodes {
		c.single = c.single || usesNarrow(n) // of an input too
	}
	b := c.Compile(nil, nodes)
	if len(c.Errs) > 0 {
		return nil, errors.Join(c.Errs...)
	}
	e.body = c.of(b.Body)
	if c.single { // wider types mixed with float32 are at least as exact, and 16 bits are computed in it
		e.unit = rounding.Float32
	}
	for _, name := range slices.Sorted(maps.Keys(g.Inputs)) {
		in := engine.Port{Name: name, Slot: -1}
		if r := g.Inputs[name]; r.Node != nil && b.Has(r) {
			in.Slot = b.Slot(r)
		}
		e.inputs = append(e.inputs, in)
	}
	var results []int
	for _, name := range slices.Sorted(maps.Keys(g.Outputs)) {
		slot := b.Slot(c.Instead(g.Outputs[name]))
		e.outputs, results = append(e.outputs, engine.Port{Name: name, Slot: slot}), append(results, slot)
	}
	e.body.release(results)
	return e, nil
}

// usesNarrow tells whether a node names floats narrower than float64.
func usesNarrow(n *savedmodel.Node) bool {
	return n.Uses(lockstep.Float32) || n.Uses(lockstep.Float16) || n.Uses(lockstep.BFloat16) || n.Uses(lockstep.Complex64)
}

// Coarsest is the type of 16 bits of the fewest digits that operations round their
// results to, Invalid if there is none.
func (e *Evaluator) Coarsest() lockstep.DType {
	for _, d := range []lockstep.DType{lockstep.BFloat16, lockstep.Float16} {
		if e.coarsest == rounding.CoarseUnit(d) {
			return d
		}
	}
	return lockstep.Invalid
}

// Run evaluates the signature from the variables in the model's files.
//
// given, which may be nil, holds the states at each step that another engine
// has for recurrent layers, by their names in lockstep.Trace.Steps: <layer>/h
// and of an LSTM <layer>/c, (batch, steps, units). Such a layer is not run; the
// given states replace its results, without error, so that the tensors between
// layers are judged separately.
func (e *Evaluator) Run(ctx context.Context, inputs, given map[string]*lockstep.Tensor) (*Result, error) {
	slots, err := e.slots(inputs)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if layer, state := path.Dir(name), path.Base(name); !e.layers[lockstep.LayerOf(layer)] || state != "h" && state != "c" {
			return nil, fmt.Errorf("%q is given, and there is no layer %q with a state %q", name, layer, state)
		}
	}
	return e.runOn(&evaluationRun{ctx: ctx, given: given}, slots)
}

// slots are the signature's, with the inputs.
func (e *Evaluator) slots(inputs map[string]*lockstep.Tensor) ([]op.BoundedValue, error) {
	slots := make([]op.BoundedValue, e.body.Slots)
	for _, in := range e.inputs {
		t := inputs[in.Name]
		if t == nil {
			return nil, fmt.Errorf("the input %q is missing", in.Name)
		}
		if in.Slot < 0 {
			continue
		}
		var err error
		if slots[in.Slot], err = op.Widen(t); err != nil {
			return nil, fmt.Errorf("the input %q: %w", in.Name, err)
		}
	}
	return slots, nil
}

// runOn evaluates the signature on slots that hold the inputs.
func (e *Evaluator) runOn(r *evaluationRun, slots []op.BoundedValue) (*Result, error) {
	r.exact, r.mem = e, engine.Meter{Limit: e.memory}
	r.result = newResult()
	defer r.mem.End()
	if err := e.body.run(r, slots); err != nil {
		return nil, err
	}
	for _, out := range e.outputs {
		if err := r.note(out.Name, slots[out.Slot]); err != nil {
			return nil, fmt.Errorf("output %q: %w", out.Name, err)
		}
	}
	return r.result, nil
}

// evaluationRun is one evaluation.
type evaluationRun struct {
	ctx     context.Context
	noise   *rounding.Noise // nil for bounds
	exact   *Evaluator
	wide    []op.BoundedValue // the variables in float64, nil if they are widened when read
	given   map[string]*lockstep.Tensor
	result  *Result
	mem     engine.Meter
	garbage memory.Garbage
	// onlyBound says that nothing but bounds is needed of the operation under way,
	// which is Sized.
	onlyBound bool
	at        []int          // the iteration of each loop that is being interpreted
	runs      map[string]int // of each layer, so far
	work      int64          // that may be done, if not 0: see evaluation.work
	done      int64
}

// variable is a variable by the index of its handle.
func (r *evaluationRun) variable(i int) op.BoundedValue {
	if r.wide != nil {
		return r.wide[i]
	}
	return r.exact.variables[i]
}

// count counts work that was done, or is next.
func (r *evaluationRun) count(n int) error {
	if r.done += int64(n); r.work > 0 && r.done > r.work {
		return lockstep.ErrWork
	}
	return nil
}

// shows tells whether the run of a loop's layers that begins is among the results.
func (r *evaluationRun) shows(cells []*recurrent.Layer) bool {
	if r.result == nil {
		return false
	}
	if r.runs == nil {
		r.runs = map[string]int{}
	}
	r.runs[cells[0].Name]++
	return r.runs[cells[0].Name] <= recurrent.MaxRuns
}

// name is that of a tensor of the run of a layer that is under way.
func (r *evaluationRun) name(l *recurrent.Layer, quantity string) string {
	return lockstep.StepName(lockstep.RunName(l.Name, r.at), quantity)
}

// ofParts gives both parts of a complex number the bound of its absolute value.
func ofParts(bound, of *lockstep.Tensor) (*lockstep.Tensor, error) {
	if !of.DType().IsComplex() {
		return bound, nil
	}
	d := op.FloatsOf(bound)
	both := make([]float64, 0, 2*len(d))
	for _, e := range d {
		both = append(both, e, e)
	}
	return lockstep.New(both, of.RealParts().Shape()...)
}

// note adds a tensor to the result.
func (r *evaluationRun) note(name string, v op.BoundedValue) error {
	v, err := widened(v)
	if err != nil {
		return err
	}
	if v.Tensor != nil {
		r.result.Exact[name] = v.Tensor.RealParts()
	}
	switch {
	case v.Why != nil:
		r.result.Unknown[name] = v.Why
	case v.Tensor == nil:
		return fmt.Errorf("it is %s, want a tensor", v.Value)
	case v.IsFloat():
		bound, err := v.Errors()
		if err == nil {
			r.result.Bound[name], err = ofParts(bound.Tensor, v.Tensor)
		}
		return err
	case !v.Exact():
		r.result.Unknown[name] = v.Reason()
	}
	return nil
}
