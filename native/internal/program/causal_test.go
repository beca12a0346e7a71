package program

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/layers"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func fixtureFS(t testing.TB, name string) fs.FS { return fixture.FS(t, name) }

// causalCase is a graph of one input x, fed by steps, in the shape step with a
// time axis of length 1.
type causalCase struct {
	name  string
	step  []int // (2, 1, 3) if nil
	axis  int   // 1 if 0, see axis0
	axis0 bool
	dtype lockstep.DType // float32 if 0
	draw  func(d *drawing, x string) (y string)
	fixed map[string][]int // the shapes of other inputs
	// words are of the reason that it is refused; "" if it is not.
	words string
}

const (
	mixes  = "mixes time steps"
	counts = "depends on the number of steps"
	values = "depends on the values of steps"
)

// steps is the number of steps of x, and of its axes.
func (d *drawing) steps(x string) string { return d.axis(x, 1) }

func (d *drawing) axis(x string, i int32) string {
	shape := d.op("Shape", nil, x)
	return d.op("StridedSlice", attrs{"T": lockstep.Int32, "shrink_axis_mask": 1}, shape, d.ints(i), d.ints(i+1), d.ints(1))
}

func (d *drawing) float(n string) string {
	return d.op("Cast", attrs{"SrcT": lockstep.Int32, "DstT": lockstep.Float32}, n)
}

// shape packs scalars into a shape.
func (d *drawing) shape(axes ...string) string {
	return d.op("Pack", attrs{"T": lockstep.Int32, "axis": 0}, axes...)
}

func (d *drawing) integer(op, a, b string) string {
	return d.op(op, attrs{"T": lockstep.Int32}, a, b)
}

// last is x[:, -1].
func (d *drawing) last(x string) string {
	return d.slice(x, 0b01, 0b01, 0b10, []int32{0, -1}, []int32{0, 0}, []int32{1, 1})
}

func (d *drawing) slice(x string, beginMask, endMask, shrink int, begin, end, strides []int32) string {
	return d.op("StridedSlice", attrs{"begin_mask": beginMask, "end_mask": endMask, "shrink_axis_mask": shrink}, x, d.ints(begin...), d.ints(end...), d.ints(strides...))
}

func ones(n int) []float32 { return slices.Repeat([]float32{1}, n) }

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
	{name: "cumulative sum", words: "a Cumsum may mix", draw: func(d *drawing, x string) string { return d.op("Cumsum", nil, x, d.int(1)) }},
	{name: "reverse", words: "a ReverseV2 may mix", draw: func(d *drawing, x string) string { return d.op("ReverseV2", nil, x, d.ints(1)) }},
	{name: "pad", words: "a Pad may mix", draw: func(d *drawing, x string) string {
		return d.op("Pad", attrs{"Tpaddings": lockstep.Int32}, x, d.constant(tensor(d.t, []int32{0, 0, 1, 0, 0, 0}, 3, 2)))
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

func featuresForSteps(features int32) func(d *drawing, x string) string {
	return func(d *drawing, x string) string {
		y := d.op("Softmax", nil, d.op("Reshape", nil, x, d.shape(d.int(2), d.int(features), d.steps(x))))
		return d.op("Reshape", nil, y, d.shape(d.int(2), d.steps(x), d.int(features)))
	}
}

// What can be fed by steps gives by steps what it gives for the whole, of any
// length; and what cannot is refused.
func TestCausalRules(t *testing.T) {
	for _, c := range causalCases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			if c.step == nil {
				c.step = []int{2, 1, 3}
			}
			if c.dtype == lockstep.Invalid {
				c.dtype = lockstep.Float32
			}
			if c.axis = 1; c.axis0 {
				c.axis = 0
			}
			d := draw(t)
			x := d.input("x", c.dtype)
			fixed := map[string]*lockstep.Tensor{}
			for name, shape := range c.fixed {
				d.input(name, lockstep.Float32)
				fixed[name] = noise(t, lockstep.Float32, 9, shape...)
			}
			p := d.compile(map[string]string{"y": c.draw(d, x)})
			checkStream(t, p, fixed, map[string]*lockstep.Tensor{"x": noise(t, c.dtype, 1, c.step...)}, c.axis, c.words)
		})
	}
}

