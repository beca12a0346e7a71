package streaming

import (
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"
)

// rowCase is a graph of one input x, whose first axis is the batch.
type rowCase struct {
	name  string
	row   []int // the shape of a row, (4, 3) if nil
	mixes bool  // it does not treat rows alone
	draw  func(d *graphtest.Drawing, x string) (y string)
}

func twoStrides() graphtest.Attrs {
	return graphtest.Attrs{"strides": []int{1, 2, 2, 1}, "padding": "SAME", "ksize": []int{1, 2, 2, 1}}
}

var rowCases = []rowCase{
	{name: "tanh", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tanh", nil, x) }},
	{name: "the mean of a row", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Mean", graphtest.Attrs{"keep_dims": false}, x, d.Ints(1, 2))
	}},
	{name: "the mean of the batch", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Sub", nil, x, d.Op("Mean", graphtest.Attrs{"keep_dims": true}, x, d.Ints(0)))
	}},
	{name: "divided by the batch", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("RealDiv", nil, x, d.Float(d.Axis(x, 0)))
	}},
	{name: "divided by the parity of the batch", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Float(d.Integer("FloorMod", d.Axis(x, 0), d.Int(2))))
	}},
	{name: "divided by the steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("RealDiv", nil, x, d.Float(d.Axis(x, 1)))
	}},
	{name: "the last row", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Slice(x, 0, 0, 1, []int32{-1}, []int32{0}, []int32{1}))
	}},
	{name: "the last row alone", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0, 0, 1, []int32{-1}, []int32{0}, []int32{1})
	}},
	{name: "the first two rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Slice(x, 0, 0, 0, []int32{0}, []int32{2}, []int32{1})
	}},
	{name: "rows in the opposite order", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ReverseV2", graphtest.Attrs{"Tidx": lockstep.Int32}, x, d.Ints(0))
	}},
	{name: "steps in the opposite order", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("ReverseV2", graphtest.Attrs{"Tidx": lockstep.Int32}, x, d.Ints(-2))
	}},
	{name: "sums so far over rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Cumsum", nil, x, d.Int(0)) }},
	{name: "sums so far over steps", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Cumsum", nil, x, d.Int(1)) }},
	{name: "zeros of the batch", draw: func(d *graphtest.Drawing, x string) string {
		zeros := d.Op("Fill", nil, d.Shape(d.Axis(x, 0), d.Int(4), d.Int(2)), d.Constant(one(d, 0.5)))
		return d.Op("ConcatV2", nil, x, zeros, d.Int(2))
	}},
	{name: "twice as many numbers as rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		n := d.Integer("Mul", d.Axis(x, 0), d.Axis(x, 0))
		return d.Op("Fill", nil, d.Shape(n, d.Int(2)), d.Constant(one(d, 0.5)))
	}},
	{name: "a number of each row", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		r := d.Op("Range", graphtest.Attrs{"Tidx": lockstep.Int32}, d.Int(0), d.Axis(x, 0), d.Int(1))
		return d.Op("AddV2", nil, x, d.Op("Reshape", nil, d.Float(r), d.Ints(-1, 1, 1)))
	}},
	{name: "as many ones as elements", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AddV2", nil, x, d.Op("OnesLike", nil, x))
	}},
	{name: "rows within another axis", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Reshape", nil, x, d.Ints(-1, 3))
	}},
	{name: "rows with others and back", draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Softmax", nil, d.Op("Reshape", nil, x, d.Ints(-1, 3)))
		return d.Op("Reshape", nil, y, d.Ints(-1, 4, 3))
	}},
	{name: "rows that change places", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Reshape", nil, d.Op("Transpose", nil, x, d.Ints(1, 0, 2)), d.Ints(-1, 4, 3))
	}},
	{name: "rows as columns", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Transpose", nil, x, d.Ints(1, 0, 2)) }},
	{name: "softmax over rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Softmax", nil, d.Op("Transpose", nil, x, d.Ints(1, 2, 0)))
	}},
	{name: "padded steps", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Pad", nil, x, d.Constant(ints(d, []int{3, 2}, 0, 0, 2, 1, 0, 0)))
	}},
	{name: "padded rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Pad", nil, x, d.Constant(ints(d, []int{3, 2}, 0, 1, 0, 0, 0, 0)))
	}},
	{name: "repeated steps", draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tile", nil, x, d.Ints(1, 3, 1)) }},
	{name: "repeated rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string { return d.Op("Tile", nil, x, d.Ints(2, 1, 1)) }},
	{name: "packed", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Pack", graphtest.Attrs{"axis": 0, "N": 2}, x, d.Op("Neg", nil, x))
	}},
	{name: "packed behind", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Pack", graphtest.Attrs{"axis": -1, "N": 2}, x, d.Op("Neg", nil, x))
	}},
	{name: "a product of each row with itself", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, x, x)
	}},
	{name: "a product of all rows", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		y := d.Op("Transpose", nil, x, d.Ints(1, 0, 2))
		return d.Op("BatchMatMulV2", graphtest.Attrs{"adj_y": true}, y, y)
	}},
	{name: "a product of rows with weights", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("BatchMatMulV2", nil, d.Floats([]int{1, 2, 4}, 1, 2, 3, 4, 5, 6, 7, 8), x)
	}},
	{name: "attention by letters", draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Einsum", graphtest.Attrs{"equation": "btf,bsf->bts", "N": 2}, x, x)
	}},
	{name: "sums over rows by letters", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Einsum", graphtest.Attrs{"equation": "btf,bsf->ts", "N": 2}, x, x)
	}},
	{name: "all pairs of rows by letters", mixes: true, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Einsum", graphtest.Attrs{"equation": "btf,ctf->bc", "N": 2}, x, x)
	}},
	{name: "a convolution", row: []int{5, 6, 2}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("Conv2D", twoStrides(), x, d.Constant(graphtest.Noise(d.T, lockstep.Float32, 3, 3, 3, 2, 4)))
	}},
	{name: "a pooled image", row: []int{5, 6, 2}, draw: func(d *graphtest.Drawing, x string) string {
		return d.Op("AvgPool", twoStrides(), d.Op("MaxPool", twoStrides(), x))
	}},
	{name: "a normalization by constants", row: []int{5, 6, 2}, draw: func(d *graphtest.Drawing, x string) string { return norm(d, x, false) }},
	{name: "a normalization by the batch", row: []int{5, 6, 2}, mixes: true, draw: func(d *graphtest.Drawing, x string) string { return norm(d, x, true) }},
}

