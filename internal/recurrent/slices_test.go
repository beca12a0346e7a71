package recurrent

import (
	"slices"
	"testing"
)

const slicesFixture = "seed_keras3_broken"

func TestSlices(t *testing.T) {
	m, g := load(t, slicesFixture)
	f, err := Find(m, g)
	if err != nil || len(f.Slices) != 1 {
		t.Fatal(err, f)
	}
	s := f.Slices[0]
	at := func(i int) string { return s.Loop.Inputs[i].Through().Node.Op }
	if at(s.Source) != "Transpose" || at(s.Begins) != "Pack" || at(s.Ends) != "Pack" || s.Begins == s.Ends || at(s.Outputs) != "TensorListReserve" {
		t.Errorf("it splits %s from %s to %s into %s", at(s.Source), at(s.Begins), at(s.Ends), at(s.Outputs))
	}
	if len(s.Bounds) != 1 || !slices.Contains(s.Counters, s.Counter) || len(s.Counters) != 2 {
		t.Errorf("%+v", s)
	}
}

// A loop that does anything else is not recognised as one that splits a tensor.
func TestOtherSlices(t *testing.T) {
	attr := func(node, name string, value int64) func(f *function) {
		return func(f *function) { f.node(node).Attr[name] = intAttr(value) }
	}
	constant := func(node string, values ...int32) func(f *function) {
		return func(f *function) {
			value := intConst(values...)
			if len(values) > 1 {
				value = list(values...)
			}
			f.node(node).Attr["value"] = value
		}
	}
	for what, edit := range map[string]func(f *function){
		"the end is two on":             constant("while/add/y", 2),
		"the end's row is two on":       constant("while/add_1/y", 2),
		"the counter counts by two":     constant("while/add_2/y", 2),
		"column 1 of the begins":        constant("while/strided_slice/stack/1", 1),
		"column 1 of the ends":          constant("while/strided_slice_1/stack_1/1", 1),
		"every second row":              constant("while/strided_slice/stack_2", 2, 1),
		"the row keeps its axis":        attr("while/strided_slice", "shrink_axis_mask", 0),
		"one column":                    attr("while/strided_slice_1", "ellipsis_mask", 0),
		"from the begin":                attr("while/strided_slice", "begin_mask", 1),
		"to the end":                    attr("while/strided_slice_1", "end_mask", 1),
		"a row with a new axis":         attr("while/strided_slice_1", "new_axis_mask", 1),
		"packed along another axis":     attr("while/strided_slice/stack", "axis", 1),
		"the element keeps its axis":    attr("while/StridedSlice", "shrink_axis_mask", 0),
		"the element is from the begin": attr("while/StridedSlice", "begin_mask", 1),
		"the element is to the end":     attr("while/StridedSlice", "end_mask", 1),
		"the element has a new axis":    attr("while/StridedSlice", "new_axis_mask", 2),
		"the row of another counter": func(f *function) {
			f.node("while/strided_slice/stack").Input[0] = f.node("while/add_3").GetInput()[0]
		},
		"the end of the row after": func(f *function) {
			f.node("while/strided_slice_1/stack").Input[0] = f.node("while/strided_slice_1/stack_1").GetInput()[0]
		},
		"the first element each time": func(f *function) {
			f.node("TensorArrayV2Write/TensorListSetItem").Input[1] = f.ints("zero", 0)
		},
		"the element of the step before": func(f *function) {
			f.node("TensorArrayV2Write/TensorListSetItem").Input[1] = f.node("while/add_2").GetName() + ":z:0"
		},
	} {
		f, err := edited(t, slicesFixture, what, func(e *editor) { edit(e.fn("strided_slice_1_pfor_while_body")) })
		if err == nil && len(f.Slices) != 0 {
			t.Errorf("%s: it is still recognised as one", what)
		}
	}
}
