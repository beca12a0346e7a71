package op

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Map1 computes every element of the result from one of the input.
func Map1[A, B lockstep.Element](f func(A) B) Exec {
	return mapAll(func(y []B, x []A) {
		for i, v := range x {
			y[i] = f(v)
		}
	})
}

// mapActivation is map1 for a function that the kernels have.
func mapActivation(a kernel.Activation) Exec {
	return mapAll(func(y, x []float32) { kernel.Activate(a, y, x) })
}

// mapAll is map1 by a function of all elements.
func mapAll[A, B lockstep.Element](f func(y []B, x []A)) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 1 {
			return nil, fmt.Errorf("%d inputs, want 1", len(in))
		}
		t, x, err := Operand[A](in, 0)
		if err != nil {
			return nil, err
		}
		out, y, err := Room[ResultMemory[B]](w).Get(t.Shape()...)
		if err != nil {
			return nil, err
		}
		f(y, x)
		return w.One(out, nil)
	}
}

// via computes a function of float32 in float64.
func via(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}

func via2(f func(x, y float64) float64) func(x, y float32) float32 {
	return func(x, y float32) float32 { return float32(f(float64(x), float64(y))) }
}

// pairMemory is the memory of map2.
type pairMemory[B lockstep.Element] struct {
	walkMemory
	ResultMemory[B]
}

// Map2 computes every element of the result from one of each of two inputs
// that are broadcast together.
func Map2[A, B lockstep.Element](f func(x, y A) B) Exec {
	return mapRuns(func(w *walk, out []B, x, y []A) { mapRun(w, out, x, y, f) })
}

// mapPairs is map2 for an operation that the kernels have, f in Go.
func mapPairs(op kernel.Pair, f func(x, y float32) float32) Exec {
	return mapRuns(func(w *walk, out, x, y []float32) {
		if w.fixed(0) {
			x = x[:1]
		}
		if w.fixed(1) {
			y = y[:1]
		}
		if !kernel.Pairs(op, out, x, y) {
			mapRun(w, out, x, y, f)
		}
	})
}

// Stage is an operation in a chain of those that are done to a result, a part of it
// after the other: each element is made of one element of each input. It has the
// bits of the operation by itself. The zero Stage is none.
type Stage struct {
	One func(y, x []float32)    // of one input; y may be x
	Two func(z, x, y []float32) // of two, of which one may be one number; z may be either
}

// stageOne is the stage of an activation.
func stageOne(a kernel.Activation) func(*savedmodel.Node) Stage {
	return func(*savedmodel.Node) Stage {
		return Stage{One: func(y, x []float32) { kernel.Activate(a, y, x) }}
	}
}

// stageBy is the stage of a function of a number.
func stageBy(f func(float32) float32) func(*savedmodel.Node) Stage {
	return func(*savedmodel.Node) Stage {
		return Stage{One: func(y, x []float32) {
			y = y[:len(x)]
			for i, v := range x {
				y[i] = f(v)
			}
		}}
	}
}

// stageTwo is the stage of an operation on two numbers that the kernels have, f in Go.
func stageTwo(op kernel.Pair, f func(x, y float32) float32) func(*savedmodel.Node) Stage {
	return func(*savedmodel.Node) Stage {
		return Stage{Two: func(z, x, y []float32) {
			if !kernel.Pairs(op, z, x, y) {
				eachPair(z, x, y, f)
			}
		}}
	}
}

// stageBy2 is the stage of another operation on two numbers.
func stageBy2(f func(x, y float32) float32) func(*savedmodel.Node) Stage {
	return func(*savedmodel.Node) Stage {
		return Stage{Two: func(z, x, y []float32) { eachPair(z, x, y, f) }}
	}
}

func eachPair(z, x, y []float32, f func(x, y float32) float32) {
	var w walk
	step := func(v []float32) int { return min(len(v)-1, 1) }
	w.steps, w.lens = [][]int{{step(x), step(y)}}, []int{len(z)}
	mapRun(&w, z, x, y, f)
}

// mapRuns is map2 by a function of a run of the walk's innermost loop.
func mapRuns[A, B lockstep.Element](run func(w *walk, out []B, x, y []A)) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, fmt.Errorf("%d inputs, want 2", len(in))
		}
		s, x, err := Operand[A](in, 0)
		if err != nil {
			return nil, err
		}
		t, y, err := Operand[A](in, 1)
		if err != nil {
			return nil, err
		}
		m := Room[pairMemory[B]](w)
		walk, err := m.together2(s.Shape(), t.Shape())
		if err != nil {
			return nil, err
		}
		out, z, err := m.Get(walk.shape...)
		if err != nil {
			return nil, err
		}
		walk.each(func(o int, at []int) { run(walk, z[o:o+walk.run()], x[at[0]:], y[at[1]:]) })
		return w.One(out, nil)
	}
}

// mapRun is map2's innermost loop.
func mapRun[A, B lockstep.Element](w *walk, out []B, x, y []A, f func(x, y A) B) {
	switch {
	case !w.fixed(0) && !w.fixed(1):
		x, y = x[:len(out)], y[:len(out)]
		for i := range out {
			out[i] = f(x[i], y[i])
		}
	case !w.fixed(0):
		for i, v := range x[:len(out)] {
			out[i] = f(v, y[0])
		}
	case !w.fixed(1):
		for i, v := range y[:len(out)] {
			out[i] = f(x[0], v)
		}
	default:
		for i := range out {
			out[i] = f(x[0], y[0])
		}
	}
}

