package recurrent

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

// A node with too few or too many inputs is nothing to index into.
func TestMissingInputs(t *testing.T) {
	for _, name := range changed {
		m, g, s := loadSeq2Seq(t, name)
		matter := wires(t, g, s.Output)
		for _, nodes := range bodies(t, g) {
			for _, n := range nodes {
				was := n.Inputs
				for k := range len(was) + 1 {
					n.Inputs = was[:k]
					if k == len(was) && k > 0 {
						n.Inputs = append(slices.Clone(was), was[0])
					}
					f, err := Find(m, g)
					if err == nil && f.Seq2Seq != nil && k < len(was) && matter[wire{n, k}] {
						t.Errorf("%s: still recognised as the model: %q (%s) has %d inputs", name, n.Name, n.Op, k)
					}
				}
				n.Inputs = was
			}
		}
	}
}

// doubled makes a sum of a tensor with itself, 60 times over.
func doubled(f *function, from string) string {
	for i := range 60 {
		from = f.add(fmt.Sprintf("double%d", i), "AddV2", from, from)
	}
	return from
}

func TestHostileGraphsEndSoon(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(e *editor)
		words string // of the reason, "" where the model is still found
	}{
		"a sum of 2^60 terms": {func(e *editor) {
			f := e.body("encoder")
			f.node("lstm_cell_1/split").Input[1] = doubled(f, f.node("lstm_cell_1/MatMul").GetName()+":product:0")
		}, noCell},
		"a very deep activation": {func(e *editor) {
			f := e.body("encoder")
			deep := first(f.node("lstm_cell_1/Tanh"))
			for i := range 40_000 {
				deep = f.add(fmt.Sprintf("deep%d", i), "Tanh", deep)
			}
			f.node("lstm_cell_1/mul_1").Input[1] = deep
		}, noCell},
		"an activation of 2^60 operations": {func(e *editor) {
			f := e.body("encoder")
			wide := first(f.node("lstm_cell_1/Tanh"))
			for i := range 60 {
				wide = f.add(fmt.Sprintf("wide%d", i), "Mul", wide, wide)
			}
			f.node("lstm_cell_1/mul_1").Input[1] = wide
		}, noCell},
		"a condition of 2^60 terms": {func(e *editor) {
			f := e.cond("encoder")
			and := first(f.node("while/Less"))
			for i := range 60 {
				and = f.add(fmt.Sprintf("and%d", i), "LogicalAnd", and, and)
			}
			f.node("while/Identity").Input[0] = and
		}, "its condition has more than 8 bounds"},
		"a shape of 2^60 axes": {func(e *editor) {
			f := e.outer()
			shape := first(f.node("output_1/Tensordot/concat_1"))
			for i := range 60 {
				shape = join(f, fmt.Sprintf("join%d", i), shape, shape)
			}
			f.node("output_1/Tensordot").Input[1] = shape
		}, "no output is one dense layer"},
		"a product of 2^60": {func(e *editor) {
			f := e.outer()
			n := first(f.node("output_1/Tensordot/Prod"))
			for i := range 60 {
				list := f.add(fmt.Sprintf("pack%d", i), "Pack", n, n)
				f.GetNodeDef()[len(f.GetNodeDef())-1].Attr["N"] = intAttr(2)
				n = f.add(fmt.Sprintf("prod%d", i), "Prod", list, f.list(fmt.Sprintf("axis%d", i), 0))
			}
			f.node("output_1/Tensordot/stack").Input[0] = n
		}, "no output is one dense layer"},
		"a bound that is far away": {func(e *editor) {
			f := e.outer()
			n := first(f.node("decoder_lstm_1/strided_slice_1"))
			for i := range 40_000 {
				n = f.add(fmt.Sprintf("max%d", i), "Max", n, "range:output:0")
			}
			f.add("range", "Range", "none", "none", "none")
			f.ints("none", 0)
			for _, node := range f.GetNodeDef() {
				for i, in := range node.GetInput() {
					if in == "none" {
						node.Input[i] = "none:output:0"
					}
				}
			}
			f.node("decoder_lstm_1/while").Input[1] = n
		}, ""},
		"a loop of 10,000 variables": {func(e *editor) { manyVariables(e, 10_000) }, "it has 10010 loop variables, want at most 1000"},
		"very large constants": {func(e *editor) {
			f := e.outer()
			for _, end := range []string{"decoder_lstm_1/transpose/perm", "encoder_lstm_1/time", "encoder_lstm_1/Max/input", "output_1/Tensordot/free"} {
				p := f.node(end).Attr["value"].GetTensor()
				p.TensorShape.Dim = list(1).GetTensor().GetTensorShape().GetDim()
				p.TensorShape.Dim[0].Size = 1 << 22
				p.TensorContent = nil
			}
		}, noCell},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		f, err := edited(t, "states_out_keras3", name, c.edit)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		used := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %v, %d MiB", name, took.Round(time.Millisecond), used)
		if took > time.Minute || used > 100 {
			t.Errorf("%s took %v and %d MiB", name, took, used)
		}
		switch {
		case err != nil:
			t.Errorf("%s: %.300v", name, err)
		case c.words == "" && f.Seq2Seq == nil:
			t.Errorf("%s: %v", name, f.NoSeq2Seq)
		case c.words != "" && (f.Seq2Seq != nil || !strings.Contains(f.NoSeq2Seq.Error(), c.words)):
			t.Errorf("%s: %v, want %q", name, f.NoSeq2Seq, c.words)
		}
	}
}

