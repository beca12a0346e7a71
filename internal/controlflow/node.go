package controlflow

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// node is an operation of the graph or of a function that is made.
type node struct {
	def     *tfpb.NodeDef // its name and attributes; its inputs are in the fields below
	in      []tensor
	control []*node
	// types are the element types of what it makes, nil where the definition is the
	// file's own.
	types   []tfpb.DataType
	outputs int
	loop    *loop // the innermost around what it makes
	changed bool  // it is not as the graph has it

	state *state // of a node of a region: see branches
	depth int
}

// tensor is what a node makes.
type tensor struct {
	of *node
	at int
}

func (n *node) op() string   { return n.def.GetOp() }
func (n *node) name() string { return n.def.GetName() }

// only is the one tensor of a node.
func (n *node) only() tensor { return tensor{of: n} }

func (t tensor) String() string { return fmt.Sprintf("%s:%d", t.of.name(), t.at) }

// errorf is an error about a node.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("node %q (%s): %w", n.name(), n.op(), fmt.Errorf(format, args...))
}

// input is an input's index, of a node that must have as many.
func (n *node) input(i, of int) (tensor, error) {
	if len(n.in) != of {
		return tensor{}, n.errorf("it has %d inputs, want %d", len(n.in), of)
	}
	return n.in[i], nil
}

// source follows a tensor through copies.
func (t tensor) source() tensor {
	for range maxCopies {
		if t.of.op() != "Identity" || len(t.of.in) != 1 {
			break
		}
		t = t.of.in[0]
	}
	return t
}

func typeAttr(t tfpb.DataType) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_Type{Type: t}}
}

func typesAttr(types []tfpb.DataType) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: &tfpb.AttrValue_ListValue{Type: types}}}
}

func functionAttr(name string) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_Func{Func: &tfpb.NameAttrList{Name: name}}}
}

// attrs are attributes by name.
type attrs = map[string]*tfpb.AttrValue

// made is a node that the graph does not have.
func made(name, op string, with attrs, types ...tfpb.DataType) *node {
	return &node{def: &tfpb.NodeDef{Name: name, Op: op, Attr: with}, types: types, outputs: len(types), changed: true}
}

// copied makes a node a copy of a tensor.
func (n *node) copied(t tensor, of tfpb.DataType) {
	n.def = &tfpb.NodeDef{Name: n.name(), Op: "Identity", Attr: attrs{"T": typeAttr(of)}}
	n.in, n.control, n.types, n.outputs, n.changed = []tensor{t}, nil, []tfpb.DataType{of}, 1, true
}

// retype makes a node handle lists where its attribute T named another type.
func (n *node) retype(to tfpb.DataType) {
	with := maps.Clone(n.def.GetAttr())
	if with == nil {
		with = attrs{}
	}
	with["T"] = typeAttr(to)
	n.def = &tfpb.NodeDef{Name: n.name(), Op: n.op(), Attr: with}
	n.types, n.changed = make([]tfpb.DataType, n.outputs), true
	for i := range n.types {
		n.types[i] = to
	}
	if n.op() == "Merge" && n.outputs == 2 {
		n.types[1] = tfpb.DataType_DT_INT32
	}
}

// typeOf returns the element type of a tensor.
func (w *rewriter) typeOf(t tensor) (tfpb.DataType, error) {
	if t.of.types != nil {
		if t.at >= len(t.of.types) {
			return 0, t.of.errorf("it has no tensor %d", t.at)
		}
		return t.of.types[t.at], nil
	}
	d, err := w.Type(t.of.def, t.at)
	if err != nil {
		return 0, t.of.errorf("the type of its tensor %d: %w", t.at, err)
	}
	if d > 100 { // a reference's, which is read
		d -= 100
	}
	return d, nil
}

