package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Variable is a variable that loading the model fills from the checkpoint.
type Variable struct {
	// Name is the variable's resource name, as "lstm/lstm_cell/kernel".
	Name string
	// Node is the name of the VarHandleOp in the main graph or, if Reference is set,
	// of the operation of TensorFlow 1 whose result is a reference to the variable's
	// memory, and no handle.
	Node      string
	Reference bool
	// Key is the checkpoint's entry that is restored into it, empty where Err
	// says that it is not one entry.
	Key   string
	DType lockstep.DType
	// Type is TensorFlow's name of the type, DType's own or, where that is
	// Invalid, of one that lockstep has no tensors of.
	Type string
	// Shape is nil where the graph leaves it open.
	Shape []int
	// Err says why the variable cannot be read, nil if it can. It matters only
	// where the variable is needed.
	Err error

	also  []string // further entries that are restored into it
	proto tfpb.DataType
	part  []extent // of the entry's tensor, along each axis; nil for all of it
}

// anonymous is the shared name of a resource that has none: each operation
// with it makes its own (kAnonymousName in TensorFlow's resource_handle.h).
const anonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"

// resourceName returns the identity of a graph's variable.
func resourceName(handle *Node) string {
	name := handle.AttrString("shared_name")
	if name == "" || name == anonymous {
		name = handle.Name
	}
	if c := handle.AttrString("container"); c != "" {
		name = c + "|" + name
	}
	return name
}

// Variables returns the variables that are restored when the model is loaded,
// in order of name.
func (g *MetaGraph) Variables() ([]*Variable, error) { return g.variables() }

// Variable returns the variable whose handle or value r is, seen through
// copies; false if r is something else. It fails if r is a variable that no
// checkpoint entry is restored into, or one that cannot be read.
func (g *MetaGraph) Variable(r Ref) (*Variable, bool, error) {
	v, ok, err := g.FindVariable(r)
	if err != nil || !ok {
		return nil, false, err
	}
	if v.Err != nil {
		return nil, false, fmt.Errorf("savedmodel: %s: %w", g.model.name, v.Err)
	}
	return v, true, nil
}

// FindVariable is Variable, also for variables that cannot be read.
func (g *MetaGraph) FindVariable(r Ref) (*Variable, bool, error) {
	r = r.Through()
	if r.Node != nil && r.Node.Op == "ReadVariableOp" && len(r.Node.Inputs) == 1 {
		r = r.Node.Inputs[0].Through()
	}
	if r.Node == nil || r.Node.Op != "VarHandleOp" {
		return nil, false, nil
	}
	all, err := g.variables()
	if err != nil {
		return nil, false, err
	}
	name := resourceName(r.Node)
	for _, v := range all {
		if v.Name == name {
			return v, true, nil
		}
	}
	return nil, false, fmt.Errorf("savedmodel: %s: no checkpoint entry is restored into the variable %q, so that TensorFlow's own runtime has no value for it either: save the model with its export(), or keep the variable in an attribute of what tf.saved_model.save saves", g.model.name, name)
}

