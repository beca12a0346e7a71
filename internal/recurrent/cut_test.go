package recurrent

import (
	"fmt"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// What a slice of a weight is, of one that is cut already, and of a sum.
func TestCuts(t *testing.T) {
	ev := &evaluator{known: map[string]*expr{}}
	w := &tensor{shape: []int{6, 8}}
	e := ev.weight(part{of: w, top: 2, bottom: 5, from: 3, to: 7}) // rows 2 to 4, columns 3 to 6
	vector := ev.weight(part{of: w, bottom: 1, from: 2, to: 6, vector: true})
	v := ev.unknown()
	sum := ev.sum([]term{{v: v, w: e.part}, {w: vector.part}})
	for _, c := range []struct {
		name  string
		of    *expr
		axis  int
		want  int
		known bool
	}{
		{"rows", e, 0, 3, true}, {"columns", e, 1, 4, true}, {"a third axis", e, 2, 0, false}, {"no axis", e, -1, 0, false},
		{"a vector", vector, 0, 4, true}, {"a vector's second axis", vector, 1, 0, false},
		{"a sum's columns", sum, 1, 4, true}, {"a sum's rows", sum, 0, 4, false}, {"nothing", ev.unknown(), 0, 0, false},
	} {
		if n, known := c.of.length(c.axis); known != c.known || known && n != c.want {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, n, known, c.want, c.known)
		}
	}
	for _, c := range []struct {
		axis, from, to int
		want           *part
	}{
		{1, 1, 3, &part{of: w, top: 2, bottom: 5, from: 4, to: 6}},
		{1, 0, 4, &part{of: w, top: 2, bottom: 5, from: 3, to: 7}},
		{0, 1, 2, &part{of: w, top: 3, bottom: 4, from: 3, to: 7}},
		{0, 2, 3, &part{of: w, top: 4, bottom: 5, from: 3, to: 7}},
		{1, 2, 5, nil}, {1, 2, 2, nil}, {1, -1, 2, nil}, {0, 0, 4, nil}, {2, 0, 1, nil},
	} {
		got := ev.slice(e, c.axis, c.from, c.to)
		if (got == nil) != (c.want == nil) || got != nil && got.part != *c.want {
			t.Errorf("[%d:%d] of axis %d: %+v, want %+v", c.from, c.to, c.axis, got, c.want)
		}
	}
	cut := ev.slice(sum, 1, 1, 3)
	if want := ev.sum([]term{{v: v, w: part{of: w, top: 2, bottom: 5, from: 4, to: 6}}, {w: part{of: w, bottom: 1, from: 3, to: 5, vector: true}}}); cut != want {
		t.Errorf("of a sum: %+v, want %+v", cut, want)
	}
	if r := ev.row(ev.slice(e, 0, 1, 2)); r == nil || r.part != (part{of: w, top: 3, bottom: 4, from: 3, to: 7, vector: true}) {
		t.Errorf("a row: %+v", r)
	}
	if ev.row(e) != nil || ev.row(vector) != nil || ev.row(sum) != nil || ev.row(nil) != nil {
		t.Error("three rows, a vector, a sum or nothing is one row")
	}
}

func TestEndsOfSlices(t *testing.T) {
	for _, c := range []struct {
		at   int64
		want int
	}{{0, 0}, {3, 3}, {8, 8}, {9, 8}, {-1, 7}, {-8, 0}, {-9, 0}} {
		if got := endOf(c.at, 8); got != c.want {
			t.Errorf("%d of 8: %d, want %d", c.at, got, c.want)
		}
	}
}

// The gates in the order of the columns, by the nodes that Keras calls so.
var gateNodes = []string{"Sigmoid", "Sigmoid_1", "Tanh", "Sigmoid_2"}

func encoderCell(e *editor, end string) *node_def_go_proto.NodeDef {
	return e.body("encoder").node("lstm_cell_1/" + end)
}

// cutting makes each gate's sum by a cut of its own; cut returns its inputs after
// the first.
func cutting(op string, cut func(f *function, gate int) []string, attrs func(gate int, n *node_def_go_proto.NodeDef)) func(e *editor) {
	return func(e *editor) {
		f := e.body("encoder")
		for gate, name := range gateNodes {
			inputs := append([]string{encoderCell(e, "BiasAdd").Name + ":output:0"}, cut(f, gate)...)
			n := encoderCell(e, name)
			f.add(fmt.Sprintf("cut%d", gate), op, inputs...)
			n.Input[0] = fmt.Sprintf("cut%d:output:0", gate)
			if attrs != nil {
				attrs(gate, f.NodeDef[len(f.NodeDef)-1])
			}
		}
	}
}

