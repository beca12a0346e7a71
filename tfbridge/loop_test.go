//go:build tensorflow

package tfbridge

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loopOf returns the first loop of a model's graph, what to ask of it: a tensor of its
// condition and one of its body, and those of the variables that are floats.
func loopOf(t *testing.T, m *Model) (*savedmodel.Node, lockstep.LoopTensors) {
	t.Helper()
	g := m.session.(*tfSession).graph
	for _, n := range g.Nodes {
		if n.AttrFunc("body") == "" {
			continue
		}
		want := lockstep.LoopTensors{Node: n.Name}
		inner := func(attr, op string) []lockstep.InnerTensor {
			f, err := g.Function(n.AttrFunc(attr))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(f.Nodes, func(n *savedmodel.Node) bool { return n.Op == op })
			if i < 0 {
				t.Fatalf("the %s has no %s", attr, op)
			}
			return []lockstep.InnerTensor{{Node: f.Nodes[i].Name}}
		}
		want.Condition, want.Body = inner("cond", "Less"), inner("body", "MatMul")
		for i := range n.Inputs {
			if d, err := n.ElementType(i); err == nil && d == lockstep.Float32 {
				want.Results = append(want.Results, lockstep.InnerTensor{Node: n.Name, Output: i})
			}
		}
		return n, want
	}
	t.Fatal("the graph has no loop")
	return nil, lockstep.LoopTensors{}
}

