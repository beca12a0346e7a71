package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
)

// drawn is a convolution of random settings.
type drawn struct {
	s             sliding
	in            images
	height, width int // of the filter
	depth, each   int // its last axes
	x, filter     []float32
}

func (d *drawn) String() string {
	return fmt.Sprintf("%s, strides %v, dilations %v, explicit %v, images %v, filter (%d, %d, %d, %d)", d.s.padding, d.s.strides, d.s.dilations, d.s.explicit, d.in.shape(), d.height, d.width, d.depth, d.each)
}

// drawConv draws one whose window fits; groups of channels if depthwise is false.
func drawConv(r *rand.Rand, depthwise bool) *drawn {
	for {
		d := &drawn{height: 1 + r.IntN(4), width: 1 + r.IntN(4), in: images{1 + r.IntN(2), 1 + r.IntN(9), 1 + r.IntN(9), 0}}
		d.s = sliding{strides: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, dilations: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, padding: []string{"SAME", "VALID", "EXPLICIT"}[r.IntN(3)]}
		if d.s.padding == "EXPLICIT" {
			d.s.explicit = [4]int{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)}
		}
		if r.IntN(4) == 0 {
			d.height, d.width, d.s.strides = 1, 1, [2]int{1, 1} // each pixel by itself
		}
		groups := 1
		if d.depth = 1 + r.IntN(5); r.IntN(3) == 0 {
			d.depth = deep + r.IntN(9)
		}
		d.each = 1 + r.IntN(6)
		switch {
		case depthwise:
			d.s.dilations, d.s.strides[1] = [2]int{1, 1}, d.s.strides[0]
			d.each = 1 + r.IntN(2)
		case r.IntN(3) == 0:
			groups = 1 + r.IntN(3)
		case r.IntN(2) == 0:
			d.each = 30 + r.IntN(40) // panels, whole and not
		}
		d.in.channels, d.each = d.depth*groups, d.each*groups
		if depthwise {
			d.in.channels, d.each = d.depth, d.each/groups
		}
		rows, err := d.s.over(0, d.in.height, d.height)
		if err != nil || rows.out == 0 {
			continue
		}
		cols, err := d.s.over(1, d.in.width, d.width)
		if err != nil || cols.out == 0 {
			continue
		}
		d.x, d.filter = normals(r, value.Product(d.in.shape())), normals(r, d.height*d.width*d.depth*d.each)
		return d
	}
}

// eachKernel runs a test with the kernels of each kind that the processor has.
func eachKernel(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, name := range kernel.Kernels() {
		t.Run(name, func(t *testing.T) {
			undo, err := kernel.Use(name)
			if err != nil {
				t.Fatal(err)
			}
			defer undo()
			test(t)
		})
	}
}

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// want is the definition of a convolution, in float64: the result and the sum of
// its terms' magnitudes.
func (d *drawn) want(depthwise bool) (out, size []float64, shape []int) {
	rows, _ := d.s.over(0, d.in.height, d.height)
	cols, _ := d.s.over(1, d.in.width, d.width)
	results := d.each
	if depthwise {
		results = d.each * d.depth
	}
	groups := d.in.channels / d.depth
	shape = []int{d.in.batch, rows.out, cols.out, results}
	for n := range d.in.batch {
		for y := range rows.out {
			for x := range cols.out {
				for k := range results {
					sum, most := 0.0, 0.0
					for i := range d.height {
						for j := range d.width {
							at, left := y*rows.stride-rows.before+i*rows.dilation, x*cols.stride-cols.before+j*cols.dilation
							if at < 0 || at >= d.in.height || left < 0 || left >= d.in.width {
								continue
							}
							pixel := d.x[d.in.pixel(n, at, left):]
							window := d.filter[(i*d.width+j)*d.depth*d.each:]
							add := func(v, w float32) {
								sum += float64(v) * float64(w)
								most += math.Abs(float64(v) * float64(w))
							}
							if depthwise {
								add(pixel[k/d.each], window[k])
								continue
							}
							for c := range d.depth {
								add(pixel[k/(results/groups)*d.depth+c], window[c*d.each+k])
							}
						}
					}
					out, size = append(out, sum), append(size, most)
				}
			}
		}
	}
	return out, size, shape
}

