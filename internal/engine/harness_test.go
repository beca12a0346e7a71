package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// opCase is one run of an operation, or of a few, in TensorFlow's own kernels;
// models/ops_cases.py writes them.
type opCase struct {
	Name  string
	Op    string
	Attrs map[string]opAttr
	// Inputs and Outputs are keys of the .npz. Those of the inputs that
	// Variables names by position are the values of variables, whose handles
	// the operation gets.
	Inputs    []string
	Variables []int
	Outputs   []string
	// Error says that TensorFlow raised.
	Error bool
	// Tolerance t allows |a-b| <= t(1+|b|). With 0 the bits must agree, but
	// any NaN is any other.
	Tolerance float64
	// Nodes stand in the place of Op where a case takes several operations:
	// they read "x0", "x1", … and each other ("name" or "name:1"); Fetch names
	// the tensors that Outputs are.
	Nodes []opNode
	Fetch []string
}

type opNode struct {
	Name, Op string
	Attrs    map[string]opAttr
	Inputs   []string
}

// readCases reads the cases that models/NAME.py makes, and their tensors.
func readCases(t *testing.T, name string) ([]opCase, map[string]*lockstep.Tensor) {
	t.Helper()
	folder := filepath.Join(fixture.Made(t), "ops")
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []opCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	list, err := npz.ReadFile(filepath.Join(folder, name+".npz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	return cases, lockstep.ByName(list)
}

// runCases runs the cases that models/NAME.py makes.
func runCases(t *testing.T, name string) {
	t.Helper()
	cases, values := readCases(t, name)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			c.run(t, values)
		})
	}
}

func (c *opCase) run(t *testing.T, values map[string]*lockstep.Tensor) {
	t.Helper()
	var inputs, before []*lockstep.Tensor
	for _, key := range c.Inputs {
		if values[key] == nil {
			t.Fatalf("the .npz has no %q", key)
		}
		inputs = append(inputs, values[key])
		before = append(before, cloneOf(t, values[key]))
	}
	p, err := c.compile(inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() })
	var got map[string]*lockstep.Tensor
	feed := map[string]*lockstep.Tensor{}
	for i, x := range inputs {
		feed[fmt.Sprintf("x%d", i)] = x
	}
	if err == nil {
		got, err = runTwice(t, p, feed)
	}
	if c.Error {
		if err == nil {
			t.Errorf("no error, TensorFlow raises; got %v", got)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range inputs {
		if !inputs[i].BitEqual(before[i]) {
			t.Fatalf("input %d was changed", i)
		}
	}
	for i, key := range c.Outputs {
		if err := agree(got[fmt.Sprintf("y%d", i)], values[key], c.Tolerance); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
	}
}

// compile makes a SavedModel of the case in memory and compiles it, so that a
// case takes the road that a model takes.
func (c *opCase) compile(inputs []*lockstep.Tensor, outputs int, dtype func(i int) lockstep.DType) (*Program, error) {
	g, o, err := c.graph(inputs, outputs, dtype)
	if err != nil {
		return nil, err
	}
	return Compile(g, o)
}

func (c *opCase) graph(inputs []*lockstep.Tensor, outputs int, dtype func(i int) lockstep.DType) (*savedmodel.Graph, Options, error) {
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
		graph.Node = append(graph.Node, &node_def_go_proto.NodeDef{Name: name, Op: op, Attr: map[string]*attr_value_go_proto.AttrValue{"dtype": typeAttr(protoType(x.DType()))}})
	}
	for _, n := range nodes {
		def := &node_def_go_proto.NodeDef{Name: n.Name, Op: n.Op, Input: n.Inputs, Attr: map[string]*attr_value_go_proto.AttrValue{}}
		for name, a := range n.Attrs {
			value, err := a.proto()
			if err != nil {
				return nil, Options{}, fmt.Errorf("harness: attribute %q: %w", name, err)
			}
			def.Attr[name] = value
		}
		graph.Node = append(graph.Node, def)
	}
	last := nodes[len(nodes)-1].Name
	if outputs == 0 { // of an error: what it would have been does not matter
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
		return nil, Options{}, err
	}
	saved, err := savedmodel.OpenFS(fstest.MapFS{"saved_model.pb": &fstest.MapFile{Data: b}})
	if err != nil {
		return nil, Options{}, err
	}
	meta, err := saved.MetaGraph()
	if err != nil {
		return nil, Options{}, err
	}
	flat, err := meta.Flatten("")
	if err != nil {
		return nil, Options{}, err
	}
	return flat, Options{Variable: func(handle savedmodel.Ref) (*lockstep.Tensor, error) {
		if v := variables[handle.Node.Name]; v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("no variable %s", handle)
	}}, nil
}

