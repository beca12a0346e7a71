package op

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// numbersOf reads the constants of a graph.
type numbersOf struct{}

func (numbersOf) Numbers(r savedmodel.Ref) ([]float64, bool) {
	if r.Node.Op != "Const" {
		return nil, false
	}
	c, err := r.Node.Const()
	if err != nil {
		return nil, false
	}
	v, err := c.Float64s()
	return v, err == nil
}

// nodeOf is the node that a drawing with the inputs x and y ends in.
func nodeOf(t *testing.T, draw func(d *graphtest.Drawing) string) *savedmodel.Node {
	t.Helper()
	d := graphtest.Draw(t)
	d.Input("x", lockstep.Float32)
	d.Input("y", lockstep.Float32)
	_, g := d.Flatten(map[string]string{"out": draw(d)})
	return g.Outputs["out"].Node
}

// What is wanted of a result of a tensor and a constant is wanted of the tensor,
// for every element of the constant.
func TestNeedsThroughConstants(t *testing.T) {
	type attrs = graphtest.Attrs
	right := func(op string, c ...float32) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string { return d.Op(op, nil, "x", d.Floats([]int{len(c)}, c...)) }
	}
	left := func(op string, c ...float32) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string { return d.Op(op, nil, d.Floats([]int{len(c)}, c...), "x") }
	}
	cast := func(from, to lockstep.DType) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string { return d.Op("Cast", attrs{"SrcT": from, "DstT": to}, "x") }
	}
	const nearly = NearlyOne
	for _, c := range []struct {
		name string
		draw func(d *graphtest.Drawing) string
		want Need
		of   Need
		in   []int // nil where it is not known
	}{
		{"x + {1, 3}", right("AddV2", 3, 1), Need{Low: 0, High: 10}, Need{Low: -1, High: 7}, []int{0}},
		{"{1, 3} + x", left("AddV2", 3, 1), Need{Low: 0, High: 10}, Need{Low: -1, High: 7}, []int{1}},
		{"x + {0, 20}", right("AddV2", 0, 20), Need{Low: 0, High: 10}, Need{}, nil},
		{"a bias", right("BiasAdd", 2, 2), Need{Low: 0, High: 10}, Need{Low: -2, High: 8}, []int{0}},
		{"x - {1, 3}", right("Sub", 1, 3), Need{Low: 0, High: 10}, Need{Low: 3, High: 11}, []int{0}},
		{"{1, 3} - x", left("Sub", 1, 3), Need{Low: 0, High: 10, Below: 0.5, Above: 0.25}, Need{Low: -7, High: 1, Below: 0.25, Above: 0.5}, []int{1}},
		{"1 - x of no known end", left("Sub", 1), Need{Low: 0, High: 10, Unknown: true}, Need{}, nil},
		{"x * 1", right("Mul", 1), Need{Low: 0, High: 8, Above: 1}, Need{Low: 0, High: 8, Above: 1}, []int{0}},
		{"x * {2, 4}", right("Mul", 2, 4), Need{Low: 4, High: 8}, Need{Low: 2, High: 2, Real: true}, []int{0}},
		{"x * {2, 4}, 5 or more", right("Mul", 2, 4), Need{Low: 5, High: 8}, Need{}, nil},
		{"x * {1, 4}", right("Mul", 1, 4), Need{Low: 0, High: 8}, Need{High: 2, Real: true}, []int{0}},
		{"{2, 4} * x", left("Mul", 2, 4), Need{Low: -4, High: 8}, Need{Low: -1, High: 2, Real: true}, []int{1}},
		{"x * 0", right("Mul", 0), Need{Low: 0, High: 8}, Need{}, nil},
		{"x * -1", right("Mul", -1), Need{Low: 0, High: 8}, Need{}, nil},
		{"x / {2, 4}", right("RealDiv", 2, 4), Need{Low: 1, High: 8}, Need{Low: 4, High: 16, Real: true}, []int{0}},
		{"2 / x", left("RealDiv", 2), Need{Low: 1, High: 8}, Need{}, nil},
		{"x // 2", right("FloorDiv", 2), Need{Low: 0, High: 3}, Need{High: 2 * (3 + nearly), Real: true}, []int{0}},
		{"max(x, 2)", right("Maximum", 2), Need{Low: 0, High: 3}, Need{High: 3}, []int{0}},
		{"x + y", func(d *graphtest.Drawing) string { return d.Op("AddV2", nil, "x", "y") }, Need{High: 3}, Need{}, nil},
		{"a sum of one", func(d *graphtest.Drawing) string { return d.Op("AddN", attrs{"N": 1}, "x") }, Need{High: 3}, Need{High: 3}, []int{0}},
		{"a sum of two", func(d *graphtest.Drawing) string { return d.Op("AddN", attrs{"N": 2}, "x", "y") }, Need{High: 3}, Need{}, nil},
		{"an integer of a float", cast(lockstep.Float32, lockstep.Int32), Need{High: 3}, Need{High: 3, Above: 1}, []int{0}},
		{"a float of an integer", cast(lockstep.Int32, lockstep.Float32), Need{High: 3}, Need{High: 3}, []int{0}},
		{"a float of a bool", cast(lockstep.Bool, lockstep.Float32), Need{High: 3}, Need{}, nil},
		{"rounded", func(d *graphtest.Drawing) string { return d.Op("Round", nil, "x") }, Need{Low: 0.5, High: 3.5, Real: true}, Need{Low: 1, High: 3, Below: 0.5, Above: 0.5}, []int{0}},
		{"checked", func(d *graphtest.Drawing) string { return d.Op("CheckNumerics", nil, "x") }, Need{High: 3}, Need{High: 3}, []int{0}},
		{"chosen", func(d *graphtest.Drawing) string { return d.Op("SelectV2", nil, d.Op("Less", nil, "x", "y"), "x", "y") }, Need{High: 3}, Need{High: 3}, []int{1, 2}},
		{"clipped", func(d *graphtest.Drawing) string { return d.Op("ClipByValue", nil, "x", "y", "y") }, Need{High: 3}, Need{High: 3}, []int{0}},
		{"the largest", func(d *graphtest.Drawing) string { return d.Op("Max", nil, "x", d.Ints(0)) }, Need{High: 3}, Need{High: 3}, []int{0}},
		{"the smallest", func(d *graphtest.Drawing) string { return d.Op("Min", nil, "x", d.Ints(0)) }, Need{High: 3}, Need{High: 3}, []int{0}},
	} {
		n := c.want
		node := nodeOf(t, c.draw)
		in, ok := Core[node.Op].Back(node, &n, numbersOf{})
		if ok != (c.in != nil) || ok && (!slices.Equal(in, c.in) || n != c.of) {
			t.Errorf("%s: %+v of the inputs %v, %v; want %+v of %v", c.name, n, in, ok, c.of, c.in)
		}
	}
}

