package engine

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// Elements of a small type go where those of TensorFlow's own kernels go.
// Operations that compute with elements refuse such a type by its name, whatever of
// their attributes names it, but for those by which they choose their code, which
// refuse what TensorFlow has no kernel for: the cases of ops_small hold that.
func TestSmallTypes(t *testing.T) {
	moved, refused := map[string]int{}, map[string]int{}
	for _, file := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, file)
		for i, c := range cases {
			d := op.Small[i%len(op.Small)]
			isComplex := func(t *lockstep.Tensor) bool { return t.DType().IsComplex() }
			if len(c.Nodes) > 0 || c.Error || c.Op == "Bitcast" || slices.ContainsFunc(inputsOf(values, c.Inputs), isComplex) {
				continue
			}
			spec, known := ops.Specs[c.Op]
			if !known {
				continue
			}
			isMove, data := spec.OnlyMoves(), []int{0}
			if at := ofSparse[c.Op]; at != nil {
				data = at(len(c.Inputs))
			} else if spec.Moves != nil {
				data = spec.Moves(len(c.Inputs))
			}
			for _, name := range slices.Sorted(maps.Keys(c.Attrs)) {
				if c.Attrs[name].Type != "type" || slices.Contains(spec.Types, name) {
					continue
				}
				other := c
				other.Attrs = maps.Clone(c.Attrs)
				other.Attrs[name] = graphtest.Attr{Type: "type", Value: json.RawMessage(fmt.Sprintf("%q", d))}
				if isMove && slices.Contains(op.ElementAttrs, name) {
					moved[c.Op]++
					movesElements(t, &other, values, data, d)
					continue
				}
				refused[c.Op]++
				_, err := compileCase(&other, inputsOf(values, c.Inputs), len(c.Outputs), func(int) lockstep.DType { return d })
				if err == nil || !strings.Contains(err.Error(), "("+c.Op+")") || !strings.Contains(err.Error(), d.String()+", which is not supported") {
					t.Errorf("%s with %s as %s: error %v", c.Name, d, name, err)
				}
			}
		}
	}
	t.Logf("moved by %d operations, refused by %d", len(moved), len(refused))
	if len(moved) < 30 || len(refused) < 100 {
		t.Errorf("%d operations move elements and %d refuse them: the cases hold more", len(moved), len(refused))
	}
}

// ofSparse are the inputs that hold the elements, of operations whose second result has
// them and the others positions.
var ofSparse = map[string]op.Inputs{
	"SparseReorder": op.InputsAt(1),
	"SparseConcat": func(n int) (at []int) {
		for i := n / 3; i < 2*(n/3); i++ {
			at = append(at, i)
		}
		return at
	},
	"SparseFillEmptyRows": op.InputsAt(1, 3),
}

func inputsOf(values map[string]*lockstep.Tensor, keys []string) []*lockstep.Tensor {
	var out []*lockstep.Tensor
	for _, key := range keys {
		out = append(out, values[key])
	}
	return out
}

// moves runs a case whose data is of another type: each different element became
// a different one, as far as the type has enough.
func movesElements(t *testing.T, c *graphtest.Case, values map[string]*lockstep.Tensor, data []int, d lockstep.DType) {
	t.Helper()
	inputs := inputsOf(values, c.Inputs)
	from := inputs[data[0]].DType()
	for _, i := range data {
		if i < len(inputs) {
			inputs[i] = renumbered(t, inputs[i], d)
		}
	}
	want := inputsOf(values, c.Outputs)
	shapes := slices.Contains([]string{"Shape", "ShapeN", "Size", "Rank", "VariableShape"}, c.Op)
	for i := range want {
		if want[i].DType() == from && !shapes && (ofSparse[c.Op] == nil || i == 1) {
			want[i] = renumbered(t, want[i], d)
		}
	}
	p, err := compileCase(c, inputs, len(want), func(i int) lockstep.DType { return want[i].DType() })
	if err != nil {
		t.Errorf("%s of %s: %v", c.Name, d, err)
		return
	}
	feed := map[string]*lockstep.Tensor{}
	for i, x := range inputs {
		feed[fmt.Sprintf("x%d", i)] = x
	}
	got, err := runTwice(t, p, feed)
	if err != nil {
		t.Errorf("%s of %s: %v", c.Name, d, err)
		return
	}
	for i := range want {
		if y := got[fmt.Sprintf("y%d", i)]; !y.BitEqual(want[i]) {
			t.Errorf("%s of %s: output %d is %s, want %s: %s", c.Name, d, i, y, want[i], graphtest.Show(y, want[i]))
		}
	}
}

var seed = maphash.MakeSeed()

// renumbered makes a tensor of another type, whose elements depend on x's alone;
// zero stays zero.
func renumbered(t *testing.T, x *lockstep.Tensor, d lockstep.DType) *lockstep.Tensor {
	t.Helper()
	var bits []byte
	number := func(h uint64, zero bool) {
		if zero {
			h = 0
		}
		for range d.Size() {
			bits, h = append(bits, byte(h)), h>>8
		}
	}
	if text, err := lockstep.Data[string](x); err == nil {
		for _, s := range text {
			number(maphash.String(seed, s), s == "")
		}
	} else {
		numbers, err := x.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range numbers {
			number(maphash.Comparable(seed, math.Float64bits(v)), math.Float64bits(v) == 0)
		}
	}
	out, err := raw.Decode(d, x.Shape(), bits)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
