package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// moves are what is done to elements whatever their type is. Tensors that take
// part in one move must have the same type; typed refuses others.
type moves interface {
	// view returns n elements of t from one on, under another shape. They are
	// t's own.
	view(t *lockstep.Tensor, from, n int, shape []int) (*lockstep.Tensor, error)
	// pick: see the function pick.
	pick(t *lockstep.Tensor, index []int, run int, shape []int) (*lockstep.Tensor, error)
	// sample: see the function sample.
	sample(t *lockstep.Tensor, axes [][]int, fill *lockstep.Tensor) (*lockstep.Tensor, error)
	// put copies src over dst in blocks of run elements, the i-th to at[i].
	put(dst *lockstep.Tensor, at []int, run int, src *lockstep.Tensor) error
	// repeat makes a tensor of a shape whose elements all are value's one.
	repeat(value *lockstep.Tensor, shape []int) (*lockstep.Tensor, error)
	// rows fills dst with t's rows along the first axis, by their numbers.
	rows(dst, t *lockstep.Tensor, numbers []int) error
	// runs fills dst: see run.
	runs(dst *lockstep.Tensor, runs []run, sources []*lockstep.Tensor) error
	// copy copies src, which is as long, over dst.
	copy(dst, src *lockstep.Tensor) error
	// place is that of t's first element, or t itself if it has none.
	place(t *lockstep.Tensor) any
}

// movers is the one place that tells element types apart.
var movers = [...]moves{
	lockstep.Float32:  typed[float32]{},
	lockstep.Float64:  typed[float64]{},
	lockstep.Float16:  typed[lockstep.Float16Bits]{},
	lockstep.BFloat16: typed[lockstep.BFloat16Bits]{},
	lockstep.Int32:    typed[int32]{},
	lockstep.Int64:    typed[int64]{},
	lockstep.Bool:     typed[bool]{},
	lockstep.String:   typed[string]{},
	lockstep.Int8:     typed[int8]{},
	lockstep.Int16:    typed[int16]{},
	lockstep.Uint8:    typed[uint8]{},
	lockstep.Uint16:   typed[uint16]{},
	lockstep.Uint32:   typed[uint32]{},
	lockstep.Uint64:   typed[uint64]{},
}

func moverOf(t *lockstep.Tensor) (moves, error) {
	if d := int(t.DType()); d < len(movers) && movers[d] != nil {
		return movers[d], nil
	}
	return nil, fmt.Errorf("%s has no elements", t)
}

// pick makes a tensor of blocks of t's elements: block i is the run elements
// from element index[i] on.
func pick(t *lockstep.Tensor, index []int, run int, shape []int) (*lockstep.Tensor, error) {
	m, err := moverOf(t)
	if err != nil {
		return nil, err
	}
	return m.pick(t, index, run, shape)
}

// sample makes a tensor with an axis for each of axes, whose element at
// (i, j, …) is t's element number axes[0][i] + axes[1][j] + …. Where one of
// those is negative it is fill's one element.
func sample(t *lockstep.Tensor, axes [][]int, fill *lockstep.Tensor) (*lockstep.Tensor, error) {
	m, err := moverOf(t)
	if err != nil {
		return nil, err
	}
	return m.sample(t, axes, fill)
}

func put(dst *lockstep.Tensor, at []int, run int, src *lockstep.Tensor) error {
	m, err := moverOf(dst)
	if err != nil {
		return err
	}
	return m.put(dst, at, run, src)
}

func repeat(value *lockstep.Tensor, shape []int) (*lockstep.Tensor, error) {
	m, err := moverOf(value)
	if err != nil {
		return nil, err
	}
	return m.repeat(value, shape)
}

// reshaped returns t's own elements under another shape.
func reshaped(t *lockstep.Tensor, shape []int) (*lockstep.Tensor, error) {
	if _, err := bounded(shape); err != nil {
		return nil, err
	}
	m, err := moverOf(t)
	if err != nil {
		return nil, err
	}
	return m.view(t, 0, t.Len(), shape)
}

// rowsOf returns rows [i, i+n) along the first axis under another shape. The
// elements are t's own.
func rowsOf(t *lockstep.Tensor, i, n int, shape []int) (*lockstep.Tensor, error) {
	m, err := moverOf(t)
	if err != nil {
		return nil, err
	}
	row := product(t.Shape()[1:])
	return m.view(t, i*row, n*row, shape)
}

// copyRows copies src over row i of dst's first axis.
func copyRows(dst *lockstep.Tensor, i int, src *lockstep.Tensor) error {
	row, err := rowsOf(dst, i, 1, dst.Shape()[1:])
	if err != nil {
		return err
	}
	return copyElements(row, src)
}

// copyElements copies the elements of one tensor over another's.
func copyElements(dst, src *lockstep.Tensor) error {
	if dst.Len() != src.Len() {
		return fmt.Errorf("%s in the place of %s", src, dst)
	}
	m, err := moverOf(dst)
	if err != nil {
		return err
	}
	return m.copy(dst, src)
}

// typed are the moves of one element type.
type typed[E lockstep.Element] struct{}

