package op

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var convOps = Table{
	"Conv2D":                {Build: buildConv2D, Shape: NoInput, Bound: bilinear(0, termsOfFilter), Sized: true},
	"DepthwiseConv2dNative": {Build: buildDepthwise, Bound: bilinear(0, termsOfFilter), Sized: true, Stepwise: true},
	"Conv2DBackpropInput":   {Build: buildConvTranspose, Bound: bilinear(1, termsOfTransposedFilter), Sized: true, Stepwise: true},
}

func buildConv2D(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return With16Bits(Floats(conv2D[float32](s), conv2D[float64](s))).choose(n, "T")
}

// conv2D convolves images with a filter (height, width, channels, results).
// Where the filter has fewer channels than the images, these are in groups,
// each with its part of the results.
func conv2D[E float](s *sliding) Exec {
	packed := &packing[E]{}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, x, filter, f, err := imagesAndFilter[E](s, in)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(t.Shape(), filter)
		if err != nil {
			return nil, err
		}
		depth := c.depth
		if depth == 0 || c.in.channels%depth != 0 {
			return nil, fmt.Errorf("%s and a filter %s, want channels that are a multiple of its %d", t, filter, depth)
		}
		groups := c.in.channels / depth
		if groups == 0 || c.each%groups != 0 {
			return nil, fmt.Errorf("%s and a filter %s: %d results in %d groups", t, filter, c.each, groups)
		}
		m := Room[convMemory[E]](w)
		result, out, err := m.result(c, c.each)
		if err != nil || len(out) == 0 {
			return w.One(s.back(result, err))
		}
		m.products(c, out, x, packed.of(filter, w.Fixed&2 != 0, &m.packed, func(a *packedTensor[E]) { a.filter(f, c, groups) }))
		return w.One(s.back(result, nil))
	}
}

func buildDepthwise(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	// TensorFlow's kernel also refuses these.
	if s.dilations != [2]int{1, 1} {
		return nil, NotSupported("dilations", n.AttrInts("dilations"))
	}
	if s.strides[0] != s.strides[1] {
		return nil, NotSupported("strides", n.AttrInts("strides"))
	}
	return With16Bits(Floats(depthwise[float32](s), depthwise[float64](s))).choose(n, "T")
}

// depthwise convolves each channel with its own filters: (height, width,
// channels, filters).
func depthwise[E float](s *sliding) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, x, filter, f, err := imagesAndFilter[E](s, in)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(t.Shape(), filter)
		if err != nil {
			return nil, err
		}
		if c.depth != c.in.channels {
			return nil, fmt.Errorf("%s and a filter %s, want as many channels", t, filter)
		}
		m := Room[convMemory[E]](w)
		result, out, err := m.result(c, c.depth*c.each)
		if err != nil || len(out) == 0 {
			return w.One(s.back(result, err))
		}
		if c.each > 1 { // a channel for each filter
			x = m.repeat(x, c.each)
			c.in.channels *= c.each
		}
		m.channels(c, out, x, f)
		return w.One(s.back(result, nil))
	}
}

// convolution is a convolution with a filter and images of known shapes.
type convolution struct {
	in          images
	depth, each int // the filter's last two axes
	rows, cols  span
}

// imagesAndFilter reads a convolution's inputs, the images with their channels
// last.
func imagesAndFilter[E float](s *sliding, in []value.Value) (t *lockstep.Tensor, x []E, filter *lockstep.Tensor, f []E, err error) {
	if len(in) != 2 {
		return nil, nil, nil, nil, fmt.Errorf("%d inputs, want 2", len(in))
	}
	if t, _, err = Operand[E](in, 0); err != nil {
		return nil, nil, nil, nil, err
	}
	if filter, f, err = Operand[E](in, 1); err != nil {
		return nil, nil, nil, nil, err
	}
	if t, err = s.channelsLast(t); err != nil {
		return nil, nil, nil, nil, err
	}
	x, err = lockstep.Data[E](t)
	return t, x, filter, f, err
}

// bind fits the window to images of a shape and a filter.
func (s *sliding) bind(shape []int, filter *lockstep.Tensor) (c convolution, err error) {
	if c.in, err = imagesOf(shape); err != nil {
		return c, fmt.Errorf("the images: %w", err)
	}
	f := filter.Shape()
	if len(f) != 4 {
		return c, fmt.Errorf("the filter is %s, want a rank of 4", filter)
	}
	if f[0] == 0 || f[1] == 0 {
		return c, fmt.Errorf("the filter is %s, want elements", filter)
	}
	c.depth, c.each = f[2], f[3]
	if c.rows, err = s.over(0, c.in.height, f[0]); err != nil {
		return c, err
	}
	c.cols, err = s.over(1, c.in.width, f[1])
	return c, err
}