func TestDomains(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		op        string
		low, high float64
	}{{"Sqrt", 0, inf}, {"Rsqrt", 0, inf}, {"Log", 0, inf}, {"Log1p", -1, inf}, {"Acos", -NearlyOne, NearlyOne}, {"Asin", -NearlyOne, NearlyOne}, {"Atanh", -NearlyOne, NearlyOne}, {"Acosh", 1, inf}} {
		n, ok := Core[c.op].Domain(nil, nil)
		if want := (Need{Low: c.low, High: c.high, Real: true}); !ok || n != want {
			t.Errorf("%s: %+v, %v, want %+v", c.op, n, ok, want)
		}
	}
	for exponent, want := range map[float32]bool{0.5: true, -1.5: true, 2: false, -1: false, 0: false} {
		node := nodeOf(t, func(d *graphtest.Drawing) string { return d.Op("Pow", nil, "x", d.Floats(nil, exponent)) })
		if n, ok := Core["Pow"].Domain(node, numbersOf{}); ok != want || ok && (n.Low != 0 || n.High != inf || !n.Real) {
			t.Errorf("to the power of %v: %+v, %v", exponent, n, ok)
		}
	}
	for _, other := range []func(d *graphtest.Drawing) string{
		func(d *graphtest.Drawing) string { return d.Op("Pow", nil, "x", "y") },
		func(d *graphtest.Drawing) string { return d.Op("Pow", nil, "x", d.Floats([]int{2}, 0.5, 0.5)) },
	} {
		if n, ok := Core["Pow"].Domain(nodeOf(t, other), numbersOf{}); ok {
			t.Errorf("to a power that is no one number: %+v", n)
		}
	}
}

