package graphtest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native/savedmodel"
	"google.golang.org/protobuf/proto"
)

// Case is one run of an operation, or of a few, in TensorFlow's own kernels;
// models/ops_cases.py writes them.
type Case struct {
	Name  string
	Op    string
	Attrs map[string]Attr
	// Inputs and Outputs are keys of the .npz. Those of the inputs that
	// Variables names by position are the values of variables, whose handles
	// the operation gets.
	Inputs    []string
	Variables []int
	// Tables are those of the variables that are lookup tables, whose keys the input
	// is: the key of their values, by position.
	Tables  map[int]string
	Outputs []string
	// Error says that TensorFlow raised.
	Error bool
	// Tolerance t allows |a-b| <= t(1+|b|). With 0 the bits must agree, but
	// any NaN is any other.
	Tolerance float64
	// Nodes replace Op where a case takes several operations: they read "x0",
	// "x1", … and each other ("name" or "name:1"); Fetch names the tensors that
	// Outputs are.
	Nodes []opNode
	Fetch []string
}

type opNode struct {
	Name, Op string
	Attrs    map[string]Attr
	Inputs   []string
}

// Ops are the operations that a case of several takes.
func (c *Case) Ops() []string {
	var out []string
	for _, n := range c.Nodes {
		out = append(out, n.Op)
	}
	return out
}

// Files are the files of cases in testdata/ops; models/FILE.py makes each.
var Files = []string{"ops_math", "ops_shape", "ops_small", "ops_text", "ops_tf1", "ops_regroup", "ops_volumes", "ops_signal", "ops_linalg", "ops_coverage", "ops_ctc", "ops_sparse", "ops_special"}

// ReadCases reads the cases of one of Files, and their tensors.
func ReadCases(t *testing.T, name string) ([]Case, map[string]*lockstep.Tensor) {
	t.Helper()
	z, err := zip.OpenReader(fixture.Path("ops", name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := fs.ReadFile(z, name+".json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []Case
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	arrays, err := fs.ReadFile(z, name+".npz")
	if err != nil {
		t.Fatal(err)
	}
	list, err := npz.Read(bytes.NewReader(arrays), int64(len(arrays)))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	return cases, lockstep.ByName(list)
}

// Node makes the node of one operation on some inputs, whose attributes are those of
// Case.Attrs as JSON, without braces; an error is of what refuses to read it.
func Node(t testing.TB, name, attrs string, inputs []*lockstep.Tensor) (*savedmodel.Node, error) {
	t.Helper()
	c := Case{Op: name}
	if err := json.Unmarshal([]byte("{"+attrs+"}"), &c.Attrs); err != nil {
		t.Fatal(err)
	}
	g, _, err := c.Graph(inputs, 0, nil)
	if err != nil {
		return nil, err
	}
	return g.Nodes[len(g.Nodes)-1], nil
}

// Graph makes a SavedModel of the case in memory and flattens it, so that a
// case is read like a model; the function reads its variables.
func (c *Case) Graph(inputs []*lockstep.Tensor, outputs int, dtype func(i int) lockstep.DType) (*savedmodel.Graph, func(savedmodel.Ref) (*lockstep.Tensor, error), error) {
	nodes, fetch := c.Nodes, c.Fetch
	if len(nodes) == 0 {
		n := opNode{Name: "op", Op: c.Op, Attrs: c.Attrs}
		for i := range inputs {
			n.Inputs = append(n.Inputs, fmt.Sprintf("x%d", i))
		}
		nodes = []opNode{n}
	}
	sig := &pb.SignatureDef{Inputs: map[string]*pb.TensorInfo{}, Outputs: map[string]*pb.TensorInfo{}}
	graph := &graph_go_proto.GraphDef{}
	variables := map[string]*lockstep.Tensor{}
	for i, x := range inputs {
		name := fmt.Sprintf("x%d", i)
		op := "Placeholder"
		if slices.Contains(c.Variables, i) {
			op = "VarHandleOp"
			variables[name] = x
		} else {
			sig.Inputs[name] = info(name+":0", x.DType())
		}
		if c.Tables[i] != "" {
			op = "HashTableV2"
		}
		graph.Node = append(graph.Node, &node_def_go_proto.NodeDef{Name: name, Op: op, Attr: map[string]*attr_value_go_proto.AttrValue{"dtype": typeAttr(ProtoType(x.DType()))}})
	}
	for _, n := range nodes {
		def := &node_def_go_proto.NodeDef{Name: n.Name, Op: n.Op, Input: n.Inputs, Attr: map[string]*attr_value_go_proto.AttrValue{}}
		for name, a := range n.Attrs {
			value, err := a.Proto()
			if err != nil {
				return nil, nil, fmt.Errorf("graphtest: attribute %q: %w", name, err)
			}
			def.Attr[name] = value
		}
		graph.Node = append(graph.Node, def)
	}
	last := nodes[len(nodes)-1].Name
	if outputs == 0 { // of an error: its value does not matter
		outputs, dtype = len(fetch), func(int) lockstep.DType { return lockstep.Float32 }
	}
	if outputs == 0 {
		sig.Outputs["y0"] = info(last+":0", lockstep.Float32)
	}
	for i := range outputs {
		from := fmt.Sprintf("%s:%d", last, i)
		if len(fetch) > 0 {
			from = fetch[i]
		}
		sig.Outputs[fmt.Sprintf("y%d", i)] = info(from, dtype(i))
	}
	b, err := proto.Marshal(&pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{{
		MetaInfoDef:  &pb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}},
		GraphDef:     graph,
		SignatureDef: map[string]*pb.SignatureDef{"serving_default": sig},
	}}})
	if err != nil {
		return nil, nil, err
	}
	saved, err := savedmodel.OpenFS(fstest.MapFS{"saved_model.pb": &fstest.MapFile{Data: b}})
	if err != nil {
		return nil, nil, err
	}
	meta, err := saved.MetaGraph()
	if err != nil {
		return nil, nil, err
	}
	flat, err := meta.Flatten("")
	if err != nil {
		return nil, nil, err
	}
	return flat, func(handle savedmodel.Ref) (*lockstep.Tensor, error) {
		if v := variables[handle.Node.Name]; v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("no variable %s", handle)
	}, nil
}

// Table returns the keys and the values of the lookup table whose handle a node is.
func (c *Case) Table(handle *savedmodel.Node, values map[string]*lockstep.Tensor) (keys, of *lockstep.Tensor, err error) {
	for i, key := range c.Tables {
		if handle.Name == fmt.Sprintf("x%d", i) && values[key] != nil {
			return values[c.Inputs[i]], values[key], nil
		}
	}
	return nil, nil, fmt.Errorf("no table %q", handle.Name)
}

func info(name string, d lockstep.DType) *pb.TensorInfo {
	return &pb.TensorInfo{
		Encoding: &pb.TensorInfo_Name{Name: name}, Dtype: ProtoType(d),
		TensorShape: &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true},
	}
}

func AttrOf(kind, value string) Attr { return Attr{Type: kind, Value: []byte(value)} }