// checkStream makes a Stream, which must fail with the words, or give the same
// as the whole for sequences of several lengths.
func checkStream(t *testing.T, p *Program, fixed, step map[string]*lockstep.Tensor, axis int, words string) {
	t.Helper()
	s, err := p.NewStream(t.Context(), fixed, step, axis)
	if words != "" {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Fatalf("error %v, want one that says %q", err, words)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 3, 4, 7, 12} {
		whole := map[string]*lockstep.Tensor{}
		for name, x := range fixed {
			whole[name] = x
		}
		for name, x := range step {
			shape := slices.Clone(x.Shape())
			shape[axis] = n
			whole[name] = noise(t, x.DType(), uint64(n), shape...)
		}
		want, _, err := p.Run(t.Context(), whole, false)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			in := map[string]*lockstep.Tensor{}
			for name := range step {
				in[name] = stepOf(t, whole[name], axis, i)
			}
			got, err := s.Step(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				g := got[name]
				time := -1 // the axis of the steps
				for j := range g.Shape() {
					if j < w.Rank() && g.Shape()[j]*n == w.Shape()[j] && n > 1 {
						time = j
					}
				}
				switch {
				case time >= 0 && g.Shape()[time] == 1:
					w = stepOf(t, w, time, i)
				case time >= 0:
					t.Fatalf("%q has steps in an axis with others: %s of %s", name, g, w)
				case i < n-1:
					continue
				}
				if err := agree(g, w, 1e-6); err != nil {
					t.Fatalf("%q: step %d of %d: %v", name, i, n, err)
				}
			}
		}
		s.Reset()
	}
}

// noise makes a tensor of small numbers.
func noise(t testing.TB, dtype lockstep.DType, seed uint64, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, seed))
	if d, err := lockstep.Data[float32](x); err == nil {
		for i := range d {
			d[i] = float32(r.NormFloat64())
		}
	}
	if d, err := lockstep.Data[float64](x); err == nil {
		for i := range d {
			d[i] = r.NormFloat64()
		}
	}
	if d, err := lockstep.Data[int32](x); err == nil {
		for i := range d {
			d[i] = r.Int32N(3)
		}
	}
	if d, err := lockstep.Data[bool](x); err == nil {
		for i := range d {
			d[i] = r.IntN(3) > 0
		}
	}
	return x
}

// stepOf returns one step of a tensor.
func stepOf(t testing.TB, x *lockstep.Tensor, axis, at int) *lockstep.Tensor {
	t.Helper()
	shape := slices.Clone(x.Shape())
	steps, before := shape[axis], product(shape[:axis])
	shape[axis] = 1
	out, err := lockstep.Zeros(x.DType(), shape...)
	if err != nil {
		t.Fatal(err)
	}
	stepOfType[float32](out, x, before, steps, at)
	stepOfType[int32](out, x, before, steps, at)
	stepOfType[bool](out, x, before, steps, at)
	return out
}

func stepOfType[E lockstep.Element](out, x *lockstep.Tensor, before, steps, at int) {
	from, err := lockstep.Data[E](x)
	if err != nil {
		return
	}
	to, _ := lockstep.Data[E](out)
	n := len(to) / before
	for b := range before {
		copy(to[b*n:(b+1)*n], from[(b*steps+at)*n:])
	}
}