// readVariables follows the restore operation that libtensorflow runs when it
// loads the model: each of its AssignVariableOps fills one variable with one
// result of a RestoreV2, whose tensor_names hold the checkpoint's keys.
func (g *MetaGraph) readVariables() ([]*Variable, error) {
	fail := func(format string, args ...any) ([]*Variable, error) {
		return nil, fmt.Errorf("savedmodel: %s: %w", g.model.name, fmt.Errorf(format, args...))
	}
	restore := g.pb.GetSaverDef().GetRestoreOpName()
	if restore == "" {
		return nil, nil // a model without variables
	}
	nodes, err := g.inlined(restore)
	if err != nil {
		return fail("the restore operation %q: %w", restore, err)
	}
	g.restored, g.imports = restoredKeys(nodes), fillsIn(nodes)
	seen, names := map[string]*Variable{}, constants{}
	var out []*Variable
	for _, n := range nodes {
		if n.Op != "AssignVariableOp" && n.Op != "Assign" || len(n.Inputs) < 2 {
			continue
		}
		handle := n.Inputs[0].Through().Node
		if n.Op == "Assign" && handle != nil && handle.Op == "ReadVariableOp" && len(handle.Inputs) == 1 {
			handle = handle.Inputs[0].Through().Node
		}
		if handle == nil || handle.Op != "VarHandleOp" {
			continue // not a variable that a signature could read
		}
		v := newVariable(handle, n.Inputs[1], names)
		if node, ok := g.references[handle.Name]; ok {
			v.Node, v.Reference = node, true
		}
		if before, twice := seen[v.Name]; twice {
			before.restoreAlso(v)
			continue
		}
		seen[v.Name] = v
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *Variable) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// restoreAlso notes that one more entry is restored into a variable: Keras 2
// tracks a variable of mixed precision twice. Which of the two loading leaves is
// not determined, so that their values must be the same; Value compares them.
func (v *Variable) restoreAlso(again *Variable) {
	switch {
	case v.Err == nil && again.Err == nil && !slices.Equal(v.part, again.part):
		v.Err = fmt.Errorf("variable %q is restored from different parts of %q and %q", v.Name, v.Key, again.Key)
		v.Key, v.also = "", nil
	case v.Err != nil || again.Key == v.Key && again.Err == nil || slices.Contains(v.also, again.Key):
	case again.Err != nil:
		v.Err, v.Key, v.also = again.Err, "", nil
	default:
		v.also = append(v.also, again.Key)
	}
}

// newVariable describes a variable from its handle and from what is restored
// into it.
func newVariable(handle *Node, restored Ref, names constants) *Variable {
	v := &Variable{Name: resourceName(handle), Node: handle.Name, proto: handle.attr("dtype").GetType()}
	v.DType, v.Type = dtypes[v.proto], typeName(v.proto)
	shape, known := handle.AttrShape("shape")
	if known && !slices.Contains(shape, -1) {
		v.Shape = shape
	}
	var err error
	v.Key, v.part, err = restoredKey(restored, names)
	switch {
	case err != nil:
	case handle.attr("dtype") == nil:
		err = fmt.Errorf("the graph says no element type")
	case v.DType == lockstep.Invalid:
		err = fmt.Errorf("its element type %s is not supported", v.Type)
	case !known:
		err = fmt.Errorf("the graph does not fix its shape")
	case v.Shape == nil:
		err = fmt.Errorf("the graph leaves its shape %s open", lockstep.FormatShape(shape))
	case v.part != nil && !slices.EqualFunc(v.part, v.Shape, func(e extent, n int) bool { return e.length == n }):
		err = fmt.Errorf("its shape is %s, and the part of %q that it is restored from has another", lockstep.FormatShape(v.Shape), v.Key)
	}
	if err != nil {
		v.Err = fmt.Errorf("variable %q (%s %q): %w", v.Name, handle.Op, handle.Name, err)
	}
	return v
}

// constants are the strings of constants that were read, since one names the keys of all
// variables.
type constants map[*Node][]string

func (c constants) of(n *Node) ([]string, error) {
	if list, ok := c[n]; ok {
		return list, nil
	}
	t, err := n.Const()
	if err != nil {
		return nil, err
	}
	list, err := lockstep.Data[string](t)
	if err == nil {
		c[n] = list
	}
	return list, err
}

// restoredKey returns the checkpoint key behind a result of RestoreV2, and which
// part of its tensor it is.
func restoredKey(r Ref, names constants) (string, []extent, error) {
	r = r.Through()
	if r.Node == nil || r.Node.Op != "RestoreV2" || len(r.Node.Inputs) != 3 {
		return "", nil, fmt.Errorf("it is filled with %s, want a result of RestoreV2", r)
	}
	at := func(input int, what string) (string, error) {
		list, err := names.of(r.Node.Inputs[input].Through().Node)
		if err != nil {
			return "", fmt.Errorf("the %s of %q: %w", what, r.Node.Name, err)
		}
		if r.Index >= len(list) {
			return "", fmt.Errorf("%q has %d %s, no number %d", r.Node.Name, len(list), what, r.Index)
		}
		return list[r.Index], nil
	}
	slice, err := at(2, "slices")
	if err != nil {
		return "", nil, err
	}
	key, err := at(1, "keys")
	if err != nil || slice == "" {
		return key, nil, err
	}
	part, err := readSlice(slice)
	return key, part, err
}

// Value reads a variable's value from the checkpoint.
func (g *MetaGraph) Value(v *Variable) (*lockstep.Tensor, error) {
	if v.Err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", g.model.name, v.Err)
	}
	b, err := g.bundle()
	if err != nil {
		return nil, err
	}
	if _, err := b.check(v, v.Key); err != nil {
		return nil, err
	}
	if err := g.shards(); err != nil {
		return nil, err
	}
	value, err := b.restored(v, v.Key)
	if err != nil {
		return nil, err
	}
	for _, key := range v.also {
		again, err := b.restored(v, key)
		if err != nil {
			return nil, err
		}
		if !again.BitEqual(value) {
			return nil, fmt.Errorf("savedmodel: %s: variable %q is restored from %q and from %q, whose values differ", g.model.name, v.Name, v.Key, key)
		}
	}
	return value, nil
}

