package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
)

// What is said of operations in tables, from which it is concluded what need not
// be computed again, holds in every case of each: the results of some depend on
// shapes alone, the shapes of others' results on shapes and on the elements of
// the inputs that are named, and some return their first input's elements.
func TestTablesOfOperations(t *testing.T) {
	counts := map[string]int{}
	for _, name := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, name)
		for _, c := range cases {
			spec, known := ops.Specs[c.Op]
			if !known {
				continue
			}
			isShaped, isOfShapes, isView := spec.Shape != nil, spec.Measures != op.Elements, spec.View
			var reads []int
			if isShaped {
				reads = spec.Shape(len(c.Inputs))
			}
			if c.Error || len(c.Nodes) > 0 || len(c.Variables) > 0 || !isShaped && !isOfShapes && !isView && !spec.KeepsShape {
				continue
			}
			t.Run(c.Name, func(t *testing.T) {
				run := func(seed int) (map[string]*lockstep.Tensor, error) {
					var inputs []*lockstep.Tensor
					feed := map[string]*lockstep.Tensor{}
					for i, key := range c.Inputs {
						x := values[key]
						if fixed := isShaped && slices.Contains(reads, i); !fixed && seed > 0 && !(isView && i > 0) {
							x = shuffle(t, x, uint64(seed))
						}
						inputs = append(inputs, x)
						feed[fmt.Sprintf("x%d", i)] = x
					}
					p, err := compileCase(&c, inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() })
					if err != nil {
						t.Fatal(err)
					}
					out, _, err := p.Run(t.Context(), feed, false)
					if err == nil && isView {
						if e := graphtest.ElementsText(out["y0"]); e != graphtest.ElementsText(inputs[0]) {
							t.Errorf("the elements are %s, want those of the first input, %s", e, graphtest.ElementsText(inputs[0]))
						}
					}
					return out, err
				}
				before, err := run(0)
				if err != nil {
					t.Fatal(err)
				}
				for seed := 1; seed < 4; seed++ {
					after, err := run(seed)
					if err != nil {
						continue // a number of the other order that there is no element for
					}
					counts[c.Op]++
					for name, x := range before {
						if isOfShapes && !after[name].BitEqual(x) {
							t.Errorf("%s depends on elements: %s", name, graphtest.Show(after[name], x))
						}
						if spec.KeepsShape && !slices.Equal(x.Shape(), values[c.Inputs[0]].Shape()) {
							t.Errorf("%s is %s, want the first input's shape, %s", name, x, values[c.Inputs[0]])
						}
						if isShaped && !slices.Equal(after[name].Shape(), x.Shape()) {
							t.Errorf("the shape of %s depends on elements: %s and %s", name, after[name], x)
						}
					}
				}
			})
		}
	}
	for op, spec := range ops.Specs {
		if spec.Shape != nil && counts[op] == 0 {
			t.Logf("no case of %s", op)
		}
	}
}

// However many shapes there are, the plans and the memory for them are bounded.
func TestPlansAreBounded(t *testing.T) {
	d := graphtest.Draw(t)
	p := compileDrawing(d, map[string]string{"y": d.Op("Tanh", nil, d.Input("x", lockstep.Float32))})
	r := p.NewRunner()
	for round := range 2 {
		for n := range 3 * maxPlans {
			x := graphtest.Noise(t, lockstep.Float32, uint64(n), n)
			for range 2 {
				out, _, err := r.Run(t.Context(), map[string]*lockstep.Tensor{"x": x})
				if err != nil || out["y"].Len() != n {
					t.Fatalf("round %d: %v, %v", round, out, err)
				}
			}
		}
	}
	if n := len(*p.plans.Load()); n != maxPlans {
		t.Errorf("%d plans, want %d", n, maxPlans)
	}
	if n := len(r.frames); n != maxFrames {
		t.Errorf("memory for %d shapes, want %d", n, maxFrames)
	}
}
