package savedmodel

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Node is one operation of a flat graph. It is immutable.
type Node struct {
	// Name is unique in its graph: the names of the inlined calls that lead
	// to it and its own, joined by slashes.
	Name string
	// Op is the operation's type, such as MatMul; _Arg for the argument of a
	// Function, which has no definition.
	Op string
	// Inputs are the tensors that it reads, lists of tensors flattened.
	Inputs []Ref
	// Control are the operations that must have run before it.
	Control []*Node
	// NumOutputs is the number of tensors that it makes, lists flattened.
	NumOutputs int
	// Main says that it has this name in the graph that libtensorflow loads,
	// and is not in a function's body.
	Main bool

	def *tfpb.NodeDef
}

// Ref is one output of a node.
type Ref struct {
	Node  *Node
	Index int // among the node's outputs, lists flattened
}

// String returns the name of the tensor, as in "dense/MatMul:0".
func (r Ref) String() string {
	if r.Node == nil {
		return "no tensor"
	}
	return fmt.Sprintf("%s:%d", r.Node.Name, r.Index)
}

// attr returns an attribute of the operation, nil if it has none of the name.
func (n *Node) attr(name string) *tfpb.AttrValue { return n.def.GetAttr()[name] }

// HasAttr tells whether the operation has an attribute of the name; a file
// leaves out those that have their default.
func (n *Node) HasAttr(name string) bool { return n.attr(name) != nil }

// AttrBool returns a boolean attribute, false if there is none.
func (n *Node) AttrBool(name string) bool { return n.attr(name).GetB() }

// AttrInt returns an integer attribute, 0 if there is none.
func (n *Node) AttrInt(name string) int64 { return n.attr(name).GetI() }

// AttrInts returns a list of integers, nil if there is none.
func (n *Node) AttrInts(name string) []int64 { return n.attr(name).GetList().GetI() }

// AttrFloat returns a number, 0 if there is none.
func (n *Node) AttrFloat(name string) float32 { return n.attr(name).GetF() }

// AttrFloats returns a list of numbers, nil if there is none.
func (n *Node) AttrFloats(name string) []float32 { return n.attr(name).GetList().GetF() }

// AttrString returns a string, "" if there is none.
func (n *Node) AttrString(name string) string { return string(n.attr(name).GetS()) }

// AttrStrings returns a list of strings, nil if there is none.
func (n *Node) AttrStrings(name string) (list []string) {
	for _, s := range n.attr(name).GetList().GetS() {
		list = append(list, string(s))
	}
	return list
}

// AttrFunc returns the name of the function that an attribute names, "" if none.
func (n *Node) AttrFunc(name string) string { return n.attr(name).GetFunc().GetName() }

// AttrFuncs returns the names of the functions that an attribute lists, nil if
// it lists none.
func (n *Node) AttrFuncs(name string) []string {
	var names []string
	for _, f := range n.attr(name).GetList().GetFunc() {
		names = append(names, f.GetName())
	}
	return names
}

// AttrType returns an element type; it fails if there is none, or one that
// lockstep has no tensors for, such as the types of handles and lists.
func (n *Node) AttrType(name string) (lockstep.DType, error) {
	a := n.attr(name)
	if a == nil {
		return lockstep.Invalid, fmt.Errorf("savedmodel: node %q (%s) has no attribute %q", n.Name, n.Op, name)
	}
	t, err := readDType(a.GetType())
	if err != nil {
		return t, fmt.Errorf("savedmodel: node %q (%s): attribute %q: %w", n.Name, n.Op, name, err)
	}
	return t, nil
}

// Types yields the element types that attributes name, by the attributes' names
// and in their order: Invalid for one that lockstep has no tensors of.
func (n *Node) Types() iter.Seq2[string, lockstep.DType] {
	return func(yield func(string, lockstep.DType) bool) {
		for _, name := range slices.Sorted(maps.Keys(n.def.GetAttr())) {
			a := n.attr(name)
			if t, ok := a.GetValue().(*tfpb.AttrValue_Type); ok && !yield(name, dtypes[t.Type]) {
				return
			}
			for _, t := range a.GetList().GetType() {
				if !yield(name, dtypes[t]) {
					return
				}
			}
		}
	}
}

// ElementType returns the type of a loop's or a call's input of that index,
// which its attribute T lists.
func (n *Node) ElementType(i int) (lockstep.DType, error) {
	types := n.attr("T").GetList().GetType()
	if i < 0 || i >= len(types) {
		return lockstep.Invalid, fmt.Errorf("savedmodel: node %q (%s) says no type of its input %d", n.Name, n.Op, i)
	}
	t, err := readDType(types[i])
	if err != nil {
		return t, fmt.Errorf("savedmodel: node %q (%s): input %d: %w", n.Name, n.Op, i, err)
	}
	return t, nil
}

// TakesResource tells whether a loop's input of that index is a resource, such as
// the handle of a variable, as its attribute T says.
func (n *Node) TakesResource(i int) bool {
	types := n.attr("T").GetList().GetType()
	return i >= 0 && i < len(types) && types[i] == tfpb.DataType_DT_RESOURCE
}

// ReturnsResource tells whether any result of a branch is a resource, as its
// attribute Tout says.
func (n *Node) ReturnsResource() bool {
	return slices.Contains(n.attr("Tout").GetList().GetType(), tfpb.DataType_DT_RESOURCE)
}

// AttrShape returns a shape with -1 for axes of any length; known is false
// where the attribute does not even fix the rank.
func (n *Node) AttrShape(name string) (shape []int, known bool) {
	return readShape(n.attr(name).GetShape())
}

// ConstShape returns the shape of a Const operation's value, which it does not
// read; known is false where the value does not even say its rank.
func (n *Node) ConstShape() (shape []int, known bool) {
	return readTensorShape(n.attr("value").GetTensor().GetTensorShape())
}

// Const returns the value of a Const operation.
func (n *Node) Const() (*lockstep.Tensor, error) {
	if n.Op != "Const" {
		return nil, fmt.Errorf("savedmodel: node %q is a %s, want a Const", n.Name, n.Op)
	}
	t, err := readTensor(n.attr("value").GetTensor())
	if err != nil {
		return nil, fmt.Errorf("savedmodel: constant %q: %w", n.Name, err)
	}
	return t, nil
}

// Through follows r through operations that copy their input, to the original.
func (r Ref) Through() Ref {
	for r.Node != nil {
		switch r.Node.Op {
		case "Identity", "StopGradient", "PreventGradient", "Snapshot", "PlaceholderWithDefault":
			if len(r.Node.Inputs) != 1 {
				return r
			}
			r = r.Node.Inputs[0]
		case "IdentityN":
			if r.Index >= len(r.Node.Inputs) {
				return r
			}
			r = r.Node.Inputs[r.Index]
		default:
			return r
		}
	}
	return r
}
