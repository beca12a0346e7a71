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
	err := bindPool(p, in, b)
	if err != nil || len(b.out) == 0 {
		return w.One(p.back(b.result, err))
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
		for i, v := range b.x[at : at+b.from.channels] {
			acc[i] = take(acc[i], v)
		}
		n++
	}, func(at int) {
		for i, s := range acc {
			b.out[at+i] = finish(s, n)
		}
	})
	return w.One(p.back(b.result, nil))
}

// maxPool32 is maxPool by vectors: the same bits.
func maxPool32(p *pooling, start float32) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		b := Room[boundPool[float32]](w)
		err := bindPool(p, in, b)
		if err != nil || len(b.out) == 0 {
			return w.One(p.back(b.result, err))
		}
		for i := range b.out {
			b.out[i] = start
		}
		n := b.to.channels
		var best []float32
		b.over.slide(b.from, b.to, func(at int) {
			best = b.out[at : at+n]
		}, func(at, _ int) {
			x := b.x[at : at+n]
			if !kernel.Pairs(kernel.Larger, best, x, best) {
				for i, v := range x {
					if v > best[i] {
						best[i] = v
					}
				}
			}
		}, func(int) {})
		return w.One(p.back(b.result, nil))
	}
}

// boundPool is a pooling of images of known shapes, and its memory.
type boundPool[E number] struct {
	memory   ResultMemory[E]
	shape    []int
	over     spans
	from, to images
	result   *lockstep.Tensor
	x, out   []E
}

// bindPool fits a window to images.
func bindPool[E number](p *pooling, in []value.Value, b *boundPool[E]) error {
	b.result, b.out = nil, nil
	if len(in) != 1 {
		return fmt.Errorf("%d inputs, want 1", len(in))
	}
	t, _, err := Operand[E](in, 0)
	if err != nil {
		return err
	}
	last, err := p.channelsLast(t)
	if err != nil {
		return err
	}
	if b.x, err = lockstep.Data[E](last); err != nil {
		return err
	}
	if b.from, err = p.imagesOf(last.Shape()); err != nil {
		return fmt.Errorf("the images: %w", err)
	}
	if b.over, err = p.overAll(b.from, p.window); err != nil {
		return err
	}
	b.to = b.over.results(b.from, b.from.channels)
	b.shape = p.shapeOf(b.shape[:0], b.to)
	if b.result, b.out, err = b.memory.Get(b.shape...); err != nil || len(b.out) == 0 {
		return err
	}
	return b.over.affordable(len(b.out), 1)
}

// poolMemory is the memory of a pooling.
type poolMemory[E, S number] struct {
	boundPool[E]
	acc []S
}