func norm(d *graphtest.Drawing, x string, training bool) string {
	mean, variance := d.Floats([]int{2}, 0.1, 0.2), d.Floats([]int{2}, 1.5, 2.5)
	if training {
		mean, variance = d.Floats([]int{0}), d.Floats([]int{0})
	}
	return d.Op("FusedBatchNormV3", graphtest.Attrs{"U": lockstep.Float32, "is_training": training},
		x, d.Floats([]int{2}, 1, 2), d.Floats([]int{2}, 3, 4), mean, variance)
}

func one(d *graphtest.Drawing, v float32) *lockstep.Tensor {
	x, err := lockstep.New([]float32{v})
	if err != nil {
		d.T.Fatal(err)
	}
	return x
}

func ints(d *graphtest.Drawing, shape []int, v ...int32) *lockstep.Tensor {
	x, err := lockstep.New(v, shape...)
	if err != nil {
		d.T.Fatal(err)
	}
	return x
}

// What treats rows alone has by portions the bits of the whole, and what does not is run
// as a whole.
func TestRowRules(t *testing.T) {
	before := PortionBytes
	defer func() { PortionBytes = before }()
	for _, c := range rowCases {
		t.Run(c.name, func(t *testing.T) {
			if c.row == nil {
				c.row = []int{4, 3}
			}
			d := graphtest.Draw(t)
			x := d.Input("x", lockstep.Float32)
			_, g := d.Flatten(map[string]string{"y": c.draw(d, x)})
			p, err := engine.Compile(g, engine.Options{Variable: d.Value})
			if err != nil {
				t.Fatal(err)
			}
			in := map[string]*lockstep.Tensor{"x": graphtest.Noise(t, lockstep.Float32, 7, append([]int{102}, c.row...)...)}
			want, _, err := p.Run(t.Context(), in, false)
			if err != nil {
				t.Fatal(err)
			}
			_, err = independent(t.Context(), p, []*lockstep.Tensor{in["x"]})
			if c.mixes != (err != nil) {
				t.Fatalf("whether rows are treated alone: %v", err)
			}
			for _, bytes := range []int64{1, 1 << 12, 1 << 30} {
				PortionBytes = bytes
				got, err := NewBatches(p, 1, true).NewRunner().Run(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if !maps.EqualFunc(got, want, (*lockstep.Tensor).BitEqual) {
					t.Errorf("portions of %d bytes have other bits", bytes)
				}
			}
			// What is not alone does depend on the other rows, or on how many there are.
			few, err := value.RowsOf(in["x"], 0, 3, append([]int{3}, c.row...))
			if err != nil {
				t.Fatal(err)
			}
			part, _, err := p.Run(t.Context(), map[string]*lockstep.Tensor{"x": few}, false)
			if err != nil {
				t.Fatal(err)
			}
			if y := part["y"]; c.mixes && y.Rank() > 0 && y.Shape()[0] == 3 && y.Len()*34 == want["y"].Len() {
				first, err := value.RowsOf(want["y"], 0, 3, y.Shape())
				if err != nil {
					t.Fatal(err)
				}
				if first.BitEqual(y) && !slices.Contains([]string{"a number of each row", "sums so far over rows"}, c.name) {
					t.Error("its rows are the same in another batch, so that it is no case of what mixes them")
				}
			}
		})
	}
}
