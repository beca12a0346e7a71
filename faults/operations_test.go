//go:build tensorflow

package faults_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
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
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// withOperations are the models of the short form.
var withOperations = []string{
	"reports/transformer", "reports/ln_stack", "reports/channels_first", "reports/default", "embedding_mask_zero_keras3",
	"guide_series_conv_lstm_keras3", "guide_attention_seq2seq_keras3", "seed_tfkeras",
}

// A fault in an operation around the recurrent layers that changes a result of that
// operation by more than its bound is found, at that operation, whatever the
// weights say: in at least 99 of 100.
func TestFaultsInOperations(t *testing.T) {
	names, most := withOperations, 8
	if *long {
		names, most = slices.Concat(withOperations, fixture.MadeNames(t)), 6
	}
	each := make([]*operationSuite, len(names))
	t.Run("models", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				each[i] = &operationSuite{t: t, kinds: map[string]*tally{}}
				each[i].model(name, most)
			})
		}
	})
	all := &operationSuite{kinds: map[string]*tally{}}
	for _, one := range each {
		all.add(one)
	}
	text := all.table()
	t.Logf("\n%s", text)
	sum := all.sum()
	if certain := sum.planted - sum.nothing - sum.below; certain < 40 || sum.found*100 < certain*99 || sum.place*100 < certain*99 {
		t.Errorf("of %d faults that must be found %d were, %d of them at their operation", certain, sum.found, sum.place)
	}
	if *long {
		write(t, "faults: operations", text)
	}
}

// operationSuite counts the faults in operations, by their kinds.
type operationSuite struct {
	t      *testing.T
	kinds  map[string]*tally
	models int
	wrong  []string
}

func (s *operationSuite) add(other *operationSuite) {
	if other == nil {
		return
	}
	for kind, n := range other.kinds {
		if s.kinds[kind] == nil {
			s.kinds[kind] = &tally{}
		}
		s.kinds[kind].add(*n)
	}
	s.models, s.wrong = s.models+other.models, append(s.wrong, other.wrong...)
}

func (s *operationSuite) sum() tally {
	var all tally
	for _, n := range s.kinds {
		all.add(*n)
	}
	return all
}

