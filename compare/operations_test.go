package compare_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// wrongAt is the native engine in which one operation's result is off, and all
// that is computed from it with it.
type wrongAt struct {
	*native.Model
	at   lockstep.InnerTensor
	by   float32
	t    *testing.T
	last *int // the element that is off
}

func (e wrongAt) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	if slices.ContainsFunc(given, func(g lockstep.GivenTensor) bool { return g.Name() == e.at.Name() }) {
		return e.Model.Inner(ctx, inputs, given, want) // it is off already
	}
	sound, err := e.Model.Inner(ctx, inputs, given, []lockstep.InnerTensor{e.at})
	if err != nil {
		return nil, err
	}
	d, err := lockstep.Data[float32](sound[0])
	if err != nil {
		return nil, err
	}
	d = slices.Clone(d)
	d[*e.last] += e.by
	off := fixture.NewTensor(e.t, d, sound[0].Shape()...)
	return e.Model.Inner(ctx, inputs, append(slices.Clone(given), lockstep.GivenTensor{InnerTensor: e.at, Value: off}), want)
}

// preparer is the native engine, and remembers what it is told to prepare and asked for.
type preparer struct {
	*native.Model
	prepared, asked *[]lockstep.InnerTensor
}

func (e preparer) Prepare(_ context.Context, want []lockstep.InnerTensor) error {
	*e.prepared = append(*e.prepared, want...)
	return nil
}

func (e preparer) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	*e.asked = append(*e.asked, want...)
	return e.Model.Inner(ctx, inputs, given, want)
}

// A reference is told beforehand what it will be asked for, group by group.
func TestOperationsArePrepared(t *testing.T) {
	const name = "reports/transformer"
	m := load(t, fixture.Dir(t, name))
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	var prepared, asked []lockstep.InnerTensor
	c := compare.Check{Reference: preparer{m, &prepared, &asked}, Candidate: m, Inputs: fixture.Tensors(t, name, "inputs.npz"), Oracle: oracle, SameGraph: true}.InGroupsOf(1000)
	if _, err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(asked) == 0 || !slices.Equal(prepared, asked) {
		t.Errorf("%d tensors were prepared, and %d asked for", len(prepared), len(asked))
	}
}

// An operation whose result is off diverges, and no other: a Transformer, a
// convolutional model, one with recurrent layers, loops that are no layer.
func TestSingleOperations(t *testing.T) {
	for _, name := range []string{"reports/transformer", "reports/ln_stack", "reports/ln_cell_keras3", "reports/channels_first", "seed_keras3", "seed_tfkeras", "embedding_mask_zero_keras3", "guide_attention_seq2seq_keras3"} {
		t.Run(name, func(t *testing.T) {
			m := load(t, fixture.Dir(t, name))
			inputs := fixture.Tensors(t, name, "inputs.npz")
			oracle, err := m.Oracle()
			if err != nil {
				t.Fatal(err)
			}
			group := int64(0)
			run := func(reference lockstep.Tracer) *compare.Comparison {
				c := compare.Check{Model: name, Reference: reference, Candidate: m, Inputs: inputs, Oracle: oracle, SameGraph: true}.InGroupsOf(group)
				checked, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return comparison(t, checked.Report, "single operations")
			}
			k := run(m)
			if k.Verdict() != compare.InStep || k.Margin() != 0 || len(k.Results) == 0 {
				t.Errorf("the model and itself: %s, margin %g, %d results", k.Verdict(), k.Margin(), len(k.Results))
			}
			operator, err := m.Operator(t.Context(), inputs)
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 2))
			all := operator.Operations()
			for i := range 6 {
				group = []int64{0, 1, 1000}[i%3]
				op := all[random.IntN(len(all))]
				at := op.Results[random.IntN(len(op.Results))]
				place := slices.IndexFunc(k.Results, func(r compare.Result) bool { return r.Name == at.Name() })
				if place < 0 || k.Results[place].DType() != lockstep.Float32 || at.List != lockstep.Invalid || k.Results[place].Elements == 0 {
					continue
				}
				element := random.IntN(k.Results[place].Elements)
				bad := run(wrongAt{m, at, 0.01, t, &element})
				first := bad.First()
				if first == nil {
					t.Fatalf("%s (%s) is off, and nothing diverged", at.Name(), op.Op)
				}
				if first.Name != at.Name() || first.Operation != op.Op || first.Outside != 1 || bad.Diverged() != 1 {
					t.Errorf("%s (%s) is off, groups of %d: %d diverged, first %v", at.Name(), op.Op, group, bad.Diverged(), first.Name)
				}
			}
		})
	}
}

// Every operation that computes is compared, and what only has another shape is
// not.
func TestWhichOperations(t *testing.T) {
	m := load(t, fixture.Dir(t, "reports/transformer"))
	operator, err := m.Operator(t.Context(), fixture.Tensors(t, "reports/transformer", "inputs.npz"))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, op := range operator.Operations() {
		counts[op.Op]++
		for _, r := range op.Results {
			if r.Bytes <= 0 || !strings.HasPrefix(r.Name(), op.Node) {
				t.Errorf("%s has a result %+v", op.Node, r)
			}
		}
	}
	t.Log(counts)
	if counts["Reshape"]+counts["Identity"]+counts["ReadVariableOp"]+counts["Const"]+counts["Shape"] != 0 || counts["Softmax"] == 0 || counts["Einsum"]+counts["BatchMatMulV2"]+counts["MatMul"] < 4 {
		t.Errorf("the operations are %v", counts)
	}
}
