//go:build tensorflow

package faults_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// operationFault is planted in a copy of a model's directory.
type operationFault struct {
	kind, what string
	plant      func(t *testing.T, dir string) error
}

// another are operations of the same inputs and shapes that an operation may be
// mistaken for.
var another = map[string][]string{
	"Relu": {"Relu6", "Elu", "Softplus"}, "Relu6": {"Relu"}, "Elu": {"Selu", "Relu"}, "Selu": {"Elu"}, "Softplus": {"Relu", "Softsign"}, "Softsign": {"Tanh"},
	"Tanh": {"Sigmoid", "Softsign", "Erf"}, "Sigmoid": {"Tanh"}, "Maximum": {"Minimum", "AddV2"}, "Minimum": {"Maximum"}, "AddV2": {"Sub", "Mul"},
	"Sub": {"AddV2", "SquaredDifference"}, "Mul": {"AddV2"}, "RealDiv": {"Mul"}, "Mean": {"Sum", "Max"}, "Sum": {"Mean"}, "Max": {"Min", "Mean"},
	"Rsqrt": {"Reciprocal", "Sqrt"}, "Sqrt": {"Rsqrt"}, "Erf": {"Tanh"}, "Exp": {"Expm1"}, "Softmax": {"LogSoftmax"}, "MaxPool": {"AvgPool"}, "AvgPool": {"MaxPool"},
	"Square": {"Abs"}, "Neg": {"Abs"}, "Floor": {"Round"},
	"Less": {"LessEqual"}, "Greater": {"GreaterEqual", "Less"}, "LogicalAnd": {"LogicalOr"}, "LogicalOr": {"LogicalAnd"}, "ArgMax": {"ArgMin"},
}

// exchangeable are operations for which the order of two inputs matters.
var exchangeable = map[string][2]int{
	"Sub": {0, 1}, "RealDiv": {0, 1}, "MatMul": {0, 1}, "BatchMatMulV2": {0, 1}, "ConcatV2": {0, 1}, "SelectV2": {1, 2}, "Pow": {0, 1}, "Einsum": {0, 1},
}

// inLoop marks the kinds of faults in the condition or the body of a loop.
const inLoop = ", in a loop"

func (s *operationSuite) faults(c *operationSubject, rng *rand.Rand) (out []operationFault) {
	out = s.inOperations(c.all, rng)
	for _, op := range c.all {
		if op.Loop == nil {
			continue
		}
		for _, f := range s.inOperations(slices.Concat(op.Loop.Condition, op.Loop.Body), rng) {
			f.kind += inLoop
			f.what += " in the loop " + op.Node
			out = append(out, f)
		}
	}
	return append(out, s.inWeights(c, rng)...)
}

// inOperations are the faults in some operations of a graph.
func (s *operationSuite) inOperations(all []lockstep.Operation, rng *rand.Rand) (out []operationFault) {
	for _, op := range all {
		if op.Recurrent {
			continue
		}
		for _, to := range another[op.Op] {
			out = append(out, operationFault{"another operation", op.Node + ": " + op.Op + " is " + to, inNode(op, func(n *node_def_go_proto.NodeDef, _ []*node_def_go_proto.NodeDef) {
				n.Op = to
				if (to == "MaxPool" || to == "AvgPool") && n.Attr["explicit_paddings"] != nil {
					delete(n.Attr, "explicit_paddings")
				}
			})})
		}
		if pair, ok := exchangeable[op.Op]; ok {
			out = append(out, operationFault{"two inputs exchanged", op.Node + ": " + op.Op, inNode(op, func(n *node_def_go_proto.NodeDef, _ []*node_def_go_proto.NodeDef) {
				i, k := pair[0], pair[1]
				if len(n.Input) > k {
					n.Input[i], n.Input[k] = n.Input[k], n.Input[i]
				}
			})})
		}
		out = append(out, operationFault{"a constant", op.Node + ": " + op.Op, inNode(op, changeConstant)})
		out = append(out, operationFault{"an attribute", op.Node + ": " + op.Op, inNode(op, changeAttribute(rng.IntN(8)))})
	}
	return out
}

