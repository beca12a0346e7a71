package savedmodel

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// FeedTensor is a tensor of a loop's body that is fed and not computed.
type FeedTensor struct {
	Ref   Ref
	DType lockstep.DType
}

// StepDef is one step of a loop as a separate graph, to be imported next to the
// model's: see Graph.StepDef.
type StepDef struct {
	Def []byte
	// Main are the nodes of the main graph that it reads, which the importer
	// maps by name to the existing nodes.
	Main []*Node
	// Fed are the names of the placeholders for the fed tensors, Want those of
	// the wanted tensors, as node:index.
	Fed, Want []string
}

// stepPrefix distinguishes the names of a body's nodes from those of the graph
// around the loop.
const stepPrefix = "lockstep_step/"

// StepDef writes the nodes that the wanted tensors of a loop's body need as a
// GraphDef. The body's arguments are the loop's own inputs, which must be the
// same in each step, except the fed ones, which are placeholders. place is where
// the loop stands, nil in g itself: what it is given must not depend on the
// iteration of a loop around it.
func (g *Graph) StepDef(loop *Node, place *Place, body *Function, fed []FeedTensor, want []Ref) (*StepDef, error) {
	s := g.newStepWriter(loop, place, body)
	for i, f := range fed {
		if err := s.placeholder(fmt.Sprintf("%sfed_%d", stepPrefix, i), f); err != nil {
			return nil, err
		}
	}
	if err := s.write(body.Nodes, want); err != nil {
		return nil, err
	}
	return s.step, nil
}

func (g *Graph) newStepWriter(loop *Node, place *Place, f *Function) *stepWriter {
	s := &stepWriter{graph: g, loop: loop, place: place, outer: map[*Node]string{}, args: map[*Node]int{}, fed: map[Ref]string{}, around: map[*Node]bool{}, out: g.newDef(), step: &StepDef{}}
	for i, a := range f.Args {
		s.args[a] = i
	}
	return s
}

// write writes the nodes that the wanted tensors need.
func (s *stepWriter) write(nodes []*Node, want []Ref) error {
	needed := map[*Node]bool{}
	for _, r := range want {
		if _, isFed := s.fed[r]; !isFed {
			needed[r.Node] = true
		}
	}
	for _, n := range slices.Backward(nodes) {
		if _, isArg := s.args[n]; isArg || !needed[n] {
			continue
		}
		if err := s.node(n, needed); err != nil {
			return err
		}
	}
	for _, r := range want {
		name, err := s.name(r)
		if err != nil {
			return err
		}
		s.step.Want = append(s.step.Want, name)
	}
	s.step.Main = s.graph.exportNeeded(s.around, s.out)
	var err error
	s.step.Def, err = s.graph.marshal(s.out, nil)
	return err
}

// LoopDef is a loop's condition or body as a separate graph, to be imported next to
// the model's: see Graph.LoopDef.
type LoopDef struct {
	StepDef
	function *Function
}

// LoopDef writes a loop's condition or body as a GraphDef. The loop's variables are
// Fed, in their order; "" stands for a handle of a variable, which is the loop's own
// input. Wanted are the function's results.
func (g *Graph) LoopDef(loop *Node, f *Function) (*LoopDef, error) {
	types := loop.attr("T").GetList().GetType()
	if len(types) != len(f.Args) || len(types) != len(loop.Inputs) {
		return nil, fmt.Errorf("savedmodel: the loop %q has %d inputs of %d types, and its function %q %d arguments", loop.Name, len(loop.Inputs), len(types), f.Name, len(f.Args))
	}
	s := g.newStepWriter(loop, nil, f)
	for i, a := range f.Args {
		if types[i] == tfpb.DataType_DT_RESOURCE {
			s.step.Fed = append(s.step.Fed, "")
			continue
		}
		s.feed(fmt.Sprintf("%sfed_%d", stepPrefix, i), Ref{Node: a}, types[i])
	}
	if err := s.write(f.Nodes, f.Rets); err != nil {
		return nil, err
	}
	return &LoopDef{*s.step, f}, nil
}

// Tensor is the name of a tensor of the function's nodes, by its name there.
func (d *LoopDef) Tensor(node string, output int) (string, error) {
	if !slices.ContainsFunc(d.function.Nodes, func(n *Node) bool { return n.Name == node && output < n.NumOutputs }) {
		return "", fmt.Errorf("savedmodel: the function %q makes no tensor %s:%d", d.function.Name, node, output)
	}
	return inputName(stepPrefix+node, output), nil
}

