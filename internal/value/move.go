package value

import (
	"fmt"
	"reflect"

	"github.com/lockstep-go/lockstep"
)

// Mover is the operations on elements of any type. Tensors in one move must
// have the same type; typed refuses others.
type Mover interface {
	// View returns n elements of t from one on, under another shape. They are
	// t's own.
	View(t *lockstep.Tensor, from, n int, shape []int) (*lockstep.Tensor, error)
	// pick: see the function pick.
	pick(t *lockstep.Tensor, index []int, run int, shape []int) (*lockstep.Tensor, error)
	// sample: see the function sample.
	sample(t *lockstep.Tensor, axes [][]int, fill *lockstep.Tensor) (*lockstep.Tensor, error)
	// put copies src over dst in blocks of run elements, the i-th to at[i].
	put(dst *lockstep.Tensor, at []int, run int, src *lockstep.Tensor) error
	// repeat makes a tensor of a shape whose elements all are value's one.
	repeat(value *lockstep.Tensor, shape []int) (*lockstep.Tensor, error)
	// Rows fills dst with t's rows along the first axis, by their numbers.
	Rows(dst, t *lockstep.Tensor, numbers []int) error
	// Runs fills dst: see run.
	Runs(dst *lockstep.Tensor, runs []Run, sources []*lockstep.Tensor) error
	// CopyPart copies n elements of src, from one on, over those of dst from another on.
	CopyPart(dst *lockstep.Tensor, to int, src *lockstep.Tensor, from, n int) error
	// copy copies src, which is as long, over dst.
	copy(dst, src *lockstep.Tensor) error
	// Place is that of t's first element, or t itself if it has none.
	Place(t *lockstep.Tensor) any
}

// movers is the one place that distinguishes element types.
var movers = [...]Mover{
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

	lockstep.Float8E4M3FN: typed[lockstep.Float8E4M3FNBits]{},
	lockstep.Float8E5M2:   typed[lockstep.Float8E5M2Bits]{},
	lockstep.Complex64:    typed[complex64]{},
	lockstep.Complex128:   typed[complex128]{},
}

func MoverOf(t *lockstep.Tensor) (Mover, error) {
	if d := int(t.DType()); d < len(movers) && movers[d] != nil {
		return movers[d], nil
	}
	return nil, fmt.Errorf("%s has no elements", t)
}

// Pick makes a tensor of blocks of t's elements: block i is the run elements
// from element index[i] on.
func Pick(t *lockstep.Tensor, index []int, run int, shape []int) (*lockstep.Tensor, error) {
	m, err := MoverOf(t)
	if err != nil {
		return nil, err
	}
	return m.pick(t, index, run, shape)
}

// Sample makes a tensor with an axis for each of axes, whose element at
// (i, j, …) is t's element number axes[0][i] + axes[1][j] + …. Where one of
// those is negative it is fill's one element.
func Sample(t *lockstep.Tensor, axes [][]int, fill *lockstep.Tensor) (*lockstep.Tensor, error) {
	m, err := MoverOf(t)
	if err != nil {
		return nil, err
	}
	return m.sample(t, axes, fill)
}

func Put(dst *lockstep.Tensor, at []int, run int, src *lockstep.Tensor) error {
	m, err := MoverOf(dst)
	if err != nil {
		return err
	}
	return m.put(dst, at, run, src)
}

func Repeat(value *lockstep.Tensor, shape []int) (*lockstep.Tensor, error) {
	m, err := MoverOf(value)
	if err != nil {
		return nil, err
	}
	return m.repeat(value, shape)
}

// Reshaped returns t's own elements under another shape.
func Reshaped(t *lockstep.Tensor, shape []int) (*lockstep.Tensor, error) {
	if _, err := AllowView(shape); err != nil {
		return nil, err
	}
	m, err := MoverOf(t)
	if err != nil {
		return nil, err
	}
	return m.View(t, 0, t.Len(), shape)
}

