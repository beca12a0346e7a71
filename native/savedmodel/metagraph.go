package savedmodel

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// MetaGraph is one graph of a SavedModel, with its signatures and variables.
// It may be used by several goroutines.
type MetaGraph struct {
	model     *SavedModel
	pb        *tfpb.MetaGraphDef
	nodes     map[string]*tfpb.NodeDef
	functions map[string]*function
	ops       map[string]*tfpb.OpDef

	// What was made of TensorFlow 1's graph: the nodes that are not in the file, or
	// not as they are there; the variables of the handles among them; the nodes that
	// read these; functions, as parts of a FunctionDefLibrary; and whether there is
	// anything to make functions of.
	made        map[string]bool
	references  map[string]string
	reads       map[string]bool
	library     []byte
	controlFlow bool

	variables func() ([]*Variable, error)
	restored  map[string]bool // the checkpoint's keys that loading reads; set by variables
	imports   []*Node         // what fills lookup tables from the checkpoint; set by variables
	assigned  map[string]Ref  // what the initializer assigns to variables; set by tables
	tables    func() (map[string]*LookupTable, error)
	bundle    func() (*bundle, error)
	shards    func() error // tells whether the checkpoint's data files are complete
}

func newMetaGraph(m *SavedModel, def *tfpb.MetaGraphDef, functions []rawFunction) (*MetaGraph, error) {
	g := &MetaGraph{
		model:     m,
		pb:        def,
		nodes:     map[string]*tfpb.NodeDef{},
		functions: map[string]*function{},
		ops:       map[string]*tfpb.OpDef{},

		made: map[string]bool{}, references: map[string]string{}, reads: map[string]bool{},
	}
	for _, n := range def.GetGraphDef().GetNode() {
		if _, twice := g.nodes[n.GetName()]; twice {
			return nil, fmt.Errorf("savedmodel: %s: the graph has two nodes %q", m.name, n.GetName())
		}
		g.nodes[n.GetName()] = n
	}
	for _, f := range functions {
		name := f.name
		if _, isOp := knownResults()[name]; isOp {
			return nil, fmt.Errorf("savedmodel: %s: the graph's library has a function %q, which is the name of an operation", m.name, name)
		}
		if before, twice := g.functions[name]; twice && !bytes.Equal(before.raw, f.raw) {
			return nil, fmt.Errorf("savedmodel: %s: the graph's library has two functions %q", m.name, name)
		}
		g.functions[name] = newFunction(f)
	}
	for _, op := range def.GetMetaInfoDef().GetStrippedOpList().GetOp() {
		g.ops[op.GetName()] = op
	}
	g.readReferences()
	g.variables = sync.OnceValues(g.readVariables)
	g.tables = sync.OnceValues(g.readTables)
	g.bundle = sync.OnceValues(func() (*bundle, error) { return openBundle(m.fsys, m.name) })
	g.shards = sync.OnceValue(g.checkShards)
	return g, nil
}

// Tags returns the tags that the graph was saved under.
func (g *MetaGraph) Tags() []string { return slices.Clone(g.pb.GetMetaInfoDef().GetTags()) }

// Assets returns the files that loading the graph reads besides its variables,
// as paths within the folder assets.
func (g *MetaGraph) Assets() []string {
	var out []string
	for _, asset := range g.pb.GetAssetFileDef() {
		out = append(out, asset.GetFilename())
	}
	return out
}

// TensorFlowVersion returns the version of TensorFlow that wrote the model.
func (g *MetaGraph) TensorFlowVersion() string { return g.pb.GetMetaInfoDef().GetTensorflowVersion() }

// Signatures returns the signatures that can be called, in order of name,
// whatever types they have.
func (g *MetaGraph) Signatures() []lockstep.Signature {
	var out []lockstep.Signature
	for _, name := range g.signatureNames() {
		out = append(out, g.readSignature(name))
	}
	return out
}

// Signature returns the signature of that name. An empty name means
// serving_default, else the only signature that the model has. It may have
// types that no tensor can have: Signature.CheckTypes tells.
func (g *MetaGraph) Signature(name string) (lockstep.Signature, error) {
	names := g.signatureNames()
	want := name
	if want == "" {
		want = "serving_default"
	}
	switch {
	case slices.Contains(names, want):
		return g.readSignature(want), nil
	case len(names) == 0:
		return lockstep.Signature{}, fmt.Errorf("savedmodel: %s has no signature that can be called (Keras writes none with save_traces=False): export the model again with model.export", g.model.name)
	case name == "" && len(names) == 1:
		return g.readSignature(names[0]), nil
	case name == "":
		return lockstep.Signature{}, fmt.Errorf("savedmodel: %s has no signature serving_default; name one of: %s", g.model.name, strings.Join(names, ", "))
	}
	return lockstep.Signature{}, fmt.Errorf("savedmodel: %s has no signature %q; it has: %s", g.model.name, name, strings.Join(names, ", "))
}

// signatureNames lists the signatures that can be called. The initialiser,
// which libtensorflow runs when it loads, has no tensors.
func (g *MetaGraph) signatureNames() []string {
	var names []string
	for _, name := range sortedKeys(g.pb.GetSignatureDef()) {
		if !strings.HasPrefix(name, "__saved_model_") && len(g.pb.GetSignatureDef()[name].GetOutputs()) > 0 {
			names = append(names, name)
		}
	}
	return names
}

func (g *MetaGraph) readSignature(name string) lockstep.Signature {
	def := g.pb.GetSignatureDef()[name]
	return lockstep.Signature{Name: name, Inputs: readSpecs(def.GetInputs()), Outputs: readSpecs(def.GetOutputs())}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func readSpecs(infos map[string]*tfpb.TensorInfo) []lockstep.TensorSpec {
	var out []lockstep.TensorSpec
	for _, name := range sortedKeys(infos) {
		info := infos[name]
		shape, known := readShape(info.GetTensorShape())
		spec := lockstep.TensorSpec{Name: name, DType: dtypes[info.GetDtype()], Shape: shape, UnknownRank: !known}
		switch {
		case info.GetCooSparse() != nil:
			spec.DType, spec.Type = lockstep.Invalid, "a sparse tensor of "+typeName(info.GetDtype())
		case info.GetCompositeTensor() != nil:
			spec.DType, spec.Type = lockstep.Invalid, "a composite tensor of "+typeName(info.GetDtype())
		case info.GetName() == "":
			spec.DType, spec.Type = lockstep.Invalid, "no tensor"
		case spec.DType == lockstep.Invalid:
			spec.Type = typeName(info.GetDtype())
		}
		out = append(out, spec)
	}
	return out
}

// readShape returns a shape with -1 for unknown axes; known is false where
// not even the rank is given.
func readShape(p *tfpb.TensorShapeProto) (shape []int, known bool) {
	if p == nil || p.GetUnknownRank() {
		return nil, false
	}
	shape = []int{}
	for _, d := range p.GetDim() {
		shape = append(shape, int(min(max(d.GetSize(), -1), math.MaxInt)))
	}
	return shape, true
}

// readTensorShape returns the shape of a value, a scalar's where none is given.
func readTensorShape(p *tfpb.TensorShapeProto) (shape []int, known bool) {
	if p == nil {
		return []int{}, true
	}
	return readShape(p)
}
