package image

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// crop are the attributes of an operation that cuts boxes out of images and resizes
// them.
type crop struct {
	nearest bool
	outside float32
}

func readCrop(n *savedmodel.Node) (c crop, err error) {
	if err := wantNumbers(n); err != nil {
		return c, err
	}
	switch method := op.StringOr(n, "method", "bilinear"); method {
	case "nearest":
		c.nearest = true
	case "bilinear":
	default:
		return c, op.NotSupported("method", method)
	}
	c.outside = op.FloatOr(n, "extrapolation_value", 0)
	return c, nil
}

// boxes are the inputs of a crop: for each box its corners, by height and width, and
// the number of its image.
type boxes struct {
	images   *lockstep.Tensor
	from, to sizes
	corners  []float64
	of       []int
}

func boxesOf(in []value.Value) (b boxes, err error) {
	t, err := value.Tensors(in, 4)
	if err != nil {
		return b, err
	}
	b.images = t[0]
	if b.from, err = sizesOf(t[0]); err != nil {
		return b, err
	}
	if b.from.height == 0 || b.from.width == 0 {
		return b, fmt.Errorf("%s, want a height and a width", t[0])
	}
	if b.of, err = op.Vector(t[2]); err != nil {
		return b, fmt.Errorf("the boxes' images: %w", err)
	}
	if t[1].Rank() != 2 || !t[1].DType().IsFloat() || t[1].Len() > 0 && (t[1].Shape()[1] != 4 || t[1].Shape()[0] != len(b.of)) || t[1].Len() == 0 && len(b.of) > 0 {
		return b, fmt.Errorf("boxes are %s for %d images, want the shape (%d, 4)", t[1], len(b.of), len(b.of))
	}
	b.to = sizes{batch: len(b.of), channels: b.from.channels}
	if b.to.height, b.to.width, err = pairOf(t[3]); err != nil {
		return b, err
	}
	for i, n := range b.of {
		if n < 0 || n >= b.from.batch {
			return b, fmt.Errorf("box %d is of image %d, and there are %d", i, n, b.from.batch)
		}
	}
	if b.corners, err = t[1].Float64s(); err != nil {
		return b, err
	}
	for i, v := range b.corners {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return b, fmt.Errorf("box %d has the corner %v, want finite ones", i/4, v)
		}
	}
	return b, nil
}

// side is one side of a box: from where to where along an axis of an image, and into
// how many elements of the result.
type side struct {
	from, to float32
	in, out  int
}

func (b *boxes) sides(box int) (rows, cols side) {
	c := b.corners[4*box:]
	return side{float32(c[0]), float32(c[2]), b.from.height, b.to.height}, side{float32(c[1]), float32(c[3]), b.from.width, b.to.width}
}

// at is the position of an element; ok is false outside of the image.
func (s side) at(i int) (at float32, ok bool) {
	at = s.positions(i)[0]
	return at, at >= 0 && at <= float32(s.in-1)
}

// positions are that of an element, and those of compilers that round a product and a
// sum once.
func (s side) positions(i int) [3]float32 {
	last := float32(s.in - 1)
	if s.out == 1 {
		at := float32(0.5 * float64(s.from+s.to) * float64(s.in-1))
		return [3]float32{at, at, at}
	}
	scale := float32((s.to-s.from)*last) / float32(s.out-1)
	first, more := float32(s.from*last), float32(float32(i)*scale)
	return [3]float32{first + more, muladd(float32(i), scale, first, true), muladd(s.from, last, more, true)}
}

func buildCrop(exact bool) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		c, err := readCrop(n)
		if err != nil {
			return nil, err
		}
		if exact {
			return cropped[float64](c), nil
		}
		return cropped[float32](c), nil
	}
}

func cropped[E float](c crop) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		b, err := boxesOf(in)
		if err != nil {
			return nil, err
		}
		m := op.Room[memory[E]](w)
		m.from, m.to = b.from, b.to
		result, out, err := m.Get(b.to.shape()...)
		if err != nil || len(out) == 0 {
			return w.One(result, err)
		}
		x, err := m.numbers(b.images)
		if err != nil {
			return nil, err
		}
		cropAll(c, &b, out, func(i, image int, rows, cols [2]int, down, across float32) {
			from := func(row, col int) []E {
				return x[((image*b.from.height+row)*b.from.width+col)*b.from.channels:][:b.from.channels]
			}
			if c.nearest {
				copy(out[i:], from(rows[0], cols[0]))
				return
			}
			a, right, bottom, both := from(rows[0], cols[0]), from(rows[0], cols[1]), from(rows[1], cols[0]), from(rows[1], cols[1])
			for k := range a {
				above := a[k] + E((right[k]-a[k])*E(across))
				below := bottom[k] + E((both[k]-bottom[k])*E(across))
				out[i+k] = above + E((below-above)*E(down))
			}
		})
		return w.One(result, nil)
	}
}

