package fault

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// expressions makes the operations that a fault puts in the place of others. The
// first failure is kept.
type expressions struct {
	src   *source.Source
	name  string // that of the operation, before the made ones' own
	dtype lockstep.DType
	made  int
	err   error
}

func newExpressions(src *source.Source, n *savedmodel.Node, kind Kind) *expressions {
	e := &expressions{src: src, name: fmt.Sprintf("%s/%s", n.Name, kind)}
	if e.dtype, e.err = n.AttrType("T"); e.err == nil && e.dtype != lockstep.Float32 && e.dtype != lockstep.Float64 {
		e.err = fmt.Errorf("%q computes in %s, want float32 or float64", n.Name, e.dtype)
	}
	return e
}

func (e *expressions) next() string {
	e.made++
	return fmt.Sprintf("%s/%d", e.name, e.made)
}

func (e *expressions) ref(n *savedmodel.Node, err error) savedmodel.Ref {
	if e.err == nil {
		e.err = err
	}
	return savedmodel.Ref{Node: n}
}

// op is an operation on floats.
func (e *expressions) op(op string, attrs map[string]any, inputs ...savedmodel.Ref) savedmodel.Ref {
	all := map[string]any{"T": e.dtype}
	for name, v := range attrs {
		all[name] = v
	}
	return e.ref(savedmodel.NewNode(e.next(), op, inputs, all))
}

// num is a constant number.
func (e *expressions) num(v float64) savedmodel.Ref {
	t, err := inType([]float64{v}, e.dtype, []int{})
	if err != nil {
		return e.ref(nil, err)
	}
	return e.constant(t)
}

// ints is a constant of integers.
func (e *expressions) ints(v []int32, shape ...int) savedmodel.Ref {
	t, err := lockstep.New(v, shape...)
	if err != nil {
		return e.ref(nil, err)
	}
	return e.constant(t)
}

func (e *expressions) constant(t *lockstep.Tensor) savedmodel.Ref {
	return e.ref(savedmodel.NewNode(e.next(), "Const", nil, map[string]any{"dtype": t.DType(), "value": t}))
}

// copied is a copy of an operation.
func (e *expressions) copied(n *savedmodel.Node, inputs []savedmodel.Ref, attrs map[string]any) *savedmodel.Node {
	out, err := n.Copy(e.next(), inputs, attrs)
	return e.ref(out, err).Node
}

// with is a copy of an operation with one other input.
func (e *expressions) with(n *savedmodel.Node, input int, r savedmodel.Ref) *savedmodel.Node {
	inputs := slices.Clone(n.Inputs)
	inputs[input] = r
	return e.copied(n, inputs, nil)
}

// replace has all that reads the results of an operation read those of another.
func (e *expressions) replace(n, by *savedmodel.Node) {
	for i := 0; e.err == nil && i < n.NumOutputs; i++ {
		e.src.Instead[savedmodel.Ref{Node: n, Index: i}] = savedmodel.Ref{Node: by, Index: i}
	}
}

// sum, product and ratio are arithmetic.
func (e *expressions) sum(a, b savedmodel.Ref) savedmodel.Ref     { return e.op("AddV2", nil, a, b) }
func (e *expressions) product(a, b savedmodel.Ref) savedmodel.Ref { return e.op("Mul", nil, a, b) }
func (e *expressions) ratio(a, b savedmodel.Ref) savedmodel.Ref   { return e.op("RealDiv", nil, a, b) }

func (e *expressions) clip(x savedmodel.Ref, low, high float64) savedmodel.Ref {
	return e.op("Maximum", nil, e.op("Minimum", nil, x, e.num(high)), e.num(low))
}