// Convolutions of every setting, drawn at random, by every kernel, whether or not the
// filter is the same in every call, are what the definition says within the rounding
// of their sums; each image of a batch has the bits that it has alone.
func TestConvolutionsOfEverySetting(t *testing.T) {
	count := 1500
	if testing.Short() {
		count = 150
	}
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(51, 52))
		for i := range count {
			depthwise := i%3 == 2
			d := drawConv(r, depthwise)
			checkConv(t, d, depthwise, uint64(i%2)*2)
			if t.Failed() {
				return
			}
		}
	})
}

func checkConv(t *testing.T, d *drawn, deep bool, fixed uint64) {
	t.Helper()
	run := conv2D[float32](&d.s)
	if deep {
		run = depthwise[float32](&d.s)
	}
	var keep any
	filter := fixture.NewTensor(t, d.filter, d.height, d.width, d.depth, d.each)
	results := func(x []float32, batch int) []float32 {
		out, err := run(&Call{Keep: &keep, Fixed: fixed}, []value.Value{{Tensor: fixture.NewTensor(t, x, batch, d.in.height, d.in.width, d.in.channels)}, {Tensor: filter}})
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		got, err := lockstep.Data[float32](out[0].Tensor)
		if err != nil {
			t.Fatal(err)
		}
		return append([]float32{}, got...)
	}
	if fixed == 0 {
		onZeros(t, func() { results(d.x, d.in.batch) }, filter)
	}
	want, size, _ := d.want(deep)
	got := results(d.x, d.in.batch)
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", d, len(got), len(want))
	}
	terms := float64(d.height*d.width*d.depth + 1)
	for i, v := range want {
		if diff := math.Abs(float64(got[i]) - v); !(diff <= terms*0x1p-24*size[i]) {
			t.Fatalf("%s: number %d is %v, want %v", d, i, got[i], v)
		}
	}
	one, per := len(d.x)/d.in.batch, len(got)/d.in.batch
	for n := range d.in.batch {
		for i, v := range results(d.x[n*one:(n+1)*one], 1) {
			if math.Float32bits(v) != math.Float32bits(got[n*per+i]) {
				t.Fatalf("%s: number %d of image %d is %v, and %v alone", d, i, n, got[n*per+i], v)
			}
		}
	}
}

// Transposed convolutions likewise: each pixel times the filter, added to the pixels
// of the result that its window covers.
func TestTransposedConvolutionsOfEverySetting(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(53, 54))
		for i := range 400 {
			d := drawConv(r, false)
			if d.in.channels != d.depth {
				continue
			}
			checkTransposed(t, d, r, uint64(i%2)*2)
		}
	})
}

func checkTransposed(t *testing.T, d *drawn, r *rand.Rand, fixed uint64) {
	t.Helper()
	c, err := d.s.bind(d.in.shape(), fixture.NewTensor(t, d.filter, d.height, d.width, d.depth, d.each))
	if err != nil {
		t.Fatal(err)
	}
	from := images{d.in.batch, c.rows.out, c.cols.out, d.each}
	y := normals(r, value.Product(from.shape()))
	want, size := make([]float64, len(d.x)), make([]float64, len(d.x))
	result := images{d.in.batch, c.rows.out, c.cols.out, 1}
	slide(d.in, result, c.rows, c.cols, func(at int) { from.batch = at }, func(to, window int) {
		for k := range d.depth {
			for j, v := range y[from.batch*d.each:][:d.each] {
				p := float64(v) * float64(d.filter[(window*d.depth+k)*d.each+j])
				want[to+k] += p
				size[to+k] += math.Abs(p)
			}
		}
	}, func(int) {})
	var shape []int32
	for _, n := range d.in.shape() {
		shape = append(shape, int32(n))
	}
	var keep any
	out, err := convTranspose[float32](&d.s)(&Call{Keep: &keep, Fixed: fixed}, []value.Value{
		{Tensor: fixture.NewTensor(t, shape, 4)},
		{Tensor: fixture.NewTensor(t, d.filter, d.height, d.width, d.depth, d.each)},
		{Tensor: fixture.NewTensor(t, y, d.in.batch, c.rows.out, c.cols.out, d.each)},
	})
	if err != nil {
		t.Fatalf("%s: %v", d, err)
	}
	got, err := lockstep.Data[float32](out[0].Tensor)
	if err != nil {
		t.Fatal(err)
	}
	terms := float64(d.height*d.width*d.each + 1)
	for i, v := range want {
		if diff := math.Abs(float64(got[i]) - v); !(diff <= terms*0x1p-24*size[i]) {
			t.Fatalf("%s: number %d is %v, want %v", d, i, got[i], v)
		}
	}
}
