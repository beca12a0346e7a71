package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/oracle"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// boundRule finds the bounds of an operation's results. An error is the reason
// why there are none.
type boundRule func(x *exactOp) error

// boundRules are the rules by operation; the exact_*.go files register theirs.
var boundRules = map[string]boundRule{}

func bounds(rule boundRule, ops ...string) {
	for _, op := range ops {
		if boundRules[op] != nil {
			panic("engine: operation " + op + " has two rules for its bounds")
		}
		boundRules[op] = rule
	}
}

// exactOp is one operation with its inputs and results on its way to bounds.
type exactOp struct {
	*exactRun
	unit oracle.Unit
	node *savedmodel.Node // of the graph
	exec exec             // in float64
	in   []tracked
	out  []tracked
}

// shapesOnly are operations that read nothing of their inputs but the shapes.
var shapesOnly = []string{"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "TensorListLength", "TensorListElementShape"}

// elementByElement are operations whose results' shapes do not depend on the
// numbers that they read.
var elementByElement = []string{
	"Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "LogicalNot",
	"Cast", "Select", "SelectV2", "Identity", "IdentityN", "All", "Any", "ExpandDims", "Squeeze", "Reshape", "Transpose",
}

// takesUndecided are operations whose rules know what to do with integers and
// bools that are not exact, beside those that move elements.
var takesUndecided = []string{"Cast", "Select", "SelectV2", "LogicalAnd", "LogicalOr", "LogicalNot", "All", "Any"}

// ordinary builds an operation that is no control flow: what it computes is
// what the program's own operation computes in float64.
func (c *exactCompiler) ordinary(n *savedmodel.Node) exactOperation {
	fail := func(err error) error {
		u := Unsupported{Node: n.Name, Op: n.Op, Reason: err}
		return u
	}
	build, ok := exactBuilders[n.Op]
	if !ok {
		build = func(c *compiler, n *savedmodel.Node) (exec, error) {
			wide := n.Retyped(lockstep.Float32, lockstep.Float64, defaultFloat[n.Op]...)
			return builders[n.Op](c, wide)
		}
		if builders[n.Op] == nil {
			return refusedOp(fail(errors.New("the operation is not supported")))
		}
	}
	for _, d := range []lockstep.DType{lockstep.BFloat16, lockstep.Float16} {
		if n.Uses(d) {
			return refusedOp(fail(lockstep.CoarseError{DType: d}))
		}
	}
	if slices.Contains(bitsOfFloats, n.Op) && (n.Op != "Bitcast" || n.Uses(lockstep.Float32)) {
		return refusedOp(fail(errors.New("the oracle has no bound for the operation")))
	}
	run, err := build(c.compiler, n)
	if err != nil {
		return refusedOp(fail(fmt.Errorf("in float64: %w", err)))
	}
	return func(r *exactRun, in []tracked, results int) ([]tracked, error) {
		x := &exactOp{exactRun: r, unit: r.exact.unit, node: n, exec: run, in: in, out: make([]tracked, results)}
		return x.do(fail)
	}
}

// defaultFloat are the attributes that name float32 where they are absent.
var defaultFloat = map[string][]string{"LeakyRelu": {"T"}, "MaxPool": {"T"}}

// bitsOfFloats are operations that are of another kind on float64: they read the
// bits, or take no other floats than float32.
var bitsOfFloats = []string{"Bitcast", "InTopKV2", "NextAfter"}

// exactBuilders build what the program's operation does not compute in float64.
var exactBuilders = map[string]builder{}

func refusedOp(err error) exactOperation {
	return func(_ *exactRun, in []tracked, n int) ([]tracked, error) { return unknown(n, err), nil }
}

func (x *exactOp) do(fail func(error) error) ([]tracked, error) {
	onShapes := slices.Contains(shapesOnly, x.node.Op)
	var why error
	loose := false
	for _, v := range x.in {
		if v.none() {
			return unknown(len(x.out), v.reason()), nil
		}
		if v.why != nil && (!onShapes || v.loose) {
			why = v.why
			loose = loose || v.loose || !v.isFloat() && !slices.Contains(elementByElement, x.node.Op)
		}
	}
	values := make([]Value, len(x.in))
	for i, v := range x.in {
		values[i] = v.Value
	}
	out, err := x.again(values...)
	if err != nil {
		if why != nil {
			return unknown(len(x.out), why), nil
		}
		return nil, err
	}
	for i, v := range out {
		x.out[i] = tracked{Value: v}
	}
	switch {
	case why != nil:
		for i := range x.out {
			x.out[i].why, x.out[i].loose = why, loose
		}
		return x.out, nil
	case onShapes:
		return x.out, nil
	}
	if err := x.bound(); err != nil {
		if _, named := err.(Unsupported); !named {
			err = fail(err)
		}
		for i := range x.out {
			x.out[i].bound, x.out[i].why = Value{}, err
			x.out[i].loose = !x.allFloat() && !slices.Contains(elementByElement, x.node.Op)
		}
	}
	for i := range x.out {
		if v := &x.out[i]; v.why == nil && !v.isFloat() && !v.exact() {
			v.undecided = fail(errors.New("rounding decides its result"))
			for _, in := range x.in {
				if in.undecided != nil {
					v.undecided = in.undecided
				}
			}
		}
	}
	return x.out, nil
}

// allFloat tells whether every input that is not exact is a float.
func (x *exactOp) allFloat() bool {
	return !slices.ContainsFunc(x.in, func(v tracked) bool { return !v.exact() && !v.isFloat() })
}

// bound finds the bounds of the results.
func (x *exactOp) bound() error {
	exact := !slices.ContainsFunc(x.in, func(v tracked) bool { return !v.exact() })
	if exact && !slices.ContainsFunc(x.out, tracked.isFloat) {
		return nil
	}
	if data, moves := movedInputs(x.node.Op, len(x.in)); moves {
		return x.move(data)
	}
	if !slices.Contains(takesUndecided, x.node.Op) {
		for _, v := range x.in {
			if !v.exact() && !v.isFloat() {
				return v.reason()
			}
		}
	}
	rule := boundRules[x.node.Op]
	if rule == nil {
		return errors.New("the oracle has no bound for the operation")
	}
	return rule(x)
}

// again runs the operation in float64, on other inputs.
func (x *exactOp) again(in ...Value) ([]Value, error) {
	var keep any
	w := work{running: &running{ctx: x.ctx}, keep: &keep, out: make([]Value, len(x.out))}
	out, err := x.exec(&w, in)
	if err != nil {
		return nil, err
	}
	if len(out) != len(x.out) {
		return nil, fmt.Errorf("%d results, want %d", len(out), len(x.out))
	}
	return slices.Clone(out), nil
}

// shape is that of the result.
func (x *exactOp) shape() []int { return x.out[0].Tensor.Shape() }

// v and e are the elements of a float input and their bounds, nil if exact.
func (x *exactOp) v(i int) []float64 { return floatsOf(x.in[i].Tensor) }
func (x *exactOp) e(i int) []float64 { return floatsOf(x.in[i].bound.Tensor) }

// size bounds the magnitudes of a float input.
func (x *exactOp) size(i int) []float64 {
	v, e := x.v(i), x.e(i)
	out := make([]float64, len(v))
	for k := range v {
		out[k] = math.Abs(v[k])
		if e != nil {
			out[k] += e[k]
		}
	}
	return out
}

// like is a tensor of the shape of an input.
func (x *exactOp) like(i int, d []float64) Value {
	t, err := lockstep.New(d, x.in[i].Tensor.Shape()...)
	if err != nil {
		panic(err) // it has as many elements
	}
	return Value{Tensor: t}
}

// run is again of an operation with one result, and its elements.
func (x *exactOp) run(in ...Value) ([]float64, error) {
	out, err := x.again(in...)
	if err != nil {
		return nil, err
	}
	return floatsOf(out[0].Tensor), nil
}

// set sets a result's bounds, made safe: what float32 may have overflowed is
// bounded by nothing, nor is what is no number.
func (x *exactOp) set(i int, e []float64) error {
	exact := !slices.ContainsFunc(x.in, func(v tracked) bool { return !v.exact() })
	largest := x.unit.Largest()
	for k, v := range floatsOf(x.out[i].Tensor) {
		switch size := math.Abs(v); {
		case math.IsInf(v, 0) && exact:
			e[k] = 0
		case math.IsNaN(e[k]) || math.IsNaN(v) || size+e[k] > largest:
			e[k] = math.Inf(1)
		case size < x.unit.Tiny() && size > 0:
			e[k] = max(e[k], size) // it may be taken for zero
		}
	}
	var err error
	x.out[i].bound, err = boundOf(e, x.out[i].Tensor.Shape())
	return err
}

// rounded is the bound of a result that is rounded n times after its inputs'
// errors made it wrong by e.
func (x *exactOp) rounded(v, e float64, n int) float64 {
	return (e+x.unit.Gamma(n)*(math.Abs(v)+e))*oracle.Slack + float64(n)*x.unit.Tiny()
}

// holds tells whether the result of one correctly rounded operation on exact
// numbers is exact: in float32, if the float64 nearest to it is a float32.
func (x *exactOp) holds(v float64) bool {
	if x.unit == oracle.Float32 {
		return float64(float32(v)) == v
	}
	return false
}
