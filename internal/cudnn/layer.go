package cudnn

import "github.com/lockstep-go/lockstep/internal/tfpb"

// layer is an operation that is being replaced by a call of a function of the
// same results.
type layer struct {
	name      string // of the function
	mode      string
	dirs      int64 // 1, or 2 for bidirectional
	timeMajor bool
	dtype     tfpb.DataType // of the operation's tensors
	compute   tfpb.DataType // of the loop: float32 for types of 16 bits
	// flat says that the states are given as (batch, units), without the axis of
	// layers and directions.
	flat bool
	// unpacked says that the weights are given as Keras has them and not as params.
	unpacked bool
	// masked says that the sequences have lengths of their own.
	masked bool
	// skips says that an input of as many features as units would skip its product.
	skips bool

	units, features int64 // -1 if not known

	b       *builder
	check   []string // assertions, as inputs
	batch   string   // (int32)
	steps   string
	weights []weights // for each direction
}

// weights are a direction's, as Keras has them.
type weights struct{ kernel, recurrent, bias, recurrentBias string }

// layerAxis is the axis of the states along which there are layers and directions.
func (l *layer) layerAxis() int64 {
	if l.timeMajor {
		return 0
	}
	return 1
}

// args are what the function gets.
func (l *layer) args() []arg {
	out := []arg{{name: "input", kind: l.dtype}, {name: "input_h", kind: l.dtype}}
	if l.mode == lstm {
		out = append(out, arg{name: "input_c", kind: l.dtype})
	}
	if l.unpacked {
		out = append(out, arg{name: "kernel", kind: l.dtype}, arg{name: "recurrent_kernel", kind: l.dtype}, arg{name: "bias", kind: l.dtype})
	} else {
		out = append(out, arg{name: "params", kind: l.dtype})
	}
	if l.masked {
		out = append(out, arg{name: "sequence_lengths", kind: int32Type})
	}
	return out
}

// The results of the function: those of the operation, and the states as
// (batch, units), which are there for one direction alone.
const (
	resultC     = 2
	resultFlatH = 3
	resultFlatC = 4
)

// functions writes the function and those of its loops.
func (l *layer) functions() []*tfpb.FunctionDef {
	l.b = newBuilder()
	b, t := l.b, l.compute
	for _, a := range l.args() {
		b.names[a.name] = true
	}
	x := l.cast("cast_input", "input")
	if !l.timeMajor {
		x = b.transpose("time_major", t, x, 1, 0, 2)
	}
	shape := b.add("shape", "Shape", attrs{"T": t, "out_type": int32Type}, x)
	l.steps, l.batch = b.element("steps", int32Type, shape, 0), b.element("batch", int32Type, shape, 1)
	h, c := l.states("input_h"), make([]string, l.dirs)
	if l.mode == lstm {
		c = l.states("input_c")
	}
	if l.unpacked {
		l.givenWeights()
	} else {
		l.unpack(x)
	}
	lengths, mask := l.lengths()
	var all []*tfpb.FunctionDef
	var outputs, lastH, lastC []string
	for dir := range l.dirs {
		w := l.weights[dir]
		run := &loop{layer: l, name: "while", steps: l.steps, h: h[dir], c: c[dir], mask: mask}
		run.kernel, run.recurrent, run.bias, run.recurrentBias = w.kernel, w.recurrent, w.bias, w.recurrentBias
		run.x = x
		if dir == 1 {
			run.name, run.x = "while_backward", l.reverse("reverse", x, lengths)
		}
		run.write(b)
		if dir == 1 {
			run.outputs = l.reverse("reverse_back", run.outputs, lengths)
		}
		outputs, lastH, lastC = append(outputs, run.outputs), append(lastH, run.lastH), append(lastC, run.lastC)
		all = append(all, run.cond, run.body)
	}
	def := b.function(l.name, l.args(), l.rets(outputs, lastH, lastC))
	if len(l.check) > 0 {
		stateful(def)
	}
	return append(all, def)
}

// rets are the function's results.
func (l *layer) rets(outputs, lastH, lastC []string) []arg {
	b := l.b
	y := b.concat("output", l.compute, 2, outputs...)
	if !l.timeMajor {
		y = b.transpose("batch_major", l.compute, y, 1, 0, 2)
	}
	joined := func(name string, states []string) string {
		if l.dirs == 1 { // which steps one by one do not prevent, as packing does
			return l.castBack(b.add(name, "ExpandDims", attrs{"T": l.compute, "Tdim": int32Type}, states[0], b.scalar(name+"/dim", int32Type, l.layerAxis())))
		}
		return l.castBack(b.add(name, "Pack", attrs{"T": l.compute, "N": l.dirs, "axis": l.layerAxis()}, states...))
	}
	out := []arg{
		{"output", l.dtype, l.castBack(y)},
		{"output_h", l.dtype, joined("output_h", lastH)},
		{"output_c", l.dtype, b.number("no_c", l.dtype, false)}, // a dummy, as cuDNN's is
	}
	if l.mode == lstm {
		out[resultC].ref = joined("output_c", lastC)
	}
	if l.dirs == 1 {
		out = append(out, arg{"state_h", l.dtype, l.castBack(lastH[0])}, arg{"state_c", l.dtype, out[resultC].ref})
		if l.mode == lstm {
			out[resultFlatC].ref = l.castBack(lastC[0])
		}
	}
	return out
}

