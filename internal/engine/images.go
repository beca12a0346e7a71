package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// layout tells where the channels of images are: last, or, with first, before
// their height.
type layout struct{ first bool }

func readLayout(n *savedmodel.Node) (layout, error) {
	switch format := stringOr(n, "data_format", "NHWC"); format {
	case "NHWC":
		return layout{}, nil
	case "NCHW":
		return layout{first: true}, nil
	default:
		return layout{}, unsupported("data_format", format)
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

// slide calls begin for every pixel of out, visit for every pixel of in that
// its window covers, with the place in the window, and end.
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
