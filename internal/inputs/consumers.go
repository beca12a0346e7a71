package inputs

import (
	"math"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// demands are what a graph's operations require of the elements of its inputs.
type demands struct {
	// indices are those for indices of tables, counted from 0, and for lengths;
	// domains those of functions that are not defined everywhere.
	indices, domains map[string][]kind
	lengths          map[string]bool
}

// demandsOf finds them.
func demandsOf(g *savedmodel.Graph) *demands {
	d := &demands{map[string][]kind{}, map[string][]kind{}, map[string]bool{}}
	names := map[*savedmodel.Node]string{}
	for name, r := range g.Inputs {
		if r.Node != nil {
			names[r.Node] = name
		}
	}
	d.nodes(g, g.Nodes, &frame{}, names, 0)
	return d
}

// maxDepth bounds how deeply loops and branches lie in each other.
const maxDepth = 8

func (d *demands) nodes(g *savedmodel.Graph, nodes []*savedmodel.Node, f *frame, inputs map[*savedmodel.Node]string, depth int) {
	walk := func(into map[string][]kind) *walker {
		return &walker{inputs: inputs, left: maxWalk, found: func(input string, n op.Need, from, to int) {
			if n.Length {
				d.lengths[input] = true
				return
			}
			if k, ok := kindOf(n, from, to); ok {
				into[input] = narrowed(into[input], k)
			}
		}}
	}
	for _, node := range nodes {
		spec, _ := ops.SpecOf(node)
		if spec.Reads != nil {
			spec.Reads(node, reader{f: f, found: func(r savedmodel.Ref, n op.Need) { walk(d.indices).walk(r, f, n) }})
		}
		if spec.Domain != nil && len(node.Inputs) > 0 {
			if n, ok := spec.Domain(node, constants{}); ok {
				walk(d.domains).walk(node.Inputs[0], f, n)
			}
		}
		names, skip := functionsOf(spec.Control, node)
		for _, name := range names {
			fn, err := g.Function(name)
			if err != nil || depth == maxDepth {
				continue
			}
			d.nodes(g, fn.Nodes, &frame{fn.Args, node, skip, f}, inputs, depth+1)
		}
	}
}

// functionsOf are the functions that a loop or a branch runs, and how many of
// its inputs come before their arguments.
func functionsOf(control op.Control, n *savedmodel.Node) (names []string, skip int) {
	switch control {
	case op.Loop:
		return []string{n.AttrFunc("body")}, 0
	case op.Choice:
		return []string{n.AttrFunc("then_branch"), n.AttrFunc("else_branch")}, 1
	}
	return nil, 0
}

// reader implements op.Reader for an operation's rule.
type reader struct {
	constants
	f     *frame
	found func(savedmodel.Ref, op.Need)
}

// Found implements op.Reader.
func (g reader) Found(r savedmodel.Ref, n op.Need) { g.found(r, n) }

// Packed implements op.Reader.
func (g reader) Packed(r savedmodel.Ref) ([]savedmodel.Ref, bool) {
	n := r.Through().Node
	if n == nil {
		return nil, false
	}
	spec, _ := ops.SpecOf(n)
	return n.Inputs, spec.Packs
}

// Along implements op.Reader.
func (g reader) Along(table savedmodel.Ref, axis int) op.Need {
	shape, known := shapeOf(table, g.f)
	if axis < 0 {
		axis += len(shape)
	}
	if !known || axis < 0 || axis >= len(shape) || shape[axis] < 1 {
		return op.Need{Unknown: true, High: math.Inf(1)}
	}
	return op.Index(shape[axis])
}

// Counts implements op.Reader.
func (g reader) Counts(r savedmodel.Ref) bool {
	f := g.f
	for range maxWalk {
		r = r.Through()
		if r.Node == nil {
			return false
		}
		spec, _ := ops.SpecOf(r.Node)
		switch {
		case spec.Counts:
			return true
		case spec.Control == op.Input:
			if r, f = f.outside(r.Node); f == nil {
				return false
			}
		case spec.Moves == nil:
			return false
		default:
			data := spec.Moves(len(r.Node.Inputs))
			if len(data) != 1 || data[0] >= len(r.Node.Inputs) {
				return false
			}
			r = r.Node.Inputs[data[0]]
		}
	}
	return false
}

// maxIndex bounds the integers that are made: every one is a float32.
const maxIndex = 1 << 24

// kindOf is the kind of elements that n requires.
func kindOf(n op.Need, from, to int) (kind, bool) {
	k := kind{form: integers, low: math.Ceil(n.Low), high: math.Floor(n.High), from: from, to: to}
	switch {
	case n.Unknown:
		k.high, k.unknown = max(k.low, 0)+1, true
	case n.Real && math.IsInf(n.High, 1):
		k.form, k.low, k.high = above, n.Low, n.High
		return k, !math.IsInf(n.Low, 0)
	case n.Real:
		k.form, k.low, k.high = between, n.Low, n.High
		return k, n.Low < n.High && !math.IsInf(n.Low, 0)
	}
	k.high = min(k.high, maxIndex)
	return k, k.low <= k.high && k.low >= -maxIndex
}

// narrowed adds k to the requirements for the same features.
func narrowed(all []kind, k kind) []kind {
	for i := range all {
		if all[i].from == k.from && all[i].to == k.to && all[i].form == k.form {
			if low, high := max(all[i].low, k.low), min(all[i].high, k.high); low <= high {
				all[i].low, all[i].high = low, high
			}
			return all
		}
	}
	return append(all, k)
}

// shapeOf returns the shape of a variable's value or of a constant.
func shapeOf(r savedmodel.Ref, f *frame) ([]int, bool) {
	for r = r.Through(); r.Node != nil; r = r.Through() {
		spec, _ := ops.SpecOf(r.Node)
		switch {
		case spec.Control == op.ConstantValue:
			t, err := r.Node.Const()
			if err != nil {
				return nil, false
			}
			return t.Shape(), true
		case spec.Control == op.Variable:
			return r.Node.AttrShape("shape")
		case spec.Control == op.Input:
			if r, f = f.outside(r.Node); f == nil {
				return nil, false
			}
		case (spec.Control == op.Read || spec.KeepsShape) && len(r.Node.Inputs) > 0:
			r = r.Node.Inputs[0]
		default:
			return nil, false
		}
	}
	return nil, false
}