func (typed[E]) view(t *lockstep.Tensor, from, n int, shape []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return lockstep.New(d[from:from+n:from+n], shape...)
}

func (typed[E]) place(t *lockstep.Tensor) any {
	if d, err := lockstep.Data[E](t); err == nil && len(d) > 0 {
		return &d[0]
	}
	return t
}

func (typed[E]) pick(t *lockstep.Tensor, index []int, run int, shape []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	out := make([]E, 0, len(index)*run)
	for _, i := range index {
		out = append(out, d[i:i+run]...)
	}
	return lockstep.New(out, shape...)
}

func (typed[E]) sample(t *lockstep.Tensor, axes [][]int, fill *lockstep.Tensor) (*lockstep.Tensor, error) {
	s := sampling[E]{run: 1}
	var err error
	if s.from, err = lockstep.Data[E](t); err != nil {
		return nil, err
	}
	if fill != nil {
		one, err := lockstep.Data[E](fill)
		if err != nil {
			return nil, err
		}
		if len(one) != 1 {
			return nil, fmt.Errorf("a value of %d elements, want one", len(one))
		}
		s.fill = one[0]
	}
	shape := make([]int, len(axes))
	for i, axis := range axes {
		shape[i] = len(axis)
	}
	n, err := elementsSized(shape, sizeFor[E]())
	if err != nil {
		return nil, err
	}
	s.to = make([]E, 0, n)
	if n > 0 {
		first := 0
		// The last axes are one run of elements where they follow each other.
		for len(axes) > 0 && follow(axes[len(axes)-1], s.run) {
			last := axes[len(axes)-1]
			first += last[0]
			s.run *= len(last)
			axes = axes[:len(axes)-1]
		}
		s.walk(axes, first)
	}
	return lockstep.New(s.to, shape...)
}

// follow tells whether positions are none outside and each step after the one
// before.
func follow(axis []int, step int) bool {
	for i, at := range axis {
		if at < 0 || at != axis[0]+i*step {
			return false
		}
	}
	return true
}

// sampling is a sample on its way.
type sampling[E lockstep.Element] struct {
	from, to []E
	run      int // elements at each position
	fill     E
}

// walk appends all positions of the axes, or as many fills if at is negative.
func (s *sampling[E]) walk(axes [][]int, at int) {
	if len(axes) == 0 {
		if at >= 0 {
			s.to = append(s.to, s.from[at:at+s.run]...)
			return
		}
		for range s.run {
			s.to = append(s.to, s.fill)
		}
		return
	}
	if len(axes) == 1 && s.run == 1 && at >= 0 { // the common innermost loop
		for _, step := range axes[0] {
			if step < 0 {
				s.to = append(s.to, s.fill)
				continue
			}
			s.to = append(s.to, s.from[at+step])
		}
		return
	}
	for _, step := range axes[0] {
		if at < 0 || step < 0 {
			s.walk(axes[1:], -1)
			continue
		}
		s.walk(axes[1:], at+step)
	}
}

func (typed[E]) copy(dst, src *lockstep.Tensor) error {
	to, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	from, err := lockstep.Data[E](src)
	copy(to, from)
	return err
}

func (typed[E]) rows(dst, t *lockstep.Tensor, numbers []int) error {
	to, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	from, err := lockstep.Data[E](t)
	if err != nil {
		return err
	}
	n := len(from) / t.Shape()[0]
	for i, r := range numbers {
		copy(to[i*n:(i+1)*n], from[r*n:])
	}
	return nil
}

func (typed[E]) put(dst *lockstep.Tensor, at []int, run int, src *lockstep.Tensor) error {
	d, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	s, err := lockstep.Data[E](src)
	if err != nil {
		return err
	}
	for i, to := range at {
		copy(d[to:to+run], s[i*run:(i+1)*run])
	}
	return nil
}

func (typed[E]) repeat(value *lockstep.Tensor, shape []int) (*lockstep.Tensor, error) {
	v, err := lockstep.Data[E](value)
	if err != nil {
		return nil, err
	}
	if len(v) != 1 {
		return nil, fmt.Errorf("a value of %d elements, want one", len(v))
	}
	n, err := elementsSized(shape, sizeFor[E]())
	if err != nil {
		return nil, err
	}
	out := make([]E, n)
	for i := range out {
		out[i] = v[0]
	}
	return lockstep.New(out, shape...)
}

// run is some elements of a result, one after the other, and where they come
// from: each step on in an input, or zero if that is negative.
type run struct {
	to, n        int
	input        int // in movement.inputs
	from, stride int
}

func (typed[E]) runs(dst *lockstep.Tensor, runs []run, sources []*lockstep.Tensor) error {
	to, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	var from []E
	last := -1
	for _, r := range runs {
		out := to[r.to : r.to+r.n]
		if r.input < 0 {
			clear(out)
			continue
		}
		if r.input != last {
			if from, err = lockstep.Data[E](sources[r.input]); err != nil {
				return err
			}
			last = r.input
		}
		if r.stride == 1 {
			copy(out, from[r.from:])
			continue
		}
		at := r.from
		for i := range out {
			out[i] = from[at]
			at += r.stride
		}
	}
	return nil
}