// RowsOf returns rows [i, i+n) along the first axis under another shape. The
// elements are t's own.
func RowsOf(t *lockstep.Tensor, i, n int, shape []int) (*lockstep.Tensor, error) {
	m, err := MoverOf(t)
	if err != nil {
		return nil, err
	}
	row := Product(t.Shape()[1:])
	return m.View(t, i*row, n*row, shape)
}

// copyRows copies src over row i of dst's first axis.
func copyRows(dst *lockstep.Tensor, i int, src *lockstep.Tensor) error {
	row, err := RowsOf(dst, i, 1, dst.Shape()[1:])
	if err != nil {
		return err
	}
	return CopyElements(row, src)
}

// Overlap tells whether two tensors have elements in the same memory.
func Overlap(a, b *lockstep.Tensor) bool {
	begin := func(t *lockstep.Tensor) (at, end uintptr) {
		m, err := MoverOf(t)
		if err != nil || t.Len() == 0 {
			return 0, 0
		}
		at = reflect.ValueOf(m.Place(t)).Pointer()
		return at, at + uintptr(t.Len()*SizeOf(t.DType()))
	}
	fromA, toA := begin(a)
	fromB, toB := begin(b)
	return fromA < toB && fromB < toA
}

// CopyElements copies the elements of one tensor over another's.
func CopyElements(dst, src *lockstep.Tensor) error {
	if dst.Len() != src.Len() {
		return fmt.Errorf("%s instead of %s", src, dst)
	}
	m, err := MoverOf(dst)
	if err != nil {
		return err
	}
	return m.copy(dst, src)
}

// typed are the moves of one element type.
type typed[E lockstep.Element] struct{}

func (typed[E]) View(t *lockstep.Tensor, from, n int, shape []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return lockstep.New(d[from:from+n:from+n], shape...)
}

func (typed[E]) Place(t *lockstep.Tensor) any {
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
	n, err := AllowSized(shape, SizeFor[E]())
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

// follow tells whether positions are all inside and consecutive by step.
func follow(axis []int, step int) bool {
	for i, at := range axis {
		if at < 0 || at != axis[0]+i*step {
			return false
		}
	}
	return true
}

// sampling is a sample in progress.
type sampling[E lockstep.Element] struct {
	from, to []E
	run      int // elements at each position
	fill     E
}

// walk appends all positions of the axes, or the same number of fills if at is
// negative.
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

func (typed[E]) CopyPart(dst *lockstep.Tensor, to int, src *lockstep.Tensor, from, n int) error {
	d, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	s, err := lockstep.Data[E](src)
	if err != nil {
		return err
	}
	copy(d[to:to+n], s[from:from+n])
	return nil
}

func (typed[E]) Rows(dst, t *lockstep.Tensor, numbers []int) error {
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
	n, err := AllowSized(shape, SizeFor[E]())
	if err != nil {
		return nil, err
	}
	out := make([]E, n)
	for i := range out {
		out[i] = v[0]
	}
	return lockstep.New(out, shape...)
}

// Run is some elements of a result, one after the other, and where they come
// from: each step on in an input, or zero if that is negative.
type Run struct {
	To, N        int
	Input        int // in movement.inputs
	From, Stride int
}

func (typed[E]) Runs(dst *lockstep.Tensor, runs []Run, sources []*lockstep.Tensor) error {
	to, err := lockstep.Data[E](dst)
	if err != nil {
		return err
	}
	var from []E
	last := -1
	for _, r := range runs {
		out := to[r.To : r.To+r.N]
		if r.Input < 0 {
			clear(out)
			continue
		}
		if r.Input != last {
			if from, err = lockstep.Data[E](sources[r.Input]); err != nil {
				return err
			}
			last = r.Input
		}
		if r.Stride == 1 {
			copy(out, from[r.From:])
			continue
		}
		at := r.From
		for i := range out {
			out[i] = from[at]
			at += r.Stride
		}
	}
	return nil
}