// What an operation takes of the last axis of (2, 6), or of (6).
func TestParts(t *testing.T) {
	type attrs = graphtest.Attrs
	slice := func(begin, end []int32, a attrs) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string {
			ones := slices.Repeat([]int32{1}, len(begin))
			return d.Op("StridedSlice", a, "x", d.Ints(begin...), d.Ints(end...), d.Ints(ones...))
		}
	}
	split := func(axis int32) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string { return d.Op("Split", attrs{"num_split": 3}, d.Int(axis), "x") }
	}
	unpack := func(axis int) func(d *graphtest.Drawing) string {
		return func(d *graphtest.Drawing) string { return d.Op("Unpack", attrs{"axis": axis, "num": 6}, "x") }
	}
	two, one := []int{2, 6}, []int{6}
	for _, c := range []struct {
		name     string
		draw     func(d *graphtest.Drawing) string
		result   int
		shape    []int
		from, to int // the same where it takes no part
	}{
		{"x[:, 1:3]", slice([]int32{0, 1}, []int32{0, 3}, attrs{"begin_mask": 1, "end_mask": 1}), 0, two, 1, 3},
		{"x[:, -3:-1]", slice([]int32{0, -3}, []int32{0, -1}, attrs{"begin_mask": 1, "end_mask": 1}), 0, two, 3, 5},
		{"x[:, :3]", slice([]int32{0, 2}, []int32{0, 3}, attrs{"begin_mask": 3, "end_mask": 1}), 0, two, 0, 3},
		{"x[:, 2:]", slice([]int32{0, 2}, []int32{0, 3}, attrs{"begin_mask": 1, "end_mask": 3}), 0, two, 2, 6},
		{"x[:, 4]", slice([]int32{0, 4}, []int32{0, 0}, attrs{"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2}), 0, two, 4, 5},
		{"x[1, :]", slice([]int32{1, 0}, []int32{2, 0}, attrs{"begin_mask": 2, "end_mask": 2, "shrink_axis_mask": 1}), 0, two, 0, 6},
		{"x[2:99]", slice([]int32{2}, []int32{99}, nil), 0, one, 2, 6},
		{"x[-99:2]", slice([]int32{-99}, []int32{2}, nil), 0, one, 0, 2},
		{"x[3:3]", slice([]int32{3}, []int32{3}, nil), 0, one, 0, 0},
		{"x[1:2], the first axis of two", slice([]int32{1}, []int32{2}, nil), 0, two, 0, 0},
		{"x[..., 1:3]", slice([]int32{0, 1}, []int32{0, 3}, attrs{"ellipsis_mask": 1}), 0, []int{2, 2, 6}, 1, 3},
		{"x[1:3, ...]", slice([]int32{1, 0}, []int32{3, 0}, attrs{"ellipsis_mask": 2}), 0, two, 0, 0},
		{"x[:, None]", slice([]int32{0, 1}, []int32{0, 3}, attrs{"new_axis_mask": 2}), 0, two, 0, 0},
		{"x[y:]", func(d *graphtest.Drawing) string { return d.Op("StridedSlice", nil, "x", "y", d.Ints(3), d.Ints(1)) }, 0, one, 0, 0},
		{"x[:y]", func(d *graphtest.Drawing) string { return d.Op("StridedSlice", nil, "x", d.Ints(3), "y", d.Ints(1)) }, 0, one, 0, 0},
		{"a third", split(1), 1, two, 2, 4},
		{"a third of the last axis", split(-1), 2, two, 4, 6},
		{"a third of the first axis", split(0), 1, []int{6, 2}, 0, 0},
		{"a third of an axis that is not known", func(d *graphtest.Drawing) string { return d.Op("Split", attrs{"num_split": 3}, "y", "x") }, 1, two, 0, 0},
		{"a column", unpack(1), 4, two, 4, 5},
		{"a column by the last axis", unpack(-1), 0, two, 0, 1},
		{"a row", unpack(0), 1, two, 0, 0},
	} {
		node := nodeOf(t, c.draw)
		from, to, ok := Core[node.Op].Part(node, c.result, c.shape, numbersOf{})
		if ok != (c.from < c.to) || ok && (from != c.from || to != c.to) {
			t.Errorf("%s: [%d, %d), %v, want [%d, %d)", c.name, from, to, ok, c.from, c.to)
		}
	}
}

// asked writes down what an operation says that it reads.
type asked struct {
	numbersOf
	found []string
}

func (a *asked) Found(r savedmodel.Ref, n Need) {
	a.found = append(a.found, fmt.Sprintf("%s up to %v, %v", r, n.High, n.Length))
}

// Along is told apart by its axis.
func (a *asked) Along(table savedmodel.Ref, axis int) Need { return Need{High: float64(100 + axis)} }

func (a *asked) Counts(r savedmodel.Ref) bool { return r.Node.Name == "y" }

func (a *asked) Packed(r savedmodel.Ref) ([]savedmodel.Ref, bool) {
	return r.Node.Inputs, r.Node.Op == "Pack"
}

// An operation that reads indices, lengths or positions says of which input, and
// how far they go.
func TestReads(t *testing.T) {
	type attrs = graphtest.Attrs
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing) string
		want []string
	}{
		"a look-up along axis 1":              {func(d *graphtest.Drawing) string { return d.Op("GatherV2", nil, "x", "y", d.Int(1)) }, []string{"y:0 up to 101, false"}},
		"one along an axis that is not known": {func(d *graphtest.Drawing) string { return d.Op("GatherV2", nil, "x", "y", "x") }, nil},
		"rows":                                {func(d *graphtest.Drawing) string { return d.Op("Gather", nil, "x", "y") }, []string{"y:0 up to 100, false"}},
		"rows of a batch":                     {func(d *graphtest.Drawing) string { return d.Op("ResourceGather", attrs{"batch_dims": 1}, "x", "y") }, []string{"y:0 up to 101, false"}},
		"places":                              {func(d *graphtest.Drawing) string { return d.Op("GatherNd", nil, "x", "y") }, []string{"y:0 up to 100, false"}},
		"places put together":                 {func(d *graphtest.Drawing) string { return d.Op("GatherNd", nil, "x", d.Op("Pack", nil, "y", "x")) }, []string{"y:0 up to 100, false", "x:0 up to 101, false"}},
		"one of five":                         {func(d *graphtest.Drawing) string { return d.Op("OneHot", nil, "x", d.Int(5), "y", "y") }, []string{"x:0 up to 4, false"}},
		"one of none":                         {func(d *graphtest.Drawing) string { return d.Op("OneHot", nil, "x", d.Int(0), "y", "y") }, nil},
		"one of one":                          {func(d *graphtest.Drawing) string { return d.Op("OneHot", nil, "x", d.Int(1), "y", "y") }, []string{"x:0 up to 0, false"}},
		"one of an unknown many":              {func(d *graphtest.Drawing) string { return d.Op("OneHot", nil, "x", "y", "y", "y") }, nil},
		"a count":                             {func(d *graphtest.Drawing) string { return d.Op("Range", nil, d.Int(0), "x", d.Int(1)) }, []string{"x:0 up to 0, true"}},
		"a count compared":                    {func(d *graphtest.Drawing) string { return d.Op("Less", nil, "y", "x") }, []string{"x:0 up to 0, true"}},
		"compared with a count":               {func(d *graphtest.Drawing) string { return d.Op("Less", nil, "x", "y") }, []string{"x:0 up to 0, true"}},
		"others compared":                     {func(d *graphtest.Drawing) string { return d.Op("Less", nil, "x", "x") }, nil},
	} {
		node, a := nodeOf(t, c.draw), &asked{}
		if Core[node.Op].Reads(node, a); !slices.Equal(a.found, c.want) {
			t.Errorf("%s: reads %q, want %q", name, a.found, c.want)
		}
	}
}