// cropAll fills what lies outside of its image, and calls pixel for each other pixel of
// the result: with the place of its first channel, its image, the rows and columns
// that it lies between, and where.
func cropAll[E float](c crop, b *boxes, out []E, pixel func(i, image int, rows, cols [2]int, down, across float32)) {
	i := 0
	for box, image := range b.of {
		rows, cols := b.sides(box)
		for y := range b.to.height {
			down, insideRows := rows.at(y)
			for x := range b.to.width {
				across, insideCols := cols.at(x)
				if insideRows && insideCols {
					between, part := c.between(down)
					columns, share := c.between(across)
					pixel(i, image, between, columns, part, share)
				} else {
					for k := range b.to.channels {
						out[i+k] = E(c.outside)
					}
				}
				i += b.to.channels
			}
		}
	}
}

// between are the elements before and after a position, and how far it is from the
// first.
func (c crop) between(at float32) ([2]int, float32) {
	if c.nearest {
		n := int(math.Round(float64(at)))
		return [2]int{n, n}, 0
	}
	first := floor(at)
	return [2]int{first, ceil(at)}, at - float32(first)
}

// cropBound bounds interpolations between pixels as resizeBound does. Where the
// position of one compiler is in the image and that of another is not, or nearer to
// another pixel, there is no bound.
func cropBound(x *op.BoundInput) error {
	c, err := readCrop(x.Node)
	if err != nil {
		return err
	}
	if !x.In[1].Exact() {
		return errors.New("its boxes are known up to rounding alone, and decide which pixels it reads")
	}
	b, err := boxesOf(x.Values())
	if err != nil {
		return err
	}
	v, err := x.In[0].Tensor.Float64s()
	if err != nil {
		return err
	}
	single := *x
	single.Unit = rounding.Float32
	size, errs := make([]float64, len(v)), x.E(0)
	for i := range v {
		size[i] = math.Abs(v[i])
		if errs != nil {
			size[i] += errs[i]
		}
	}
	e := make([]float64, b.to.elements())
	i := 0
	for box, image := range b.of {
		rows, cols := b.sides(box)
		for y := range b.to.height {
			for z := range b.to.width {
				c.pixelBound(&single, &b, image, [2]near{rows.near(y, &single), cols.near(z, &single)}, size, errs, e[i:i+b.to.channels])
				i += b.to.channels
			}
		}
	}
	return single.Set(0, e)
}

// near is a position, and how far an engine's may be from it.
type near struct {
	at, off float64
	last    float64
}

func (s side) near(i int, x *op.BoundInput) near {
	p := s.positions(i)
	out := near{at: float64(p[0]), last: float64(s.in - 1)}
	for _, other := range p {
		if !x.Typical {
			out.off = max(out.off, math.Abs(float64(other-p[0])))
		}
	}
	return out
}

// pixelBound finds the bounds of the channels of one pixel.
func (c crop) pixelBound(x *op.BoundInput, b *boxes, image int, at [2]near, size, errs, e []float64) {
	var lo, hi [2]int
	for i, p := range at {
		before, after := p.at-p.off, p.at+p.off
		if after < 0 || before > p.last {
			return // it is outside, and exact
		}
		if before < 0 || after > p.last {
			for k := range e {
				e[k] = math.Inf(1)
			}
			return
		}
		lo[i], hi[i] = int(math.Floor(before)), int(math.Ceil(after))
		if c.nearest {
			lo[i], hi[i] = int(math.Round(before)), int(math.Round(after))
		}
	}
	if c.nearest && lo != hi {
		for k := range e {
			e[k] = math.Inf(1)
		}
		return
	}
	for row := lo[0]; row <= hi[0]; row++ {
		for col := lo[1]; col <= hi[1]; col++ {
			first := ((image*b.from.height+row)*b.from.width + col) * b.from.channels
			weight := 1.0
			if !c.nearest {
				weight = share(row, at[0]) * share(col, at[1])
			}
			off := at[0].off + at[1].off
			for k := range e {
				if errs != nil {
					e[k] += weight * errs[first+k]
				}
				if !c.nearest {
					e[k] += (2*off + x.Gamma(7)*9) * size[first+k]
				}
			}
		}
	}
	for k := range e {
		e[k] = e[k]*rounding.Slack + 8*x.Unit.Tiny()
	}
}

// share is the weight of an element at a position, at most.
func share(element int, p near) float64 {
	return max(0, min(1, 1-math.Abs(float64(element)-p.at)+p.off))
}

// readsBoxes are the numbers of images.
func readsBoxes(n *savedmodel.Node, g op.Reader) {
	if len(n.Inputs) > 2 {
		g.Found(n.Inputs[2], g.Along(n.Inputs[0], 0))
	}
}
