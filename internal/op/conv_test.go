package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
)

// drawn is a convolution of random settings.
type drawn struct {
	s           sliding
	in          images
	window      [3]int // the filter's
	depth, each int    // its last axes
	x, filter   []float32
}

func (d *drawn) String() string {
	return fmt.Sprintf("%s, strides %v, dilations %v, explicit %v, images %v, filter %v", d.s.padding, d.s.strides, d.s.dilations, d.s.explicit, d.s.shapeOf(nil, d.in), d.filterShape())
}

func (d *drawn) filterShape() []int {
	return append(slices.Clone(d.window[3-d.s.inner:]), d.depth, d.each)
}

// terms is how many products a result adds up, and one.
func (d *drawn) terms(channels int) float64 {
	return float64(value.Product(d.window[:])*channels + 1)
}

// drawConv draws one whose window fits, of images or of volumes; groups of channels
// if depthwise is false.
func drawConv(r *rand.Rand, depthwise bool) *drawn {
	for {
		d := &drawn{window: three(r, 1, 4), in: images{1 + r.IntN(2), 1 + r.IntN(5), 1 + r.IntN(9), 1 + r.IntN(9), 0}}
		d.s = sliding{layout: formats["NDHWC"], strides: three(r, 1, 3), dilations: three(r, 1, 3), padding: []string{"SAME", "VALID", "EXPLICIT"}[r.IntN(3)]}
		if d.s.padding == "EXPLICIT" {
			for i := range d.s.explicit {
				d.s.explicit[i] = r.IntN(3)
			}
		}
		if r.IntN(4) == 0 {
			d.window, d.s.strides = [3]int{1, 1, 1}, [3]int{1, 1, 1} // each pixel by itself
		}
		if depthwise || r.IntN(2) == 0 {
			d.s.layout, d.in.planes = formats["NHWC"], 1
			d.window[0], d.s.strides[0], d.s.dilations[0], d.s.explicit[0], d.s.explicit[1] = 1, 1, 1, 0, 0
		}
		groups := 1
		if d.depth = 1 + r.IntN(5); r.IntN(3) == 0 {
			d.depth = deep + r.IntN(9)
		}
		d.each = 1 + r.IntN(6)
		switch {
		case depthwise:
			d.s.dilations, d.s.strides[2] = [3]int{1, 1, 1}, d.s.strides[1]
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
		w, err := d.s.overAll(d.in, d.window)
		if err != nil || w.planes.out*w.rows.out*w.cols.out == 0 {
			continue
		}
		d.x, d.filter = normals(r, value.Product(d.s.shapeOf(nil, d.in))), normals(r, value.Product(d.filterShape()))
		return d
	}
}

// three draws a number for each inner axis.
func three(r *rand.Rand, from, to int) (out [3]int) {
	for i := range out {
		out[i] = from + r.IntN(to-from+1)
	}
	return out
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
	w, _ := d.s.overAll(d.in, d.window)
	results := d.each
	if depthwise {
		results = d.each * d.depth
	}
	groups := d.in.channels / d.depth
	to := w.results(d.in, results)
	for at := range value.Product(d.s.shapeOf(nil, to)) {
		k, x, y, z := at%results, at/results%to.width, at/results/to.width%to.height, at/results/to.width/to.height
		sum, most := 0.0, 0.0
		for tap := range value.Product(d.window[:]) {
			place := func(s span, o, tap int) (int, bool) {
				p := o*s.stride - s.before + tap*s.dilation
				return p, p >= 0 && p < s.in
			}
			front, ok1 := place(w.planes, z%to.planes, tap/d.window[2]/d.window[1])
			top, ok2 := place(w.rows, y, tap/d.window[2]%d.window[1])
			left, ok3 := place(w.cols, x, tap%d.window[2])
			if !ok1 || !ok2 || !ok3 {
				continue
			}
			pixel := d.x[d.in.pixel(z/to.planes*d.in.planes+front, top, left):]
			window := d.filter[tap*d.depth*d.each:]
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
		out, size = append(out, sum), append(size, most)
	}
	return out, size, d.s.shapeOf(nil, to)
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
	run := conv[float32](&d.s)
	if deep {
		run = depthwise[float32](&d.s)
	}
	var keep any
	filter := fixture.NewTensor(t, d.filter, d.filterShape()...)
	results := func(x []float32, batch int) []float32 {
		some := d.in
		some.batch = batch
		out, err := run(&Call{Keep: &keep, Fixed: fixed}, []value.Value{{Tensor: fixture.NewTensor(t, x, d.s.shapeOf(nil, some)...)}, {Tensor: filter}})
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
	terms := d.terms(d.depth)
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
	c, err := d.s.bind(d.s.shapeOf(nil, d.in), fixture.NewTensor(t, d.filter, d.filterShape()...))
	if err != nil {
		t.Fatal(err)
	}
	from := c.results(d.in, d.each)
	y := normals(r, value.Product(d.s.shapeOf(nil, from)))
	want, size := make([]float64, len(d.x)), make([]float64, len(d.x))
	pixel := 0
	c.slide(d.in, c.results(d.in, 1), func(at int) { pixel = at }, func(to, window int) {
		for k := range d.depth {
			for j, v := range y[pixel*d.each:][:d.each] {
				p := float64(v) * float64(d.filter[(window*d.depth+k)*d.each+j])
				want[to+k] += p
				size[to+k] += math.Abs(p)
			}
		}
	}, func(int) {})
	var shape []int32
	for _, n := range d.s.shapeOf(nil, d.in) {
		shape = append(shape, int32(n))
	}
	var keep any
	out, err := convTranspose[float32](&d.s)(&Call{Keep: &keep, Fixed: fixed}, []value.Value{
		{Tensor: fixture.NewTensor(t, shape, len(shape))},
		{Tensor: fixture.NewTensor(t, d.filter, d.filterShape()...)},
		{Tensor: fixture.NewTensor(t, y, d.s.shapeOf(nil, from)...)},
	})
	if err != nil {
		t.Fatalf("%s: %v", d, err)
	}
	got, err := lockstep.Data[float32](out[0].Tensor)
	if err != nil {
		t.Fatal(err)
	}
	terms := d.terms(d.each)
	for i, v := range want {
		if diff := math.Abs(float64(got[i]) - v); !(diff <= terms*0x1p-24*size[i]) {
			t.Fatalf("%s: number %d is %v, want %v", d, i, got[i], v)
		}
	}
}
