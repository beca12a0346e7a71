package engine

import (
	"fmt"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// runCases runs the cases that models/NAME.py makes.
func runCases(t *testing.T, name string) {
	t.Helper()
	cases, values := graphtest.ReadCases(t, name)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			runCase(t, &c, values)
		})
	}
}

func runCase(t *testing.T, c *graphtest.Case, values map[string]*lockstep.Tensor) {
	t.Helper()
	var inputs, before []*lockstep.Tensor
	for _, key := range c.Inputs {
		if values[key] == nil {
			t.Fatalf("the .npz has no %q", key)
		}
		inputs = append(inputs, values[key])
		before = append(before, cloneOf(t, values[key]))
	}
	p, err := compileWithTables(c, inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() }, values)
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
		if err := graphtest.Agree(got[fmt.Sprintf("y%d", i)], values[key], c.Tolerance); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
	}
}

// compile makes a SavedModel of the case in memory and compiles it, so that a
// case takes the road that a model takes.
func compileCase(c *graphtest.Case, inputs []*lockstep.Tensor, outputs int, dtype func(i int) lockstep.DType) (*Program, error) {
	return compileWithTables(c, inputs, outputs, dtype, nil)
}

// compileWithTables is compileCase for a case of lookup tables, whose values are among
// values.
func compileWithTables(c *graphtest.Case, inputs []*lockstep.Tensor, outputs int, dtype func(i int) lockstep.DType, values map[string]*lockstep.Tensor) (*Program, error) {
	g, variable, err := c.Graph(inputs, outputs, dtype)
	if err != nil {
		return nil, err
	}
	table := func(handle *savedmodel.Node) (*value.LookupTable, error) {
		keys, of, err := c.Table(handle, values)
		if err != nil {
			return nil, err
		}
		return value.NewLookupTable(keys, of, false)
	}
	return Compile(g, Options{Variable: variable, Table: table})
}

func cloneOf(t *testing.T, x *lockstep.Tensor) *lockstep.Tensor {
	t.Helper()
	out, err := lockstep.Zeros(x.DType(), x.Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := value.CopyElements(out, x); err != nil {
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
				t.Fatalf("output %q is %s at first and then %s", name, graphtest.ElementsText(x), graphtest.ElementsText(again[name]))
			}
		}
	}
	return first, err
}
