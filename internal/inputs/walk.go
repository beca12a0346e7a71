package inputs

import (
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// frame is the graph, or the function of a loop or a branch, and the operation
// that runs it.
type frame struct {
	args  []*savedmodel.Node
	op    *savedmodel.Node
	skip  int // the inputs of op before the arguments
	outer *frame
}

// outside returns an argument's value when the function first runs.
func (f *frame) outside(arg *savedmodel.Node) (savedmodel.Ref, *frame) {
	i := slices.Index(f.args, arg)
	if f.op == nil || i < 0 || i+f.skip >= len(f.op.Inputs) {
		return savedmodel.Ref{}, nil
	}
	return f.op.Inputs[i+f.skip], f.outer
}

// maxWalk bounds the operations that one need is followed through.
const maxWalk = 4096

// walker follows needs back to the inputs.
type walker struct {
	inputs map[*savedmodel.Node]string
	found  func(input string, n op.Need, from, to int)
	left   int
}

// walk finds the inputs whose elements, or numbers computed from them alone,
// are those of r, and the requirements on them there.
func (w *walker) walk(r savedmodel.Ref, f *frame, n op.Need) {
	for w.left--; w.left > 0 && r.Node != nil; w.left-- {
		node := r.Node
		if name, ok := w.inputs[node]; ok {
			w.found(name, n, 0, 0)
			return
		}
		if spec, _ := ops.SpecOf(node); spec.Control == op.Input {
			if r, f = f.outside(node); f == nil {
				return
			}
			continue
		}
		if name, from, to, ok := w.features(r); ok {
			w.found(name, n, from, to)
			return
		}
		from, ok := back(r, &n)
		if !ok || len(from) == 0 {
			return
		}
		for _, r := range from[1:] {
			w.walk(r, f, n)
		}
		r = from[0]
	}
}

// back returns the tensors with requirements that make r fulfil n, and changes
// n to those. It is false where they are not known.
func back(r savedmodel.Ref, n *op.Need) (from []savedmodel.Ref, ok bool) {
	if through := r.Through(); through != r {
		return []savedmodel.Ref{through}, true
	}
	spec, _ := ops.SpecOf(r.Node)
	var inputs []int
	switch {
	case spec.Back != nil:
		if inputs, ok = spec.Back(r.Node, n, constants{}); !ok {
			return nil, false
		}
	case spec.Moves != nil:
		inputs = spec.Moves(len(r.Node.Inputs))
	}
	for _, i := range inputs {
		if i < len(r.Node.Inputs) {
			from = append(from, r.Node.Inputs[i])
		}
	}
	return from, true
}

// features finds a tensor that is some of the last axis of an input.
func (w *walker) features(r savedmodel.Ref) (name string, from, to int, ok bool) {
	if len(r.Node.Inputs) == 0 {
		return "", 0, 0, false
	}
	spec, _ := ops.SpecOf(r.Node)
	if spec.Part == nil || spec.Moves == nil {
		return "", 0, 0, false
	}
	data := spec.Moves(len(r.Node.Inputs))[0]
	if data >= len(r.Node.Inputs) {
		return "", 0, 0, false
	}
	in := r.Node.Inputs[data].Through()
	if in.Node == nil {
		return "", 0, 0, false
	}
	if name, ok = w.inputs[in.Node]; !ok {
		return "", 0, 0, false
	}
	shape, known := in.Node.AttrShape("shape")
	if !known || len(shape) < 2 || shape[len(shape)-1] < 1 {
		return "", 0, 0, false
	}
	from, to, ok = spec.Part(r.Node, r.Index, shape, constants{})
	return name, from, to, ok && to-from < shape[len(shape)-1]
}
