package fault

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// around finds the operations around the recurrent layers that a fault can be in,
// by what they compute and never by their names. What is not certain is left out.
type around struct {
	src *source.Source
	// main are the operations that the outputs need, inner those in the bodies of
	// loops that are no recurrent layer.
	main, inner []*savedmodel.Node
	readers     map[savedmodel.Ref][]*savedmodel.Node // of main's tensors, seen through copies
	given       map[*savedmodel.Node]savedmodel.Ref   // what a loop gives an argument that no step changes
	layers      map[*savedmodel.Variable]bool         // the recurrent layers' weights
}

func lookAround(src *source.Source) *around {
	a := &around{
		src: src, readers: map[savedmodel.Ref][]*savedmodel.Node{}, given: map[*savedmodel.Node]savedmodel.Ref{}, layers: map[*savedmodel.Variable]bool{},
	}
	loops := map[*savedmodel.Node]bool{}
	for _, r := range src.Found.Recurrences {
		loops[r.Loop] = true
	}
	for _, l := range src.Found.Layers {
		for _, w := range l.Weights() {
			if w.Node != nil {
				a.layers[src.VariableOf(w)] = true
			}
		}
	}
	live := map[*savedmodel.Node]bool{}
	for _, r := range src.Graph.Outputs {
		reach(r.Node, live, true)
	}
	for _, n := range src.Graph.Nodes {
		if !live[n] {
			continue
		}
		a.main = append(a.main, n)
		for _, in := range n.Inputs {
			in = in.Through()
			a.readers[in] = append(a.readers[in], n)
		}
		if !loops[n] {
			a.enter(n, 0)
		}
	}
	return a
}