// inWeights are the faults in weights around the layers.
func (s *operationSuite) inWeights(c *operationSubject, rng *rand.Rand) (out []operationFault) {
	weights, err := c.m.Weights()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range weights {
		layer, _, _ := strings.Cut(w.Name, "/")
		if slices.ContainsFunc(c.m.Layers(), func(l native.Layer) bool { return strings.HasPrefix(w.Name, l.Name+"/") || l.Name == layer }) || w.Tensor.DType() != lockstep.Float32 || w.Tensor.Len() == 0 {
			continue
		}
		for _, factor := range []float32{1.001, 1.1, -1} {
			at := rng.IntN(w.Tensor.Len())
			out = append(out, operationFault{"a weight", fmt.Sprintf("%s[%d] times %g", w.Name, at, factor), func(t *testing.T, dir string) error {
				d, err := lockstep.Data[float32](w.Tensor)
				if err != nil {
					return err
				}
				d = slices.Clone(d)
				d[at] *= factor
				return fixture.ReplaceWeights(dir, []*lockstep.Tensor{w.Tensor}, []*lockstep.Tensor{fixture.NewTensor(t, d, w.Tensor.Shape()...)})
			}})
		}
	}
	return out
}

// changeAttribute changes one of those attributes of a node that decide what it
// computes.
func changeAttribute(which int) func(n *node_def_go_proto.NodeDef, _ []*node_def_go_proto.NodeDef) {
	return func(n *node_def_go_proto.NodeDef, _ []*node_def_go_proto.NodeDef) {
		var names []string
		for _, name := range []string{"epsilon", "alpha", "padding", "transpose_a", "transpose_b", "adj_x", "adj_y", "exclusive", "reverse", "equation", "dilations", "strides", "ksize"} {
			if n.Attr[name] != nil {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return
		}
		switch a := n.Attr[names[which%len(names)]]; {
		case a.GetF() != 0:
			a.Value = &attr_value_go_proto.AttrValue_F{F: a.GetF() * 2}
		case string(a.GetS()) == "SAME":
			a.Value = &attr_value_go_proto.AttrValue_S{S: []byte("VALID")}
		case string(a.GetS()) == "VALID":
			a.Value = &attr_value_go_proto.AttrValue_S{S: []byte("SAME")}
		case len(a.GetS()) > 0 && strings.Contains(string(a.GetS()), "->"):
			in, to, _ := strings.Cut(string(a.GetS()), "->")
			if len(to) < 2 {
				return
			}
			a.Value = &attr_value_go_proto.AttrValue_S{S: []byte(in + "->" + to[1:] + to[:1])}
		case len(a.GetList().GetI()) == 4:
			a.GetList().I[1]++
		default:
			a.Value = &attr_value_go_proto.AttrValue_B{B: !a.GetB()}
		}
	}
}

// changeConstant makes a constant scalar that a node reads a tenth larger, such as
// the epsilon of a normalization.
func changeConstant(n *node_def_go_proto.NodeDef, all []*node_def_go_proto.NodeDef) {
	for _, in := range n.GetInput() {
		name, _, _ := strings.Cut(in, ":")
		for _, c := range all {
			v := c.GetAttr()["value"].GetTensor()
			if c.GetName() != name || c.GetOp() != "Const" || len(v.GetTensorShape().GetDim()) != 0 || v.GetDtype() != types_go_proto.DataType_DT_FLOAT {
				continue
			}
			if len(v.FloatVal) == 1 {
				v.FloatVal[0] *= 1.1
			} else if len(v.TensorContent) == 4 {
				x := math.Float32frombits(binary.LittleEndian.Uint32(v.TensorContent))
				v.TensorContent = binary.LittleEndian.AppendUint32(nil, math.Float32bits(x*1.1))
			}
			return
		}
	}
}

// errNotThere says that a fault cannot be planted.
var errNotThere = errors.New("the graph has no such node, or nothing to change in it")

// inNode plants a fault in the node of an operation, wherever the functions that
// are inlined have it.
func inNode(op lockstep.Operation, change func(n *node_def_go_proto.NodeDef, all []*node_def_go_proto.NodeDef)) func(t *testing.T, dir string) error {
	return func(t *testing.T, dir string) error {
		if !fixture.TryEditGraph(t, dir, func(m *pb.SavedModel) {
			var found []*node_def_go_proto.NodeDef
			longest := 0
			g := m.GetMetaGraphs()[0].GetGraphDef()
			nodes := slices.Clone(g.GetNode())
			for _, f := range g.GetLibrary().GetFunction() {
				nodes = append(nodes, f.GetNodeDef()...)
			}
			for _, n := range nodes {
				if n.GetOp() != op.Op || n.GetName() != op.Node && !strings.HasSuffix(op.Node, "/"+n.GetName()) {
					continue
				}
				if len(n.GetName()) > longest {
					longest, found = len(n.GetName()), nil
				}
				if len(n.GetName()) == longest {
					found = append(found, n)
				}
			}
			for _, n := range found {
				change(n, nodes)
			}
		}) {
			return errNotThere
		}
		return nil
	}
}