// CheckData tells whether the checkpoint's data files have all bytes that its
// index says, where loading the model restores anything: libtensorflow does not
// load a model that lacks some. It reads the index, and only the sizes of the
// data files.
func (g *MetaGraph) CheckData() error {
	all, err := g.variables()
	if err != nil || len(all) == 0 {
		return err
	}
	return g.shards()
}

// CheckVariables tells whether the checkpoint has, for every variable that the
// signature reaches and loading the model restores, an entry of the variable's
// type and shape, and in its data files all bytes that its index says.
// libtensorflow does not check the first: a checkpoint of another model loads,
// and fails or computes something when it is run.
func (g *Graph) CheckVariables() error {
	all, err := g.meta.variables()
	if err != nil || len(all) == 0 {
		return err
	}
	reached := g.reachedVariables()
	for _, v := range all {
		if !reached[v.Name] || v.Key == "" {
			continue
		}
		b, err := g.meta.bundle()
		if err != nil {
			return err
		}
		for _, key := range append([]string{v.Key}, v.also...) {
			if _, err := b.check(v, key); err != nil {
				return err
			}
		}
	}
	return g.meta.shards()
}

// reachedVariables returns the resource names of the variables whose handles
// are in the graph, or in a function that one of its loops or branches runs.
// Functions are not inlined for that, and a damaged one counts as having none:
// running it reports the error.
func (g *Graph) reachedVariables() map[string]bool {
	reached, seen := map[string]bool{}, map[string]bool{}
	var pending []string
	visit := func(n *Node) {
		if n.Op == "VarHandleOp" {
			reached[resourceName(n)] = true
		}
		if callee, _ := g.meta.callee(n.def); callee != "" {
			pending = append(pending, callee)
		}
		for _, a := range n.def.GetAttr() {
			if f := a.GetFunc(); f != nil {
				pending = append(pending, f.GetName())
			}
			for _, f := range a.GetList().GetFunc() {
				pending = append(pending, f.GetName())
			}
		}
	}
	for _, n := range g.Nodes {
		visit(n)
	}
	for len(pending) > 0 {
		name := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		fn, ok := g.meta.functions[name]
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		parts, err := fn.parts()
		if err != nil {
			continue
		}
		for _, def := range parts.def.GetNodeDef() {
			visit(&Node{Name: def.GetName(), Op: def.GetOp(), def: def})
		}
	}
	return reached
}