func (s *operationSuite) table() string {
	var b strings.Builder
	all := s.sum()
	fmt.Fprintf(&b, "%d faults in operations of %d models, weights not compared. %d change no result of the operation that is run on TensorFlow's own tensors, and %d stay below twice its bound. Of the other %d, %d were found (%.1f %%), %d of them at their operation (%.1f %%).\n\n",
		all.planted, s.models, all.nothing, all.below, all.planted-all.nothing-all.below, all.found, percent(all.found, all.planted-all.nothing-all.below), all.place, percent(all.place, all.planted-all.nothing-all.below))
	b.WriteString("| fault | planted | changes nothing | below the bound | found | at its operation |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, kind := range []string{"a weight", "a constant", "an attribute", "two inputs exchanged", "another operation"} {
		if n := s.kinds[kind]; n != nil {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", kind, n.planted, n.nothing, n.below, n.found, n.place)
		}
	}
	for _, w := range s.wrong {
		b.WriteString("\n- " + w)
	}
	if len(s.wrong) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// operationFault is planted in a copy of a model's directory.
type operationFault struct {
	kind, what string
	plant      func(t *testing.T, dir string) error
}

// operationSubject is a model and what TensorFlow has for its inner tensors.
type operationSubject struct {
	name      string
	m         *native.Model
	in        map[string]*lockstep.Tensor
	reference shown
	all       []lockstep.Operation
	theirs    [][]*lockstep.Tensor // by operation
}

// shown is TensorFlow, whose trace and inner tensors are known.
type shown struct {
	traced
	inner map[string]*lockstep.Tensor
}

func (s shown) Inner(_ context.Context, _ map[string]*lockstep.Tensor, _ []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	var out []*lockstep.Tensor
	for _, t := range want {
		if s.inner[t.Name()] == nil {
			return nil, fmt.Errorf("no %s", t.Name())
		}
		out = append(out, s.inner[t.Name()])
	}
	return out, nil
}

// unweighed hides that an engine can show its weights.
type unweighed struct {
	lockstep.Tracer
	lockstep.Stepper
	m *native.Model
}

func (u unweighed) Name() string                  { return u.m.Name() }
func (u unweighed) Signature() lockstep.Signature { return u.m.Signature() }
func (u unweighed) Run(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return u.m.Run(ctx, in)
}

func (u unweighed) Operator(ctx context.Context, in map[string]*lockstep.Tensor) (lockstep.Operator, error) {
	return u.m.Operator(ctx, in)
}

func (s *operationSuite) model(name string, most int) {
	ctx := s.t.Context()
	dir := fixture.Dir(s.t, name)
	m, err := native.Load(dir)
	if err != nil || fixture.ReadRecipe(s.t, name).SignatureOf("") != "" {
		return // TestCheckZoo says so
	}
	c := &operationSubject{name: name, m: m, in: fixture.Tensors(s.t, name, "inputs.npz")}
	for k, x := range c.in {
		c.in[k] = someRows(s.t, x, 4)
	}
	operator, err := m.Operator(ctx, c.in)
	if err != nil {
		s.t.Fatal(err)
	}
	c.all = operator.Operations()
	tf, err := tfbridge.Open(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	defer tf.Close()
	c.reference.Tracer = tf
	if c.reference.trace, err = tf.Trace(ctx, c.in, lockstep.Steps); err != nil {
		return // what TensorFlow cannot run
	}
	var want []lockstep.InnerTensor
	for _, op := range c.all {
		want = append(want, op.Results...)
	}
	inner, err := tf.Inner(ctx, c.in, nil, want)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	c.reference.inner = map[string]*lockstep.Tensor{}
	for i, t := range want {
		c.reference.inner[t.Name()] = inner[i]
	}
	for _, op := range c.all {
		c.theirs, inner = append(c.theirs, inner[:len(op.Results)]), inner[len(op.Results):]
	}
	h := fnv.New64()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(8, h.Sum64()))
	faults := s.faults(c, rng)
	if len(faults) > 0 {
		s.models++
	}
	rng.Shuffle(len(faults), func(i, k int) { faults[i], faults[k] = faults[k], faults[i] })
	for _, f := range faults {
		if s.sum().planted < most {
			s.plant(c, f)
		}
	}
}

// another are operations of the same inputs and shapes that an operation may be
// mistaken for.
var another = map[string][]string{
	"Relu": {"Relu6", "Elu", "Softplus"}, "Relu6": {"Relu"}, "Elu": {"Selu", "Relu"}, "Selu": {"Elu"}, "Softplus": {"Relu", "Softsign"}, "Softsign": {"Tanh"},
	"Tanh": {"Sigmoid", "Softsign", "Erf"}, "Sigmoid": {"Tanh"}, "Maximum": {"Minimum", "AddV2"}, "Minimum": {"Maximum"}, "AddV2": {"Sub", "Mul"},
	"Sub": {"AddV2", "SquaredDifference"}, "Mul": {"AddV2"}, "RealDiv": {"Mul"}, "Mean": {"Sum", "Max"}, "Sum": {"Mean"}, "Max": {"Min", "Mean"},
	"Rsqrt": {"Reciprocal", "Sqrt"}, "Sqrt": {"Rsqrt"}, "Erf": {"Tanh"}, "Exp": {"Expm1"}, "Softmax": {"LogSoftmax"}, "MaxPool": {"AvgPool"}, "AvgPool": {"MaxPool"},
	"Square": {"Abs"}, "Neg": {"Abs"}, "Floor": {"Round"},
}

// exchangeable are operations for which the order of two inputs matters.
var exchangeable = map[string][2]int{
	"Sub": {0, 1}, "RealDiv": {0, 1}, "MatMul": {0, 1}, "BatchMatMulV2": {0, 1}, "ConcatV2": {0, 1}, "SelectV2": {1, 2}, "Pow": {0, 1}, "Einsum": {0, 1},
}

func (s *operationSuite) faults(c *operationSubject, rng *rand.Rand) (out []operationFault) {
	for _, op := range c.all {
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

func (s *operationSuite) plant(c *operationSubject, f operationFault) {
	dir := fixture.Dir(s.t, c.name)
	if err := f.plant(s.t, dir); err != nil {
		return
	}
	bad, err := native.Load(dir)
	if err != nil {
		return // the graph is refused
	}
	if _, err := bad.Run(s.t.Context(), c.in); err != nil {
		return // shapes that do not fit
	}
	n := s.kinds[f.kind]
	if n == nil {
		n = &tally{}
		s.kinds[f.kind] = n
	}
	n.planted++
	where := fmt.Sprintf("%s: %s: %s", c.name, f.kind, f.what)
	changes, certain, err := c.expectOperations(s.t, bad)
	switch {
	case err != nil:
		s.wrong = append(s.wrong, where+": "+err.Error())
		return
	case len(changes) == 0:
		n.nothing++
		return
	case certain == "":
		n.below++
		return
	}
	oracle, err := c.m.Oracle()
	if err != nil {
		s.t.Fatal(err)
	}
	checked, err := compare.Check{Model: c.name, Reference: c.reference, Candidate: unweighed{bad, bad, bad}, Inputs: c.in, Oracle: oracle, SameGraph: true}.Run(s.t.Context())
	if err != nil {
		s.wrong = append(s.wrong, where+": "+err.Error())
		return
	}
	i := slices.IndexFunc(checked.Report.Comparisons, func(k compare.Comparison) bool { return k.Title == "single operations" })
	if i < 0 || checked.Report.Comparisons[i].First() == nil {
		s.wrong = append(s.wrong, where+": not found")
		return
	}
	n.found++
	first := checked.Report.Comparisons[i].First().Name
	if at := slices.Index(changes, first); at >= 0 && at <= slices.Index(changes, certain) {
		n.place++
		return
	}
	s.wrong = append(s.wrong, where+": found at "+first+", want "+certain)
}

// expectOperations runs each operation of the sound model and of the faulty one on
// TensorFlow's own tensors. It returns the results that differ, in order, and the
// first that differs by more than twice what the two engines are allowed.
func (c *operationSubject) expectOperations(t *testing.T, bad *native.Model) (changes []string, certain string, err error) {
	sound, err := c.m.Operator(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	faulty, err := bad.Operator(t.Context(), c.in)
	if err != nil {
		return nil, "", err
	}
	o, err := c.m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := o.Operator(t.Context(), c.in, c.all)
	if err != nil {
		t.Fatal(err)
	}
	theirsOf := map[string]*lockstep.Tensor{}
	for k, op := range c.all {
		for i, r := range op.Results {
			theirsOf[r.Name()] = c.theirs[k][i]
		}
	}
	// A fault may change which results there are: each goes its own way.
	own, bounds := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	for k, op := range c.all {
		a, err := sound.Next()
		if err != nil {
			t.Fatal(err)
		}
		_, bound, _, err := oracle.Next()
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			own[op.Results[i].Name()], bounds[op.Results[i].Name()] = a[i], bound[i]
		}
		if err := errors.Join(sound.Take(c.theirs[k]), oracle.Take(c.theirs[k])); err != nil {
			t.Fatal(err)
		}
	}
	for _, op := range faulty.Operations() {
		b, err := faulty.Next()
		if err != nil {
			return nil, "", err
		}
		var theirs []*lockstep.Tensor
		for i, r := range op.Results {
			if theirsOf[r.Name()] == nil {
				return nil, "", fmt.Errorf("%s is no result of the sound model", r.Name())
			}
			theirs = append(theirs, theirsOf[r.Name()])
			if i >= len(b) || own[r.Name()] == nil {
				continue
			}
			switch d := beyond(own[r.Name()], b[i], bounds[r.Name()]); {
			case d > 1 && certain == "":
				certain = r.Name()
				fallthrough
			case d > 0:
				changes = append(changes, r.Name())
			}
		}
		if err := faulty.Take(theirs); err != nil {
			return nil, "", err
		}
	}
	return changes, certain, nil
}

// beyond is the largest difference as a share of twice what two engines are
// allowed; +Inf of other shapes, and of numbers that must be equal.
func beyond(a, b, bound *lockstep.Tensor) float64 {
	if !slices.Equal(a.Shape(), b.Shape()) {
		return math.Inf(1)
	}
	x, err := a.Float64s()
	y, other := b.Float64s()
	if err != nil || other != nil {
		if a.BitEqual(b) {
			return 0
		}
		return math.Inf(1)
	}
	most := 0.0
	for i := range x {
		d := math.Abs(x[i] - y[i])
		if d == 0 || math.IsNaN(x[i]) && math.IsNaN(y[i]) || x[i] == y[i] {
			continue
		}
		e := 0.0
		if bound != nil {
			v, err := bound.Float64s()
			if err == nil {
				e = 4 * v[i]
			}
		} else if a.DType().IsFloat() {
			e = 2 * (1e-4 + 1e-3*math.Abs(x[i])) // the fallback
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if math.IsInf(e, 1) {
			e = 2 * (1e-4 + 1e-3*math.Abs(x[i]))
		}
		most = max(most, d/e)
	}
	return most
}
