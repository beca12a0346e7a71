package engine

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// TestShapeOps compares the operations that move or shape data with
// TensorFlow's own kernels.
func TestShapeOps(t *testing.T) { runCases(t, "ops_shape") }

func TestTensorFlow1Ops(t *testing.T) { runCases(t, "ops_tf1") }

// shapeCases are the operations of this test's files, with attributes that they
// cannot do without.
var shapeCases = map[string]map[string]graphtest.Attr{
	"Shape": nil, "ShapeN": {"N": graphtest.AttrOf("int", `2`)}, "VariableShape": nil, "Rank": nil, "Size": nil, "Reshape": nil, "ExpandDims": nil, "Squeeze": nil,
	"BroadcastTo": nil, "BroadcastArgs": nil, "EnsureShape": {"shape": graphtest.AttrOf("shape", `[2,-1]`)},
	"StridedSlice": nil, "Slice": nil, "Split": {"num_split": graphtest.AttrOf("int", `2`)}, "SplitV": {"num_split": graphtest.AttrOf("int", `2`)},
	"Unpack": {"num": graphtest.AttrOf("int", `2`)}, "Pack": nil, "ConcatV2": nil, "Concat": nil, "ReverseV2": nil, "Roll": nil,
	"Transpose": nil, "Tile": nil, "Pad": nil, "PadV2": nil, "MirrorPad": {"mode": graphtest.AttrOf("string", `"REFLECT"`)},
	"GatherV2": nil, "Gather": nil, "ResourceGather": nil, "GatherNd": nil, "ResourceGatherNd": nil, "InvertPermutation": nil,
	"ReverseSequence": {"seq_dim": graphtest.AttrOf("int", `1`)}, "Fill": nil, "ZerosLike": nil, "OnesLike": nil, "Range": {"Tidx": graphtest.AttrOf("type", `"float32"`)},
	"LinSpace": {"T": graphtest.AttrOf("type", `"float32"`)}, "OneHot": nil, "Where": nil, "ScatterNd": {"T": graphtest.AttrOf("type", `"float32"`)}, "TensorScatterUpdate": nil,
	"SpaceToBatchND": nil, "BatchToSpaceND": nil, "MatrixBandPart": nil, "MatrixDiagPartV3": nil, "MatrixSetDiagV3": nil, "MatrixDiagV3": nil,
	"Bitcast":           {"T": graphtest.AttrOf("type", `"float32"`), "type": graphtest.AttrOf("type", `"int64"`)},
	"TensorListReserve": listType, "TensorListFromTensor": listType, "TensorListGetItem": listType, "TensorListSetItem": listType, "TensorListStack": listType,
	"TensorListLength": nil, "EmptyTensorList": listType, "TensorListPushBack": listType, "TensorListPopBack": listType, "TensorListElementShape": nil,
	"TensorListResize": nil, "TensorListGather": listType, "TensorListScatter": listType, "TensorListScatterV2": listType,
	"TensorListScatterIntoExistingList": listType, "TensorListConcatV2": listType, "TensorListSplit": listType,
}

var listType = map[string]graphtest.Attr{"element_dtype": graphtest.AttrOf("type", `"float32"`)}

// execOf builds an operation as in a model.
func execOf(t testing.TB, name string, attrs map[string]graphtest.Attr) func(in []value.Value) ([]value.Value, error) {
	t.Helper()
	c := graphtest.Case{Op: name, Attrs: attrs}
	p, err := compileCase(&c, nil, 1, func(int) lockstep.DType { return lockstep.Float32 })
	if err != nil {
		t.Fatal(err)
	}
	s := p.Body.Steps[0]
	return func(in []value.Value) ([]value.Value, error) {
		var keep any
		w := Work{Running: &Running{Ctx: t.Context()}, Call: op.Call{Keep: &keep, Out: make([]value.Value, s.N)}}
		return w.Out, s.Run(&w, in)
	}
}

// alone is what an operation gets that is called by itself.
func alone() *op.Call {
	var keep any
	return &op.Call{Keep: &keep}
}

