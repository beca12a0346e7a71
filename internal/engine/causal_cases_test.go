package engine

import (
	"github.com/lockstep-go/lockstep"
)

// causalCases are graphs that can be fed by steps, and others that cannot.
var causalCases = []causalCase{
	// What does not mix time steps.
	{name: "identity", draw: func(d *drawing, x string) string { return x }},
	{name: "tanh", draw: func(d *drawing, x string) string { return d.op("Tanh", nil, x) }},
	{name: "plus a constant", draw: func(d *drawing, x string) string { return d.op("AddV2", nil, x, d.floats([]int{3}, 1, 2, 3)) }},
	{name: "plus a row for each of the batch", draw: func(d *drawing, x string) string {
		return d.op("AddV2", nil, x, d.floats([]int{2, 1, 3}, 1, 2, 3, 4, 5, 6))
	}},
	{name: "spread over features", step: []int{2, 1, 1}, draw: func(d *drawing, x string) string { return d.op("Mul", nil, x, d.floats([]int{3}, 1, 2, 3)) }},
	{name: "spread over a new axis", draw: func(d *drawing, x string) string { return d.op("Mul", nil, d.floats([]int{2, 1, 1, 1}, 2, 3), x) }},
	{name: "of two axes over three", step: []int{2, 1}, draw: func(d *drawing, x string) string { return d.op("Mul", nil, d.floats([]int{3, 1, 1}, 2, 3, 4), x) }},
	{name: "plus itself spread", draw: func(d *drawing, x string) string {
		return d.op("AddV2", nil, x, d.op("Mean", attrs{"keep_dims": true}, x, d.ints(-1)))
	}},
	{name: "minus the mean of features", draw: func(d *drawing, x string) string {
		return d.op("Sub", nil, x, d.op("Mean", attrs{"keep_dims": true}, x, d.ints(2)))
	}},
	{name: "the sum of features", draw: func(d *drawing, x string) string { return d.op("Sum", attrs{"keep_dims": false}, x, d.ints(2)) }},
	{name: "the sum of the batch", draw: func(d *drawing, x string) string {
		return d.op("Sum", attrs{"keep_dims": true}, x, d.ints(0))
	}},
	{name: "softmax of features", draw: func(d *drawing, x string) string { return d.op("Softmax", nil, x) }},
	{name: "a dense layer by way of rows", draw: func(d *drawing, x string) string {
		rows := d.op("Reshape", nil, x, d.ints(-1, 3))
		y := d.op("MatMul", nil, rows, d.floats([]int{3, 2}, 1, 2, 3, 4, 5, 6))
		return d.op("Reshape", nil, y, d.shape(d.axis(x, 0), d.steps(x), d.int(2)))
	}},
	{name: "a dense layer as tensordot writes it", draw: func(d *drawing, x string) string {
		shape := d.op("Shape", nil, x)
		free := d.op("GatherV2", attrs{"Tparams": lockstep.Int32}, shape, d.ints(0, 1), d.int(0))
		n := d.op("Prod", attrs{"T": lockstep.Int32, "keep_dims": false}, free, d.ints(0))
		rows := d.op("Reshape", nil, x, d.shape(n, d.int(3)))
		y := d.op("MatMul", nil, rows, d.floats([]int{3, 2}, 1, 2, 3, 4, 5, 6))
		return d.op("Reshape", nil, y, d.op("ConcatV2", attrs{"T": lockstep.Int32}, free, d.ints(2), d.int(0)))
	}},
	{name: "a product with transposed weights", draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", attrs{"adj_y": true}, x, d.floats([]int{2, 3}, 1, 2, 3, 4, 5, 6))
	}},
	{name: "a product with a matrix for each of the batch", draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", nil, x, d.floats([]int{2, 3, 2}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
	}},
	{name: "time first and back", draw: func(d *drawing, x string) string {
		y := d.op("Tanh", nil, d.op("Transpose", nil, x, d.ints(1, 0, 2)))
		return d.op("Transpose", nil, y, d.ints(1, 0, 2))
	}},
	{name: "axes that count from the end", draw: func(d *drawing, x string) string {
		y := d.op("Transpose", nil, x, d.ints(-1, -3, -2))
		y = d.op("AddV2", nil, y, d.floats([]int{3, 1, 1}, 1, 2, 3))
		return d.op("Transpose", nil, y, d.ints(1, 2, 0))
	}},
	{name: "joined features", draw: func(d *drawing, x string) string {
		return d.op("ConcatV2", nil, x, d.op("Neg", nil, x), d.int(-1))
	}},
	{name: "some features", draw: func(d *drawing, x string) string {
		return d.slice(x, 0b011, 0b111, 0, []int32{0, 0, 1}, []int32{0, 0, 0}, []int32{1, 1, 1})
	}},
	{name: "features in the opposite order", draw: func(d *drawing, x string) string {
		return d.slice(x, 0b111, 0b111, 0, []int32{0, 0, 0}, []int32{0, 0, 0}, []int32{1, 1, -1})
	}},
	{name: "one of the batch, and time before it", draw: func(d *drawing, x string) string {
		y := d.slice(x, 0b10, 0b10, 0b01, []int32{1, 0}, []int32{2, 0}, []int32{1, 1})
		return d.op("ExpandDims", nil, y, d.int(0))
	}},
	{name: "a part of the split features", step: []int{2, 1, 4}, draw: func(d *drawing, x string) string {
		s := d.op("Split", attrs{"num_split": 2}, d.int(2), x)
		return d.op("Sub", nil, s+":1", s)
	}},
	{name: "the last step", draw: func(d *drawing, x string) string { return d.last(x) }},
	{name: "of the last step", draw: func(d *drawing, x string) string {
		y := d.op("Softmax", nil, d.op("MatMul", nil, d.last(x), d.floats([]int{3, 3}, ones(9)...)))
		return d.op("Sum", attrs{"keep_dims": false}, d.op("AddV2", nil, y, d.last(x)), d.ints(-1))
	}},
	{name: "of the last step in another shape", draw: func(d *drawing, x string) string {
		return d.op("Reshape", nil, d.last(x), d.shape(d.axis(x, 0), d.int(3), d.int(1)))
	}},
	{name: "times the size of the batch", draw: func(d *drawing, x string) string { return d.op("Mul", nil, x, d.float(d.axis(x, 0))) }},
	{name: "times the rank", draw: func(d *drawing, x string) string { return d.op("Mul", nil, x, d.float(d.op("Rank", nil, x))) }},
	{name: "rows that are looked up", step: []int{2, 1}, dtype: lockstep.Int32, draw: func(d *drawing, x string) string {
		return d.op("GatherV2", nil, d.floats([]int{3, 2}, 1, 2, 3, 4, 5, 6), x, d.int(0))
	}},
	{name: "rows of a variable that are looked up", step: []int{2, 1}, dtype: lockstep.Int32, draw: func(d *drawing, x string) string {
		v := d.variable(newTensor(d.t, []float32{1, 2, 3, 4, 5, 6}, 3, 2))
		return d.op("ResourceGather", attrs{"dtype": lockstep.Float32}, v, x)
	}},
	{name: "a product with a variable", draw: func(d *drawing, x string) string {
		v := d.op("ReadVariableOp", attrs{"dtype": lockstep.Float32}, d.variable(newTensor(d.t, []float32{1, 2, 3, 4, 5, 6}, 3, 2)))
		return d.op("BatchMatMulV2", nil, x, v)
	}},
	{name: "chosen by what is fed", draw: func(d *drawing, x string) string {
		return d.op("SelectV2", nil, d.op("Less", nil, x, d.floats(nil, 0)), x, d.floats([]int{3}, 7, 8, 9))
	}},
	{name: "times what is fixed", fixed: map[string][]int{"f": {2, 1, 3}}, draw: func(d *drawing, x string) string { return d.op("Mul", nil, x, d.op("Tanh", nil, "f")) }},
	{name: "attention to what is fixed", fixed: map[string][]int{"f": {2, 4, 3}}, draw: func(d *drawing, x string) string {
		weights := d.op("Softmax", nil, d.op("BatchMatMulV2", attrs{"adj_y": true}, x, "f"))
		return d.op("BatchMatMulV2", nil, weights, "f")
	}},
	{name: "a bias", draw: func(d *drawing, x string) string { return d.op("BiasAdd", nil, x, d.floats([]int{3}, 1, 2, 3)) }},
	{name: "a batch of seven", step: []int{7, 1, 5}, draw: func(d *drawing, x string) string {
		return d.op("Softmax", nil, d.op("AddV2", nil, x, d.floats([]int{7, 1, 1}, 1, 2, 3, 4, 5, 6, 7)))
	}},
	{name: "a batch of five and seven features", step: []int{5, 1, 7}, draw: func(d *drawing, x string) string {
		y := d.op("Transpose", nil, x, d.ints(2, 1, 0))
		return d.op("Transpose", nil, d.op("Softmax", nil, y), d.ints(2, 1, 0))
	}},

	// What does.
	{name: "an output of rows", words: "time steps within another axis", draw: func(d *drawing, x string) string {
		return d.op("Reshape", nil, x, d.ints(-1, 3))
	}},
	{name: "cumulative sum", words: "a Cumsum may mix", draw: func(d *drawing, x string) string { return d.op("Cumsum", nil, x, d.int(1)) }},
	{name: "reverse", words: "a ReverseV2 may mix", draw: func(d *drawing, x string) string { return d.op("ReverseV2", nil, x, d.ints(1)) }},
	{name: "pad", words: "a Pad may mix", draw: func(d *drawing, x string) string {
		return d.op("Pad", attrs{"Tpaddings": lockstep.Int32}, x, d.constant(newTensor(d.t, []int32{0, 0, 1, 0, 0, 0}, 3, 2)))
	}},
	{name: "einsum", words: "a Einsum may mix", draw: func(d *drawing, x string) string {
		return d.op("Einsum", attrs{"equation": "btf,bsf->bts", "N": 2}, x, x)
	}},
	{name: "attention to itself", words: values, draw: func(d *drawing, x string) string { return d.op("BatchMatMulV2", attrs{"adj_y": true}, x, x) }},
	{name: "the second factor", words: values, draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", attrs{"adj_y": true}, d.floats([]int{4, 3}, ones(12)...), x)
	}},
	{name: "a transposed product", words: mixes, step: []int{2, 1, 3}, fixed: map[string][]int{"f": {2, 3, 2}}, draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", attrs{"adj_x": true}, d.op("Transpose", nil, x, d.ints(0, 2, 1)), "f")
	}},
	{name: "a product over time", words: "with 5 steps", step: []int{2, 1, 3}, draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", nil, d.op("Transpose", nil, x, d.ints(0, 2, 1)), d.floats([]int{7, 2}, ones(14)...))
	}},
	{name: "a product with a matrix for each step", words: "with 5 steps", step: []int{1, 2, 3}, axis0: true, draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", nil, x, d.floats([]int{7, 3, 2}, ones(42)...))
	}},
	{name: "a product of matrices in which time is a batch", words: mixes, step: []int{2, 1, 3}, draw: func(d *drawing, x string) string {
		return d.op("BatchMatMulV2", nil, d.op("ExpandDims", nil, x, d.int(2)), d.floats([]int{1, 1, 3, 2}, ones(6)...))
	}},
	{name: "mean over time", words: mixes, draw: func(d *drawing, x string) string { return d.op("Mean", attrs{"keep_dims": false}, x, d.ints(1)) }},
	{name: "mean over all", words: mixes, draw: func(d *drawing, x string) string { return d.op("Mean", attrs{"keep_dims": true}, x, d.ints(0, -2)) }},
	{name: "largest over time", words: mixes, draw: func(d *drawing, x string) string { return d.op("Max", attrs{"keep_dims": true}, x, d.ints(-2)) }},
	{name: "minus the mean over time", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("Sub", nil, x, d.op("Mean", attrs{"keep_dims": true}, x, d.ints(1)))
	}},
	{name: "softmax over time", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("Softmax", nil, d.op("Transpose", nil, x, d.ints(0, 2, 1)))
	}},
	{name: "softmax over time and features", words: mixes, draw: func(d *drawing, x string) string { return d.op("Softmax", nil, d.op("Reshape", nil, x, d.ints(2, -1))) }},
	{name: "log-softmax over time", words: mixes, step: []int{2, 1}, draw: func(d *drawing, x string) string { return d.op("LogSoftmax", nil, x) }},
	{name: "sum over rows", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("Sum", attrs{"keep_dims": true}, d.op("Reshape", nil, x, d.ints(-1, 3)), d.ints(0))
	}},
	{name: "sum over time and features", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("Sum", attrs{"keep_dims": false}, d.op("Reshape", nil, x, d.ints(2, -1)), d.ints(1))
	}},
	{name: "spread while it is part of an axis", words: mixes, draw: func(d *drawing, x string) string {
		rows := d.op("Reshape", nil, d.op("Sum", attrs{"keep_dims": true}, x, d.ints(2)), d.ints(-1, 1))
		return d.op("Mul", nil, rows, d.floats([]int{3}, 1, 2, 3))
	}},
	{name: "transposed while it is part of an axis", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("Transpose", nil, d.op("Reshape", nil, x, d.ints(-1, 3)), d.ints(1, 0))
	}},
	{name: "joined along time", words: mixes, draw: func(d *drawing, x string) string { return d.op("ConcatV2", nil, x, x, d.int(1)) }},
	{name: "joined along time, counted from the end", words: mixes, draw: func(d *drawing, x string) string { return d.op("ConcatV2", nil, x, x, d.int(-2)) }},
	{name: "joined with a constant before it", words: "joins values of single steps", draw: func(d *drawing, x string) string {
		return d.op("ConcatV2", nil, d.floats([]int{2, 1, 3}, ones(6)...), x, d.int(1))
	}},
	{name: "joined with the last step", words: "joins values of single steps", step: []int{1, 1, 3}, draw: func(d *drawing, x string) string {
		return d.op("ConcatV2", nil, d.op("ExpandDims", nil, d.last(x), d.int(1)), x, d.int(1))
	}},
	{name: "joined while it is part of an axis", words: mixes, draw: func(d *drawing, x string) string {
		rows := d.op("Reshape", nil, x, d.ints(-1, 3))
		return d.op("ConcatV2", nil, rows, rows, d.int(0))
	}},
	{name: "joined in two orders", words: "with 5 steps", step: []int{7, 1, 3}, draw: func(d *drawing, x string) string {
		return d.op("ConcatV2", nil, x, d.op("Transpose", nil, x, d.ints(1, 0, 2)), d.int(2))
	}},
	{name: "plus itself in another order", words: mixes, step: []int{1, 1, 3}, draw: func(d *drawing, x string) string {
		return d.op("AddV2", nil, x, d.op("Transpose", nil, x, d.ints(1, 0, 2)))
	}},
	{name: "all but the first step", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b01, 0b11, 0, []int32{0, 1}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "all but the last step", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, -1}, []int32{1, 1})
	}},
	{name: "steps in the opposite order", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b11, 0b11, 0, []int32{0, 0}, []int32{0, 0}, []int32{1, -1})
	}},
	{name: "every second step", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b11, 0b11, 0, []int32{0, 0}, []int32{0, 0}, []int32{1, 2})
	}},
	{name: "the first step", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b01, 0b01, 0b10, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
	}},
	{name: "the step before the last", words: "with 1 steps", draw: func(d *drawing, x string) string {
		return d.slice(x, 0b01, 0b01, 0b10, []int32{0, -2}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "the last step as a sequence of one", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b01, 0b11, 0, []int32{0, -1}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "the first step as a sequence of one", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(x, 0b01, 0b01, 0, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
	}},
	{name: "the last of the rows", words: mixes, draw: func(d *drawing, x string) string {
		return d.slice(d.op("Reshape", nil, x, d.ints(-1, 3)), 0, 0, 0b1, []int32{-1}, []int32{0}, []int32{1})
	}},
	{name: "an ellipsis", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("StridedSlice", attrs{"ellipsis_mask": 1, "begin_mask": 0, "end_mask": 0}, x, d.ints(0, 0), d.ints(0, 2), d.ints(1, 1))
	}},
	{name: "a new axis by a slice", words: mixes, draw: func(d *drawing, x string) string {
		return d.op("StridedSlice", attrs{"new_axis_mask": 1}, x, d.ints(0), d.ints(0), d.ints(1))
	}},
	{name: "split along time", words: "with 7 steps", draw: func(d *drawing, x string) string { return d.op("Split", attrs{"num_split": 2}, d.int(1), x) }},
	{name: "split into one along time", words: mixes, draw: func(d *drawing, x string) string { return d.op("Split", attrs{"num_split": 1}, d.int(-2), x) }},
	{name: "one step that is looked up", words: values, draw: func(d *drawing, x string) string { return d.op("GatherV2", nil, x, d.ints(0), d.int(1)) }},
	{name: "steps that are looked up by their numbers", words: values, draw: func(d *drawing, x string) string {
		return d.op("GatherV2", nil, x, d.op("Range", nil, d.int(0), d.steps(x), d.int(1)), d.int(1))
	}},
	{name: "columns that are looked up", words: mixes, step: []int{2, 1}, dtype: lockstep.Int32, draw: func(d *drawing, x string) string {
		return d.op("GatherV2", nil, d.floats([]int{2, 3}, 1, 2, 3, 4, 5, 6), x, d.int(1))
	}},
	{name: "steps beside the last one", words: "beside one of all steps", draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, x, d.op("ExpandDims", nil, d.last(x), d.int(1)))
	}},
	{name: "a bias of channels that stand first", words: mixes, step: []int{2, 1, 3}, axis0: false, draw: func(d *drawing, x string) string {
		return d.op("BiasAdd", attrs{"data_format": "NCHW"}, d.op("Transpose", nil, x, d.ints(0, 2, 1)), d.floats([]int{3}, 1, 2, 3))
	}},
	{name: "a bias of steps", words: "with 5 steps", draw: func(d *drawing, x string) string {
		return d.op("BiasAdd", nil, d.op("Transpose", nil, x, d.ints(0, 2, 1)), d.floats([]int{7}, ones(7)...))
	}},
	{name: "a bias of one step", words: "with 7 steps", draw: func(d *drawing, x string) string {
		return d.op("BiasAdd", nil, d.op("Transpose", nil, x, d.ints(0, 2, 1)), d.floats([]int{1}, 1))
	}},

	// What depends on the number of steps.
	{name: "divided by the number of steps", words: counts, draw: func(d *drawing, x string) string { return d.op("RealDiv", nil, x, d.float(d.steps(x))) }},
	{name: "times the number of steps modulo 2", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, x, d.float(d.integer("FloorMod", d.steps(x), d.int(2))))
	}},
	{name: "plus the number of steps in hundreds", words: counts, draw: func(d *drawing, x string) string {
		return d.op("AddV2", nil, x, d.float(d.integer("FloorDiv", d.steps(x), d.int(100))))
	}},
	{name: "times whether there are many steps", words: counts, draw: func(d *drawing, x string) string {
		many := d.integer("Greater", d.steps(x), d.int(1000))
		return d.op("AddV2", nil, x, d.op("Cast", attrs{"SrcT": lockstep.Bool, "DstT": lockstep.Float32}, many))
	}},
	{name: "the last step times the number of steps, at most one", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, d.last(x), d.float(d.integer("Minimum", d.steps(x), d.int(1))))
	}},
	{name: "the size", words: counts, draw: func(d *drawing, x string) string {
		return d.op("AddV2", nil, x, d.float(d.integer("FloorMod", d.op("Size", nil, x), d.int(2))))
	}},
	{name: "an embedding of positions", words: counts, draw: func(d *drawing, x string) string {
		at := d.op("Range", nil, d.int(0), d.steps(x), d.int(1))
		return d.op("AddV2", nil, x, d.op("GatherV2", nil, d.floats([]int{9, 3}, ones(27)...), at, d.int(0)))
	}},
	{name: "a product of positions", words: counts, draw: func(d *drawing, x string) string {
		at := d.float(d.op("Range", nil, d.int(0), d.steps(x), d.int(1)))
		return d.op("Mul", nil, x, d.op("Reshape", nil, at, d.ints(-1, 1)))
	}},
	{name: "what is first looked up at the number of steps", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, x, d.op("GatherV2", nil, d.floats([]int{9}, ones(9)...), d.steps(x), d.int(0)))
	}},
	{name: "a sum along an axis by the number of steps", words: counts, draw: func(d *drawing, x string) string {
		axis := d.integer("AddV2", d.integer("FloorDiv", d.steps(x), d.int(8)), d.int(2))
		return d.op("Sum", attrs{"keep_dims": true}, x, axis)
	}},
	{name: "an axis by the number of steps", words: counts, draw: func(d *drawing, x string) string {
		return d.op("ExpandDims", nil, x, d.integer("FloorDiv", d.steps(x), d.int(8)))
	}},
	{name: "an order of axes by the number of steps", words: counts, draw: func(d *drawing, x string) string {
		zero := d.integer("FloorDiv", d.steps(x), d.int(8))
		return d.op("Transpose", nil, x, d.shape(zero, d.int(1), d.int(2)))
	}},
	{name: "joined along an axis by the number of steps", words: counts, draw: func(d *drawing, x string) string {
		return d.op("ConcatV2", nil, x, x, d.integer("FloorDiv", d.steps(x), d.int(8)))
	}},
	{name: "zeros like the steps", words: counts, draw: func(d *drawing, x string) string { return d.op("AddV2", nil, x, d.op("ZerosLike", nil, x)) }},
	{name: "the shape as an output", words: counts, draw: func(d *drawing, x string) string { return d.op("Shape", nil, x) }},
	{name: "the number of steps as an output", words: counts, draw: func(d *drawing, x string) string { return d.float(d.integer("FloorMod", d.steps(x), d.int(2))) }},
	{name: "a shape that is read off the values", words: values, draw: func(d *drawing, x string) string {
		big := d.op("Greater", nil, d.op("Sum", attrs{"keep_dims": false}, d.last(x), d.ints(0, 1)), d.floats(nil, 1e9))
		big = d.op("Cast", attrs{"SrcT": lockstep.Bool, "DstT": lockstep.Int32}, big)
		return d.op("Reshape", nil, x, d.integer("AddV2", d.ints(2, -1, 3), d.integer("Mul", big, d.ints(0, 0, 3))))
	}},
	{name: "a shape that changes with many steps", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Reshape", nil, x, d.shape(d.int(2), d.int(-1), d.integer("AddV2", d.int(3), d.integer("FloorDiv", d.steps(x), d.int(100)))))
	}},
	{name: "the last step in a shape of the number of steps", words: counts, step: []int{2, 1, 35}, draw: func(d *drawing, x string) string {
		y := d.op("Reshape", nil, d.last(x), d.shape(d.int(2), d.steps(x), d.int(-1)))
		return d.op("Reshape", nil, d.op("Softmax", nil, y), d.ints(2, 35))
	}},
	{name: "a fixed number of elements", words: "with 5 steps", draw: func(d *drawing, x string) string { return d.op("Reshape", nil, x, d.ints(2, 21)) }},

	// Lengths that coincide with those it is tried with.
	{name: "features for steps, 7 of them", words: "its shape is", step: []int{2, 1, 7}, draw: featuresForSteps(7)},
	{name: "features for steps, 5 of them", words: mixes, step: []int{2, 1, 5}, draw: featuresForSteps(5)},
	{name: "features for steps, 35 of them", words: "its shape is", step: []int{2, 1, 35}, draw: featuresForSteps(35)},
	{name: "features for steps, 1 of them", step: []int{2, 1, 1}, words: mixes, draw: featuresForSteps(1)},
	{name: "the batch for steps, 7 of them", step: []int{7, 1, 3}, words: "its shape is", draw: func(d *drawing, x string) string {
		y := d.op("Reshape", nil, x, d.shape(d.steps(x), d.axis(x, 0), d.int(3)))
		return d.op("Softmax", nil, d.op("Transpose", nil, y, d.ints(0, 2, 1)))
	}},
	{name: "the batch for steps, 1 of them", step: []int{1, 1, 3}, draw: func(d *drawing, x string) string {
		y := d.op("Reshape", nil, x, d.shape(d.steps(x), d.axis(x, 0), d.int(3)))
		return d.op("Reshape", nil, d.op("Softmax", nil, y), d.shape(d.int(1), d.steps(x), d.int(3)))
	}},
	{name: "a constant of seven", words: "with 5 steps", draw: func(d *drawing, x string) string { return d.op("AddV2", nil, x, d.floats([]int{7, 1}, ones(7)...)) }},
	{name: "squeezed to what is no 1", words: "its shape is", step: []int{1, 1, 3}, draw: func(d *drawing, x string) string { return d.op("Squeeze", nil, x) }},
	{name: "squeezed where time is last", words: "its shape is", step: []int{2, 1}, draw: func(d *drawing, x string) string { return d.op("Squeeze", nil, x) }},
	{name: "the number of steps of what is not computed", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, x, d.float(d.integer("FloorMod", d.steps(d.op("Tanh", nil, x)), d.int(2))))
	}},
	{name: "the number of steps of what is not computed and not known", words: counts, draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, x, d.float(d.integer("FloorMod", d.steps(d.op("BatchMatMulV2", attrs{"adj_y": true}, x, x)), d.int(2))))
	}},
	{name: "the shape of what is not computed", draw: func(d *drawing, x string) string {
		rows := d.op("Reshape", nil, x, d.ints(-1, 3))
		return d.op("Reshape", nil, d.op("Tanh", nil, rows), d.op("Shape", nil, d.op("Neg", nil, x)))
	}},
	{name: "the batch of what is not computed", draw: func(d *drawing, x string) string {
		return d.op("Mul", nil, d.op("Tanh", nil, x), d.float(d.axis(d.op("Neg", nil, x), 0)))
	}},
	{name: "zeros like the first step", draw: func(d *drawing, x string) string {
		first := d.slice(x, 0b01, 0b01, 0b10, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
		return d.op("AddV2", nil, x, d.op("ExpandDims", nil, d.op("ZerosLike", nil, d.op("Tanh", nil, first)), d.int(1)))
	}},
	{name: "ones like some steps", words: counts, draw: func(d *drawing, x string) string {
		some := d.slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
		return d.op("AddV2", nil, x, d.op("OnesLike", nil, some))
	}},
	{name: "how many steps there are of those to 100, in tens", words: counts, draw: func(d *drawing, x string) string {
		some := d.slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, 100}, []int32{1, 10})
		return d.op("Mul", nil, x, d.float(d.steps(some)))
	}},
	{name: "no features at all", words: "no elements", step: []int{2, 1, 0}, draw: func(d *drawing, x string) string { return x }},
	{name: "no features", words: "no elements", step: []int{2, 1, 0}, draw: func(d *drawing, x string) string { return d.op("Tanh", nil, x) }},
	{name: "without a layer, time first", axis0: true, step: []int{1, 2, 3}, words: "no recurrent layer", draw: func(d *drawing, x string) string { return d.op("Tanh", nil, x) }},
}
