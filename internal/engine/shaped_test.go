package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/ops"
)

// The inputs whose elements may decide the shapes of an operation's results are
// those that it names: other integers in the place of the others' give results of
// the same shapes, or an error. TestTablesOfOperations puts an input's own
// elements in another order, which changes nothing of one that has one element.
func TestShapesOfOtherIntegers(t *testing.T) {
	tried := 0
	for _, file := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, file)
		for _, c := range cases {
			spec := ops.Specs[c.Op]
			if spec == nil || spec.Shape == nil || c.Error || len(c.Nodes) > 0 || len(c.Variables) > 0 {
				continue
			}
			inputs := inputsOf(values, c.Inputs)
			for i, x := range inputs {
				if x.DType() != lockstep.Int32 || x.Len() == 0 || x.Len() > 8 || slices.Contains(spec.Shape(len(inputs)), i) {
					continue
				}
				p, err := compileCase(&c, inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() })
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range []int32{0, 1, 2, -1} {
					feed := map[string]*lockstep.Tensor{}
					for k, other := range inputs {
						feed[fmt.Sprintf("x%d", k)] = other
					}
					feed[fmt.Sprintf("x%d", i)] = fixture.NewTensor(t, slices.Repeat([]int32{v}, x.Len()), x.Shape()...)
					out, _, err := p.Run(t.Context(), feed, false)
					if err != nil {
						continue
					}
					tried++
					for k, key := range c.Outputs {
						if y := out[fmt.Sprintf("y%d", k)]; !slices.Equal(y.Shape(), values[key].Shape()) {
							t.Errorf("%s: the shape of its result depends on input %d: %s where that is %d, else %s", c.Name, i, y, v, values[key])
						}
					}
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d other inputs were tried", tried)
	}
}