// TestBadInputsAreErrors gives every operation inputs of any kind and number:
// some fit, most do not, and none may end in a panic.
func TestBadInputsAreErrors(t *testing.T) {
	huge := math.MaxInt64
	values := []value.Value{
		{},
		{Tensor: fixture.NewTensor(t, []float32{1, 2, 3, 4}, 2, 2)},
		{Tensor: fixture.NewTensor(t, []float32{1})},
		{Tensor: fixture.NewTensor(t, []string{"a"}, 1)},
		{Tensor: fixture.NewTensor(t, []int32{1})},
		{Tensor: fixture.NewTensor(t, []int32{}, 0)},
		{Tensor: fixture.NewTensor(t, []int64{-1, int64(huge)}, 2)},
		{Tensor: fixture.NewTensor(t, []int64{math.MinInt64, 3}, 2)},
		{Tensor: fixture.NewTensor(t, []int64{math.MinInt64})},
		{Tensor: fixture.NewTensor(t, []int64{int64(huge)})},
		{Tensor: fixture.NewTensor(t, []int32{0, 1}, 2)},
		{Tensor: fixture.NewTensor(t, []int64{1, 0, int64(huge), int64(huge)}, 2, 2)},
		{List: &value.List{Elements: []*lockstep.Tensor{nil, nil}, DType: lockstep.Float32}},
		{Variable: fixture.NewTensor(t, []float32{1, 2}, 2)},
	}
	for op, attrs := range shapeCases {
		run := execOf(t, op, attrs)
		try := func(in []value.Value) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s of %v: panic: %v", op, in, r)
				}
			}()
			_, _ = run(in)
		}
		var each func(in []value.Value, n int)
		each = func(in []value.Value, n int) {
			try(in)
			if n == 0 {
				return
			}
			for _, v := range values {
				each(append(slices.Clone(in), v), n-1)
			}
		}
		each(nil, 3)
		for _, v := range values { // StridedSlice and OneHot take four
			for _, w := range values {
				try([]value.Value{values[1], v, w, values[10]})
				try([]value.Value{values[1], values[10], v, w})
				try([]value.Value{values[10], v, w, w})
				try([]value.Value{values[1], v, w, w, values[2]}) // as MatrixDiagV3 does
				try([]value.Value{values[1], values[4], v, w, values[2]})
			}
		}
	}
}

// TestSizesAreBounded asks for tensors that no memory holds.
func TestSizesAreBounded(t *testing.T) {
	scalar := fixture.NewTensor(t, []float32{1})
	row := fixture.NewTensor(t, []float32{1, 2, 3}, 3)
	for _, c := range []struct {
		op   string
		in   []*lockstep.Tensor
		want string
	}{
		{"Fill", []*lockstep.Tensor{fixture.NewTensor(t, []int32{1 << 16, 1 << 16}, 2), scalar}, "at most"},
		{"Fill", []*lockstep.Tensor{fixture.NewTensor(t, []int64{1 << 62, 1 << 62}, 2), scalar}, "more elements than memory"},
		{"Fill", []*lockstep.Tensor{fixture.NewTensor(t, []int64{1 << 62, 0}, 2), scalar}, "axes of at most"},
		{"BroadcastTo", []*lockstep.Tensor{scalar, fixture.NewTensor(t, []int64{1 << 31}, 1)}, "at most"},
		{"Tile", []*lockstep.Tensor{row, fixture.NewTensor(t, []int64{1 << 62}, 1)}, "times"},
		{"Tile", []*lockstep.Tensor{row, fixture.NewTensor(t, []int64{1 << 30}, 1)}, "at most"},
		{"Pad", []*lockstep.Tensor{row, fixture.NewTensor(t, []int64{1 << 62, 1 << 62}, 1, 2)}, "at most"},
		{"Pad", []*lockstep.Tensor{row, fixture.NewTensor(t, []int64{1 << 30, 0}, 1, 2)}, "at most"},
		{"OneHot", []*lockstep.Tensor{fixture.NewTensor(t, []int32{0, 1}, 2), fixture.NewTensor(t, []int32{1 << 30}), scalar, scalar}, "at most"},
		{"Range", []*lockstep.Tensor{scalar, fixture.NewTensor(t, []float32{1e20}), scalar}, "at most"},
		{"LinSpace", []*lockstep.Tensor{scalar, scalar, fixture.NewTensor(t, []int64{1 << 40})}, "1 to"},
		{"ScatterNd", []*lockstep.Tensor{fixture.NewTensor(t, []int32{0}, 1, 1), fixture.NewTensor(t, []float32{1}, 1), fixture.NewTensor(t, []int32{1<<31 - 1}, 1)}, "at most"},
		{"Reshape", []*lockstep.Tensor{scalar, fixture.NewTensor(t, slices.Repeat([]int32{1}, 300), 300)}, "300 axes"},
		{"TensorListReserve", []*lockstep.Tensor{fixture.NewTensor(t, []int32{-1}), fixture.NewTensor(t, []int32{1 << 30})}, "want 0 to"},
	} {
		in := make([]value.Value, len(c.in))
		for i, x := range c.in {
			in[i].Tensor = x
		}
		_, err := execOf(t, c.op, shapeCases[c.op])(in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.op, err, c.want)
		}
	}
}

// TestListsRefuseNegativePlaces has what crashes TensorFlow.
func TestListsRefuseNegativePlaces(t *testing.T) {
	l := value.Value{List: &value.List{Elements: make([]*lockstep.Tensor, 3), DType: lockstep.Float32}}
	item := value.Value{Tensor: fixture.NewTensor(t, []float32{1})}
	attrs := map[string]graphtest.Attr{"element_dtype": listType["element_dtype"], "resize_if_index_out_of_bounds": graphtest.AttrOf("bool", "true")}
	if _, err := execOf(t, "TensorListSetItem", attrs)([]value.Value{l, {Tensor: fixture.NewTensor(t, []int32{-1})}, item}); err == nil {
		t.Error("TensorListSetItem at -1: no error")
	}
	rows := value.Value{Tensor: fixture.NewTensor(t, []float32{1}, 1)}
	if _, err := execOf(t, "TensorListScatterIntoExistingList", listType)([]value.Value{l, rows, {Tensor: fixture.NewTensor(t, []int32{-1}, 1)}}); err == nil {
		t.Error("TensorListScatterIntoExistingList at -1: no error")
	}
}