// ofShapes read no elements: what only they need has no effect, such as the copy of
// a cell that stands beside a loop.
var ofShapes = []string{"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}

// reach adds a node and all that it reads, or the elements of which it reads.
func reach(n *savedmodel.Node, seen map[*savedmodel.Node]bool, elements bool) {
	for pending := []*savedmodel.Node{n}; len(pending) > 0; {
		n := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if n == nil || seen[n] {
			continue
		}
		seen[n] = true
		if elements && slices.Contains(ofShapes, n.Op) {
			continue
		}
		for _, in := range n.Inputs {
			pending = append(pending, in.Node)
		}
	}
}

// maxDepth bounds how deep loops are entered.
const maxDepth = 4

// enter adds the operations of a loop's body.
func (a *around) enter(n *savedmodel.Node, depth int) {
	if n.Op != "While" && n.Op != "StatelessWhile" || depth == maxDepth {
		return
	}
	f, err := a.src.Graph.Function(n.AttrFunc("body"))
	if err != nil || len(f.Args) != len(n.Inputs) || len(f.Rets) != len(f.Args) {
		return // running the model reports it
	}
	for i, arg := range f.Args {
		if f.Rets[i].Through().Node == arg {
			a.given[arg] = n.Inputs[i]
		}
	}
	a.inner = append(a.inner, f.Nodes...)
	for _, inner := range f.Nodes {
		a.enter(inner, depth+1)
	}
}

// through follows a tensor through copies, and out of loops that do not change it.
func (a *around) through(r savedmodel.Ref) savedmodel.Ref {
	for {
		r = r.Through()
		outer, ok := a.given[r.Node]
		if !ok {
			return r
		}
		r = outer
	}
}

// variable returns the variable in floats, of none of the recurrent layers, whose
// handle or value a tensor is, nil for anything else.
func (a *around) variable(r savedmodel.Ref) *savedmodel.Variable {
	if r = a.through(r); r.Node == nil {
		return nil
	}
	if r.Node.Op == "ReadVariableOp" && len(r.Node.Inputs) == 1 {
		r = a.through(r.Node.Inputs[0])
	}
	v := a.src.VariableOf(r)
	if v == nil || a.layers[v] || v.DType != lockstep.Float32 && v.DType != lockstep.Float64 {
		return nil
	}
	return v
}

// operands returns what an operation of one of the types reads.
func (a *around) operands(r savedmodel.Ref, n int, ops ...string) (*savedmodel.Node, []savedmodel.Ref) {
	if r = a.through(r); r.Node == nil || r.Index != 0 || len(r.Node.Inputs) != n || !slices.Contains(ops, r.Node.Op) {
		return nil, nil
	}
	return r.Node, r.Node.Inputs
}

// number returns a constant of one element.
func number(r savedmodel.Ref) (float64, bool) {
	n := r.Through().Node
	if n == nil || n.Op != "Const" {
		return 0, false
	}
	if shape, known := n.ConstShape(); !known || len(shape) > 1 || len(shape) == 1 && shape[0] != 1 {
		return 0, false
	}
	t, err := n.Const()
	if err != nil {
		return 0, false
	}
	v, err := t.Float64s()
	if err != nil || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// integers returns a constant of at most limit integers.
func integers(r savedmodel.Ref, limit int) []int64 {
	n := r.Through().Node
	if n == nil || n.Op != "Const" {
		return nil
	}
	size := 1
	shape, known := n.ConstShape()
	for _, d := range shape {
		size *= d
	}
	if !known || size > limit {
		return nil
	}
	t, err := n.Const()
	if err != nil || !t.DType().IsInt() {
		return nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil
	}
	out := make([]int64, len(d))
	for i, v := range d {
		out[i] = int64(v)
	}
	return out
}

// dense is a layer around the recurrent ones: a product with a kernel, and the
// bias that is added to it, nil for none.
type dense struct {
	product      *savedmodel.Node
	kernel, bias *savedmodel.Variable
}

// products are the operations that compute with a kernel, and which of their
// inputs may be it.
var products = map[string][]int{
	"MatMul": {1}, "BatchMatMulV2": {1}, "Einsum": {1, 0}, "Conv2D": {1}, "Conv3D": {1}, "DepthwiseConv2dNative": {1},
}

// dense lists the layers of a product, each kernel once.
func (a *around) dense() []*dense {
	var out []*dense
	of := map[*savedmodel.Node]*dense{}
	seen := map[*savedmodel.Variable]*dense{}
	for _, n := range slices.Concat(a.main, a.inner) {
		for _, i := range products[n.Op] {
			if i >= len(n.Inputs) || of[n] != nil {
				continue
			}
			v := a.kernel(n.Inputs[i])
			if v == nil || len(v.Shape) < 2 {
				continue
			}
			if seen[v] == nil {
				seen[v] = &dense{product: n, kernel: v}
				out = append(out, seen[v])
			}
			of[n] = seen[v]
		}
	}
	for _, n := range slices.Concat(a.main, a.inner) {
		switch n.Op {
		case "BiasAdd", "AddV2", "Add":
		default:
			continue
		}
		if len(n.Inputs) != 2 {
			continue
		}
		for i := range 2 {
			if n.Op == "BiasAdd" && i == 0 {
				continue
			}
			v, d := a.variable(n.Inputs[i]), of[a.product(n.Inputs[1-i])]
			if v != nil && len(v.Shape) == 1 && d != nil && d.bias == nil {
				d.bias = v
			}
		}
	}
	return out
}

// kernel is the variable that a product's factor is, which a convolution along
// time gives one more axis.
func (a *around) kernel(r savedmodel.Ref) *savedmodel.Variable {
	if _, in := a.operands(r, 2, "ExpandDims", "Reshape"); in != nil {
		r = in[0]
	}
	return a.variable(r)
}

// product is the operation whose result a bias is added to, seen through what
// only changes its shape.
func (a *around) product(r savedmodel.Ref) *savedmodel.Node {
	for {
		r = a.through(r)
		switch {
		case r.Node == nil || r.Index != 0 || len(r.Node.Inputs) == 0:
			return nil
		case products[r.Node.Op] != nil:
			return r.Node
		case r.Node.Op == "Reshape" || r.Node.Op == "Squeeze":
			r = r.Node.Inputs[0]
		default:
			return nil
		}
	}
}

// embeddings lists the tables whose rows are looked up by index.
func (a *around) embeddings() []*savedmodel.Variable {
	var out []*savedmodel.Variable
	for _, n := range slices.Concat(a.main, a.inner) {
		switch {
		case n.Op == "ResourceGather" && n.AttrInt("batch_dims") == 0:
		case n.Op == "GatherV2" && len(n.Inputs) == 3 && n.AttrInt("batch_dims") == 0:
			if axis, ok := number(n.Inputs[2]); !ok || axis != 0 {
				continue
			}
		default:
			continue
		}
		if v := a.variable(n.Inputs[0]); v != nil && len(v.Shape) == 2 && v.Shape[0] > 1 && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
