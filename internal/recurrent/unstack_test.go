package recurrent

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

const apartFixture = "reports/seed_keras313"

// Keras 3.13's TimeDistributed over a length that is not known is the dense layer of
// the eight-tensor model; what later versions export of it is not.
func TestTheSeedTakenApart(t *testing.T) {
	m, g, s := loadSeq2Seq(t, apartFixture)
	if s.EncoderInput != "encoder_input" || s.DecoderInput != "decoder_input" || s.Output != "output_0" || s.Encoder.Name != "encoder" || s.Decoder.Name != "decoder" {
		t.Errorf("%+v", s)
	}
	weights, err := Weights(m, g)
	if err != nil {
		t.Fatal(err)
	}
	want := fixture.Ordered(t, apartFixture, "weights.npz")
	if len(weights) != len(want) {
		t.Fatalf("%d weights, want %d", len(weights), len(want))
	}
	for i, w := range weights {
		value, err := m.Value(w.Variable)
		if err != nil || w.Name != want[i].Name || !value.BitEqual(want[i].Tensor) {
			t.Errorf("weight %d is %s, %v, want %s", i, w.Name, err, want[i].Name)
		}
	}
	if f, err := findIn(t, "seed_keras3_broken"); err != nil || f.Seq2Seq != nil || !errors.Is(f.NoSeq2Seq, lockstep.ErrNotSeq2Seq) {
		t.Errorf("the broken export: %v, %v", f, err)
	}
}

func findIn(t *testing.T, name string) (*Findings, error) {
	m, g := load(t, name)
	return Find(m, g)
}

// A loop that does anything else than split the whole tensor, and another head
// behind it, are not the model's.
func TestOtherApart(t *testing.T) {
	constant := func(name string, value int32) func(f *function) {
		return func(f *function) { f.node(name).Attr["value"] = intConst(value) }
	}
	perm := func(name string, axes ...int32) func(f *function) {
		return func(f *function) { f.node(name).Attr["value"] = list(axes...) }
	}
	const body = "output_1/loop_body/"
	for what, edit := range map[string]func(f *function){
		"all but the first step":     constant("output_1/range/start", 1),
		"every second step":          constant("output_1/range/delta", 2),
		"the steps from the second":  constant("output_1/pfor/all_indices/start", 1),
		"every second number":        constant("output_1/pfor/all_indices/delta", 2),
		"the second step for all":    constant(body+"SelectV2/e", 1),
		"three steps at the least":   constant(body+"Greater/y", 2),
		"two steps at a time":        constant(body+"add/y", 2),
		"no step at all":             constant(body+"add/y", 0),
		"numbers along another axis": constant(body+"GatherV2/pfor/GatherV2/axis", 1),
		"as many as the batch": func(f *function) {
			f.node("output_1/strided_slice_1/stack").Attr["value"] = list(0)
			f.node("output_1/strided_slice_1/stack_1").Attr["value"] = list(1)
		},
		"the ends of the begins": func(f *function) {
			swapNodes(f, body+"strided_slice_1/stack/pfor/stack", body+"strided_slice_1/stack_1/pfor/stack")
		},
		"begins in a row":             func(f *function) { f.node(body + "strided_slice_1/stack/pfor/stack").Attr["axis"] = intAttr(0) },
		"rows, not steps":             perm("output_1/transpose/perm", 0, 1, 2),
		"rows, not steps, at the end": perm("output_1/transpose_1/perm", 0, 1, 2),
		"features first":              perm("output_1/transpose/perm", 2, 0, 1),
		"features first at the end":   perm("output_1/transpose_1/perm", 1, 2, 0),
		"neither is exchanged": func(f *function) {
			perm("output_1/transpose/perm", 0, 1, 2)(f)
			perm("output_1/transpose_1/perm", 0, 1, 2)(f)
		},
		"a step turned over": func(f *function) {
			f.node("output_1/transpose").Input[0] = first(f.node("decoder_lstm_1/TensorArrayV2Stack/TensorListStack"))
		},
	} {
		f, err := edited(t, apartFixture, what, func(e *editor) { edit(e.outer()) })
		if err == nil && f.Seq2Seq != nil {
			t.Errorf("%s: it is still recognised as the model", what)
		}
	}
	attr := func(node, name string, value int64) func(f *function) {
		return func(f *function) { f.node(node).Attr[name] = intAttr(value) }
	}
	for what, edit := range map[string]func(f *function){
		"the element keeps its axis": attr("while/StridedSlice", "shrink_axis_mask", 0),
		"to the end":                 attr("while/StridedSlice", "end_mask", 1),
		"the counter counts by two":  func(f *function) { f.node("while/add_2/y").Attr["value"] = intConst(2) },
		"the row after":              func(f *function) { f.node("while/add/y").Attr["value"] = intConst(2) },
		"written backwards": func(f *function) {
			f.node("TensorArrayV2Write/TensorListSetItem").Input[1] = f.ints("zero", 0)
		},
		"the element twice": func(f *function) {
			item := f.node("TensorArrayV2Write/TensorListSetItem")
			item.Input[2] = f.add("twice", "AddV2", item.Input[2], item.Input[2])
		},
	} {
		f, err := edited(t, apartFixture, what, func(e *editor) { edit(e.fn("strided_slice_1_pfor_while_body")) })
		if err == nil && f.Seq2Seq != nil {
			t.Errorf("%s: it is still recognised as the model", what)
		}
	}
}

