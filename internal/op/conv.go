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
	"Conv2D":                {Own: true, Build: buildConv(2), Shape: NoInput, Bound: bilinear(0, termsOfFilter), Sized: true, Rows: TimeOfRows},
	"DepthwiseConv2dNative": {Own: true, Build: buildDepthwise, Shape: NoInput, Bound: bilinear(0, termsOfFilter), Sized: true, Stepwise: true, Rows: TimeOfRows},
	"Conv2DBackpropInput":   {Build: buildConvTranspose(2), Bound: bilinear(1, termsOfTransposedFilter), Sized: true, Stepwise: true, Rows: rowsOfTransposedConvolution},
	"Conv3D":                {Build: buildConv(3), Shape: NoInput, Bound: bilinear(0, termsOfFilter), Sized: true, Rows: TimeOfRows},
	"Conv3DBackpropInputV2": {Build: buildConvTranspose(3), Bound: bilinear(1, termsOfTransposedFilter), Sized: true, Stepwise: true, Rows: rowsOfTransposedConvolution},
}

// buildConv makes a convolution of images, with 2 inner axes, or of volumes, with
// 3.
func buildConv(inner int) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		s, err := readSliding(n, inner)
		if err != nil {
			return nil, err
		}
		return With16Bits(Floats(conv[float32](s), conv[float64](s))).choose(n, "T")
	}
}

// conv convolves images with a filter (planes of volumes, height, width, channels,
// results). Where the filter has fewer channels than the images, these are in
// groups, each with its part of the results.
func conv[E float](s *sliding) Exec {
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
		m.products(c, doneIn[E](w, s), out, x, packed.of(filter, w.Fixed&2 != 0, &m.packed, func(a *packedTensor[E]) { a.filter(f, c, groups) }))
		return w.One(s.back(result, nil))
	}
}

func buildDepthwise(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n, 2)
	if err != nil {
		return nil, err
	}
	// TensorFlow's kernel also refuses these.
	if s.dilations != [3]int{1, 1, 1} {
		return nil, NotSupported("dilations", n.AttrInts("dilations"))
	}
	if s.strides[1] != s.strides[2] {
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
		m.channels(c, doneIn[E](w, s), out, x, f)
		return w.One(s.back(result, nil))
	}
}

// doneIn takes what is to be done to the result, if its elements are in float32 and in
// the place where they stay.
func doneIn[E float](w *Call, s *sliding) Finisher {
	if _, is := any(E(0)).(float32); !is || s.first {
		return nil
	}
	done := w.Done
	w.Done = nil
	return done
}

// convolution is a convolution with a filter and images of known shapes.
type convolution struct {
	layout
	spans
	in          images
	depth, each int // the filter's last two axes
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
	c.layout = s.layout
	if c.in, err = s.imagesOf(shape); err != nil {
		return c, fmt.Errorf("the images: %w", err)
	}
	f := filter.Shape()
	if len(f) != s.rank() {
		return c, fmt.Errorf("the filter is %s, want a rank of %d", filter, s.rank())
	}
	window := [3]int{1, 1, 1}
	copy(window[3-s.inner:], f)
	if slices.Contains(window[:], 0) {
		return c, fmt.Errorf("the filter is %s, want elements", filter)
	}
	c.depth, c.each = f[s.inner], f[s.inner+1]
	c.spans, err = s.overAll(c.in, window)
	return c, err
}

// buildConvTranspose makes the gradient of a convolution by its images, which
// is what a transposed convolution computes.
func buildConvTranspose(inner int) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		s, err := readSliding(n, inner)
		if err != nil {
			return nil, err
		}
		return With16Bits(Floats(convTranspose[float32](s), convTranspose[float64](s))).choose(n, "T")
	}
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
		from := c.results(c.in, c.each)
		if given, err := s.imagesOf(x.Shape()); err != nil || given != from {
			return nil, fmt.Errorf("%s for images of shape %s and the filter %s, want the shape %s", t[1], lockstep.FormatShape(shape), t[0], lockstep.FormatShape(s.shapeOf(nil, from)))
		}
		if c.depth != c.in.channels {
			return nil, fmt.Errorf("a filter %s for %d channels", t[0], c.in.channels)
		}
		m := Room[convMemory[E]](w)
		filter := packed.of(t[0], w.Fixed&2 != 0, &m.packed, func(a *packedTensor[E]) {
			a.one().Pack(d[0], c.each, c.size()*c.depth, true)
		})
		return w.One(s.back(spread(m, c, from, d[1], filter.one())))
	}
}

// imageSize reads the shape of the images to make: all of it, or the height and
// width of images alone.
func (s *sliding) imageSize(t, filter, of *lockstep.Tensor) ([]int, error) {
	size, err := Vector(t)
	if err != nil {
		return nil, fmt.Errorf("the images' shape: %w", err)
	}
	switch {
	case len(size) == s.rank() && s.first:
		size = append(append(size[:1:1], size[2:]...), size[1])
	case s.inner == 2 && len(size) == 2 && of.Rank() == 4 && filter.Rank() == 4:
		size = []int{of.Shape()[0], size[0], size[1], filter.Shape()[2]}
	case len(size) != s.rank():
		return nil, fmt.Errorf("the images' shape is %v, want %d numbers for %s and the filter %s", size, s.rank(), of, filter)
	}
	_, err = value.Allow(size)
	return size, err
}

// spread multiplies some pixels at a time with the filter, and adds the products
// to the pixels that each one's window covers.
func spread[E float](m *convMemory[E], c convolution, from images, x []E, filter *kernel.Matrix[E]) (*lockstep.Tensor, error) {
	m.shape = c.shapeOf(m.shape[:0], c.in)
	result, out, err := m.Get(m.shape...)
	if err != nil || len(out) == 0 {
		return result, err
	}
	if err := Affordable(from.batch, from.planes, from.height, from.width, c.planes.window, c.rows.window, c.cols.window, c.depth, c.each); err != nil {
		return nil, err
	}
	clear(out)
	window := c.size() * c.depth
	some := max(1, cachedBytes/4/max(1, window))
	pixels := from.batch * from.planes * from.height * from.width
	m.tile = slices.Grow(m.tile[:0], min(some, pixels)*window)
	for first := 0; first < pixels; first += some {
		n := min(some, pixels-first)
		products := m.tile[:n*window]
		filter.Multiply(products, x[first*from.channels:][:n*from.channels], n)
		for i := range n {
			at := first + i
			plane := at / from.width / from.height
			addWindow(c, out, plane, at/from.width%from.height, at%from.width, products[i*window:][:window])
		}
	}
	return result, nil
}

// addWindow adds a pixel's products to the pixels that its window covers.
func addWindow[E float](c convolution, out []E, plane, y, x int, products []E) {
	front, loZ, hiZ := c.planes.at(plane % c.planes.out)
	front += plane / c.planes.out * c.in.planes
	top, loY, hiY := c.rows.at(y)
	left, loX, hiX := c.cols.at(x)
	for h := loZ; h < hiZ; h++ {
		for i := loY; i < hiY; i++ {
			for j := loX; j < hiX; j++ {
				to := out[c.in.pixel(front+h*c.planes.dilation, top+i*c.rows.dilation, left+j*c.cols.dilation):][:c.depth]
				for k, v := range products[((h*c.rows.window+i)*c.cols.window+j)*c.depth:][:c.depth] {
					to[k] += v
				}
			}
		}
	}
}
