package streaming

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// causalCases are graphs that can be fed by steps, and others that cannot.
var causalCases = []causalCase{
	// What does not mix time steps.
	{name: "identity", draw: func(d *graphtest.Drawing, x string) string { return x }},
	{name: "tanh", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, x) }},
	{name: "plus a constant", draw: func(d *graphtest.Drawing, x string) string { return d.Op("AddV2", nil, x, d.Floats([]int{3}, 1, 2, 3)) }},
	{name: "plus a row for each of the batch", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Floats([]int{2, 1, 3}, 1, 2, 3, 4, 5, 6))
	}},
	{name: "spread over features", step: []int{2, 1, 1}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Mul", nil, x, d.Floats([]int{3}, 1, 2, 3)) }},
	{name: "spread over a new axis", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, d.Floats([]int{2, 1, 1, 1}, 2, 3), x)
	}},
	{name: "of two axes over three", step: []int{2, 1}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, d.Floats([]int{3, 1, 1}, 2, 3, 4), x)
	}},
	{name: "plus itself spread", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, d.Ints(-1)))
	}},
	{name: "minus the mean of features", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sub", nil, x, d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, d.Ints(2)))
	}},
	{name: "the sum of features", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sum", graphtest.Attrs{"keep_dims": false}, x, d.Ints(2))
	}},
	{name: "the sum of the batch", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sum", graphtest.Attrs{"keep_dims": true}, x, d.Ints(0))
	}},
	{name: "softmax of features", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Softmax", nil, x) }},
	{name: "a dense layer by way of rows", draw: func(d *graphtest.Drawing, x string) string {
		rows := d.Op("Reshape", nil, x, d.Ints(-1, 3))
		y := d.Op("MatMul", nil, rows, d.Floats([]int{3, 2}, 1, 2, 3, 4, 5, 6))
		return d.Op("Reshape", nil, y, d.Shape(d.Axis(x, 0), d.Steps(x), d.Int(2)))
	}},
	{name: "a dense layer as tensordot writes it", draw: func(d *graphtest.Drawing, x string) string {
		shape := d.Op("Shape", nil, x)
		free := d.Op("GatherV2", graphtest.Attrs{"Tparams": lockstep.Int32}, shape, d.Ints(0, 1), d.Int(0))
		n := d.Op("Prod", graphtest.Attrs{"T": lockstep.Int32, "keep_dims": false}, free, d.Ints(0))
		rows := d.Op("Reshape", nil, x, d.Shape(n, d.Int(3)))
		y := d.Op("MatMul", nil, rows, d.Floats([]int{3, 2}, 1, 2, 3, 4, 5, 6))
		return d.Op("Reshape", nil, y, d.Op("ConcatV2", graphtest.Attrs{"T": lockstep.Int32}, free, d.Ints(2), d.Int(0)))
	}},
	{name: "a product with transposed weights", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, x, d.Floats([]int{2, 3}, 1, 2, 3, 4, 5, 6))
	}},
	{name: "a product with a matrix for each of the batch", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", nil, x, d.Floats([]int{2, 3, 2}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
	}},
	{name: "time first and back", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Tanh", nil, d.Op("Transpose", nil, x, d.Ints(1, 0, 2)))
		return d.Op("Transpose", nil, y, d.Ints(1, 0, 2))
	}},
	{name: "axes that count from the end", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Transpose", nil, x, d.Ints(-1, -3, -2))
		y = d.Op("AddV2", nil, y, d.Floats([]int{3, 1, 1}, 1, 2, 3))
		return d.Op("Transpose", nil, y, d.Ints(1, 2, 0))
	}},
	{name: "joined features", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ConcatV2", nil, x, d.Op("Neg", nil, x), d.Int(-1))
	}},
	{name: "some features", draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b011, 0b111, 0, []int32{0, 0, 1}, []int32{0, 0, 0}, []int32{1, 1, 1})
	}},
	{name: "features in the opposite order", draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b111, 0b111, 0, []int32{0, 0, 0}, []int32{0, 0, 0}, []int32{1, 1, -1})
	}},
	{name: "one of the batch, and time before it", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Slice(x, 0b10, 0b10, 0b01, []int32{1, 0}, []int32{2, 0}, []int32{1, 1})
		return d.Op("ExpandDims", nil, y, d.Int(0))
	}},
	{name: "a part of the split features", step: []int{2, 1, 4}, draw: func(d *graphtest.Drawing, x string) string {
		s := d.Op("Split", graphtest.Attrs{"num_split": 2}, d.Int(2), x)
		return d.Op("Sub", nil, s+":1", s)
	}},
	{name: "the last step", draw: func(d *graphtest.Drawing, x string) string { return d.Last(x) }},
	{name: "of the last step", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Softmax", nil, d.Op("MatMul", nil, d.Last(x), d.Floats([]int{3, 3}, ones(9)...)))
		return d.Op("Sum", graphtest.Attrs{"keep_dims": false}, d.Op("AddV2", nil, y, d.Last(x)), d.Ints(-1))
	}},
	{name: "of the last step in another shape", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Reshape", nil, d.Last(x), d.Shape(d.Axis(x, 0), d.Int(3), d.Int(1)))
	}},
	{name: "times the size of the batch", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Mul", nil, x, d.Float(d.Axis(x, 0))) }},
	{name: "times the rank", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Mul", nil, x, d.Float(d.Op("Rank", nil, x))) }},
	{name: "rows that are looked up", step: []int{2, 1}, DType: lockstep.Int32, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("GatherV2", nil, d.Floats([]int{3, 2}, 1, 2, 3, 4, 5, 6), x, d.Int(0))
	}},
	{name: "rows of a variable that are looked up", step: []int{2, 1}, DType: lockstep.Int32, draw: func(d *graphtest.Drawing, x string) string {
		v := d.Variable(fixture.NewTensor(d.T, []float32{1, 2, 3, 4, 5, 6}, 3, 2))
		return d.Op("ResourceGather", graphtest.Attrs{"dtype": lockstep.Float32}, v, x)
	}},
	{name: "a product with a variable", draw: func(d *graphtest.Drawing, x string) string {
		v := d.Op("ReadVariableOp", graphtest.Attrs{"dtype": lockstep.Float32}, d.Variable(fixture.NewTensor(d.T, []float32{1, 2, 3, 4, 5, 6}, 3, 2)))
		return d.Op("BatchMatMulV2", nil, x, v)
	}},
	{name: "chosen by what is fed", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("SelectV2", nil, d.Op("Less", nil, x, d.Floats(nil, 0)), x, d.Floats([]int{3}, 7, 8, 9))
	}},
	{name: "times what is fixed", fixed: map[string][]int{"f": {2, 1, 3}}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Mul", nil, x, d.Op("Tanh", nil, "f")) }},
	{name: "attention to what is fixed", fixed: map[string][]int{"f": {2, 4, 3}}, draw: func(d *graphtest.Drawing, x string) string {
		weights := d.Op("Softmax", nil, d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, x, "f"))
		return d.Op("BatchMatMulV2", nil, weights, "f")
	}},
	{name: "a bias", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BiasAdd", nil, x, d.Floats([]int{3}, 1, 2, 3))
	}},
	{name: "a batch of seven", step: []int{7, 1, 5}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Softmax", nil, d.Op("AddV2", nil, x, d.Floats([]int{7, 1, 1}, 1, 2, 3, 4, 5, 6, 7)))
	}},
	{name: "a batch of five and seven features", step: []int{5, 1, 7}, draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Transpose", nil, x, d.Ints(2, 1, 0))
		return d.Op("Transpose", nil, d.Op("Softmax", nil, y), d.Ints(2, 1, 0))
	}},

	// What does.
	{name: "an output of rows", words: "time steps within another axis", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Reshape", nil, x, d.Ints(-1, 3))
	}},
	{name: "cumulative sum", words: "a Cumsum may mix", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Cumsum", nil, x, d.Int(1)) }},
	{name: "reverse", words: "a ReverseV2 may mix", draw: func(d *graphtest.Drawing, x string) string { return d.Op("ReverseV2", nil, x, d.Ints(1)) }},
	{name: "pad", words: "a Pad may mix", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Pad", graphtest.Attrs{"Tpaddings": lockstep.Int32}, x, d.Constant(fixture.NewTensor(d.T, []int32{0, 0, 1, 0, 0, 0}, 3, 2)))
	}},
	{name: "einsum", words: "a Einsum may mix", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Einsum", graphtest.Attrs{"equation": "btf,bsf->bts", "N": 2}, x, x)
	}},
	{name: "attention to itself", words: values, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, x, x)
	}},
	{name: "the second factor", words: values, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, d.Floats([]int{4, 3}, ones(12)...), x)
	}},
	{name: "a transposed product", words: mixes, step: []int{2, 1, 3}, fixed: map[string][]int{"f": {2, 3, 2}}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_x": true}, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)), "f")
	}},
	{name: "a product over time", words: "with 5 steps", step: []int{2, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", nil, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)), d.Floats([]int{7, 2}, ones(14)...))
	}},
	{name: "a product with a matrix for each step", words: "with 5 steps", step: []int{1, 2, 3}, axis0: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", nil, x, d.Floats([]int{7, 3, 2}, ones(42)...))
	}},
	{name: "a product of matrices in which time is a batch", words: mixes, step: []int{2, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", nil, d.Op("ExpandDims", nil, x, d.Int(2)), d.Floats([]int{1, 1, 3, 2}, ones(6)...))
	}},
	{name: "mean over time", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mean", graphtest.Attrs{"keep_dims": false}, x, d.Ints(1))
	}},
	{name: "mean over all", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, d.Ints(0, -2))
	}},
	{name: "largest over time", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Max", graphtest.Attrs{"keep_dims": true}, x, d.Ints(-2))
	}},
	{name: "minus the mean over time", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sub", nil, x, d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, d.Ints(1)))
	}},
	{name: "softmax over time", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Softmax", nil, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)))
	}},
	{name: "softmax over time and features", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Softmax", nil, d.Op("Reshape", nil, x, d.Ints(2, -1)))
	}},
	{name: "log-softmax over time", words: mixes, step: []int{2, 1}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("LogSoftmax", nil, x) }},
	{name: "sum over rows", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sum", graphtest.Attrs{"keep_dims": true}, d.Op("Reshape", nil, x, d.Ints(-1, 3)), d.Ints(0))
	}},
	{name: "sum over time and features", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sum", graphtest.Attrs{"keep_dims": false}, d.Op("Reshape", nil, x, d.Ints(2, -1)), d.Ints(1))
	}},
	{name: "spread while it is part of an axis", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		rows := d.Op("Reshape", nil, d.Op("Sum", graphtest.Attrs{"keep_dims": true}, x, d.Ints(2)), d.Ints(-1, 1))
		return d.Op("Mul", nil, rows, d.Floats([]int{3}, 1, 2, 3))
	}},
	{name: "transposed while it is part of an axis", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Transpose", nil, d.Op("Reshape", nil, x, d.Ints(-1, 3)), d.Ints(1, 0))
	}},
	{name: "joined along time", words: mixes, draw: func(d *graphtest.Drawing, x string) string { return d.Op("ConcatV2", nil, x, x, d.Int(1)) }},
	{name: "joined along time, counted from the end", words: mixes, draw: func(d *graphtest.Drawing, x string) string { return d.Op("ConcatV2", nil, x, x, d.Int(-2)) }},
	{name: "joined with a constant before it", words: "joins values of single steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ConcatV2", nil, d.Floats([]int{2, 1, 3}, ones(6)...), x, d.Int(1))
	}},
	{name: "joined with the last step", words: "joins values of single steps", step: []int{1, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ConcatV2", nil, d.Op("ExpandDims", nil, d.Last(x), d.Int(1)), x, d.Int(1))
	}},
	{name: "joined while it is part of an axis", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		rows := d.Op("Reshape", nil, x, d.Ints(-1, 3))
		return d.Op("ConcatV2", nil, rows, rows, d.Int(0))
	}},
	{name: "joined in two orders", words: "with 5 steps", step: []int{7, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ConcatV2", nil, x, d.Op("Transpose", nil, x, d.Ints(1, 0, 2)), d.Int(2))
	}},
	{name: "plus itself in another order", words: mixes, step: []int{1, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Op("Transpose", nil, x, d.Ints(1, 0, 2)))
	}},
	{name: "all but the first step", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b01, 0b11, 0, []int32{0, 1}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "all but the last step", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, -1}, []int32{1, 1})
	}},
	{name: "steps in the opposite order", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b11, 0b11, 0, []int32{0, 0}, []int32{0, 0}, []int32{1, -1})
	}},
	{name: "every second step", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b11, 0b11, 0, []int32{0, 0}, []int32{0, 0}, []int32{1, 2})
	}},
	{name: "the first step", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b01, 0b01, 0b10, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
	}},
	{name: "the step before the last", words: "with 1 steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b01, 0b01, 0b10, []int32{0, -2}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "the last step as a sequence of one", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b01, 0b11, 0, []int32{0, -1}, []int32{0, 0}, []int32{1, 1})
	}},
	{name: "the first step as a sequence of one", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0b01, 0b01, 0, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
	}},
	{name: "the last of the rows", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(d.Op("Reshape", nil, x, d.Ints(-1, 3)), 0, 0, 0b1, []int32{-1}, []int32{0}, []int32{1})
	}},
	{name: "an ellipsis", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("StridedSlice", graphtest.Attrs{"ellipsis_mask": 1, "begin_mask": 0, "end_mask": 0}, x, d.Ints(0, 0), d.Ints(0, 2), d.Ints(1, 1))
	}},
	{name: "a new axis by a slice", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("StridedSlice", graphtest.Attrs{"new_axis_mask": 1}, x, d.Ints(0), d.Ints(0), d.Ints(1))
	}},
	{name: "split along time", words: "with 7 steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Split", graphtest.Attrs{"num_split": 2}, d.Int(1), x)
	}},
	{name: "split into one along time", words: mixes, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Split", graphtest.Attrs{"num_split": 1}, d.Int(-2), x)
	}},
	{name: "one step that is looked up", words: values, draw: func(d *graphtest.Drawing, x string) string { return d.Op("GatherV2", nil, x, d.Ints(0), d.Int(1)) }},
	{name: "steps that are looked up by their numbers", words: values, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("GatherV2", nil, x, d.Op("Range", nil, d.Int(0), d.Steps(x), d.Int(1)), d.Int(1))
	}},
	{name: "columns that are looked up", words: mixes, step: []int{2, 1}, DType: lockstep.Int32, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("GatherV2", nil, d.Floats([]int{2, 3}, 1, 2, 3, 4, 5, 6), x, d.Int(1))
	}},
	{name: "steps beside the last one", words: "with one of all steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, x, d.Op("ExpandDims", nil, d.Last(x), d.Int(1)))
	}},
	{name: "a bias of channels that stand first", words: mixes, step: []int{2, 1, 3}, axis0: false, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BiasAdd", graphtest.Attrs{"data_format": "NCHW"}, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)), d.Floats([]int{3}, 1, 2, 3))
	}},
	{name: "a bias of steps", words: "with 5 steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BiasAdd", nil, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)), d.Floats([]int{7}, ones(7)...))
	}},
	{name: "a bias of one step", words: "with 7 steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BiasAdd", nil, d.Op("Transpose", nil, x, d.Ints(0, 2, 1)), d.Floats([]int{1}, 1))
	}},

	// What depends on the number of steps.
	{name: "divided by the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string { return d.Op("RealDiv", nil, x, d.Float(d.Steps(x))) }},
	{name: "times the number of steps modulo 2", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, x, d.Float(d.Integer("FloorMod", d.Steps(x), d.Int(2))))
	}},
	{name: "plus the number of steps in hundreds", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Float(d.Integer("FloorDiv", d.Steps(x), d.Int(100))))
	}},
	{name: "times whether there are many steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		many := d.Integer("Greater", d.Steps(x), d.Int(1000))
		return d.Op("AddV2", nil, x, d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Bool, "DstT": lockstep.Float32}, many))
	}},
	{name: "the last step times the number of steps, at most one", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, d.Last(x), d.Float(d.Integer("Minimum", d.Steps(x), d.Int(1))))
	}},
	{name: "the size", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Float(d.Integer("FloorMod", d.Op("Size", nil, x), d.Int(2))))
	}},
	{name: "an embedding of positions", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		at := d.Op("Range", nil, d.Int(0), d.Steps(x), d.Int(1))
		return d.Op("AddV2", nil, x, d.Op("GatherV2", nil, d.Floats([]int{9, 3}, ones(27)...), at, d.Int(0)))
	}},
	{name: "a product of positions", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		at := d.Float(d.Op("Range", nil, d.Int(0), d.Steps(x), d.Int(1)))
		return d.Op("Mul", nil, x, d.Op("Reshape", nil, at, d.Ints(-1, 1)))
	}},
	{name: "what is first looked up at the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, x, d.Op("GatherV2", nil, d.Floats([]int{9}, ones(9)...), d.Steps(x), d.Int(0)))
	}},
	{name: "a sum along an axis by the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		axis := d.Integer("AddV2", d.Integer("FloorDiv", d.Steps(x), d.Int(8)), d.Int(2))
		return d.Op("Sum", graphtest.Attrs{"keep_dims": true}, x, axis)
	}},
	{name: "an axis by the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ExpandDims", nil, x, d.Integer("FloorDiv", d.Steps(x), d.Int(8)))
	}},
	{name: "an order of axes by the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		zero := d.Integer("FloorDiv", d.Steps(x), d.Int(8))
		return d.Op("Transpose", nil, x, d.Shape(zero, d.Int(1), d.Int(2)))
	}},
	{name: "joined along an axis by the number of steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ConcatV2", nil, x, x, d.Integer("FloorDiv", d.Steps(x), d.Int(8)))
	}},
	{name: "zeros like the steps", words: counts, draw: func(d *graphtest.Drawing, x string) string { return d.Op("AddV2", nil, x, d.Op("ZerosLike", nil, x)) }},
	{name: "the shape as an output", words: counts, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Shape", nil, x) }},
	{name: "the number of steps as an output", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Float(d.Integer("FloorMod", d.Steps(x), d.Int(2)))
	}},
	{name: "a shape that is read off the values", words: values, draw: func(d *graphtest.Drawing, x string) string {
		big := d.Op("Greater", nil, d.Op("Sum", graphtest.Attrs{"keep_dims": false}, d.Last(x), d.Ints(0, 1)), d.Floats(nil, 1e9))
		big = d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Bool, "DstT": lockstep.Int32}, big)
		return d.Op("Reshape", nil, x, d.Integer("AddV2", d.Ints(2, -1, 3), d.Integer("Mul", big, d.Ints(0, 0, 3))))
	}},
	{name: "a shape that changes with many steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Reshape", nil, x, d.Shape(d.Int(2), d.Int(-1), d.Integer("AddV2", d.Int(3), d.Integer("FloorDiv", d.Steps(x), d.Int(100)))))
	}},
	{name: "the last step in a shape of the number of steps", words: counts, step: []int{2, 1, 35}, draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Reshape", nil, d.Last(x), d.Shape(d.Int(2), d.Steps(x), d.Int(-1)))
		return d.Op("Reshape", nil, d.Op("Softmax", nil, y), d.Ints(2, 35))
	}},
	{name: "a fixed number of elements", words: "with 5 steps", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Reshape", nil, x, d.Ints(2, 21)) }},

	// Lengths that coincide with those it is tried with.
	{name: "features for steps, 7 of them", words: "its shape is", step: []int{2, 1, 7}, draw: featuresForSteps(7)},
	{name: "features for steps, 5 of them", words: mixes, step: []int{2, 1, 5}, draw: featuresForSteps(5)},
	{name: "features for steps, 35 of them", words: "its shape is", step: []int{2, 1, 35}, draw: featuresForSteps(35)},
	{name: "features for steps, 1 of them", step: []int{2, 1, 1}, words: mixes, draw: featuresForSteps(1)},
	{name: "the batch for steps, 7 of them", step: []int{7, 1, 3}, words: "its shape is", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Reshape", nil, x, d.Shape(d.Steps(x), d.Axis(x, 0), d.Int(3)))
		return d.Op("Softmax", nil, d.Op("Transpose", nil, y, d.Ints(0, 2, 1)))
	}},
	{name: "the batch for steps, 1 of them", step: []int{1, 1, 3}, draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Reshape", nil, x, d.Shape(d.Steps(x), d.Axis(x, 0), d.Int(3)))
		return d.Op("Reshape", nil, d.Op("Softmax", nil, y), d.Shape(d.Int(1), d.Steps(x), d.Int(3)))
	}},
	{name: "a constant of seven", words: "with 5 steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Floats([]int{7, 1}, ones(7)...))
	}},
	{name: "squeezed to what is no 1", words: "its shape is", step: []int{1, 1, 3}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Squeeze", nil, x) }},
	{name: "squeezed where time is last", words: "its shape is", step: []int{2, 1}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Squeeze", nil, x) }},
	{name: "the number of steps of what is not computed", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, x, d.Float(d.Integer("FloorMod", d.Steps(d.Op("Tanh", nil, x)), d.Int(2))))
	}},
	{name: "the number of steps of what is not computed and not known", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, x, d.Float(d.Integer("FloorMod", d.Steps(d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, x, x)), d.Int(2))))
	}},
	{name: "the shape of what is not computed", draw: func(d *graphtest.Drawing, x string) string {
		rows := d.Op("Reshape", nil, x, d.Ints(-1, 3))
		return d.Op("Reshape", nil, d.Op("Tanh", nil, rows), d.Op("Shape", nil, d.Op("Neg", nil, x)))
	}},
	{name: "the batch of what is not computed", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mul", nil, d.Op("Tanh", nil, x), d.Float(d.Axis(d.Op("Neg", nil, x), 0)))
	}},
	{name: "zeros like the first step", draw: func(d *graphtest.Drawing, x string) string {
		first := d.Slice(x, 0b01, 0b01, 0b10, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
		return d.Op("AddV2", nil, x, d.Op("ExpandDims", nil, d.Op("ZerosLike", nil, d.Op("Tanh", nil, first)), d.Int(1)))
	}},
	{name: "ones like some steps", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		some := d.Slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, 1}, []int32{1, 1})
		return d.Op("AddV2", nil, x, d.Op("OnesLike", nil, some))
	}},
	{name: "how many steps there are of those to 100, in tens", words: counts, draw: func(d *graphtest.Drawing, x string) string {
		some := d.Slice(x, 0b11, 0b01, 0, []int32{0, 0}, []int32{0, 100}, []int32{1, 10})
		return d.Op("Mul", nil, x, d.Float(d.Steps(some)))
	}},
	{name: "no features at all", words: "no elements", step: []int{2, 1, 0}, draw: func(d *graphtest.Drawing, x string) string { return x }},
	{name: "no features", words: "no elements", step: []int{2, 1, 0}, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, x) }},
	{name: "without a layer, time first", axis0: true, step: []int{1, 2, 3}, words: "no recurrent layer", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, x) }},
}
