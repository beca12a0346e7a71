package op

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var convOps = Table{
	"Conv2D":                {Build: buildConv2D, Shape: NoInput, Bound: bilinear(0, termsOfFilter)},
	"DepthwiseConv2dNative": {Build: buildDepthwise, Bound: bilinear(0, termsOfFilter)},
	"Conv2DBackpropInput":   {Build: buildConvTranspose, Bound: bilinear(1, termsOfTransposedFilter)},
}

func buildConv2D(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return with16Bits(floats(conv2D[float32](s), conv2D[float64](s))).choose(n, "T")
}

// conv2D convolves images with a filter (height, width, channels, results).
// Where the filter has fewer channels than the images, these are in groups,
// each with its part of the results. It adds in float64, see addRow.
func conv2D[E float](s *sliding) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, x, filter, f, err := imagesAndFilter[E](s, in)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(t.Shape(), filter)
		if err != nil {
			return nil, err
		}
		depth, results := c.depth, c.each
		if depth == 0 || c.in.channels%depth != 0 {
			return nil, fmt.Errorf("%s and a filter %s, want channels that are a multiple of its %d", t, filter, depth)
		}
		groups := c.in.channels / depth
		if groups == 0 || results%groups != 0 {
			return nil, fmt.Errorf("%s and a filter %s: %d results in %d groups", t, filter, results, groups)
		}
		each := results / groups
		return w.one(s.back(convolve(Room[convMemory[E]](w), c, results, func(acc []float64, from, window int) {
			for i, v := range x[from : from+c.in.channels] {
				g := i / depth
				row := f[(window*depth+i%depth)*results:][:results]
				addRow(acc[g*each:(g+1)*each], row[g*each:(g+1)*each], v)
			}
		})))
	}
}

func buildDepthwise(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	// TensorFlow's kernel also refuses these.
	if s.dilations != [2]int{1, 1} {
		return nil, unsupported("dilations", n.AttrInts("dilations"))
	}
	if s.strides[0] != s.strides[1] {
		return nil, unsupported("strides", n.AttrInts("strides"))
	}
	return with16Bits(floats(depthwise[float32](s), depthwise[float64](s))).choose(n, "T")
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
		each := c.each
		results := c.in.channels * each
		return w.one(s.back(convolve(Room[convMemory[E]](w), c, results, func(acc []float64, from, window int) {
			for i, v := range x[from : from+c.in.channels] {
				addRow(acc[i*each:(i+1)*each], f[window*results+i*each:][:each], v)
			}
		})))
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
	if t, _, err = operand[E](in, 0); err != nil {
		return nil, nil, nil, nil, err
	}
	if filter, f, err = operand[E](in, 1); err != nil {
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

// convolve makes images of n channels: take adds the contribution of a pixel of
// the input.
func convolve[E float](m *convMemory[E], c convolution, channels int, take func(acc []float64, from, window int)) (*lockstep.Tensor, error) {
	result := images{c.in.batch, c.rows.out, c.cols.out, channels}
	t, out, err := m.get(result.batch, result.height, result.width, result.channels)
	if err != nil || len(out) == 0 {
		return t, err
	}
	if err := Affordable(len(out), c.rows.reach(), c.cols.reach(), c.depth); err != nil {
		return nil, err
	}
	if len(m.acc) != channels {
		m.acc = make([]float64, channels)
	}
	acc := m.acc
	slide(c.in, result, c.rows, c.cols,
		func(int) { clear(acc) },
		func(from, window int) { take(acc, from, window) },
		func(to int) {
			for i, s := range acc {
				out[to+i] = E(s)
			}
		})
	return t, nil
}

// convMemory is the memory of a convolution.
type convMemory[E float] struct {
	resultMemory[E]
	acc []float64
}

// buildConvTranspose makes the gradient of a convolution by its images, which
// is what a transposed convolution computes.
func buildConvTranspose(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return with16Bits(floats(convTranspose[float32](s), convTranspose[float64](s))).choose(n, "T")
}

// convTranspose makes images of a size from those that a convolution with a
// filter would make of them: each pixel goes, by the filter, to all those that
// its window covers.
func convTranspose[E float](s *sliding) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 3 {
			return nil, fmt.Errorf("%d inputs, want 3", len(in))
		}
		t, d, err := operands[E](in[1:], 2)
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
		return w.one(s.back(spread(c, from, d[1], d[0])))
	}
}

// imageSize reads the shape of the images to make: all of it, or their height
// and width alone.
func (s *sliding) imageSize(t, filter, of *lockstep.Tensor) ([]int, error) {
	size, err := vector(t)
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

// spread sums in float64, see addRow.
func spread[E float](c convolution, from images, x, filter []E) (*lockstep.Tensor, error) {
	size, err := value.Allow(c.in.shape())
	if err != nil {
		return nil, err
	}
	out := make([]E, 0, size)
	if size == 0 {
		return lockstep.New(out, c.in.shape()...)
	}
	if err := Affordable(from.batch, from.height, from.width, c.rows.reach(), c.cols.reach(), c.depth, c.each); err != nil {
		return nil, err
	}
	image, result := from, c.in
	image.batch, result.batch = 1, 1
	acc := make([]float64, size/c.in.batch)
	var pixel []E
	for n := range from.batch {
		clear(acc)
		slide(result, image, c.rows, c.cols, func(at int) {
			pixel = x[from.pixel(n, 0, 0)+at:][:from.channels]
		}, func(to, window int) {
			for i := range c.depth {
				row := filter[(window*c.depth+i)*c.each:][:c.each]
				for k, v := range pixel {
					acc[to+i] += float64(float64(v) * float64(row[k]))
				}
			}
		}, func(int) {})
		for _, v := range acc {
			out = append(out, E(v))
		}
	}
	return lockstep.New(out, c.in.shape()...)
}