// buildConvTranspose makes the gradient of a convolution by its images, which
// is what a transposed convolution computes.
func buildConvTranspose(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return With16Bits(Floats(convTranspose[float32](s), convTranspose[float64](s))).choose(n, "T")
}

// convTranspose makes images of a size from those that a convolution with a
// filter would make of them: each pixel goes, by the filter, to all those that
// its window covers.
func convTranspose[E float](s *sliding) Exec {
	packed := &packing[E]{}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 3 {
			return nil, fmt.Errorf("%d inputs, want 3", len(in))
		}
		t, d, err := Operands[E](in[1:], 2)
		if err != nil {
			return nil, err
		}
		size, err := value.Tensors(in[:1], 1)
		if err != nil {
			return nil, err
		}
		x, err := s.channelsLast(t[1])
		if err != nil {
			return nil, err
		}
		if d[1], err = lockstep.Data[E](x); err != nil {
			return nil, err
		}
		shape, err := s.imageSize(size[0], t[0], x)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(shape, t[0])
		if err != nil {
			return nil, err
		}
		from := images{c.in.batch, c.rows.out, c.cols.out, c.each}
		if given, err := imagesOf(x.Shape()); err != nil || given != from {
			return nil, fmt.Errorf("%s for images of shape %s and the filter %s, want the shape %s", t[1], lockstep.FormatShape(shape), t[0], lockstep.FormatShape(from.shape()))
		}
		if c.depth != c.in.channels {
			return nil, fmt.Errorf("a filter %s for %d channels", t[0], c.in.channels)
		}
		m := Room[convMemory[E]](w)
		filter := packed.of(t[0], w.Fixed&2 != 0, &m.packed, func(a *packedTensor[E]) {
			a.one().Pack(d[0], c.each, c.rows.window*c.cols.window*c.depth, true)
		})
		return w.One(s.back(spread(m, c, from, d[1], filter.one())))
	}
}

// imageSize reads the shape of the images to make: all of it, or their height
// and width alone.
func (s *sliding) imageSize(t, filter, of *lockstep.Tensor) ([]int, error) {
	size, err := Vector(t)
	if err != nil {
		return nil, fmt.Errorf("the images' shape: %w", err)
	}
	switch {
	case len(size) == 4 && s.first:
		size = []int{size[0], size[2], size[3], size[1]}
	case len(size) == 2 && of.Rank() == 4 && filter.Rank() == 4:
		size = []int{of.Shape()[0], size[0], size[1], filter.Shape()[2]}
	case len(size) != 4:
		return nil, fmt.Errorf("the images' shape is %v, want 4 numbers, or 2 for %s and the filter %s", size, of, filter)
	}
	_, err = value.Allow(size)
	return size, err
}

// spread multiplies some pixels at a time with the filter, and adds the products
// to the pixels that each one's window covers.
func spread[E float](m *convMemory[E], c convolution, from images, x []E, filter *kernel.Matrix[E]) (*lockstep.Tensor, error) {
	result, out, err := m.Get(c.in.shape()...)
	if err != nil || len(out) == 0 {
		return result, err
	}
	if err := Affordable(from.batch, from.height, from.width, c.rows.window, c.cols.window, c.depth, c.each); err != nil {
		return nil, err
	}
	clear(out)
	window := c.rows.window * c.cols.window * c.depth
	some := max(1, cachedBytes/4/max(1, window))
	pixels := from.batch * from.height * from.width
	m.tile = slices.Grow(m.tile[:0], min(some, pixels)*window)
	for first := 0; first < pixels; first += some {
		n := min(some, pixels-first)
		products := m.tile[:n*window]
		filter.Multiply(products, x[first*from.channels:][:n*from.channels], n)
		for i := range n {
			at := first + i
			addWindow(c, out, at/from.width/from.height, at/from.width%from.height, at%from.width, products[i*window:][:window])
		}
	}
	return result, nil
}

// addWindow adds a pixel's products to the pixels that its window covers.
func addWindow[E float](c convolution, out []E, image, y, x int, products []E) {
	top, loY, hiY := c.rows.at(y)
	left, loX, hiX := c.cols.at(x)
	for i := loY; i < hiY; i++ {
		for j := loX; j < hiX; j++ {
			to := out[c.in.pixel(image, top+i*c.rows.dilation, left+j*c.cols.dilation):][:c.depth]
			for k, v := range products[(i*c.cols.window+j)*c.depth:][:c.depth] {
				to[k] += v
			}
		}
	}
}