// sliced cuts by Slice, from columns and of as many.
func sliced(row int32, from, count func(gate int32) int32) func(e *editor) {
	return cutting("Slice", func(f *function, gate int) []string {
		return []string{f.list(fmt.Sprintf("from%d", gate), row, from(int32(gate))), f.list(fmt.Sprintf("count%d", gate), -1, count(int32(gate)))}
	}, nil)
}

// strided cuts by StridedSlice.
func strided(begin, end func(gate int32) int32, beginMask, endMask, shrink int64) func(e *editor) {
	return cutting("StridedSlice", func(f *function, gate int) []string {
		k := int32(gate)
		return []string{f.list(fmt.Sprintf("from%d", k), 0, begin(k)), f.list(fmt.Sprintf("to%d", k), 0, end(k)), f.list(fmt.Sprintf("by%d", k), 1, 1)}
	}, func(gate int, n *node_def_go_proto.NodeDef) {
		n.Attr["begin_mask"], n.Attr["end_mask"], n.Attr["shrink_axis_mask"] = intAttr(beginMask), intAttr(endMask), intAttr(shrink)
		if endMask == 1 && end(int32(gate)) == 0 {
			n.Attr["end_mask"] = intAttr(3) // to the end, as Python writes it
		}
	})
}

// split cuts by SplitV.
func split(sizes ...int32) func(e *editor) {
	return func(e *editor) {
		f, n := e.body("encoder"), encoderCell(e, "split")
		n.Op = "SplitV"
		n.Input = []string{n.Input[1], f.list("sizes", sizes...), n.Input[0]}
	}
}

// The cell has five units: its gates' sums are five columns each.
func TestGatesThatAreCutInOtherWords(t *testing.T) {
	five := func(int32) int32 { return 5 }
	at := func(gate int32) int32 { return 5 * gate }
	accept(t, []mutation{
		{name: "Slice", edit: sliced(0, at, five)},
		{name: "Slice of what is left", edit: sliced(0, at, func(gate int32) int32 {
			if gate == 3 {
				return -1
			}
			return 5
		})},
		{name: "StridedSlice", edit: strided(at, func(gate int32) int32 { return 5*gate + 5 }, 1, 1, 0)},
		{name: "StridedSlice from the end", edit: strided(func(gate int32) int32 { return 5*gate - 20 }, func(gate int32) int32 { return 5*gate - 15 }, 1, 1, 0)},
		{name: "SplitV", edit: split(5, 5, 5, 5)},
		{name: "SplitV of what is left", edit: split(5, -1, 5, 5)},
	})
	next := func(gate int32) int32 { return 5 * ((gate + 1) % 4) }
	check(t, []mutation{
		{name: "Slice of the next gate's", edit: sliced(0, next, five)},
		{name: "Slice of three columns", edit: sliced(0, at, func(int32) int32 { return 3 })},
		{name: "Slice of other rows", edit: sliced(1, at, five)},
		{name: "Slice beyond the last column", edit: sliced(0, func(gate int32) int32 { return 5*gate + 1 }, five)},
		{name: "StridedSlice of the next gate's", edit: strided(next, func(gate int32) int32 { return next(gate) + 5 }, 1, 1, 0)},
		{name: "StridedSlice of the first row", edit: strided(at, func(gate int32) int32 { return 5*gate + 5 }, 0, 0, 1)},
		{name: "StridedSlice of all columns up to them", edit: strided(at, func(gate int32) int32 { return 5*gate + 5 }, 3, 1, 0)},
		{name: "SplitV of other sizes", edit: split(5, 5, 4, 6)},
		{name: "SplitV of fewer columns", edit: split(5, 5, 5, 4)},
		{name: "SplitV of more columns", edit: split(5, 5, 5, 6)},
		{name: "SplitV that leaves twice", edit: split(5, 5, -1, -1)},
		{name: "SplitV that leaves less than none", edit: split(5, 5, 11, -1)},
		{name: "SplitV of a size below none", edit: split(5, 5, 7, -2)},
	})
}
