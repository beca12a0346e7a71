package compare_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// swapped has the loops of a GRU compute z-1 for 1-z, which no cell does: the
// layer is not recognised, and its answers differ.
func swapped(m *pb.SavedModel) {
	eachSub(m, func(_ *function_go_proto.FunctionDef, n *node_def_go_proto.NodeDef) {
		n.Input[0], n.Input[1] = n.Input[1], n.Input[0]
	})
}

// negated has them compute -(z-1), which is the same and in no cell either.
func negated(m *pb.SavedModel) {
	eachSub(m, func(f *function_go_proto.FunctionDef, n *node_def_go_proto.NodeDef) {
		turned := proto.Clone(n).(*node_def_go_proto.NodeDef)
		turned.Name += "_turned"
		turned.Input[0], turned.Input[1] = turned.Input[1], turned.Input[0]
		f.NodeDef = append(f.NodeDef, turned)
		n.Op, n.Input = "Neg", []string{turned.Name + ":z:0"}
		for _, reader := range f.NodeDef { // Neg calls its result y
			for i, in := range reader.Input {
				if in == n.Name+":z:0" {
					reader.Input[i] = n.Name + ":y:0"
				}
			}
		}
	})
}

func eachSub(m *pb.SavedModel, edit func(*function_go_proto.FunctionDef, *node_def_go_proto.NodeDef)) {
	for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
		if !strings.Contains(f.Signature.Name, "while_body") {
			continue
		}
		for _, n := range slices.Clone(f.NodeDef) {
			if n.Op == "Sub" {
				edit(f, n)
			}
		}
	}
}

// A candidate whose recurrent layer is not recognised, or is of another kind, has
// a verdict all the same: by weights, by variable, and by outputs.
func TestCandidateBuiltOtherwise(t *testing.T) {
	const name = "gru_states_keras3"
	inputs := fixture.Tensors(t, name, "inputs.npz")
	reference, _, variables := modelOf(t, name, nil)
	for _, c := range []struct {
		what string
		edit func(*pb.SavedModel)
		want compare.Verdict
	}{{"swapped inputs", swapped, compare.Diverged}, {"the same by another loop", negated, compare.InStep}} {
		for _, turned := range []bool{false, true} {
			candidate, oracle, others := modelOf(t, name, c.edit)
			check := compare.Check{Model: name, Reference: reference, Candidate: candidate, Oracle: oracle, Inputs: inputs, Variables: [2]map[string]string{variables, others}}
			if turned {
				own, err := reference.Oracle()
				if err != nil {
					t.Fatal(err)
				}
				check.Reference, check.Candidate, check.Oracle = candidate, reference, own
				check.Variables = [2]map[string]string{others, variables}
			}
			got, err := check.Run(context.Background())
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
				continue
			}
			if got.Report.Verdict() != c.want {
				t.Errorf("%s: %s, want %s", c.what, got.Report.Verdict(), c.want)
			}
			text := textOf(t, got.Report)
			for _, want := range []string{"in step: weights", "the steps of a layer could not be compared", "has no counterpart", c.want.String() + ": outputs and states"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, turned %v: the report lacks %q\n%s", c.what, turned, want, text)
				}
			}
			if strings.Contains(text, "gru/state_h") {
				t.Errorf("%s: a state that one side alone has is judged\n%s", c.what, text)
			}
		}
	}
}

// modelOf loads a fixture after an edit of its graph, with its oracle and the
// variables of its weights.
func modelOf(t *testing.T, name string, edit func(*pb.SavedModel)) (*native.Model, lockstep.Oracle, map[string]string) {
	t.Helper()
	dir := fixture.Dir(t, name)
	if edit != nil {
		fixture.EditGraph(t, dir, edit)
	}
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := native.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for _, w := range d.Weights {
		variables[w.Name] = w.Variable
	}
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	return m, oracle, variables
}

func textOf(t *testing.T, r *compare.Report) string {
	t.Helper()
	var b strings.Builder
	if err := render.Text(&b, r, render.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
