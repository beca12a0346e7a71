package cudnn

import "slices"

// What Keras and tf_keras write around the operations. It is looked for so that the
// function that takes an operation's place computes with Keras's own variables and
// states, which is then the form in which Keras exports a layer without cuDNN.
// What is not exactly so is computed from the operation's own inputs.

// keras says from what the inputs of an operation are made.
type keras struct{ kernel, recurrent, bias string }

// The order of the kernels' columns in params: cuDNN's, and that of AMD's MIOpen,
// which TensorFlow runs under the same operation.
var (
	cudnnOrder  = map[string][]int{lstm: {0, 1, 2, 3}, gru: {1, 0, 2}}
	miopenOrder = map[string][]int{lstm: {0, 1, 3, 2}, gru: {0, 1, 2}}
	cudnnBias   = map[string][]int{lstm: {0, 1, 2, 3, 4, 5, 6, 7}, gru: {1, 0, 2, 4, 3, 5}}
)

// weights finds the variables that Keras 3 makes params of
// (_standardize_cudnn_weights in keras/src/backend/tensorflow/rnn.py): kernels are
// split by gate, transposed and joined. miopen says that they are in the order of
// MIOpen.
func (b *body) weights(params, mode string) (w keras, miopen, ok bool) {
	n := int(gates[mode])
	in, _ := b.made(params, "ConcatV2", 4*n+1)
	if in == nil || mode != lstm && mode != gru || !b.is(in[4*n], 0) {
		return w, false, false
	}
	kernel, order, ok := b.gatesOf(in[:n], true)
	if !ok {
		return w, false, false
	}
	recurrent, again, ok := b.gatesOf(in[n:2*n], true)
	if !ok || !slices.Equal(order, again) {
		return w, false, false
	}
	if slices.Equal(order, miopenOrder[mode]) {
		return w, true, false
	}
	bias, biasOrder, ok := b.gatesOf(in[2*n:4*n], false)
	if !ok || !slices.Equal(order, cudnnOrder[mode]) || !slices.Equal(biasOrder, cudnnBias[mode]) {
		return w, false, false
	}
	if mode == lstm {
		bias, ok = b.secondBias(bias)
	} else {
		bias, ok = b.twoRows(bias)
	}
	return keras{kernel, recurrent, bias}, false, ok
}

// gatesOf finds the tensor whose parts are joined, and the order of its parts.
func (b *body) gatesOf(pieces []string, transposed bool) (of string, order []int, ok bool) {
	for _, piece := range pieces {
		in, _ := b.made(piece, "Reshape", 2)
		if in == nil || !b.is(in[1], -1) {
			return "", nil, false
		}
		axis := int64(0)
		if transposed {
			axis = 1
			if in, _ = b.made(in[0], "Transpose", 2); in == nil || !b.is(in[1], 1, 0) {
				return "", nil, false
			}
		}
		part, _ := b.original(in[0])
		split, n := b.made(in[0], "Split", 2)
		if split == nil || !b.is(split[0], axis) || n.GetAttr()["num_split"].GetI() != int64(len(pieces)) || of != "" && !b.same(of, split[1]) {
			return "", nil, false
		}
		of, order = split[1], append(order, part.index)
	}
	return of, order, true
}

// secondBias returns the bias before which there are as many zeros: Keras gives
// cuDNN no bias for the input of an LSTM.
func (b *body) secondBias(joined string) (string, bool) {
	in, _ := b.made(joined, "ConcatV2", 3)
	if in == nil || !b.is(in[2], 0) {
		return "", false
	}
	if like, _ := b.made(in[0], "ZerosLike", 1); like != nil {
		return in[1], b.same(like[0], in[1])
	}
	zeros, bias := b.zeros(in[0]), b.shape(in[1])
	return in[1], zeros > 0 && len(bias) == 1 && bias[0] == zeros
}

// zeros returns how many zeros a constant list is, 0 for anything else.
func (b *body) zeros(name string) int64 {
	if in, _ := b.made(name, "Fill", 2); in != nil {
		count := b.integers(in[0])
		if len(count) != 1 || b.zeros(in[1]) != 1 {
			return 0
		}
		return count[0]
	}
	_, n := b.original(name)
	if n.GetOp() != "Const" {
		return 0
	}
	p := n.GetAttr()["value"].GetTensor()
	count := int64(1)
	if dims := p.GetTensorShape().GetDim(); len(dims) == 1 {
		count = dims[0].GetSize()
	} else if len(dims) > 1 {
		return 0
	}
	for _, v := range p.GetTensorContent() {
		if v != 0 {
			return 0
		}
	}
	for _, v := range p.GetFloatVal() {
		if v != 0 {
			return 0
		}
	}
	for _, v := range p.GetDoubleVal() {
		if v != 0 {
			return 0
		}
	}
	for _, v := range p.GetHalfVal() {
		if v != 0 {
			return 0
		}
	}
	return max(count, 0)
}

// twoRows returns the bias of two rows that was made one.
func (b *body) twoRows(flat string) (string, bool) {
	in, _ := b.made(flat, "Reshape", 2)
	if in == nil || !b.is(in[1], -1) {
		return "", false
	}
	shape := b.shape(in[0])
	return in[0], len(shape) == 2 && shape[0] == 2
}

// withoutAxis returns what a state was before it got the axis of layers.
func (b *body) withoutAxis(state string, axis int64) (string, bool) {
	in, _ := b.made(state, "ExpandDims", 2)
	if in == nil || !b.is(in[1], axis) {
		return "", false
	}
	shape := b.shape(in[0])
	return in[0], len(shape) == 2
}

// full tells whether lengths are the number of steps of the input, for all of a
// batch: tf.fill([batch], tf.shape(input)[axis]).
func (b *body) full(lengths, input string, axis int64) bool {
	fill, _ := b.made(lengths, "Fill", 2)
	if fill == nil {
		return false
	}
	in, n := b.made(fill[1], "StridedSlice", 4)
	if in == nil || n.GetAttr()["shrink_axis_mask"].GetI() != 1 || !b.is(in[1], axis) || !b.is(in[2], axis+1) || !b.is(in[3], 1) {
		return false
	}
	for _, mask := range []string{"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"} {
		if n.GetAttr()[mask].GetI() != 0 {
			return false
		}
	}
	of, _ := b.made(in[0], "Shape", 1)
	if of == nil {
		return false
	}
	for range maxPath { // reversed steps are as many
		if b.same(of[0], input) {
			return true
		}
		_, n := b.original(input)
		if op := n.GetOp(); op != "ReverseSequence" && op != "ReverseV2" || len(dataInputs(n)) == 0 {
			return false
		}
		input = n.GetInput()[0]
	}
	return false
}

// dropsAxis tells whether a node takes the only element of a tensor's axis.
func (b *body) dropsAxis(name string, axis int64) bool {
	n := b.nodes[name]
	switch in := dataInputs(n); {
	case n.GetOp() == "Squeeze" && len(in) == 1:
		return slices.Equal(n.GetAttr()["squeeze_dims"].GetList().GetI(), []int64{axis})
	case n.GetOp() == "StridedSlice" && len(in) == 4 && axis == 0:
		if n.GetAttr()["shrink_axis_mask"].GetI() != 1 || !b.is(in[1], 0) || !b.is(in[2], 1) || !b.is(in[3], 1) {
			return false
		}
		for _, mask := range []string{"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"} {
			if n.GetAttr()[mask].GetI() != 0 {
				return false
			}
		}
		return true
	}
	return false
}