// The iterations of a loop, run one by one, lead to what the loop itself leaves, in as
// many iterations, whatever portion is asked for; and the model computes the same bits
// after that.
func TestIterations(t *testing.T) {
	for name, steps := range map[string]int{"module_autograph_lstm": 6, "reports/ln_cell_keras3": 12, "guide_attention_seq2seq_keras3": 0} {
		m := openFixture(t, name)
		inputs := fixture.Tensors(t, name, "inputs.npz")
		before, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		_, want := loopOf(t, m)
		whole, err := m.Inner(t.Context(), inputs, nil, want.Results)
		if err != nil {
			t.Fatal(err)
		}
		for _, bytes := range []int64{0, 1000, 1 << 30} {
			run, err := m.Loop(t.Context(), inputs, nil, want)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run.Results(t.Context()); err == nil || !strings.Contains(err.Error(), "is not over") {
				t.Errorf("%s: results before the end: %v", name, err)
			}
			n, portions := 0, 0
			for over := false; !over; portions++ {
				all, err := run.Next(t.Context(), bytes)
				if err != nil || len(all) == 0 || bytes == 0 && len(all) != 1 {
					t.Fatalf("%s: %d iterations, %v", name, len(all), err)
				}
				for i, it := range all {
					if over = !it.Holds; over != (len(it.Body) == 0) || over && i != len(all)-1 || len(it.Condition) != 1 {
						t.Fatalf("%s: iteration %d: %+v", name, n, it)
					}
					if it.Holds {
						n++
					}
				}
			}
			if steps > 0 && n != steps || (bytes == 1<<30) != (portions == 1) {
				t.Errorf("%s: %d iterations in %d portions of %d bytes, want %d", name, n, portions, bytes, steps)
			}
			last, err := run.Results(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range last {
				a, errA := last[i].Float64s()
				b, errB := whole[i].Float64s()
				if errA != nil || errB != nil || len(a) != len(b) || len(a) == 0 {
					t.Fatal(errA, errB, len(a), len(b))
				}
				for k := range a {
					if math.Abs(a[k]-b[k]) > 1e-6*(1+math.Abs(b[k])) {
						t.Errorf("%s: %s[%d] is %g iteration by iteration, and %g of the loop", name, want.Results[i].Name(), k, a[k], b[k])
					}
				}
			}
			if err := run.Close(); err != nil {
				t.Error(err)
			}
		}
		after, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		for k, y := range before {
			if !y.BitEqual(after[k]) {
				t.Errorf("%s: %s differs after its loop was looked at", name, k)
			}
		}
	}
}

// What is given stands in the place of what the loop would begin with.
func TestIterationsOfWhatIsGiven(t *testing.T) {
	m := openFixture(t, "module_autograph_lstm")
	inputs := fixture.Tensors(t, "module_autograph_lstm", "inputs.npz")
	n, want := loopOf(t, m)
	first := func(given []lockstep.GivenTensor) *lockstep.Tensor {
		run, err := m.Loop(t.Context(), inputs, given, want)
		if err != nil {
			t.Fatal(err)
		}
		all, err := run.Next(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Body[0]
	}
	var given []lockstep.GivenTensor
	for _, r := range want.Results {
		in := n.Inputs[r.Output].Through()
		before := lockstep.InnerTensor{Node: in.Node.Name, Output: in.Index}
		if in.Node.Main || slices.ContainsFunc(given, func(g lockstep.GivenTensor) bool { return g.InnerTensor == before }) {
			continue // the input itself; and both states begin with the same zeros
		}
		now, err := m.Inner(t.Context(), inputs, nil, []lockstep.InnerTensor{before})
		if err != nil {
			t.Fatal(err)
		}
		d, err := lockstep.Data[float32](now[0])
		if err != nil {
			t.Fatal(err)
		}
		off := make([]float32, len(d))
		for i := range off {
			off[i] = d[i] + 1
		}
		given = append(given, lockstep.GivenTensor{InnerTensor: before, Value: fixture.NewTensor(t, off, now[0].Shape()...)})
	}
	if first(nil).BitEqual(first(given)) {
		t.Error("the loop begins with the same, whatever is given")
	}
}

// Lists are given as tensors of their elements.
func TestIterationsOfAGivenList(t *testing.T) {
	m := openFixture(t, "reports/ln_cell_keras3")
	inputs := fixture.Tensors(t, "reports/ln_cell_keras3", "inputs.npz")
	n, want := loopOf(t, m)
	i := slices.IndexFunc(n.Inputs, func(in savedmodel.Ref) bool { return in.Through().Node.Op == "TensorListFromTensor" })
	list := n.Inputs[i].Through().Node
	elements, err := m.Inner(t.Context(), inputs, nil, []lockstep.InnerTensor{{Node: list.Inputs[0].Node.Name, Output: list.Inputs[0].Index}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(given ...lockstep.GivenTensor) ([]lockstep.Iteration, error) {
		l, err := m.Loop(t.Context(), inputs, given, want)
		if err != nil {
			return nil, err
		}
		return l.Next(t.Context(), 1<<20)
	}
	as := lockstep.InnerTensor{Node: list.Name, List: lockstep.Float32}
	own, err := run()
	if err != nil {
		t.Fatal(err)
	}
	same, err := run(lockstep.GivenTensor{InnerTensor: as, Value: elements[0]})
	if err != nil || len(same) != len(own) {
		t.Fatal(err, len(same))
	}
	d, err := lockstep.Data[float32](elements[0])
	if err != nil {
		t.Fatal(err)
	}
	d = slices.Clone(d)
	d[len(d)-1]++ // of the last step
	other, err := run(lockstep.GivenTensor{InnerTensor: as, Value: fixture.NewTensor(t, d, elements[0].Shape()...)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range own {
		if !own[i].Holds {
			continue
		}
		if !same[i].Body[0].BitEqual(own[i].Body[0]) {
			t.Errorf("iteration %d differs on its own list", i)
		}
		if other[i].Body[0].BitEqual(own[i].Body[0]) != (i < len(own)-2) {
			t.Errorf("iteration %d on a list that differs in its last element: %v, own %v", i, other[i].Body[0], own[i].Body[0])
		}
	}
	as.List = lockstep.Int32
	if _, err := run(lockstep.GivenTensor{InnerTensor: as, Value: elements[0]}); err == nil || !strings.Contains(err.Error(), "is a list of int32, and given as float32") {
		t.Errorf("a list of another type: %v", err)
	}
}

func TestLoopsThatAreNone(t *testing.T) {
	m := openFixture(t, "module_autograph_lstm")
	inputs := fixture.Tensors(t, "module_autograph_lstm", "inputs.npz")
	n, want := loopOf(t, m)
	for what, wrong := range map[string]lockstep.LoopTensors{
		"no loop":          {Node: n.Inputs[0].Node.Name},
		"no node":          {Node: "none"},
		"no tensor":        {Node: n.Name, Condition: []lockstep.InnerTensor{{Node: "none"}}},
		"no output":        {Node: n.Name, Body: []lockstep.InnerTensor{{Node: want.Body[0].Node, Output: 9}}},
		"one of the other": {Node: n.Name, Condition: want.Body},
	} {
		if _, err := m.Loop(t.Context(), inputs, nil, wrong); err == nil || !strings.HasPrefix(err.Error(), "tfbridge: ") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := m.Loop(t.Context(), nil, nil, want); err == nil {
		t.Error("no error without inputs")
	}
	run, err := m.Loop(t.Context(), inputs, nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Next(t.Context(), 0); err == nil || !strings.Contains(err.Error(), ErrClosed.Error()) {
		t.Errorf("after the model was closed: %v", err)
	}
}