func (l *layer) cast(name, x string) string { return l.castTo(name, x, l.dtype, l.compute) }

func (l *layer) castBack(x string) string { return l.castTo("cast_result", x, l.compute, l.dtype) }

func (l *layer) castTo(name, x string, from, to tfpb.DataType) string {
	if from == to {
		return x
	}
	return l.b.add(name, "Cast", attrs{"SrcT": from, "DstT": to, "Truncate": false}, x)
}

// states are a state of each direction, (batch, units).
func (l *layer) states(of string) []string {
	x := l.cast("cast_"+of, of)
	switch {
	case l.flat:
		return []string{x}
	case l.dirs == 1:
		return []string{l.b.add("only_layer_of_"+of, "Squeeze", attrs{"T": l.compute, "squeeze_dims": []int64{l.layerAxis()}}, x)}
	}
	first := l.b.add("two_directions_of_"+of, "Unpack", attrs{"T": l.compute, "num": l.dirs, "axis": l.layerAxis()}, x)
	return []string{first, result(first, 1)}
}

// givenWeights are those that Keras's variables hold.
func (l *layer) givenWeights() {
	w := weights{kernel: l.cast("cast_kernel", "kernel"), recurrent: l.cast("cast_recurrent_kernel", "recurrent_kernel"), bias: l.cast("cast_bias", "bias")}
	if l.mode == gru {
		w.bias, w.recurrentBias = l.biasRows(w.bias)
	}
	l.weights = []weights{w}
}

// biasRows are the rows of a GRU's bias, for the input and for the state.
func (l *layer) biasRows(bias string) (forInput, forState string) {
	first := l.b.add("bias_rows", "Unpack", attrs{"T": l.compute, "num": int64(2), "axis": int64(0)}, bias)
	return first, result(first, 1)
}

// lengths are the sequences' and which steps they have, "" where all have all.
// A sequence that is longer than its tensor, or shorter than nothing, is an error,
// as it is for cuDNN.
func (l *layer) lengths() (lengths, mask string) {
	if !l.masked {
		return "", ""
	}
	b := l.b
	i32 := attrs{"T": int32Type}
	within := b.add("within", "LogicalAnd", nil,
		b.add("not_negative", "GreaterEqual", i32, "sequence_lengths", b.scalar("zero", int32Type, 0)),
		b.add("not_longer", "LessEqual", i32, "sequence_lengths", l.steps))
	all := b.add("all_within", "All", attrs{"Tidx": int32Type, "keep_dims": false}, within, b.list("all_within/axes", int32Type, 0))
	l.assert("lengths", all, "the sequence_lengths of an operation of cuDNN must be 0 to the number of its input's steps")
	lengths = b.add("lengths", "Identity", i32, append([]string{"sequence_lengths"}, l.check...)...)
	one := b.scalar("one", int32Type, 1)
	wide := b.add("lengths_of_rows", "Reshape", attrs{"T": int32Type, "Tshape": int32Type}, lengths,
		b.add("lengths_of_rows/shape", "Pack", attrs{"T": int32Type, "N": int64(3), "axis": int64(0)}, one, l.batch, one))
	times := b.add("range", "Range", attrs{"Tidx": int32Type}, b.scalar("range/start", int32Type, 0), l.steps, b.scalar("range/delta", int32Type, 1))
	times = b.add("times", "Reshape", attrs{"T": int32Type, "Tshape": int32Type}, times, b.list("times/shape", int32Type, -1, 1, 1))
	return lengths, b.add("mask", "Less", i32, times, wide)
}

// assert writes an assertion, on which what it guards is to wait.
func (l *layer) assert(name, holds, message string) {
	first := l.b.add("assert_"+name, "Assert", attrs{"T": []tfpb.DataType{stringType}, "summarize": int64(3)}, holds, l.b.text("assert_"+name+"/message", message))
	l.check = append(l.check, "^"+first[:len(first)-len(":output:0")])
}

// reverse reverses the steps that each sequence has.
func (l *layer) reverse(name, x, lengths string) string {
	if lengths == "" {
		return l.b.add(name, "ReverseV2", attrs{"T": l.compute, "Tidx": int32Type}, x, l.b.list(name+"/axis", int32Type, 0))
	}
	return l.b.add(name, "ReverseSequence", attrs{"T": l.compute, "Tlen": int32Type, "seq_dim": int64(0), "batch_dim": int64(1)}, x, lengths)
}
