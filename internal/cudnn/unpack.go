package cudnn

// unpack cuts params into the weights of each direction, in Keras's layout.
//
// cuDNN's buffer has for each direction the matrices of the input, gate by gate,
// and those of the state, and after those of all directions for each the biases of
// the input and those of the state. A matrix is (units, features). So Keras writes
// it (_standardize_cudnn_weights), so TensorFlow 1's cudnn_rnn and MXNet's fused
// cells read it. The gates are i, f, c, o and r, z, n.
//
// params of any other length is an error, where cuDNN would read beyond it or leave
// a part of it unread.
func (l *layer) unpack(x string) {
	b, t, g := l.b, l.compute, dim{n: gates[l.mode]}
	params := l.cast("cast_params", "params")
	u, f := dim{n: l.units}, dim{n: l.features}
	if u.n < 0 {
		u.ref = l.lastAxis("units", "input_h", l.lastOf())
	}
	if f.n < 0 {
		f.ref = l.lastAxis("features", "input", 2)
	}
	if l.skips {
		differs := b.add("not_skipped", "NotEqual", attrs{"T": int64Type}, b.ofDim("units_is", u), b.ofDim("features_is", f))
		l.assert("input_mode", differs, "an operation of cuDNN with the input_mode auto_select skips the product of an input with as many features as units, which is not supported")
		params = b.add("checked_params", "Identity", attrs{"T": t}, append([]string{params}, l.check...)...)
	}
	kernel, recurrent, bias := b.times("kernel_size", g, u, f), b.times("recurrent_kernel_size", g, u, u), b.times("bias_size", dim{n: 2}, g, u)
	var sizes []dim
	for range l.dirs {
		sizes = append(sizes, kernel, recurrent)
	}
	for range l.dirs {
		sizes = append(sizes, bias)
	}
	first := b.add("parts_of_params", "SplitV", attrs{"T": t, "Tlen": int64Type, "num_split": int64(len(sizes))},
		params, b.vector("sizes", sizes...), b.scalar("parts_of_params/axis", int32Type, 0))
	for dir := range int(l.dirs) {
		w := weights{
			kernel:    l.matrix("kernel", result(first, 2*dir), u, f),
			recurrent: l.matrix("recurrent_kernel", result(first, 2*dir+1), u, u),
		}
		w.bias, w.recurrentBias = l.biases(result(first, 2*int(l.dirs)+dir), u)
		l.weights = append(l.weights, w)
	}
}

// lastAxis is the length of a tensor's last axis.
func (l *layer) lastAxis(name, of string, last int64) string {
	shape := l.b.add(name+"/shape", "Shape", attrs{"T": l.dtype, "out_type": int64Type}, of)
	return l.b.element(name, int64Type, shape, last)
}

// lastOf is the states' last axis.
func (l *layer) lastOf() int64 {
	if l.flat {
		return 1
	}
	return 2
}

// matrix is a kernel of all gates, (columns, gates·units).
func (l *layer) matrix(name, part string, units, columns dim) string {
	b := l.b
	if l.mode == gru {
		part = b.reshape(name+"_of_gates", l.compute, part, dim{n: 3}, units, columns)
		part = l.gatesInOrder(name, part, 0)
	}
	part = b.reshape(name+"_rows", l.compute, part, b.times(name+"_columns", dim{n: gates[l.mode]}, units), columns)
	return b.transpose(name, l.compute, part, 1, 0)
}

// gatesInOrder puts a GRU's gates, along an axis, in Keras's order.
func (l *layer) gatesInOrder(name, x string, axis int64) string {
	b := l.b
	return b.add(name+"_in_order", "GatherV2", attrs{"Tparams": l.compute, "Tindices": int32Type, "Taxis": int32Type, "batch_dims": int64(0)},
		x, b.list(name+"_in_order/gates", int32Type, 1, 0, 2), b.scalar(name+"_in_order/axis", int32Type, axis))
}

// biases are the sum of both rows, and of a GRU the rows.
func (l *layer) biases(part string, units dim) (bias, recurrent string) {
	b, t := l.b, l.compute
	columns := b.times("bias_columns", dim{n: gates[l.mode]}, units)
	if l.mode == gru {
		part = b.reshape("bias_of_gates", t, part, dim{n: 2}, dim{n: 3}, units)
		part = l.gatesInOrder("bias", part, 1)
		return l.biasRows(b.reshape("bias", t, part, dim{n: 2}, columns))
	}
	rows := b.reshape("bias_of_both", t, part, dim{n: 2}, columns)
	first := b.add("bias_rows", "Unpack", attrs{"T": t, "num": int64(2), "axis": int64(0)}, rows)
	return b.reshape("bias", t, b.add("bias_sum", "AddV2", attrs{"T": t}, first, result(first, 1)), columns), ""
}
