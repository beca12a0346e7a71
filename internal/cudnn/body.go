package cudnn

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// body is the main graph, or a function's body.
type body struct {
	function string // its name, "" for the main graph
	defs     []*tfpb.NodeDef
	nodes    map[string]*tfpb.NodeDef
	args     map[string]*tfpb.TensorShapeProto // of a function, with their shapes if known
	ret      map[string]string                 // a function's results
	used     map[string]map[string]bool        // which results of each node are read
}

func newBody(function string, defs []*tfpb.NodeDef, ret map[string]string) *body {
	b := &body{
		function: function, defs: defs, ret: ret,
		nodes: make(map[string]*tfpb.NodeDef, len(defs)), args: map[string]*tfpb.TensorShapeProto{}, used: map[string]map[string]bool{},
	}
	use := func(name string) {
		t := b.parse(name)
		if b.used[t.node] == nil {
			b.used[t.node] = map[string]bool{}
		}
		b.used[t.node][t.result] = true
	}
	for _, n := range defs {
		b.nodes[n.GetName()] = n
		for _, in := range n.GetInput() {
			use(in)
		}
	}
	for _, r := range ret {
		use(r)
	}
	return b
}

// tensor is the name of a tensor. In the main graph a result is its number, in a
// function its name.
type tensor struct {
	node, result string
	index        int // in a result that is a list, or in the main graph
}

func (b *body) parse(name string) tensor {
	node, rest, _ := strings.Cut(name, ":")
	t := tensor{node: node}
	if b.function != "" {
		var number string
		t.result, number, _ = strings.Cut(rest, ":")
		rest = number
	}
	t.index, _ = strconv.Atoi(rest) // a name that is none is refused where the graph is read
	if b.function == "" {
		t.result = strconv.Itoa(t.index)
	}
	return t
}

// original follows a tensor through copies. Its node is nil where it is an argument
// or does not exist.
func (b *body) original(name string) (tensor, *tfpb.NodeDef) {
	for range maxPath {
		t := b.parse(name)
		n := b.nodes[t.node]
		if n == nil || n.GetOp() != "Identity" || len(n.GetInput()) == 0 {
			return t, n
		}
		name = n.GetInput()[0]
	}
	return tensor{}, nil
}

// maxPath bounds a walk, which a cycle would make endless.
const maxPath = 1000

// made returns the node that makes a tensor if it is op with n inputs.
func (b *body) made(name, op string, n int) ([]string, *tfpb.NodeDef) {
	_, def := b.original(name)
	if def.GetOp() != op {
		return nil, nil
	}
	in := dataInputs(def)
	if len(in) != n {
		return nil, nil
	}
	return in, def
}

// dataInputs are a node's inputs without what it only waits for.
func dataInputs(n *tfpb.NodeDef) []string {
	in := n.GetInput()
	if i := slices.IndexFunc(in, isControl); i >= 0 {
		in = in[:i]
	}
	return in
}

func controlInputs(n *tfpb.NodeDef) []string { return n.GetInput()[len(dataInputs(n)):] }

func isControl(name string) bool { return strings.HasPrefix(name, "^") }

// same tells whether two names are one tensor.
func (b *body) same(x, y string) bool {
	t, _ := b.original(x)
	u, _ := b.original(y)
	return t == u && t.node != ""
}

// maxElements bounds the constants of integers that are read.
const maxElements = 8

// integers reads a constant of a few integers.
func (b *body) integers(name string) []int64 {
	_, n := b.original(name)
	if n.GetOp() != "Const" {
		return nil
	}
	p := n.GetAttr()["value"].GetTensor()
	count := int64(1)
	for _, d := range p.GetTensorShape().GetDim() {
		if count *= d.GetSize(); count < 0 || count > maxElements {
			return nil
		}
	}
	var values []int64
	content, size := p.GetTensorContent(), 0
	switch p.GetDtype() {
	case int32Type:
		size = 4
		for _, v := range p.GetIntVal() {
			values = append(values, int64(v))
		}
	case int64Type:
		size, values = 8, p.GetInt64Val()
	default:
		return nil
	}
	if len(content) > 0 {
		if int64(len(content)) != count*int64(size) {
			return nil
		}
		values = nil
		for i := 0; i < len(content); i += size {
			v := int64(0)
			for k := size - 1; k >= 0; k-- {
				v = v<<8 | int64(content[i+k])
			}
			if size == 4 {
				v = int64(int32(v))
			}
			values = append(values, v)
		}
	}
	if int64(len(values)) > count || len(values) == 0 && count > 0 {
		return nil
	}
	out := slices.Clone(values)
	for int64(len(out)) < count { // the last is repeated to the end
		out = append(out, values[len(values)-1])
	}
	return out
}

// is tells whether a constant holds exactly these integers.
func (b *body) is(name string, want ...int64) bool { return slices.Equal(b.integers(name), want) }

// shape returns a tensor's shape as the file notes it, -1 for an open axis, nil for
// none. It is a note: what depends on it must fail if it is not true.
func (b *body) shape(name string) []int64 {
	t := b.parse(name)
	n := b.nodes[t.node]
	if n == nil {
		return dimsOf(b.args[t.node])
	}
	shapes := n.GetAttr()["_output_shapes"].GetList().GetShape()
	index := t.index
	if at := slices.Index(operationResults, t.result); at >= 0 && isOperation(n.GetOp()) {
		index = at
	} else if b.function != "" && len(shapes) > 1 && t.result != "output" {
		return nil
	}
	if index < 0 || index >= len(shapes) {
		return nil
	}
	return dimsOf(shapes[index])
}

func dimsOf(p *tfpb.TensorShapeProto) []int64 {
	if p == nil || p.GetUnknownRank() {
		return nil
	}
	out := []int64{}
	for _, d := range p.GetDim() {
		out = append(out, max(d.GetSize(), -1))
	}
	return out
}
