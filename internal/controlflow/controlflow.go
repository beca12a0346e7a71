// Package controlflow turns the control flow of TensorFlow 1 into that of
// TensorFlow 2, in the definitions of a graph's nodes.
//
// A graph of TensorFlow 1 loops by a frame: Enter carries a tensor into it, Merge
// takes the first value and then those that NextIteration brings, Switch sends
// them by LoopCond to the next step or to an Exit. It branches by Switch and Merge
// alone: what the other branch would compute is dead. Arrays of tensors are
// resources, whose order of use is in a float that is handed on, the flow.
//
// Rewrite makes a While of each frame and an If of each branch, with functions
// for their bodies, and lists of tensors (TensorListSetItem and the like) of
// arrays. It does the reverse of what TensorFlow does when it runs a While
// (lower_while_op.cc), as its own compiler does (tf2xla/functionalize_while.cc,
// functionalize_cond.cc). A frame or a branch of any other form is refused, and
// the error names the node.
package controlflow

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Limits for hostile graphs. A whole SavedModel of TensorFlow 1 has some thousands
// of nodes.
const (
	maxNodes   = 1 << 20 // of the graph, and of all functions that are made of it
	maxNesting = 64      // loops within loops, and branches within branches
	maxCopies  = 1000    // operations in a row that copy a tensor
)

// Graph is a graph of TensorFlow 1.
type Graph struct {
	// Nodes are the definitions by name.
	Nodes map[string]*tfpb.NodeDef
	// Fed tells of a node whether its tensors are fed and not computed.
	Fed func(name string) bool
	// Outputs returns how many tensors a node makes.
	Outputs func(def *tfpb.NodeDef) (int, error)
	// Result returns the name of the result that a tensor of a node belongs to, and
	// its place there.
	Result func(def *tfpb.NodeDef, index int) (name string, at int, err error)
	// Type returns the element type of a tensor of a node.
	Type func(def *tfpb.NodeDef, index int) (tfpb.DataType, error)
	// Taken tells whether the graph has a function of the name.
	Taken func(function string) bool
}

// Rewritten is what replaces parts of a graph.
type Rewritten struct {
	// Nodes are those that are new or changed. A node whose name the graph has is
	// to be replaced; its tensors that are still read keep their names and, but for
	// arrays, their values.
	Nodes map[string]*tfpb.NodeDef
	// Functions are the bodies of loops and branches.
	Functions []*tfpb.FunctionDef
}

// Uses tells whether an operation is of TensorFlow 1's control flow, or one of its
// arrays.
func Uses(op string) bool {
	switch op {
	case "Enter", "Exit", "NextIteration", "LoopCond", "Switch", "Merge":
		return true
	}
	return isArray(op)
}

// Rewrite rewrites what the wanted tensors need, by their names. It returns nil
// where they need no control flow.
func (g *Graph) Rewrite(wanted []string) (*Rewritten, error) {
	w := &rewriter{Graph: g, names: map[string]bool{}, nodes: map[string]*node{}, out: &Rewritten{Nodes: map[string]*tfpb.NodeDef{}}}
	for name := range g.Nodes {
		w.names[name] = true
	}
	var roots []tensor
	for _, name := range wanted {
		t, err := w.read(name)
		if err != nil {
			return nil, err
		}
		roots = append(roots, t)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(w.nodes)), func(n *node) bool { return Uses(n.op()) }) {
		return nil, nil
	}
	if err := w.frames(roots); err != nil {
		return nil, err
	}
	if err := w.arrays(roots); err != nil {
		return nil, err
	}
	for _, l := range slices.Backward(w.loops) { // an inner loop is found after the one around it
		if err := w.while(l); err != nil {
			return nil, fmt.Errorf("the loop %q: %w", l.name, err)
		}
	}
	main := &region{results: roots}
	if err := w.branches(main, 0); err != nil {
		return nil, err
	}
	return w.out, w.writeMain(main)
}

// rewriter rewrites a graph once.
type rewriter struct {
	*Graph
	names  map[string]bool  // which nodes have
	nodes  map[string]*node // of the graph, as far as they are needed
	order  []*node          // each after those that it reads, but for loops
	loops  []*loop          // outer ones first
	copies int              // of nodes, into functions
	bodies int              // the number of functions
	out    *Rewritten
}

// name returns a name that no node has, and takes it.
func (w *rewriter) name(want string) string {
	name := want
	for i := 1; w.names[name]; i++ {
		name = fmt.Sprintf("%s_%d", want, i)
	}
	w.names[name] = true
	return name
}
