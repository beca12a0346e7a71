package op

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// sliding are the attributes of a convolution or a pooling: how its window
// moves over the inner axes of images (batch, height, width, channels) or of
// volumes (batch, planes, height, width, channels). An image is a volume of one
// plane, so that there are three inner axes in all that follows.
type sliding struct {
	layout
	strides, dilations [3]int
	padding            string
	explicit           [6]int // before and after, of each axis
}

func readSliding(n *savedmodel.Node, inner int) (*sliding, error) {
	s := &sliding{padding: n.AttrString("padding")}
	var err error
	if s.layout, err = readLayout(n, inner); err != nil {
		return nil, err
	}
	if s.strides, err = s.spatial(n, "strides", nil); err != nil {
		return nil, err
	}
	if s.dilations, err = s.spatial(n, "dilations", slices.Repeat([]int64{1}, s.rank())); err != nil {
		return nil, err
	}
	pads := n.AttrInts("explicit_paddings")
	switch s.padding {
	case "SAME", "VALID":
		if len(pads) > 0 {
			return nil, fmt.Errorf("attribute \"explicit_paddings\" is %v, want none with padding %s", pads, s.padding)
		}
	case "EXPLICIT":
		if len(pads) != 2*s.rank() {
			return nil, NotSupported("explicit_paddings", pads)
		}
		for i, p := range pads {
			axis, inner := s.innerAxis(i / 2)
			if p < 0 || p > int64(value.MaxElements) || p > 0 && !inner {
				return nil, NotSupported("explicit_paddings", pads)
			}
			if inner {
				s.explicit[2*axis+i%2] = int(p)
			}
		}
	default:
		return nil, NotSupported("padding", s.padding)
	}
	return s, nil
}

// spatial reads an attribute of a number for each axis, of which only those of
// the inner axes may not be 1.
func (l layout) spatial(n *savedmodel.Node, name string, absent []int64) ([3]int, error) {
	v := n.AttrInts(name)
	if !n.HasAttr(name) {
		v = absent
	}
	out := [3]int{1, 1, 1}
	if len(v) != l.rank() {
		return out, NotSupported(name, v)
	}
	for i, d := range v {
		axis, inner := l.innerAxis(i)
		if d < 1 || d > int64(value.MaxElements) || d > 1 && !inner {
			return out, NotSupported(name, v)
		}
		if inner {
			out[axis] = int(d)
		}
	}
	return out, nil
}

// span is how a window moves along one axis.
type span struct {
	in, out, window  int
	stride, dilation int
	before           int // the padding in front
}

// over finds how a window of a size moves along inner axis i, of length in.
func (s *sliding) over(i, in, window int) (span, error) {
	sp := span{in: in, window: window, stride: s.strides[i], dilation: s.dilations[i]}
	if window > value.MaxElements {
		return sp, fmt.Errorf("a window of %d", window)
	}
	reach := (window-1)*sp.dilation + 1
	room := in - reach + sp.stride // in steps, once the padding is added
	switch s.padding {
	case "SAME":
		sp.out = (in + sp.stride - 1) / sp.stride
		sp.before = max((sp.out-1)*sp.stride+reach-in, 0) / 2
		return sp, nil
	case "EXPLICIT":
		sp.before = s.explicit[2*i]
		room += sp.before + s.explicit[2*i+1]
	}
	sp.out = room / sp.stride
	if sp.out < 0 {
		return sp, fmt.Errorf("a window that reaches over %d on an axis of %d", reach, in)
	}
	return sp, nil
}

// reach is the length of an axis that a window covers.
func (sp span) reach() int { return min(sp.window, sp.in) }

// at returns where the window's elements lie at its step o: position k is at
// first+k·dilation, and those from lo to before hi are within the axis.
func (sp span) at(o int) (first, lo, hi int) {
	first = o*sp.stride - sp.before
	lo, hi = 0, sp.window
	if first < 0 {
		lo = (-first + sp.dilation - 1) / sp.dilation
	}
	if end := first + (sp.window-1)*sp.dilation; end >= sp.in {
		hi = (sp.in - first + sp.dilation - 1) / sp.dilation
	}
	return first, min(lo, sp.window), max(hi, 0)
}

// layout tells how many inner axes there are, and where the channels are: last,
// or, with first, before the inner axes.
type layout struct {
	inner int
	first bool
}

// formats are the layouts by their names in the attribute data_format.
var formats = map[string]layout{
	"NHWC": {inner: 2}, "NCHW": {inner: 2, first: true}, "NDHWC": {inner: 3}, "NCDHW": {inner: 3, first: true},
}

// readLayout reads the layout of an operation on images, with 2 inner axes, or on
// volumes, with 3.
func readLayout(n *savedmodel.Node, inner int) (layout, error) {
	format := StringOr(n, "data_format", map[int]string{2: "NHWC", 3: "NDHWC"}[inner])
	if l, ok := formats[format]; ok && l.inner == inner {
		return l, nil
	}
	return layout{}, NotSupported("data_format", format)
}