// manyVariables gives the encoder's loop n more loop variables, each a product
// that looks like a state's.
func manyVariables(e *editor, n int) {
	body, cond, outer := e.body("encoder"), e.cond("encoder"), e.outer()
	loop := outer.node("encoder_lstm_1/while")
	state := body.GetSignature().GetInputArg()[4]
	product := first(body.node("lstm_cell_1/mul_2"))
	for i := range n {
		arg := proto.CloneOf(state)
		arg.Name = fmt.Sprintf("more%d", i)
		body.Signature.InputArg = append(body.Signature.InputArg, arg)
		cond.Signature.InputArg = append(cond.Signature.InputArg, arg)
		result := proto.CloneOf(body.GetSignature().GetOutputArg()[4])
		result.Name = fmt.Sprintf("out%d", i)
		body.Signature.OutputArg = append(body.Signature.OutputArg, result)
		body.Ret[result.Name] = product
		loop.Input = append(loop.Input, loop.Input[4])
		types := loop.Attr["T"].GetList()
		types.Type = append(types.Type, types.Type[4])
	}
	// The loop variables end with what the body captures.
	data := slices.IndexFunc(loop.Input, func(in string) bool { return strings.HasPrefix(in, "^") })
	if data >= 0 {
		control := loop.Input[data]
		loop.Input = append(slices.Delete(loop.Input, data, data+1), control)
	}
}

func TestLoopsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(e *editor)
		words string
	}{
		"no body":            {func(e *editor) { e.outer().node("encoder_lstm_1/while").Attr["body"].GetFunc().Name = "none" }, `function "none"`},
		"no condition":       {func(e *editor) { delete(e.outer().node("encoder_lstm_1/while").Attr, "cond") }, `function ""`},
		"a condition's body": {func(e *editor) { w := e.outer().node("encoder_lstm_1/while"); w.Attr["body"] = w.Attr["cond"] }, "loop variables, a body from 10 to 1"},
		"another's body": {func(e *editor) {
			e.outer().node("encoder_lstm_1/while").Attr["body"] = e.outer().node("decoder_lstm_1/while").Attr["body"]
		}, "want as many each"},
		"fewer variables": {func(e *editor) {
			w := e.outer().node("encoder_lstm_1/while")
			w.Input = slices.DeleteFunc(w.Input, func(in string) bool { return strings.Contains(in, "biasadd") })
		}, "want as many each"},
		"fewer results": {func(e *editor) {
			w := e.outer().node("encoder_lstm_1/while")
			w.Attr["T"] = typeList(8)
		}, "want as many each"},
	} {
		_, err := edited(t, "states_out_keras3", name, c.edit)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.words)
		}
	}
}

func TestDims(t *testing.T) {
	b, s := dim{1, "\x00"}, dim{1, "\x01"}
	times := func(x, y dim) dim {
		t.Helper()
		p, ok := x.times(y)
		if !ok {
			t.Fatalf("%v × %v is too large", x, y)
		}
		return p
	}
	all := times(times(fixed(6), s), b)
	if all != times(times(b, fixed(2)), times(s, fixed(3))) {
		t.Error("a product depends on its order")
	}
	if rest, ok := all.over(times(fixed(3), b)); !ok || rest != times(fixed(2), s) {
		t.Errorf("%v over 3 batches is %v", all, rest)
	}
	for _, d := range []dim{fixed(0), fixed(4), times(s, s), {1, "\x02"}, fixed(-1)} {
		if rest, ok := all.over(d); ok {
			t.Errorf("%v over %v is %v", all, d, rest)
		}
	}
	if p, ok := (dim{n: 1 << 40}).times(fixed(2)); ok {
		t.Errorf("a huge product is %v", p)
	}
	if _, ok := product(slices.Repeat([]dim{b}, maxAxes+1)); ok {
		t.Error("a product of many axes is known")
	}
	if p, ok := product(nil); !ok || p != fixed(1) {
		t.Errorf("the product of nothing is %v", p)
	}
}
