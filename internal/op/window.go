package op

import (
	"fmt"
	"math/bits"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// sliding are the attributes of a convolution or a pooling: how its window
// moves over the two inner axes of images (batch, height, width, channels).
type sliding struct {
	layout
	strides, dilations [2]int
	padding            string
	explicit           [4]int // before and after, of each axis
}

func readSliding(n *savedmodel.Node) (*sliding, error) {
	s := &sliding{padding: n.AttrString("padding")}
	var err error
	if s.layout, err = readLayout(n); err != nil {
		return nil, err
	}
	if s.strides, err = s.spatial(n, "strides", nil); err != nil {
		return nil, err
	}
	if s.dilations, err = s.spatial(n, "dilations", []int64{1, 1, 1, 1}); err != nil {
		return nil, err
	}
	pads := n.AttrInts("explicit_paddings")
	switch s.padding {
	case "SAME", "VALID":
		if len(pads) > 0 {
			return nil, fmt.Errorf("attribute \"explicit_paddings\" is %v, want none with padding %s", pads, s.padding)
		}
	case "EXPLICIT":
		h := s.height()
		if len(pads) != 8 {
			return nil, NotSupported("explicit_paddings", pads)
		}
		for i, p := range pads {
			inner := i/2 == h || i/2 == h+1
			if p < 0 || p > int64(value.MaxElements) || p > 0 && !inner {
				return nil, NotSupported("explicit_paddings", pads)
			}
			if inner {
				s.explicit[i-2*h] = int(p)
			}
		}
	default:
		return nil, NotSupported("padding", s.padding)
	}
	return s, nil
}

// spatial reads an attribute of four numbers, one for each axis, of which only
// those of the height and the width may not be 1.
func (l layout) spatial(n *savedmodel.Node, name string, absent []int64) ([2]int, error) {
	v := n.AttrInts(name)
	if !n.HasAttr(name) {
		v = absent
	}
	if len(v) != 4 {
		return [2]int{}, NotSupported(name, v)
	}
	h := l.height()
	for i, d := range v {
		if d < 1 || d > int64(value.MaxElements) || d > 1 && i != h && i != h+1 {
			return [2]int{}, NotSupported(name, v)
		}
	}
	return [2]int{int(v[h]), int(v[h+1])}, nil
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

// layout tells where the channels of images are: last, or, with first, before
// their height.
type layout struct{ first bool }

func readLayout(n *savedmodel.Node) (layout, error) {
	switch format := StringOr(n, "data_format", "NHWC"); format {
	case "NHWC":
		return layout{}, nil
	case "NCHW":
		return layout{first: true}, nil
	default:
		return layout{}, NotSupported("data_format", format)
	}
}

// height is the axis of the height; that of the width comes next.
func (l layout) height() int {
	if l.first {
		return 2
	}
	return 1
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
	if t.Rank() != 4 {
		return nil, fmt.Errorf("%s, want images", t)
	}
	return turned(t, []int{0, 2, 3, 1})
}

// back returns images whose channels are last as the layout has them.
func (l layout) back(t *lockstep.Tensor, err error) (*lockstep.Tensor, error) {
	if err != nil || !l.first {
		return t, err
	}
	return turned(t, []int{0, 3, 1, 2})
}

// images is the shape of a batch of images.
type images struct{ batch, height, width, channels int }

func imagesOf(shape []int) (images, error) {
	if len(shape) != 4 {
		return images{}, fmt.Errorf("a rank of %d, want 4", len(shape))
	}
	return images{shape[0], shape[1], shape[2], shape[3]}, nil
}

func (m images) shape() []int { return []int{m.batch, m.height, m.width, m.channels} }

// pixel is the place of a pixel's first channel.
func (m images) pixel(n, y, x int) int { return ((n*m.height+y)*m.width + x) * m.channels }

// slide calls, for every pixel of out, begin, then visit for every pixel of in
// that its window covers, with the place in the window, then end.
func slide(in, out images, rows, cols span, begin func(at int), visit func(at, window int), end func(at int)) {
	for n := range out.batch {
		for y := range out.height {
			top, loY, hiY := rows.at(y)
			for x := range out.width {
				left, loX, hiX := cols.at(x)
				begin(out.pixel(n, y, x))
				for i := loY; i < hiY; i++ {
					for j := loX; j < hiX; j++ {
						visit(in.pixel(n, top+i*rows.dilation, left+j*cols.dilation), i*cols.window+j)
					}
				}
				end(out.pixel(n, y, x))
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