func (l layout) rank() int { return l.inner + 2 }

// innerAxis returns which of the three inner axes an axis is, if it is one.
func (l layout) innerAxis(axis int) (int, bool) {
	at := axis - 1
	if l.first {
		at--
	}
	return at + 3 - l.inner, at >= 0 && at < l.inner
}

// channels is the axis of the channels.
func (l layout) channels(rank int) int {
	if l.first {
		return 1
	}
	return rank - 1
}

// channelsLast returns images with their channels last.
func (l layout) channelsLast(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	if !l.first {
		return t, nil
	}
	if t.Rank() != l.rank() {
		return nil, fmt.Errorf("%s, want a rank of %d", t, l.rank())
	}
	if l.inner == 2 {
		return turned(t, []int{0, 2, 3, 1})
	}
	return turned(t, []int{0, 2, 3, 4, 1})
}

// back returns images whose channels are last as the layout has them.
func (l layout) back(t *lockstep.Tensor, err error) (*lockstep.Tensor, error) {
	if err != nil || !l.first {
		return t, err
	}
	return turned(t, []int{0, l.rank() - 1, 1, 2, 3}[:l.rank()])
}

// images is the shape of a batch of volumes, channels last; images are volumes of
// one plane.
type images struct{ batch, planes, height, width, channels int }

// imagesOf reads a shape whose channels are last.
func (l layout) imagesOf(shape []int) (images, error) {
	if len(shape) != l.rank() {
		return images{}, fmt.Errorf("a rank of %d, want %d", len(shape), l.rank())
	}
	if l.inner == 2 {
		return images{shape[0], 1, shape[1], shape[2], shape[3]}, nil
	}
	return images{shape[0], shape[1], shape[2], shape[3], shape[4]}, nil
}

// shapeOf appends the shape of images, as imagesOf reads it.
func (l layout) shapeOf(to []int, m images) []int {
	if l.inner == 2 {
		return append(to, m.batch, m.height, m.width, m.channels)
	}
	return append(to, m.batch, m.planes, m.height, m.width, m.channels)
}

// pixel is the place of a pixel's first channel, in one of the planes of all
// images.
func (m images) pixel(plane, y, x int) int { return ((plane*m.height+y)*m.width + x) * m.channels }

// spans are how a window moves along the three inner axes.
type spans struct{ planes, rows, cols span }

// overAll finds how a window of some size moves over images.
func (s *sliding) overAll(in images, window [3]int) (w spans, err error) {
	if w.planes, err = s.over(0, in.planes, window[0]); err != nil {
		return w, err
	}
	if w.rows, err = s.over(1, in.height, window[1]); err != nil {
		return w, err
	}
	w.cols, err = s.over(2, in.width, window[2])
	return w, err
}

// size is the number of the window's elements.
func (w *spans) size() int { return w.planes.window * w.rows.window * w.cols.window }

// results are what is made of images with a number of channels.
func (w *spans) results(in images, channels int) images {
	return images{in.batch, w.planes.out, w.rows.out, w.cols.out, channels}
}

// affordable checks the work of making some numbers of each place of the window, each
// of a number of products.
func (w *spans) affordable(results, products int) error {
	return Affordable(results, products, w.planes.reach(), w.rows.reach(), w.cols.reach())
}

// slide calls, for every pixel of out, begin, then visit for every pixel of in
// that its window covers, with the place in the window, then end.
func (w *spans) slide(in, out images, begin func(at int), visit func(at, window int), end func(at int)) {
	for n := range out.batch * out.planes {
		for y := range out.height {
			for x := range out.width {
				begin(out.pixel(n, y, x))
				w.visit(in, n, y, x, visit)
				end(out.pixel(n, y, x))
			}
		}
	}
}

// visit calls f for every pixel of in that the window covers at a pixel of one of
// the planes of all results.
func (w *spans) visit(in images, plane, y, x int, f func(at, window int)) {
	front, loZ, hiZ := w.planes.at(plane % w.planes.out)
	front += plane / w.planes.out * in.planes
	top, loY, hiY := w.rows.at(y)
	left, loX, hiX := w.cols.at(x)
	for k := loZ; k < hiZ; k++ {
		for i := loY; i < hiY; i++ {
			for j := loX; j < hiX; j++ {
				f(in.pixel(front+k*w.planes.dilation, top+i*w.rows.dilation, left+j*w.cols.dilation), (k*w.rows.window+i)*w.cols.window+j)
			}
		}
	}
}

// maxProducts bounds the products that one operation may add up: a small graph
// must not keep a machine busy for days.
const maxProducts = 1 << 40

// Affordable checks the number of products that an operation is to add up,
// which is the product of some factors.
func Affordable(factors ...int) error {
	n := uint64(1)
	for _, f := range factors {
		high, low := bits.Mul64(n, uint64(max(f, 0)))
		if high != 0 || low > maxProducts {
			return fmt.Errorf("a window sums more than %d products, want no more", int64(maxProducts))
		}
		if n = low; n == 0 {
			return nil
		}
	}
	return nil
}
