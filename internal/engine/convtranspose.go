package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var convtransposeOps = Table{
	"Conv2DBackpropInput": {Build: buildConvTranspose, Bound: bilinear(1, termsOfTransposedFilter)},
}

// buildConvTranspose makes the gradient of a convolution by its images, which
// is what a transposed convolution computes.
func buildConvTranspose(n *savedmodel.Node) (Exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return halved(floats(convTranspose[float32](s), convTranspose[float64](s))).choose(n, "T")
}

// convTranspose makes images of a size from those that a convolution with a
// filter would make of them: each pixel goes, by the filter, to all those that
// its window covers.
func convTranspose[E float](s *sliding) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		if len(in) != 3 {
			return nil, fmt.Errorf("%d inputs, want 3", len(in))
		}
		t, d, err := operands[E](in[1:], 2)
		if err != nil {
			return nil, err
		}
		size, err := tensors(in[:1], 1)
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
	_, err = elements(size)
	return size, err
}

// spread sums in float64, as addRow says.
func spread[E float](c convolution, from images, x, filter []E) (*lockstep.Tensor, error) {
	size, err := elements(c.in.shape())
	if err != nil {
		return nil, err
	}
	out := make([]E, 0, size)
	if size == 0 {
		return lockstep.New(out, c.in.shape()...)
	}
	if err := affordable(from.batch, from.height, from.width, c.rows.reach(), c.cols.reach(), c.depth, c.each); err != nil {
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
