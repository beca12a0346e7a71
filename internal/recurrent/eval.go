package recurrent

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// evaluator finds the expressions of the tensors of a loop's body.
type evaluator struct {
	l       *loop
	tensors *tensors
	found   map[savedmodel.Ref]*expr
	known   map[string]*expr
	count   int
	depth   int
}

func newEvaluator(l *loop, ts *tensors) *evaluator {
	return &evaluator{l: l, tensors: ts, found: map[savedmodel.Ref]*expr{}, known: map[string]*expr{}}
}

// maxDepth bounds the operations on a path through a step. The largest stack of
// cells that a loop has variables for is below it.
const maxDepth = 10_000

// of returns the expression of a tensor of the body.
func (ev *evaluator) of(r savedmodel.Ref) *expr { return ev.eval(r, ev.inBody) }

// outside returns the expression of a tensor of the graph around the loop: a
// weight or a part of one, a constant, or unknown.
func (ev *evaluator) outside(r savedmodel.Ref) *expr {
	return ev.eval(ev.l.place.Resolve(r), ev.inGraph)
}

func (ev *evaluator) eval(r savedmodel.Ref, find func(r savedmodel.Ref) *expr) *expr {
	r = r.Through()
	e, done := ev.found[r]
	if done {
		return e
	}
	if r.Node == nil || ev.depth > maxDepth {
		return ev.unknown()
	}
	ev.depth++
	if e = find(r); e == nil {
		e = ev.unknown()
	}
	ev.depth--
	ev.found[r] = e
	return e
}

// inGraph returns nil for what is unknown.
func (ev *evaluator) inGraph(r savedmodel.Ref) *expr {
	if v, dtype, ok := scalar(r); ok {
		return ev.constant(v, dtype)
	}
	if t, ok := ev.tensors.of(r, ev.l.place); ok {
		return ev.weight(t.whole())
	}
	return ev.cut(r, ev.outside)
}

// elementwise are the elementwise operations in the forms of activations, with
// their numbers of inputs.
var elementwise = map[string]int{
	"Tanh": 1, "Sigmoid": 1, "Relu": 1, "Relu6": 1, "Elu": 1, "Selu": 1, "Softplus": 1, "Softsign": 1, "Exp": 1, "Expm1": 1,
	"Erfc": 1, "Neg": 1, "Sqrt": 1, "Square": 1, "OnesLike": 1, "Sub": 2, "RealDiv": 2, "Maximum": 2, "Minimum": 2, "Pow": 2,
}

// inBody returns nil for what is unknown.
func (ev *evaluator) inBody(r savedmodel.Ref) *expr {
	n := r.Node
	if i, ok := ev.l.arg(r); ok {
		return ev.argument(i)
	}
	if n.Op == "TensorListGetItem" {
		if i, ok := ev.l.item(r); ok {
			return ev.variable(opItem, i)
		}
		return nil
	}
	if n.Op == "ReadVariableOp" && len(n.Inputs) == 1 {
		if i, ok := ev.l.arg(n.Inputs[0]); ok && ev.l.invariant[i] {
			if t, ok := ev.tensors.variable(ev.l.inputs[i]); ok {
				return ev.weight(t.whole())
			}
		}
		return nil
	}
	if v, dtype, ok := scalar(r); ok {
		return ev.constant(v, dtype)
	}
	if n.Op == "ConcatV2" && len(n.Inputs) == 3 {
		return ev.join(n)
	}
	if len(n.Inputs) != 2 {
		if arity := elementwise[n.Op]; arity == 1 && len(n.Inputs) == 1 {
			return ev.call(n.Op, ev.of(n.Inputs[0]))
		}
		if n.Op == "LeakyRelu" && len(n.Inputs) == 1 && n.AttrFloat("alpha") == 0.2 {
			return ev.call(leaky, ev.of(n.Inputs[0]))
		}
		return ev.cut(r, ev.of)
	}
	a, b := n.Inputs[0], n.Inputs[1]
	switch {
	case n.Op == "MatMul" && plainProduct(n):
		return ev.matMul(ev.of(a), ev.of(b))
	case n.Op == "AddV2", n.Op == "Add":
		return ev.add(ev.of(a), ev.of(b))
	case n.Op == "BiasAdd" && lastAxis(n):
		if bias := ev.of(b); bias.op == opPart && bias.part.vector {
			return ev.add(ev.of(a), bias)
		}
		return nil
	case n.Op == "Mul":
		return ev.mul(ev.of(a), ev.of(b))
	case elementwise[n.Op] == 2:
		return ev.call(n.Op, ev.of(a), ev.of(b))
	}
	return ev.cut(r, ev.of)
}

// argument returns a loop variable at the start of the step; one that no step
// changes has its expression around the loop, if that is known.
func (ev *evaluator) argument(i int) *expr {
	if ev.l.invariant[i] {
		if e := ev.outside(ev.l.inputs[i]); e.op != opUnknown {
			return e
		}
	}
	return ev.variable(opArg, i)
}

// scalar returns the value of a constant scalar that is a fraction.
func scalar(r savedmodel.Ref) (float64, lockstep.DType, bool) {
	if r.Node.Op != "Const" {
		return 0, lockstep.Invalid, false
	}
	if shape, _ := r.Node.ConstShape(); len(shape) > 0 {
		return 0, lockstep.Invalid, false
	}
	t, err := r.Node.Const()
	if err != nil || t.Rank() != 0 || !t.DType().IsFloat() {
		return 0, lockstep.Invalid, false
	}
	values, err := t.Float64s()
	if err != nil {
		return 0, lockstep.Invalid, false
	}
	return values[0], t.DType(), true
}