// A recurrent layer in surroundings that it must not have, or may.
func TestCausalLoops(t *testing.T) {
	type around struct {
		g    *savedmodel.Graph
		r    *layers.Recurrence
		x    savedmodel.Ref // what is fed
		list *savedmodel.Node
	}
	result := func(a around, d *drawing, inputs map[string]savedmodel.Ref, want string) {
		a.g.Outputs = map[string]savedmodel.Ref{"y": graft(d, a.g, nil, inputs, want)[0]}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, a around)
		words  string
	}{
		"as it is": {func(*testing.T, around) {}, ""},
		"it begins with a constant": {func(t *testing.T, a around) {
			d := draw(t)
			h := d.input("h", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.op("AddV2", nil, h, d.floats(nil, 0.25))
			a.r.Loop.Inputs[state] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state]}, y)[0]
		}, ""},
		"it begins with the number of steps": {func(t *testing.T, a around) {
			d := draw(t)
			h, x := d.input("h", lockstep.Float32), d.input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.op("AddV2", nil, h, d.float(d.steps(x)))
			a.r.Loop.Inputs[state] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, counts},
		"it begins with whether there are many steps": {func(t *testing.T, a around) {
			d := draw(t)
			h, x := d.input("h", lockstep.Float32), d.input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.op("AddV2", nil, h, d.float(d.integer("FloorDiv", d.steps(x), d.int(100))))
			a.r.Loop.Inputs[state] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, counts},
		"it begins with the last step": {func(t *testing.T, a around) {
			d := draw(t)
			h, x := d.input("h", lockstep.Float32), d.input("x", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			y := d.op("AddV2", nil, h, d.op("Sum", attrs{"keep_dims": true}, d.last(x), d.ints(1)))
			a.r.Loop.Inputs[state] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"h": a.r.Loop.Inputs[state], "x": a.x}, y)[0]
		}, "it begins with a value of the steps themselves"},
		"its counter is an output": {func(t *testing.T, a around) {
			d := draw(t)
			n := d.input("n", lockstep.Int32)
			result(a, d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Counter}}, d.float(d.integer("FloorMod", n, d.int(2))))
		}, counts},
		"its counter is beside its state": {func(t *testing.T, a around) {
			d := draw(t)
			n, h := d.input("n", lockstep.Int32), d.input("h", lockstep.Float32)
			y := d.op("Mul", nil, h, d.float(d.integer("FloorMod", n, d.int(2))))
			result(a, d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Counter}, "h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, y)
		}, counts},
		"its bound is beside its state": {func(t *testing.T, a around) {
			d := draw(t)
			n, h := d.input("n", lockstep.Int32), d.input("h", lockstep.Float32)
			y := d.op("Mul", nil, h, d.float(d.integer("FloorMod", n, d.int(2))))
			result(a, d, map[string]savedmodel.Ref{"n": {Node: a.r.Loop, Index: a.r.Bounds[0].Variable}, "h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, y)
		}, counts},
		"its state beside a constant": {func(t *testing.T, a around) {
			d := draw(t)
			h := d.input("h", lockstep.Float32)
			result(a, d, map[string]savedmodel.Ref{"h": {Node: a.r.Loop, Index: a.r.Cells[0].States[0]}}, d.op("Mul", nil, h, d.floats(nil, 3)))
		}, ""},
		"its state beside what it began with": {func(t *testing.T, a around) {
			d := draw(t)
			h, before := d.input("h", lockstep.Float32), d.input("before", lockstep.Float32)
			state := a.r.Cells[0].States[0]
			result(a, d, map[string]savedmodel.Ref{"h": {Node: a.r.Loop, Index: state}, "before": a.r.Loop.Inputs[state]}, d.op("Sub", nil, h, before))
		}, ""},
		"it takes at most nine steps": {func(t *testing.T, a around) {
			d := draw(t)
			n := d.input("n", lockstep.Int32)
			y := d.integer("Minimum", n, d.int(9))
			for _, b := range a.r.Bounds {
				a.r.Loop.Inputs[b.Variable] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"n": a.r.Loop.Inputs[b.Variable]}, y)[0]
				break
			}
		}, "how many steps it takes"},
		"it takes all but one step": {func(t *testing.T, a around) {
			d := draw(t)
			n := d.input("n", lockstep.Int32)
			y := d.integer("Sub", n, d.int(1))
			at := a.r.Bounds[0].Variable
			a.r.Loop.Inputs[at] = graft(d, a.g, a.r.Loop, map[string]savedmodel.Ref{"n": a.r.Loop.Inputs[at]}, y)[0]
		}, "with 1 steps"},
		"its list has two elements for each step": {func(t *testing.T, a around) {
			d := draw(t)
			x := d.input("x", lockstep.Float32) // (T, B, F)
			y := d.op("ConcatV2", nil, x, x, d.int(1))
			y = d.op("Reshape", nil, y, d.shape(d.int(-1), d.axis(x, 1), d.axis(x, 2)))
			a.list.Inputs[0] = graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, "it does not read the time steps in their order"},
		"its list is of the batch": {func(t *testing.T, a around) {
			a.list.Inputs[0] = a.x
		}, "with 7 steps"},
		"its list is of other steps": {func(t *testing.T, a around) {
			d := draw(t)
			x := d.input("x", lockstep.Float32) // (T, B, F)
			y := d.op("Fill", nil, d.op("Shape", nil, x), d.floats(nil, 1))
			a.list.Inputs[0] = graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, counts},
		"its list is of steps in the opposite order": {func(t *testing.T, a around) {
			d := draw(t)
			x := d.input("x", lockstep.Float32)
			y := d.op("ReverseV2", nil, x, d.ints(0))
			a.list.Inputs[0] = graft(d, a.g, a.list, map[string]savedmodel.Ref{"x": a.list.Inputs[0]}, y)[0]
		}, "a ReverseV2 may mix"},
	} {
		for _, model := range []string{"gru_states_keras3", "states_out_keras3"} {
			t.Run(name+", "+model, func(t *testing.T) {
				m, g, found := graphOf(t, model)
				a := around{g: g, r: found.Recurrences[len(found.Recurrences)-1]}
				a.list = a.r.Loop.Inputs[a.r.Steps].Through().Node
				if a.list.Op != "TensorListFromTensor" {
					t.Fatalf("the steps are a %s", a.list.Op)
				}
				fixed, step := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
				for _, spec := range g.Signature.Inputs {
					if spec.Shape[1] >= 0 { // the encoder's
						fixed[spec.Name] = noise(t, spec.DType, 7, 2, spec.Shape[1], spec.Shape[2])
						continue
					}
					step[spec.Name] = noise(t, spec.DType, 7, 2, 1, spec.Shape[2])
					a.x = g.Inputs[spec.Name]
				}
				c.change(t, a)
				if name == "its list is of other steps" && model != "gru_states_keras3" {
					return
				}
				p := compiled(t, m, g, found)
				if err := func() (err error) {
					defer func() {
						if r := recover(); r != nil {
							err = fmt.Errorf("panic: %v", r)
						}
					}()
					checkStream(t, p, fixed, step, 1, c.words)
					return nil
				}(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
