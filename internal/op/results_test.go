package op

import (
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// caseNode is the node of a committed case of one operation, and its inputs; nil of
// another case.
func caseNode(t *testing.T, c *graphtest.Case, values map[string]*lockstep.Tensor) (*savedmodel.Node, []value.Value) {
	t.Helper()
	if c.Op == "" || len(c.Outputs) == 0 || Core[c.Op] == nil || Core[c.Op].Build == nil {
		return nil, nil
	}
	var tensors []*lockstep.Tensor
	var in []value.Value
	for i, key := range c.Inputs {
		tensors = append(tensors, values[key])
		if slices.Contains(c.Variables, i) {
			in = append(in, value.Value{Variable: values[key]})
		} else {
			in = append(in, value.Value{Tensor: values[key]})
		}
	}
	g, _, err := c.Graph(tensors, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() })
	if err != nil {
		t.Fatal(err)
	}
	return g.Outputs["y0"].Node, in
}

// oddTensors are such as few operations expect.
func oddTensors(t *testing.T) []*lockstep.Tensor {
	return []*lockstep.Tensor{
		nil,
		fixture.NewTensor(t, []float32{float32(math.NaN())}),
		fixture.Vector(t, 1.0, 2),
		fixture.NewTensor(t, []int32{math.MaxInt32, -1}, 2),
		fixture.NewTensor(t, []int32{7}),
		fixture.NewTensor(t, []int64{math.MinInt64}),
		fixture.NewTensor(t, []bool{true}, 1, 1, 1, 1, 1, 1, 1),
		fixture.Vector(t, "x"),
		fixture.NewTensor(t, []float32{}, 2, 3, 0, 1),
		fixture.NewTensor(t, make([]float32, 16), 2, 2, 2, 2),
	}
}

// Whatever an operation is given, it answers with all of its results or with an
// error: an error that got lost would be neither.
func TestResultsOrAnError(t *testing.T) {
	ran := 0
	for _, file := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, file)
		for _, c := range cases {
			node, in := caseNode(t, &c, values)
			if node == nil {
				continue
			}
			build := func(n *savedmodel.Node) (Exec, error) {
				run, err := Core[c.Op].Build(n)
				if (run == nil) == (err == nil) {
					t.Errorf("%s: built as neither code nor an error", c.Name)
				}
				if wide, err := Core[c.Op].InFloat64(n); (wide == nil) == (err == nil) {
					t.Errorf("%s: built in float64 as neither code nor an error", c.Name)
				}
				return run, err
			}
			run, err := build(node)
			if err != nil {
				continue // TensorFlow refuses it as well: see TestMath
			}
			try := func(in []value.Value) {
				var keep any
				ran++
				out, err := run(&Call{Keep: &keep, Out: make([]value.Value, node.NumOutputs)}, in)
				if err == nil && (len(out) != node.NumOutputs || slices.ContainsFunc(out, func(v value.Value) bool { return v.Tensor == nil && v.List == nil })) {
					t.Errorf("%s of %v: neither results nor an error, but %v", c.Name, in, out)
				}
			}
			try(in)
			for i := range in {
				for _, odd := range oddTensors(t) {
					if odd == nil && passingOps[c.Op] != nil {
						continue // it passes nothing on as it is
					}
					given := slices.Clone(in)
					given[i] = value.Value{Tensor: odd}
					try(given)
				}
			}
			for _, from := range node.Types() {
				for _, to := range lockstep.DTypes() {
					_, _ = build(node.Retyped(from, to))
				}
			}
		}
	}
	if ran < 10_000 {
		t.Errorf("only %d calls", ran)
	}
}

// Code without any of its attributes, most of which have no default, is either
// built or refused.
func TestBuiltOrRefused(t *testing.T) {
	for name, spec := range Core {
		if spec.Build == nil {
			continue
		}
		bare := nodeOf(t, func(d *graphtest.Drawing) string {
			d.Add("bare", "Placeholder", graphtest.Attrs{"dtype": lockstep.Float32}, nil)
			return "bare"
		})
		bare.Op, bare.Inputs = name, []savedmodel.Ref{{Node: bare}, {Node: bare}}
		if run, err := spec.Build(bare); (run == nil) == (err == nil) {
			t.Errorf("%s without attributes: neither code nor an error", name)
		}
	}
}
