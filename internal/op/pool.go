package op

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var poolOps = Table{
	"MaxPool":   {Own: true, Types: ofT, Build: buildMaxPool(2), Float32By: []string{"T"}, Shape: NoInput, Bound: monotoneBound, Rows: TimeOfRows},
	"AvgPool":   {Own: true, Build: buildAvgPool(2), Shape: NoInput, Bound: average, Stepwise: true, Rows: TimeOfRows},
	"MaxPool3D": {Build: buildMaxPool(3), Shape: NoInput, Bound: monotoneBound, Rows: TimeOfRows},
	"AvgPool3D": {Build: buildAvgPool(3), Shape: NoInput, Bound: average, Stepwise: true, Rows: TimeOfRows},
}

// pooling is what is known of a pooling once it is compiled.
type pooling struct {
	*sliding
	window [3]int
}

func readPooling(n *savedmodel.Node, inner int) (*pooling, error) {
	s, err := readSliding(n, inner)
	if err != nil {
		return nil, err
	}
	if s.padding == "EXPLICIT" {
		return nil, NotSupported("padding", s.padding)
	}
	window, err := s.spatial(n, "ksize", nil)
	return &pooling{s, window}, err
}

// buildMaxPool makes a pooling of images, with 2 inner axes, or of volumes, with 3.
func buildMaxPool(inner int) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		p, err := readPooling(n, inner)
		if err != nil {
			return nil, err
		}
		v := Floats(maxPool32(p, -math.MaxFloat32), maxPool(p, -math.MaxFloat64))
		if inner == 2 {
			v = v.and(integers(
				maxPool(p, lowest[int8]()), maxPool(p, lowest[int16]()), maxPool(p, lowest[int32]()), maxPool(p, lowest[int64]()),
				maxPool(p, lowest[uint8]()), maxPool(p, lowest[uint16]()), maxPool(p, lowest[uint32]()), maxPool(p, lowest[uint64]())))
		}
		v[lockstep.Float16] = inFloat32[lockstep.Float16Bits](maxPool32(p, -65504), -1)
		v[lockstep.BFloat16] = inFloat32[lockstep.BFloat16Bits](maxPool32(p, -0x1.fep+127), -1)
		return v.chooseOr(n, "T", lockstep.Float32)
	}
}

// maxPool begins with the lowest finite number, which only a greater one
// replaces: NaN never does, nor, in TensorFlow, does -Inf.
func maxPool[E number](p *pooling, start E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		return pool(w, p, in, func(best, v E) E {
			if v > best {
				return v
			}
			return best
		}, start, func(best E, _ int) E { return best })
	}
}

func buildAvgPool(inner int) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		p, err := readPooling(n, inner)
		if err != nil {
			return nil, err
		}
		return With16Bits(Floats(avgPool[float32](p), avgPool[float64](p))).choose(n, "T")
	}
}

// avgPool divides by the number of elements within the image.
func avgPool[E float](p *pooling) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		return pool(w, p, in, plus[float64, E], 0, func(s float64, n int) E { return E(s / float64(n)) })
	}
}

func pool[E, S number](w *Call, p *pooling, in []value.Value, take func(S, E) S, start S, finish func(S, int) E) ([]value.Value, error) {
	m := Room[poolMemory[E, S]](w)
	b := &m.boundPool
	result, x, out, err := bindPool(p, in, b, &m.ResultMemory)
	if err != nil || len(out) == 0 {
		return w.One(p.back(result, err))
	}
	if len(m.acc) != b.to.channels {
		m.acc = make([]S, b.to.channels)
	}
	acc, n := m.acc, 0
	b.over.slide(b.from, b.to, func(int) {
		for i := range acc {
			acc[i] = start
		}
		n = 0
	}, func(at, _ int) {
		for i, v := range x[at : at+b.from.channels] {
			acc[i] = take(acc[i], v)
		}
		n++
	}, func(at int) {
		for i, s := range acc {
			out[at+i] = finish(s, n)
		}
	})
	return w.One(p.back(result, nil))
}

// maxPool32 is maxPool by vectors: the same bits.
func maxPool32(p *pooling, start float32) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		m := Room[poolMemory[float32, float32]](w)
		b := &m.boundPool
		result, from, out, err := bindPool(p, in, b, &m.ResultMemory)
		if err != nil || len(out) == 0 {
			return w.One(p.back(result, err))
		}
		for i := range out {
			out[i] = start
		}
		n := b.to.channels
		var best []float32
		b.over.slide(b.from, b.to, func(at int) {
			best = out[at : at+n]
		}, func(at, _ int) {
			x := from[at : at+n]
			if !kernel.Pairs(kernel.Larger, best, x, best) {
				for i, v := range x {
					if v > best[i] {
						best[i] = v
					}
				}
			}
		}, func(int) {})
		return w.One(p.back(result, nil))
	}
}

// boundPool is a pooling of images of known shapes.
type boundPool struct {
	shape    []int
	over     spans
	from, to images
}

// bindPool fits a window to images, and returns their elements, and the result and its.
func bindPool[E number](p *pooling, in []value.Value, b *boundPool, m *ResultMemory[E]) (result *lockstep.Tensor, x, out []E, err error) {
	last, err := p.bind(in, b)
	if err != nil {
		return nil, nil, nil, err
	}
	if x, err = lockstep.Data[E](last); err != nil {
		return nil, nil, nil, InputError(0, err)
	}
	if result, out, err = m.Get(b.shape...); err != nil || len(out) == 0 {
		return result, x, out, err
	}
	return result, x, out, b.over.affordable(len(out), 1)
}

// bind fits the window to images, which it returns with their channels last.
func (p *pooling) bind(in []value.Value, b *boundPool) (*lockstep.Tensor, error) {
	if len(in) != 1 || in[0].Tensor == nil {
		return nil, fmt.Errorf("%d inputs, want 1 tensor", len(in))
	}
	last, err := p.channelsLast(in[0].Tensor)
	if err != nil {
		return nil, err
	}
	if b.from, err = p.imagesOf(last.Shape()); err != nil {
		return nil, fmt.Errorf("the images: %w", err)
	}
	if b.over, err = p.overAll(b.from, p.window); err != nil {
		return nil, err
	}
	b.to = b.over.results(b.from, b.from.channels)
	b.shape = p.shapeOf(b.shape[:0], b.to)
	return last, nil
}

// poolMemory is the memory of a pooling.
type poolMemory[E, S number] struct {
	ResultMemory[E]
	boundPool
	acc []S
}