// TestListsShareNothing pushes to one list twice, and to what was popped from.
func TestListsShareNothing(t *testing.T) {
	item := func(v float32) value.Value { return value.Value{Tensor: fixture.NewTensor(t, []float32{v})} }
	first := func(out []value.Value, err error) value.Value {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	l := value.Value{List: &value.List{DType: lockstep.Float32}}
	for i := range 3 { // Go's append then has room for a fourth
		l = first(op.ListPush(alone(), []value.Value{l, item(float32(i))}))
	}
	want := func(l value.Value, elements ...float32) {
		t.Helper()
		for i, e := range l.List.Elements {
			if !e.BitEqual(item(elements[i]).Tensor) {
				t.Errorf("element %d changed", i)
			}
		}
	}
	a := first(op.ListPush(alone(), []value.Value{l, item(10)}))
	b := first(op.ListPush(alone(), []value.Value{l, item(20)}))
	popped := first(op.ListPop(alone(), []value.Value{l, {Tensor: fixture.NewTensor(t, []int32{-1})}}))
	c := first(op.ListPush(alone(), []value.Value{popped, item(30)}))
	want(l, 0, 1, 2)
	want(a, 0, 1, 2, 10)
	want(b, 0, 1, 2, 20)
	want(c, 0, 1, 30)
}

// TestBatchGatherStaysInItsRow has what TensorFlow's ResourceGather answers
// with an element of the next row.
func TestBatchGatherStaysInItsRow(t *testing.T) {
	table := value.Value{Variable: fixture.NewTensor(t, []float32{0, 1, 2, 3}, 2, 2)}
	_, err := execOf(t, "ResourceGather", map[string]graphtest.Attr{"batch_dims": graphtest.AttrOf("int", "1")})([]value.Value{table, {Tensor: fixture.NewTensor(t, []int32{2, 0}, 2, 1)}})
	if err == nil || !strings.Contains(err.Error(), "row 2 of the 2") {
		t.Errorf("error %v", err)
	}
}

// TestMovesKeepBits moves NaNs with payloads, which no comparison of values
// tells apart.
func TestMovesKeepBits(t *testing.T) {
	quiet, signaling := math.Float32frombits(0xffc12345), math.Float32frombits(0x7f800001)
	x := fixture.NewTensor(t, []float32{quiet, signaling}, 2)
	for op, second := range map[string]*lockstep.Tensor{
		"ReverseV2": fixture.NewTensor(t, []int32{0}, 1), "GatherV2": fixture.NewTensor(t, []int32{1, 0}, 2), "GatherNd": fixture.NewTensor(t, []int32{1, 0}, 2, 1),
	} {
		in := []value.Value{{Tensor: x}, {Tensor: second}}
		if op == "GatherV2" {
			in = append(in, value.Value{Tensor: fixture.NewTensor(t, []int32{0})})
		}
		out, err := execOf(t, op, nil)(in)
		if err != nil {
			t.Fatal(err)
		}
		if want := fixture.NewTensor(t, []float32{signaling, quiet}, 2); !out[0].Tensor.BitEqual(want) {
			t.Errorf("%s changes the bits of a NaN", op)
		}
	}
}

// TestRefusedAttributes names the attribute and its value.
func TestRefusedAttributes(t *testing.T) {
	for _, c := range []struct {
		op, attr string
		value    graphtest.Attr
		want     string
	}{
		{"Shape", "out_type", graphtest.AttrOf("type", `"float32"`), `attribute "out_type" is float32`},
		{"Range", "Tidx", graphtest.AttrOf("type", `"float16"`), `attribute "Tidx" is float16`},
		{"MirrorPad", "mode", graphtest.AttrOf("string", `"EDGE"`), `attribute "mode" is "EDGE"`},
		{"StridedSlice", "ellipsis_mask", graphtest.AttrOf("int", `5`), `attribute "ellipsis_mask" is 101`},
		{"GatherNd", "bad_indices_policy", graphtest.AttrOf("string", `"IGNORE"`), `attribute "bad_indices_policy" is "IGNORE"`},
		{"EmptyTensorList", "element_dtype", graphtest.AttrOf("type", `"variant"`), "variant is not supported"},
		{"ResourceGather", "batch_dims", graphtest.AttrOf("int", `-1`), `attribute "batch_dims" is -1`},
	} {
		oc := graphtest.Case{Op: c.op, Attrs: map[string]graphtest.Attr{c.attr: c.value}}
		_, err := compileCase(&oc, nil, 0, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.op) {
			t.Errorf("%s: error %v, want one with %q", c.op, err, c.want)
		}
	}
}