type stepWriter struct {
	graph  *Graph
	loop   *Node
	place  *Place
	outer  map[*Node]string // the nodes of functions around the loop, by their names here
	args   map[*Node]int
	fed    map[Ref]string
	around map[*Node]bool // nodes of the graph around the loop that are needed
	out    *tfpb.GraphDef
	step   *StepDef
}

func (s *stepWriter) placeholder(name string, f FeedTensor) error {
	dtype, ok := protoDTypes[f.DType]
	if !ok {
		return fmt.Errorf("savedmodel: %s is to be fed as %s, which no step reads", f.Ref, f.DType)
	}
	s.feed(name, f.Ref, dtype)
	return nil
}

// feed writes a placeholder for a tensor.
func (s *stepWriter) feed(name string, r Ref, dtype tfpb.DataType) {
	s.fed[r] = name
	s.step.Fed = append(s.step.Fed, name)
	s.out.Node = append(s.out.Node, &tfpb.NodeDef{
		Name: name, Op: "Placeholder",
		Attr: map[string]*tfpb.AttrValue{"dtype": {Value: &tfpb.AttrValue_Type{Type: dtype}}},
	})
}

var protoDTypes = map[lockstep.DType]tfpb.DataType{
	lockstep.Float32: tfpb.DataType_DT_FLOAT,
	lockstep.Float64: tfpb.DataType_DT_DOUBLE,
	lockstep.Bool:    tfpb.DataType_DT_BOOL,
	lockstep.Int32:   tfpb.DataType_DT_INT32,
	lockstep.Int64:   tfpb.DataType_DT_INT64,
}

// node writes a node of the body.
func (s *stepWriter) node(n *Node, needed map[*Node]bool) error {
	def := n.export(func(n *Node) string {
		if _, isArg := s.args[n]; isArg {
			return ""
		}
		return stepPrefix + n.Name
	})
	for i, in := range n.Inputs {
		name, err := s.name(in)
		if err != nil {
			return err
		}
		def.Input[i] = name
		if _, isFed := s.fed[in]; !isFed {
			needed[in.Node] = true
		}
	}
	for _, c := range n.Control {
		needed[c] = true
	}
	s.out.Node = append(s.out.Node, def)
	return nil
}

// name returns the name of a tensor of the body, and records the nodes of the
// graph around the loop that it needs.
func (s *stepWriter) name(r Ref) (string, error) {
	if name, ok := s.fed[r]; ok {
		return name, nil
	}
	i, isArg := s.args[r.Node]
	if !isArg {
		return inputName(stepPrefix+r.Node.Name, r.Index), nil
	}
	if i >= len(s.loop.Inputs) {
		return "", fmt.Errorf("savedmodel: the loop %q has no input for argument %d of its body", s.loop.Name, i)
	}
	return s.outside(s.loop.Inputs[i])
}

// outside names a tensor that is around the loop.
func (s *stepWriter) outside(r Ref) (string, error) {
	if s.place == nil {
		s.around[r.Node] = true
		return inputName(r.Node.Name, r.Index), nil
	}
	r = s.place.Resolve(r)
	if name, done := s.outer[r.Node]; done {
		return inputName(name, r.Index), nil
	}
	at := s.place
	for at != nil && !at.has(r.Node) {
		at = at.Outer
	}
	if at == nil {
		s.around[r.Node] = true
		return inputName(r.Node.Name, r.Index), nil
	}
	if r.Node.Op == "_Arg" {
		return "", fmt.Errorf("savedmodel: the steps of loop %q depend on %s, which the loop around it changes", s.loop.Name, r)
	}
	name := fmt.Sprintf("lockstep_around_%d/%s", at.Depth(), r.Node.Name)
	s.outer[r.Node] = name
	def := r.Node.export(func(n *Node) string {
		if n == r.Node {
			return name
		}
		return ""
	})
	def.Input = nil
	for _, in := range r.Node.Inputs {
		input, err := s.outside(in)
		if err != nil {
			return "", err
		}
		def.Input = append(def.Input, input)
	}
	s.out.Node = append(s.out.Node, def)
	return inputName(name, r.Index), nil
}