// read reads the nodes that a tensor needs, by its name.
func (w *rewriter) read(name string) (tensor, error) {
	pending := []*node{}
	make := func(name string) (*node, error) {
		if n, ok := w.nodes[name]; ok {
			return n, nil
		}
		def, ok := w.Nodes[name]
		if !ok {
			return nil, fmt.Errorf("the graph has no node %q", name)
		}
		if len(w.nodes) >= maxNodes {
			return nil, fmt.Errorf("a graph of more than %d nodes", maxNodes)
		}
		n := &node{def: def}
		var err error
		if n.outputs, err = w.Outputs(def); err != nil {
			return nil, n.errorf("%w", err)
		}
		w.nodes[name] = n
		pending = append(pending, n)
		return n, nil
	}
	find := func(name string) (tensor, error) {
		node, number, _ := strings.Cut(name, ":")
		n, err := make(node)
		if err != nil {
			return tensor{}, err
		}
		t := tensor{of: n}
		if number != "" {
			if t.at, err = strconv.Atoi(number); err != nil || t.at < 0 {
				return t, fmt.Errorf("%q is not the name of a tensor", name)
			}
		}
		if t.at >= n.outputs {
			return t, fmt.Errorf("%q: node %q (%s) has %d outputs", name, node, n.op(), n.outputs)
		}
		return t, nil
	}
	root, err := find(name)
	if err != nil {
		return root, err
	}
	for len(pending) > 0 {
		n := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if w.Fed(n.name()) {
			w.feed(n)
			continue
		}
		for _, input := range n.def.GetInput() {
			if after, isControl := strings.CutPrefix(input, "^"); isControl {
				c, err := make(after)
				if err != nil {
					return root, err
				}
				n.control = append(n.control, c)
				continue
			}
			t, err := find(input)
			if err != nil {
				return root, err
			}
			n.in = append(n.in, t)
		}
	}
	return root, nil
}

// feed makes a node one whose tensors are given.
func (w *rewriter) feed(n *node) {
	var types []tfpb.DataType
	for i := range n.outputs {
		t, err := w.Type(n.def, i)
		if err != nil {
			return // it is asked for again where it is needed
		}
		types = append(types, t)
	}
	n.types, n.def = types, &tfpb.NodeDef{Name: n.name(), Op: "Placeholder"}
}

// sorted returns the nodes that the given ones need, each after those that it
// needs itself. needs lists these.
func sorted(roots []*node, needs func(n *node) []*node) ([]*node, error) {
	s := &sorter{needs: needs, seen: map[*node]int{}}
	for _, root := range roots {
		if err := s.add(root); err != nil {
			return nil, err
		}
	}
	return s.out, nil
}

// sorter puts nodes in order, without a stack of calls as deep as a graph is long.
type sorter struct {
	needs func(n *node) []*node
	seen  map[*node]int
	stack []visit
	out   []*node
}

// visit is a node that is being added, and what it needs that was not added yet.
type visit struct {
	n    *node
	rest []*node
}

const busy, done = 1, 2 // in sorter.seen

// add adds what a node needs, and the node.
func (s *sorter) add(root *node) error {
	if err := s.enter(root); err != nil {
		return err
	}
	for len(s.stack) > 0 {
		top := &s.stack[len(s.stack)-1]
		if len(top.rest) == 0 {
			s.seen[top.n] = done
			s.out = append(s.out, top.n)
			s.stack = s.stack[:len(s.stack)-1]
			continue
		}
		next := top.rest[0]
		top.rest = top.rest[1:]
		if err := s.enter(next); err != nil {
			return err
		}
	}
	return nil
}

func (s *sorter) enter(n *node) error {
	switch s.seen[n] {
	case busy:
		return n.errorf("the graph has a cycle through it that no NextIteration closes")
	case done:
		return nil
	}
	s.seen[n] = busy
	s.stack = append(s.stack, visit{n, s.needs(n)})
	return nil
}

// needs lists the nodes that n reads and waits for.
func (n *node) needs() []*node {
	out := make([]*node, 0, len(n.in)+len(n.control))
	for _, t := range n.in {
		out = append(out, t.of)
	}
	return append(out, n.control...)
}

func nodesOf(tensors []tensor) []*node {
	var out []*node
	for _, t := range tensors {
		out = append(out, t.of)
	}
	return out
}
