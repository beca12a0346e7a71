package quantize

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var thereOps = op.Table{
	"QuantizeAndDequantizeV2": {Build: buildThere, Shape: op.NoInput, Bound: thereBound, Time: timeOfThere, KeepsShape: true},
	"QuantizeAndDequantizeV3": {Build: buildThere, Shape: op.NoInput, Bound: thereBound, Time: timeOfThere, KeepsShape: true},
	"QuantizeAndDequantizeV4": {Build: buildThere, Shape: op.NoInput, Bound: thereBound, Time: timeOfThere, KeepsShape: true},
}

// thereAndBack is what is known of a QuantizeAndDequantize once it is compiled.
type thereAndBack struct {
	bits           int // 0 if an input says it
	signed, narrow bool
	given          bool // the range is an input
	up             bool // a half is rounded up, and not to even
	axis           int  // whose places have ranges of their own, or -1
}

func readThere(n *savedmodel.Node) (q thereAndBack, err error) {
	q = thereAndBack{
		signed: op.BoolOr(n, "signed_input", true), narrow: n.AttrBool("narrow_range"),
		given: op.BoolOr(n, "range_given", n.Op == "QuantizeAndDequantizeV3"), axis: op.IntOr(n, "axis", -1),
	}
	if q.axis < -1 {
		return q, op.NotSupported("axis", q.axis)
	}
	if n.Op == "QuantizeAndDequantizeV3" {
		return q, nil
	}
	if q.given && q.axis >= 0 { // TensorFlow's kernel wants the range to be a number and a list
		return q, op.NotSupported("range_given", fmt.Sprintf("true, and \"axis\" %d", q.axis))
	}
	switch mode := op.StringOr(n, "round_mode", "HALF_TO_EVEN"); mode {
	case "HALF_UP":
		q.up = true
	case "HALF_TO_EVEN":
	default:
		return q, op.NotSupported("round_mode", mode)
	}
	if q.bits = op.IntOr(n, "num_bits", 8); !q.holds(q.bits) {
		return q, op.NotSupported("num_bits", q.bits)
	}
	return q, nil
}

// rounding is how a number is made a whole one.
func (q thereAndBack) rounding() func(float64) float64 {
	if q.up {
		return func(x float64) float64 { return math.Floor(x + 0.5) }
	}
	return math.RoundToEven
}

func (q thereAndBack) holds(bits int) bool { return bits > 0 && (bits < 62 || bits == 62 && !q.signed) }

func buildThere(n *savedmodel.Node) (op.Exec, error) {
	q, err := readThere(n)
	if err != nil {
		return nil, err
	}
	return op.ByType(op.Floats(thereOf[float32](q, math.MaxFloat32), thereOf(q, math.MaxFloat64)))(n)
}

// ends are the least and the largest quantized number.
func (q thereAndBack) ends(bits int) (low, high int64) {
	if !q.signed {
		return 0, int64(1)<<bits - 1
	}
	low, high = -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1
	if q.narrow {
		low++
	}
	return low, high
}

// scaling is how the numbers of a channel are quantized.
type scaling[F float] struct{ least, most, scale, inverse F }

// scaling makes a range one that keeps zero, and whose larger side is as large as the
// quantized numbers.
func scalingOf[F float](q thereAndBack, bits int, least, most, largest F) scaling[F] {
	low, high := q.ends(bits)
	byLeast, byMost := largest, largest
	if F(low)*least > 0 {
		byLeast = F(low) / least
	}
	if F(high)*most > 0 {
		byMost = F(high) / most
	}
	s := scaling[F]{least: least, most: most}
	if byLeast < byMost {
		s.scale, s.inverse = byLeast, least/F(low)
		s.most = F(high) * s.inverse
	} else {
		s.scale, s.inverse = byMost, most/F(high)
		s.least = F(low) * s.inverse
	}
	return s
}

// channels are the places along an axis: inner elements follow each other in each of
// outer·count blocks.
type channels struct{ outer, count, inner int }

func (q thereAndBack) channels(t *lockstep.Tensor) (channels, error) {
	if q.axis >= t.Rank() {
		return channels{}, fmt.Errorf("attribute \"axis\" is %d, of %s", q.axis, t)
	}
	if q.axis < 0 {
		return channels{1, 1, t.Len()}, nil
	}
	s := t.Shape()
	return channels{value.Product(s[:q.axis]), s[q.axis], value.Product(s[q.axis+1:])}, nil
}

// each calls f for every run of a channel's elements.
func (c channels) each(channel int, f func(from, to int)) {
	for o := range c.outer {
		from := (o*c.count + channel) * c.inner
		f(from, from+c.inner)
	}
}