// swapNodes exchanges what two nodes read.
func swapNodes(f *function, a, b string) {
	x, y := f.node(a), f.node(b)
	x.Input, y.Input = y.Input, x.Input
}

// A dense kernel or bias of another shape, or of the transposed shape, does not
// fit.
func TestOtherHeads(t *testing.T) {
	for _, c := range []struct {
		variable string
		shape    []int
	}{
		{"dense/kernel", []int{5, 1}}, {"dense/kernel", []int{1, 4}}, {"dense/kernel", []int{4}}, {"dense/kernel", []int{4, 1, 1}},
		{"dense/bias", []int{2}}, {"dense/bias", []int{1, 1}}, {"dense/bias", []int{4}},
	} {
		m, g, s := loadSeq2Seq(t, apartFixture)
		ref := s.DenseKernel
		if c.variable == "dense/bias" {
			ref = s.DenseBias
		}
		v, ok, err := m.Variable(ref)
		if err != nil || !ok {
			t.Fatal(err)
		}
		v.Shape = c.shape
		f, err := Find(m, g)
		if err == nil && f.Seq2Seq != nil {
			t.Errorf("%s of shape %v: it is still recognised as the model", c.variable, c.shape)
		}
	}
}

// A tensor with exchanged axes is the same only where the exchange is taken back, of
// the same axes.
func TestExchange(t *testing.T) {
	m, g := load(t, apartFixture)
	sh := newShapes(m, g)
	node := func(dims ...dim) *savedmodel.Node {
		from := &savedmodel.Node{Name: fmt.Sprint(dims), Op: "Placeholder", NumOutputs: 1}
		sh.inputs[savedmodel.Ref{Node: from}] = dims
		return &savedmodel.Node{Op: "Transpose", Inputs: []savedmodel.Ref{{Node: from}, {}}}
	}
	b, s, u := dim{1, "\x00"}, dim{1, "\x01"}, fixed(4)
	for _, c := range []struct {
		of    []*savedmodel.Node // from the output on
		whole bool
	}{
		{nil, true},
		{[]*savedmodel.Node{node(s, b, fixed(1))}, false},
		{[]*savedmodel.Node{node(s, b, fixed(1)), node(b, s, u)}, true},
		{[]*savedmodel.Node{node(b, s, fixed(1)), node(b, s, u)}, false},
		{[]*savedmodel.Node{node(fixed(6), b, fixed(1)), node(b, fixed(3), u)}, false},
		{[]*savedmodel.Node{node(s, b, fixed(1)), node(b, s, u), node(s, b, u)}, false},
		{[]*savedmodel.Node{node(s, b)}, false},
	} {
		var e exchange
		taken := true
		for _, n := range c.of {
			taken = taken && e.take(sh, n)
		}
		if got := taken && e.whole(); got != c.whole {
			t.Errorf("%d exchanges: %v, want %v", len(c.of), got, c.whole)
		}
	}
}