// walk visits the elements of tensors that are broadcast together by numpy's
// rule. Axes along which every operand moves in the same way are joined, so
// that equal shapes are one loop and a scalar or a last axis has a long inner
// one.
type walk struct {
	shape []int // of the result
	n     int   // its number of elements
	lens  []int // the loops, the innermost last
	// steps[l][k] is operand k's stride in loop l. In the innermost loop of
	// together's walks it is 0 or 1.
	steps [][]int

	at, i []int // where each is: a walk belongs to one goroutine
}

// run is the length of the innermost loop.
func (w *walk) run() int { return w.lens[len(w.lens)-1] }

// fixed tells whether the innermost loop stays at one element of operand k.
func (w *walk) fixed(k int) bool { return w.steps[len(w.steps)-1][k] == 0 }

// pad returns a shape under ones in front, so that it has a rank.
func pad(shape []int, rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	copy(out[rank-len(shape):], shape)
	return out
}

// jointShape is the shape that shapes are broadcast to.
func jointShape(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := pad(nil, rank)
	for _, s := range shapes {
		for i, d := range pad(s, rank) {
			if out[i] != d && out[i] != 1 && d != 1 {
				return nil, fmt.Errorf("incompatible shapes %s", shapeList(shapes))
			}
			if d != 1 {
				out[i] = d
			}
		}
	}
	return out, nil
}

// compatible tells whether two shapes can be broadcast together.
func compatible(x, y []int) bool {
	for i, j := len(x)-1, len(y)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if x[i] != y[j] && x[i] != 1 && y[j] != 1 {
			return false
		}
	}
	return true
}

func shapeList(shapes [][]int) string {
	text := ""
	for i, s := range shapes {
		if i > 0 {
			text += " and "
		}
		text += lockstep.FormatShape(s)
	}
	return text
}

// together prepares the walk over operands of the given shapes.
func together(shapes ...[]int) (*walk, error) {
	shape, err := jointShape(shapes...)
	if err != nil {
		return nil, err
	}
	w := &walk{shape: shape}
	if w.n, err = value.Allow(shape); err != nil {
		return nil, err
	}
	padded := make([][]int, len(shapes))
	stride := make([]int, len(shapes))
	for k, s := range shapes {
		padded[k] = pad(s, len(shape))
		stride[k] = 1
	}
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] == 1 {
			continue
		}
		step := make([]int, len(shapes))
		for k := range step {
			if padded[k][i] != 1 {
				step[k] = stride[k]
			}
			stride[k] *= padded[k][i]
		}
		w.add(shape[i], step)
	}
	w.close(len(shapes))
	return w, nil
}

// add puts a loop around the existing ones, or joins it with the outermost if
// that ends, for every operand, where the next step of this one begins.
func (w *walk) add(n int, step []int) {
	if last := len(w.lens) - 1; last >= 0 {
		joins := true
		for k, s := range step {
			joins = joins && s == w.lens[last]*w.steps[last][k]
		}
		if joins {
			w.lens[last] *= n
			return
		}
	}
	w.lens, w.steps = append(w.lens, n), append(w.steps, step)
}

// close finishes the loops, which were added from the innermost to the
// outermost, over n operands.
func (w *walk) close(operands int) {
	if len(w.lens) == 0 {
		w.add(1, make([]int, operands))
	}
	slices.Reverse(w.lens)
	slices.Reverse(w.steps)
	w.at, w.i = make([]int, operands), make([]int, len(w.lens)-1)
}

// each calls f for every run of the innermost loop, with the place of its
// first element in the result and in each operand.
func (w *walk) each(f func(out int, at []int)) {
	if w.n == 0 {
		return
	}
	outer := len(w.lens) - 1
	at, i := w.at, w.i
	clear(at)
	clear(i)
	for out := 0; ; out += w.run() {
		f(out, at)
		l := outer - 1
		for ; l >= 0; l-- {
			for k, s := range w.steps[l] {
				at[k] += s
			}
			if i[l]++; i[l] < w.lens[l] {
				break
			}
			i[l] = 0
			for k, s := range w.steps[l] {
				at[k] -= s * w.lens[l]
			}
		}
		if l < 0 {
			return
		}
	}
}

// walkMemory is a walk that is kept while the operands keep their shapes.
type walkMemory struct {
	shapes [][]int
	walk   *walk
}

// together2 is together for two operands.
func (k *walkMemory) together2(x, y []int) (*walk, error) {
	if k.walk != nil && slices.Equal(k.shapes[0], x) && slices.Equal(k.shapes[1], y) {
		return k.walk, nil
	}
	return k.renew(x, y)
}

// together3 is together for three.
func (k *walkMemory) together3(x, y, z []int) (*walk, error) {
	if k.walk != nil && slices.Equal(k.shapes[0], x) && slices.Equal(k.shapes[1], y) && slices.Equal(k.shapes[2], z) {
		return k.walk, nil
	}
	return k.renew(x, y, z)
}

func (k *walkMemory) renew(shapes ...[]int) (*walk, error) {
	w, err := together(shapes...)
	if err != nil {
		return nil, err
	}
	k.walk, k.shapes = w, nil
	for _, s := range shapes {
		k.shapes = append(k.shapes, slices.Clone(s))
	}
	return w, nil
}