// ranges returns the range of each channel: those given, or those of the elements.
func ranges[F float](q thereAndBack, c channels, t []*lockstep.Tensor, d [][]F) (least, most []F, err error) {
	if q.given {
		for i, what := range []string{"the least numbers", "the largest numbers"} {
			if err := wantRange(what, t[1+i], q.axis >= 0, c.count); err != nil {
				return nil, nil, err
			}
		}
		if q.axis < 0 && !(d[1][0] <= d[2][0]) {
			return nil, nil, fmt.Errorf("a range from %v to %v", d[1][0], d[2][0])
		}
		return d[1], d[2], nil
	}
	least, most = make([]F, c.count), make([]F, c.count)
	for k := range c.count {
		least[k], most[k] = F(math.Inf(1)), F(math.Inf(-1))
		c.each(k, func(from, to int) {
			for _, v := range d[0][from:to] {
				least[k], most[k] = min(least[k], v), max(most[k], v)
			}
		})
	}
	return least, most, nil
}

func thereOf[F float](q thereAndBack, largest F) op.Exec {
	round := q.rounding()
	if q.up { // the sum is rounded too
		round = func(x float64) float64 { return math.Floor(float64(F(x) + 0.5)) }
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, bits, err := operands[F](q, in)
		if err != nil {
			return nil, err
		}
		c, err := q.channels(t[0])
		if err != nil {
			return nil, err
		}
		out, y, err := op.Room[op.ResultMemory[F]](w).Get(t[0].Shape()...)
		if err != nil {
			return nil, err
		}
		least, most, err := ranges(q, c, t, d)
		if err != nil || len(y) == 0 {
			return w.One(out, err)
		}
		for k := range c.count {
			s := scalingOf(q, bits, least[k], most[k], largest)
			c.each(k, func(from, to int) {
				for i, v := range d[0][from:to] {
					if q.given && s.most < v {
						v = s.most
					}
					if q.given && v < s.least {
						v = s.least
					}
					y[from+i] = F(round(float64(F(v*s.scale)))) * s.inverse
				}
			})
		}
		return w.One(out, nil)
	}
}

// operands reads the numbers and the ends of their ranges, and how many bits a
// quantized number has.
func operands[F float](q thereAndBack, in []value.Value) (t []*lockstep.Tensor, d [][]F, bits int, err error) {
	if bits = q.bits; bits == 0 {
		if len(in) != 4 || in[3].Tensor == nil {
			return nil, nil, 0, fmt.Errorf("%d inputs, want 4", len(in))
		}
		if bits, err = op.Scalar(in[3].Tensor); err != nil {
			return nil, nil, 0, fmt.Errorf("the number of bits: %w", err)
		}
		if !q.holds(bits) {
			return nil, nil, 0, fmt.Errorf("numbers of %d bits", bits)
		}
		in = in[:3]
	}
	t, d, err = op.Operands[F](in, 3)
	return t, d, bits, err
}

// thereBound: a number times the scale may be rounded to one side or the other. The
// inverse scale is the larger of the range's ends, each divided by the quantized one,
// and so moves by no more than the larger of theirs does.
func thereBound(x *op.BoundInput) error {
	q, err := readThere(x.Node)
	if err != nil {
		return err
	}
	in := make([]value.Value, len(x.In))
	for i, v := range x.In {
		if in[i] = v.Value; i > 0 && !v.Exact() {
			return v.Reason()
		}
	}
	t, d, bits, err := operands[float64](q, in)
	if err != nil {
		return err
	}
	c, err := q.channels(t[0])
	if err != nil {
		return err
	}
	least, most, err := ranges(q, c, t, d)
	if err != nil {
		return err
	}
	v, off, out := d[0], x.E(0), op.FloatsOf(x.Out[0].Tensor)
	e := make([]float64, len(v))
	for k := range c.count {
		s := scalingOf(q, bits, least[k], most[k], math.MaxFloat64)
		moved := 0.0
		c.each(k, func(from, to int) {
			for i := from; off != nil && i < to; i++ {
				moved = max(moved, off[i])
			}
		})
		share := x.Gamma(3)
		if !q.given && moved > 0 {
			low, high := q.ends(bits)
			if moved /= float64(max(min(-low, high), 1)); low == 0 {
				moved /= float64(high)
			}
			if !(math.Abs(s.inverse) > 2*moved) {
				return errors.New("rounding decides the range")
			}
			share += moved / (math.Abs(s.inverse) - moved)
		}
		c.each(k, func(from, to int) {
			for i := from; i < to; i++ {
				at := v[i] * s.scale
				if q.given {
					at = min(max(v[i], s.least), s.most) * s.scale
				}
				step := math.Abs(at) * share
				if off != nil {
					step += off[i] * s.scale
				}
				round := q.rounding()
				e[i] = max(round(at+step)-round(at), round(at)-round(at-step)) * math.Abs(s.inverse) * (1 + share)
				if x.Typical {
					e[i] /= 8 // a step is taken once, whatever multiple of this is tried
				}
				if out[i] != 0 || e[i] != 0 {
					e[i] = x.Rounded(out[i], e[i]+math.Abs(out[i])*share, 2)
				}
			}
		})
	}
	return x.Set(0, e)
}

// timeOfThere: without a given range, every number depends on all others.
func timeOfThere(t op.Timed) (op.Timing, error) {
	q, err := readThere(t.Node())
	if err != nil || !q.given || q.axis >= 0 {
		return op.Timing{}, op.ErrMixes
	}
	return op.TimeElementwise(t)
}