func info(name string, d lockstep.DType) *pb.TensorInfo {
	return &pb.TensorInfo{
		Encoding: &pb.TensorInfo_Name{Name: name}, Dtype: protoType(d),
		TensorShape: &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true},
	}
}

// agree compares a result with TensorFlow's.
func agree(got, want *lockstep.Tensor, tolerance float64) error {
	if got == nil {
		return fmt.Errorf("nothing, want %s", want)
	}
	if got.DType() != want.DType() || !slices.Equal(got.Shape(), want.Shape()) {
		return fmt.Errorf("%s, want %s", got, want)
	}
	if got.BitEqual(want) {
		return nil
	}
	a, err := got.Float64s()
	if err != nil {
		return fmt.Errorf("the strings differ: %s", show(got, want))
	}
	b, err := want.Float64s()
	if err != nil {
		return err
	}
	for i := range a {
		same := a[i] == b[i] && math.Signbit(a[i]) == math.Signbit(b[i]) || math.IsNaN(a[i]) && math.IsNaN(b[i])
		// An infinity is near none but itself.
		near := tolerance > 0 && math.Abs(a[i]-b[i]) <= tolerance*(1+math.Abs(b[i])) && !math.IsInf(b[i], 0)
		if tolerance > 0 && a[i] == b[i] {
			continue
		}
		if !same && !near {
			return fmt.Errorf("element %d of %s is %v, want %v (off by %g); %s", i, got, a[i], b[i], math.Abs(a[i]-b[i]), show(got, want))
		}
	}
	if got.DType() == lockstep.Int64 { // float64 does not hold all of them
		return fmt.Errorf("the integers differ: %s", show(got, want))
	}
	return nil
}

// show writes the first elements of both.
func show(got, want *lockstep.Tensor) string {
	return fmt.Sprintf("got %.200s, want %.200s", elementsText(got), elementsText(want))
}

func elementsText(t *lockstep.Tensor) string {
	if s, err := lockstep.Data[string](t); err == nil {
		return fmt.Sprintf("%q", s)
	}
	f, _ := t.Float64s()
	return fmt.Sprint(f)
}

func cloneOf(t *testing.T, x *lockstep.Tensor) *lockstep.Tensor {
	t.Helper()
	out, err := lockstep.Zeros(x.DType(), x.Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := copyElements(out, x); err != nil {
		t.Fatal(err)
	}
	return out
}

// runTwice runs a program and runs it again, in the memory of the first call,
// which must not change the answer.
func runTwice(t *testing.T, p *Program, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	t.Helper()
	first, _, err := p.Run(t.Context(), inputs, false)
	for range 2 {
		again, _, errAgain := p.Run(t.Context(), inputs, false)
		if (err == nil) != (errAgain == nil) {
			t.Fatalf("the first call: %v; the next: %v", err, errAgain)
		}
		for name, x := range first {
			if !x.BitEqual(again[name]) {
				t.Fatalf("output %q is %s at first and then %s", name, elementsText(x), elementsText(again[name]))
			}
		}
	}
	return first, err
}
