package inputs

import (
	"math"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// demands are what the operations of a graph want of the elements of its inputs.
type demands struct {
	// indices are those of tables, counted from 0, and of lengths; domains those of
	// functions that are not defined everywhere.
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

func (d *demands) nodes(g *savedmodel.Graph, nodes []*savedmodel.Node, f *frame, names map[*savedmodel.Node]string, depth int) {
	walk := func(into map[string][]kind) *walker {
		return &walker{inputs: names, left: maxWalk, found: func(input string, n need, from, to int) {
			if n.length {
				d.lengths[input] = true
				return
			}
			if k, ok := n.kind(from, to); ok {
				into[input] = narrowed(into[input], k)
			}
		}}
	}
	for _, node := range nodes {
		consumed(node, f, func(r savedmodel.Ref, n need) { walk(d.indices).walk(r, f, n) })
		if n, ok := domain(node); ok && len(node.Inputs) > 0 {
			walk(d.domains).walk(node.Inputs[0], f, n)
		}
		for _, inner := range functions(node) {
			fn, err := g.Function(inner)
			if err != nil || depth == maxDepth {
				continue
			}
			skip := 0
			if node.Op != "While" && node.Op != "StatelessWhile" {
				skip = 1
			}
			d.nodes(g, fn.Nodes, &frame{fn.Args, node, skip, f}, names, depth+1)
		}
	}
}

func functions(n *savedmodel.Node) []string {
	switch n.Op {
	case "While", "StatelessWhile":
		return []string{n.AttrFunc("body")}
	case "If", "StatelessIf":
		return []string{n.AttrFunc("then_branch"), n.AttrFunc("else_branch")}
	}
	return nil
}

// index is what is wanted of the numbers of n things.
func index(n int) need { return need{high: float64(n) - 1} }

// consumed calls found with what an operation reads as indices or as lengths.
func consumed(n *savedmodel.Node, f *frame, found func(savedmodel.Ref, need)) {
	if len(n.Inputs) < 2 && n.Op != "Case" {
		return
	}
	switch n.Op {
	case "Gather", "ResourceGather":
		found(n.Inputs[1], along(n.Inputs[0], f, int(n.AttrInt("batch_dims"))))
	case "GatherV2":
		if axis, ok := number(n.Inputs[2]); ok {
			found(n.Inputs[1], along(n.Inputs[0], f, int(axis)))
		}
	case "GatherNd", "ResourceGatherNd":
		at := n.Inputs[1].Through()
		if at.Node.Op != "Pack" {
			found(at, along(n.Inputs[0], f, 0))
			return
		}
		for i, r := range at.Node.Inputs {
			found(r, along(n.Inputs[0], f, i))
		}
	case "OneHot":
		if depth, ok := number(n.Inputs[1]); ok && depth >= 1 {
			found(n.Inputs[0], index(int(depth)))
		}
	case "Bincount", "DenseBincount":
		if size, ok := number(n.Inputs[1]); ok && size >= 1 {
			found(n.Inputs[0], index(int(size)))
		}
	case "Range":
		found(n.Inputs[1], need{length: true})
	case "Less", "LessEqual", "Greater", "GreaterEqual":
		for i, r := range n.Inputs[:2] {
			if counts(r, f) {
				found(n.Inputs[1-i], need{length: true})
			}
		}
	}
}

// along is what is wanted of indices along an axis of a table.
func along(table savedmodel.Ref, f *frame, axis int) need {
	shape, known := shapeOf(table, f)
	if axis < 0 {
		axis += len(shape)
	}
	if !known || axis < 0 || axis >= len(shape) || shape[axis] < 1 {
		return need{unknown: true, high: math.Inf(1)}
	}
	return index(shape[axis])
}

// counts tells whether a tensor is a Range, in whatever shape.
func counts(r savedmodel.Ref, f *frame) bool {
	for range maxWalk {
		r = r.Through()
		switch {
		case r.Node == nil:
			return false
		case r.Node.Op == "Range":
			return true
		case r.Node.Op == "_Arg":
			if r, f = f.outside(r.Node); f == nil {
				return false
			}
		default:
			at, ok := moved[r.Node.Op]
			if r.Node.Op == "Cast" {
				at, ok = 0, true
			}
			if !ok || at >= len(r.Node.Inputs) {
				return false
			}
			r = r.Node.Inputs[at]
		}
	}
	return false
}

// domain is where a function of its first input is defined, if not everywhere.
func domain(n *savedmodel.Node) (need, bool) {
	everywhere := need{low: math.Inf(-1), high: math.Inf(1), real: true}
	switch n.Op {
	case "Log", "Sqrt", "Rsqrt":
		everywhere.low = 0
	case "Log1p":
		everywhere.low = -1
	case "Acosh":
		everywhere.low = 1
	case "Asin", "Acos", "Atanh":
		everywhere.low, everywhere.high = -nearlyOne, nearlyOne
	case "Pow":
		if len(n.Inputs) < 2 {
			return need{}, false
		}
		if e, ok := number(n.Inputs[1]); !ok || e == math.Trunc(e) {
			return need{}, false
		}
		everywhere.low = 0
	default:
		return need{}, false
	}
	return everywhere, true
}

// maxIndex bounds the integers that are made: every one is a float32.
const maxIndex = 1 << 24

// kind is how elements are made that n wants.
func (n need) kind(from, to int) (kind, bool) {
	k := kind{form: whole, low: math.Ceil(n.low), high: math.Floor(n.high), from: from, to: to}
	switch {
	case n.unknown:
		k.high, k.unknown = max(k.low, 0)+1, true
	case n.real && math.IsInf(n.high, 1):
		k.form, k.low, k.high = above, n.low, n.high
		return k, !math.IsInf(n.low, 0)
	case n.real:
		k.form, k.low, k.high = between, n.low, n.high
		return k, n.low < n.high && !math.IsInf(n.low, 0)
	}
	k.high = min(k.high, maxIndex)
	return k, k.low <= k.high && k.low >= -maxIndex
}

// narrowed adds k to what is wanted of the same features.
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
