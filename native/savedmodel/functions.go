package savedmodel

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// function is a function of the graph's library. Its parts are read when it is
// first called, and once, since it may be called very often.
type function struct {
	rawFunction
	parts func() (*functionParts, error)
}

type functionParts struct {
	def     *tfpb.FunctionDef
	nodes   map[string]*tfpb.NodeDef
	results map[string]int // the position of a named result
	effects []string       // the nodes that change something
	// open are the nodes that leave an attribute to the caller, and that
	// attribute.
	open map[string]string
}

func newFunction(raw rawFunction) *function {
	f := &function{rawFunction: raw}
	f.parts = sync.OnceValues(f.read)
	return f
}

func (f *function) read() (*functionParts, error) {
	def := &tfpb.FunctionDef{}
	if err := proto.Unmarshal(f.raw, def); err != nil {
		return nil, fmt.Errorf("function %q is damaged: %w", f.name, err)
	}
	p := &functionParts{
		def:     def,
		nodes:   make(map[string]*tfpb.NodeDef, len(def.GetNodeDef())),
		results: make(map[string]int, len(def.GetSignature().GetOutputArg())),
		open:    map[string]string{},
	}
	for _, a := range def.GetSignature().GetInputArg() {
		if a.GetNumberAttr() != "" || a.GetTypeListAttr() != "" {
			return nil, fmt.Errorf("function %q takes a list of tensors as %q, which is not supported", f.name, a.GetName())
		}
	}
	for i, a := range def.GetSignature().GetOutputArg() {
		p.results[a.GetName()] = i
	}
	for _, n := range def.GetNodeDef() {
		if _, twice := p.nodes[n.GetName()]; twice {
			return nil, fmt.Errorf("function %q has two nodes %q", f.name, n.GetName())
		}
		p.nodes[n.GetName()] = n
		for name, value := range n.GetAttr() {
			if isOpen(value) && (p.open[n.GetName()] == "" || name < p.open[n.GetName()]) {
				p.open[n.GetName()] = name
			}
		}
		if hasEffect(n.GetOp()) {
			p.effects = append(p.effects, n.GetName())
		}
	}
	return p, nil
}

// isOpen tells whether an attribute's value, or one inside it, is set by a call
// of its function.
func isOpen(value *tfpb.AttrValue) bool {
	if value.GetPlaceholder() != "" || hasOpen(value.GetFunc()) {
		return true
	}
	return slices.ContainsFunc(value.GetList().GetFunc(), hasOpen)
}

func hasOpen(f *tfpb.NameAttrList) bool {
	for _, value := range f.GetAttr() {
		if isOpen(value) {
			return true
		}
	}
	return false
}

// effectful are name prefixes of operations that change something which a later
// one, or a later call, can see. Reading a variable, running a loop and printing to a
// terminal do not; Keras lists them among a function's control results.
var effectful = []string{
	"Assert", "Assign", "DestroyResource", "InitializeTable", "LookupTableImport", "LookupTableInsert", "LookupTableRemove",
	"QueueEnqueue", "ResourceApply", "ResourceScatter", "ResourceSparseApply", "ResourceStridedSliceAssign", "SaveV2", "WriteFile",
}

func hasEffect(op string) bool {
	for _, begin := range effectful {
		if strings.HasPrefix(op, begin) {
			return true
		}
	}
	return false
}

// readers are operations that get a resource, such as a variable's handle, and
// leave it as it is. One that is not among them may change it.
var readers = []string{
	"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp",
	"LookupTableFindV2", "LookupTableSizeV2", "LookupTableExportV2",
}

// ReadsResources tells whether an operation does no more with a resource that it
// gets, such as a variable, than read it.
func (n *Node) ReadsResources() bool { return slices.Contains(readers, n.Op) }
