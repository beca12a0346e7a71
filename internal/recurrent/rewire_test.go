package recurrent

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// shapeOnly are the inputs, by operation and number, that give a shape which
// TensorFlow checks and that change no value; any axes of a scalar's Max; and
// the shape of the zeros that the encoder begins with.
var shapeOnly = map[string]int{
	"TensorListStack": 1, "TensorListFromTensor": 1, "TensorListReserve": 0, "TensorListGetItem": 2, "Max": 1, "Fill": 0,
}

// wire is one input of a node.
type wire struct {
	node  *savedmodel.Node
	input int
}

// wires returns the wires that the model's output is computed through, in the
// graph and in its loops: all others may lead anywhere.
func wires(t *testing.T, g *savedmodel.Graph, output string) map[wire]bool {
	out := map[wire]bool{}
	var back func(r savedmodel.Ref, arg func(i int), args []*savedmodel.Node)
	done := map[savedmodel.Ref]bool{}
	back = func(r savedmodel.Ref, arg func(i int), args []*savedmodel.Node) {
		if i := slices.Index(args, r.Node); i >= 0 {
			arg(i)
			return
		}
		if n := r.Node; n.Op != "While" && n.Op != "StatelessWhile" {
			for i, in := range n.Inputs {
				if w := (wire{n, i}); !out[w] {
					if only, ok := shapeOnly[n.Op]; !ok || only != i {
						out[w] = true
						back(in, arg, args)
					}
				}
			}
			return
		}
		if done[r] {
			return
		}
		done[r] = true
		body, err := g.Function(r.Node.AttrFunc("body"))
		if err != nil {
			t.Fatal(err)
		}
		cond, err := g.Function(r.Node.AttrFunc("cond"))
		if err != nil {
			t.Fatal(err)
		}
		// The variable that is asked for, and those that it is made of.
		var need func(i int)
		need = func(i int) {
			w := wire{r.Node, i}
			if out[w] {
				return
			}
			out[w] = true
			back(body.Rets[i], need, body.Args)
			back(r.Node.Inputs[i], arg, args)
		}
		back(cond.Rets[0], need, cond.Args)
		need(r.Index)
	}
	back(g.Outputs[output], nil, nil)
	return out
}

var update = flag.Bool("update", false, "write testdata/wires.txt again, to be reviewed as a diff")

// The first of each Keras are changed in every run, the others where LOCKSTEP_SLOW
// is set.
var changed = []string{"states_out_keras3", "states_out_tfkeras", "no_bias_keras3", "fixed_steps_keras3", "misleading_keras3", "reports/seed_keras313"}

