package program

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func init() {
	register(buildConv2D, "Conv2D")
	register(buildDepthwise, "DepthwiseConv2dNative")
}

func buildConv2D(_ *compiler, n *savedmodel.Node) (exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	return halved(floats(conv2D[float32](s), conv2D[float64](s))).choose(n, "T")
}

// conv2D convolves images with a filter (height, width, channels, results).
// Where the filter takes a part of the images' channels, these are in groups,
// each with its part of the results. It adds in float64, as addRow says.
func conv2D[E float](s *sliding) exec {
	return func(w *work, in []Value) ([]Value, error) {
		t, d, err := imagesAndFilter[E](s, in)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(t[0].Shape(), t[1])
		if err != nil {
			return nil, err
		}
		depth, results := c.depth, c.each
		if depth == 0 || c.in.channels%depth != 0 {
			return nil, fmt.Errorf("%s and a filter %s, want channels that are a multiple of its %d", t[0], t[1], depth)
		}
		groups := c.in.channels / depth
		if groups == 0 || results%groups != 0 {
			return nil, fmt.Errorf("%s and a filter %s: %d results in %d groups", t[0], t[1], results, groups)
		}
		x, f, each := d[0], d[1], results/groups
		return w.one(s.back(convolve[E](c, results, func(acc []float64, from, window int) {
			for i, v := range x[from : from+c.in.channels] {
				g := i / depth
				row := f[(window*depth+i%depth)*results:][:results]
				addRow(acc[g*each:(g+1)*each], row[g*each:(g+1)*each], v)
			}
		})))
	}
}

func buildDepthwise(_ *compiler, n *savedmodel.Node) (exec, error) {
	s, err := readSliding(n)
	if err != nil {
		return nil, err
	}
	// TensorFlow's kernel refuses these too.
	if s.dilations != [2]int{1, 1} {
		return nil, unsupported("dilations", n.AttrInts("dilations"))
	}
	if s.strides[0] != s.strides[1] {
		return nil, unsupported("strides", n.AttrInts("strides"))
	}
	return halved(floats(depthwise[float32](s), depthwise[float64](s))).choose(n, "T")
}

// depthwise convolves each channel with filters of its own: (height, width,
// channels, filters).
func depthwise[E float](s *sliding) exec {
	return func(w *work, in []Value) ([]Value, error) {
		t, d, err := imagesAndFilter[E](s, in)
		if err != nil {
			return nil, err
		}
		c, err := s.bind(t[0].Shape(), t[1])
		if err != nil {
			return nil, err
		}
		if c.depth != c.in.channels {
			return nil, fmt.Errorf("%s and a filter %s, want as many channels", t[0], t[1])
		}
		x, f, each := d[0], d[1], c.each
		results := c.in.channels * each
		return w.one(s.back(convolve[E](c, results, func(acc []float64, from, window int) {
			for i, v := range x[from : from+c.in.channels] {
				addRow(acc[i*each:(i+1)*each], f[window*results+i*each:][:each], v)
			}
		})))
	}
}

// convolution is one for a filter and images of known shapes.
type convolution struct {
	in          images
	depth, each int // the filter's last two axes
	rows, cols  span
}

// imagesAndFilter reads a convolution's inputs, the images with their channels
// last.
func imagesAndFilter[E float](s *sliding, in []Value) ([]*lockstep.Tensor, [][]E, error) {
	t, d, err := operands[E](in, 2)
	if err != nil {
		return nil, nil, err
	}
	if t[0], err = s.channelsLast(t[0]); err != nil {
		return nil, nil, err
	}
	d[0], err = lockstep.Data[E](t[0])
	return t, d, err
}

func (s *sliding) bind(shape []int, filter *lockstep.Tensor) (*convolution, error) {
	in, err := imagesOf(shape)
	if err != nil {
		return nil, fmt.Errorf("the images: %w", err)
	}
	f := filter.Shape()
	if len(f) != 4 {
		return nil, fmt.Errorf("the filter is %s, want a rank of 4", filter)
	}
	if f[0] == 0 || f[1] == 0 {
		return nil, fmt.Errorf("the filter is %s, want elements", filter)
	}
	c := &convolution{in: in}
	c.depth, c.each = f[2], f[3]
	if c.rows, err = s.over(0, in.height, f[0]); err != nil {
		return nil, err
	}
	if c.cols, err = s.over(1, in.width, f[1]); err != nil {
		return nil, err
	}
	return c, nil
}

// convolve makes images of so many channels: take adds what a pixel of the
// input gives.
func convolve[E float](c *convolution, channels int, take func(acc []float64, from, window int)) (*lockstep.Tensor, error) {
	result := images{c.in.batch, c.rows.out, c.cols.out, channels}
	size, err := elements(result.shape())
	if err != nil {
		return nil, err
	}
	out := make([]E, size)
	if size == 0 {
		return lockstep.New(out, result.shape()...)
	}
	if err := affordable(size, c.rows.reach(), c.cols.reach(), c.depth); err != nil {
		return nil, err
	}
	acc := make([]float64, channels)
	slide(c.in, result, c.rows, c.cols,
		func(int) { clear(acc) },
		func(from, window int) { take(acc, from, window) },
		func(to int) {
			for i, s := range acc {
				out[to+i] = E(s)
			}
		})
	return lockstep.New(out, result.shape()...)
}