// Every input of every node is wired to each other tensor that comes before
// it, and where the output is computed through the wire, the model must not be
// recognised as the sequence-to-sequence model any more. Those that still are
// mean the same in other words, or are the model of other weights, and are
// found as that; testdata/wires.txt lists them. TensorFlow 2.21 has run those
// of states_out_keras3, fixed_steps_keras3 and misleading_keras3: it computes
// what the weights in the roles that were found compute, or refuses the graph.
func TestWrongWires(t *testing.T) {
	var mu sync.Mutex
	taken := map[string][]string{}
	t.Run("models", func(t *testing.T) {
		for _, name := range changed {
			t.Run(name, func(t *testing.T) {
				slowUnlessFirst(t, name)
				t.Parallel()
				still := wrongWires(t, name)
				mu.Lock()
				defer mu.Unlock()
				taken[name] = still
			})
		}
	})
	var got []string
	for _, lines := range taken {
		got = append(got, lines...)
	}
	slices.Sort(got)
	if *update {
		if len(taken) < len(changed) {
			t.Fatal("testdata/wires.txt is of all models: set LOCKSTEP_SLOW=1")
		}
		if err := os.WriteFile("testdata/wires.txt", []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/wires.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(text)) {
		if name, _, _ := strings.Cut(line, ":"); taken[name] != nil || !slices.Contains(changed, name) {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other wrong wires than before are still recognised as the model (-before +now):\n%s", diff)
	}
}

// slowUnlessFirst skips the models that only a slow run changes.
func slowUnlessFirst(t *testing.T, name string) {
	t.Helper()
	if !slices.Contains(changed[:2], name) {
		fixture.Slow(t)
	}
}

// wrongWires wires a model wrongly in every way, and returns what is still taken
// for the sequence-to-sequence model.
func wrongWires(t *testing.T, name string) []string {
	t.Helper()
	m, g, s := loadSeq2Seq(t, name)
	matter := wires(t, g, s.Output)
	taken := map[string]bool{}
	tried, refused := 0, 0
	for _, nodes := range bodies(t, g) {
		for i, n := range nodes {
			for at, was := range n.Inputs {
				for other := range outputs(nodes[:i]) {
					if sameValue(other, was) {
						continue
					}
					n.Inputs[at] = other
					f, err := Find(m, g)
					n.Inputs[at] = was
					tried++
					if err != nil || f.Seq2Seq == nil {
						refused++
					} else if matter[wire{n, at}] {
						taken[fmt.Sprintf("%s: input %d of %s (%s) is %s, not %s", name, at, short(n.Name), n.Op, short(other.String()), short(was.String()))] = true
					}
				}
			}
		}
	}
	t.Logf("%s: %d of %d wires matter; %d tried, %d refused", name, len(matter), inputs(t, g), tried, refused)
	if len(matter) < 100 || refused < 5000 {
		t.Errorf("%s: only %d wires matter, and %d were refused", name, len(matter), refused)
	}
	return append([]string{}, slices.Sorted(maps.Keys(taken))...)
}

// short cuts the names of calls and of the loop's function off a name.
func short(name string) string {
	for _, part := range []string{"StatefulPartitionedCall_1/", "StatefulPartitionedCall/", "PartitionedCall/", "functional_1/", "functional_1_", "model/"} {
		name = strings.ReplaceAll(name, part, "")
	}
	return name
}

func loadSeq2Seq(t *testing.T, name string) (*savedmodel.MetaGraph, *savedmodel.Graph, *Seq2Seq) {
	t.Helper()
	m, g := load(t, name)
	f, err := Find(m, g)
	if err != nil || f.Seq2Seq == nil {
		t.Fatal(name, err, f)
	}
	return m, g, f.Seq2Seq
}

// operations are replaced by others: every one that the models have, and some
// that look like them.
var operations = []string{
	"AddV2", "BiasAdd", "BatchMatMulV2", "Ceil", "ConcatV2", "Cos", "Div", "Elu", "Equal", "Exp", "Fill", "GatherV2", "Greater", "Identity", "Less", "LessEqual",
	"LogicalAnd", "LogicalOr", "MatMul", "Max", "Maximum", "Min", "Minimum", "Mul", "Neg", "Pack", "Prod", "Relu", "Reshape", "ReverseV2", "SelectV2", "Shape",
	"Sigmoid", "Softmax", "Softplus", "Split", "SplitV", "StopGradient", "StridedSlice", "Sub", "Sum", "Tanh", "TensorListConcatV2", "TensorListGather",
	"TensorListGetItem", "TensorListPushBack", "TensorListReserve", "TensorListSetItem", "TensorListStack", "Transpose", "VarHandleOp", "ZerosLike",
}

func TestWrongOperations(t *testing.T) {
	for _, name := range changed {
		t.Run(name, func(t *testing.T) {
			slowUnlessFirst(t, name)
			t.Parallel()
			m, g, s := loadSeq2Seq(t, name)
			matter := map[*savedmodel.Node]bool{}
			for w := range wires(t, g, s.Output) {
				matter[w.node] = true
			}
			tried := 0
			for _, nodes := range bodies(t, g) {
				for _, n := range nodes {
					for _, op := range operations {
						// The greatest of one number is their product, and the greatest of a scalar,
						// along no axes, is the scalar reshaped to none.
						one := n.Op == "Prod" && op == "Max" && strings.HasSuffix(n.Name, "Tensordot/Prod_1") ||
							n.Op == "Max" && op == "Reshape" && strings.HasSuffix(n.Name, "coder_lstm_1/Max")
						if was := n.Op; matter[n] && op != was && !one && !sameOperation(was, op) {
							n.Op = op
							f, err := Find(m, g)
							n.Op = was
							tried++
							if err == nil && f.Seq2Seq != nil {
								t.Errorf("%s: still recognised as the model: %q is a %s instead of a %s", name, n.Name, op, was)
							}
						}
					}
				}
			}
			t.Logf("%s: %d operations tried", name, tried)
		})
	}
}

// sameOperation tells whether two operations do the same where the models have
// them, in the order of their inputs that is there.
func sameOperation(a, b string) bool {
	for _, alike := range [][]string{{"Identity", "StopGradient"}, {"AddV2", "BiasAdd"}, {"MatMul", "BatchMatMulV2"}, {"Fill", "ZerosLike"}} {
		if slices.Contains(alike, a) && slices.Contains(alike, b) {
			return true
		}
	}
	return false
}

// sameValue tells whether two tensors are one, or equal constants.
func sameValue(a, b savedmodel.Ref) bool {
	a, b = a.Through(), b.Through()
	if a == b || a.Node.Op != "Const" || b.Node.Op != "Const" {
		return a == b
	}
	x, errX := a.Node.Const()
	y, errY := b.Node.Const()
	return errX == nil && errY == nil && x.BitEqual(y)
}

// outputs are the tensors that nodes make.
func outputs(nodes []*savedmodel.Node) map[savedmodel.Ref]bool {
	out := map[savedmodel.Ref]bool{}
	for _, n := range nodes {
		for k := range n.NumOutputs {
			out[savedmodel.Ref{Node: n, Index: k}] = true
		}
	}
	return out
}

func inputs(t *testing.T, g *savedmodel.Graph) int {
	n := 0
	for _, nodes := range bodies(t, g) {
		for _, node := range nodes {
			n += len(node.Inputs)
		}
	}
	return n
}

// bodies are the nodes of a graph, and those of its loops with their arguments.
func bodies(t *testing.T, g *savedmodel.Graph) [][]*savedmodel.Node {
	all := [][]*savedmodel.Node{g.Nodes}
	for _, n := range g.Nodes {
		for _, attr := range []string{"body", "cond"} {
			if name := n.AttrFunc(attr); name != "" {
				f, err := g.Function(name)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, slices.Concat(f.Args, f.Nodes))
			}
		}
	}
	return all
}
