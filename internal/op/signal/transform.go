package signal

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/cmplx"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// transform is a Fourier transform along the last axes.
type transform struct {
	axes     int
	backward bool
	// real says that one side is real, and the other one the half of its transform
	// that says all of it, along the last axis.
	real bool
}

var transforms = op.Table{
	"FFT":     transform{axes: 1}.spec(),
	"FFT2D":   transform{axes: 2}.spec(),
	"FFT3D":   transform{axes: 3}.spec(),
	"IFFT":    transform{axes: 1, backward: true}.spec(),
	"IFFT2D":  transform{axes: 2, backward: true}.spec(),
	"IFFT3D":  transform{axes: 3, backward: true}.spec(),
	"RFFT":    transform{axes: 1, real: true}.spec(),
	"RFFT2D":  transform{axes: 2, real: true}.spec(),
	"RFFT3D":  transform{axes: 3, real: true}.spec(),
	"IRFFT":   transform{axes: 1, real: true, backward: true}.spec(),
	"IRFFT2D": transform{axes: 2, real: true, backward: true}.spec(),
	"IRFFT3D": transform{axes: 3, real: true, backward: true}.spec(),
}

func (t transform) spec() *op.Spec {
	s := &op.Spec{Build: t.build, Float64: op.Plain(t.run(lockstep.Complex128)), Shape: op.NoInput, Bound: t.bound, Time: op.TimeBeside(t.axes)}
	if t.real {
		s.Shape = op.InputsAt(1)
	}
	return s
}

func (t transform) build(n *savedmodel.Node) (op.Exec, error) {
	d, err := op.TypeOr(n, "Tcomplex", lockstep.Complex64)
	if t.real {
		d, err = typeOf(n, "Tcomplex", "Treal")
	}
	if err != nil {
		return nil, err
	}
	if !d.IsComplex() {
		return nil, op.NotSupported("Tcomplex", d)
	}
	return t.run(d), nil
}

// lengths are those of the transform's axes, in the input, where it computes, and in
// the result.
type lengths struct {
	batch         int
	in, full, out []int
	shape         []int // of the result
}

func (t transform) lengthsOf(in []value.Value) (x *lockstep.Tensor, l lengths, err error) {
	n := 1
	if t.real {
		n = 2
	}
	tensors, err := value.Tensors(in, n)
	if err != nil {
		return nil, l, err
	}
	x = tensors[0]
	shape := x.Shape()
	if len(shape) < t.axes {
		return nil, l, fmt.Errorf("%s, want a rank of at least %d", x, t.axes)
	}
	before := len(shape) - t.axes
	l.in, l.full = shape[before:], shape[before:]
	if t.real {
		if l.full, err = op.Vector(tensors[1]); err != nil {
			return nil, l, fmt.Errorf("the length: %w", err)
		}
		if len(l.full) != t.axes {
			return nil, l, fmt.Errorf("%d lengths, want %d", len(l.full), t.axes)
		}
	}
	l.out = append([]int(nil), l.full...)
	last := t.axes - 1
	for i, d := range l.full {
		if d < 0 || d == 0 && t.real || d > value.MaxElements {
			return nil, l, fmt.Errorf("a length of %d, want one from 1 to %d", d, value.MaxElements)
		}
		want := d
		if t.real && t.backward && i == last {
			want = d/2 + 1
		}
		if l.in[i] != 0 && l.in[i] < want {
			return nil, l, fmt.Errorf("%s for a transform of the lengths %v, want at least %d along axis %d", x, l.full, want, before+i)
		}
	}
	if t.real && !t.backward && l.full[last] != 0 {
		l.out[last] = l.full[last]/2 + 1
	}
	l.shape = append(append([]int(nil), shape[:before]...), l.out...)
	if l.batch, err = lockstep.NumElements(shape[:before]); err != nil {
		return nil, l, err
	}
	size, err := value.AllowSized(l.shape, value.SizeOf(lockstep.Complex128))
	if err != nil {
		return nil, l, err
	}
	full, err := value.AllowSized(append([]int{1}, l.full...), 4*value.SizeOf(lockstep.Complex128))
	if err != nil {
		return nil, l, err
	}
	if x.Len() == 0 && size > 0 {
		return nil, l, errors.New("a transform of no numbers that makes some")
	}
	return x, l, op.Affordable(max(1, l.batch), full, bits.Len(uint(full)), largest)
}

// memory is the memory of a transform: the plan of each axis, and room for one
// transform and one line of it.
type memory struct {
	plans      []*plan
	box        []complex128
	line, made []complex128
}

func (m *memory) of(l lengths) {
	if len(m.plans) != len(l.full) {
		m.plans = make([]*plan, len(l.full))
	}
	longest := 0
	for i, n := range l.full {
		if m.plans[i] == nil || m.plans[i].n != n {
			m.plans[i] = newPlan(n)
		}
		longest = max(longest, n)
	}
	if size := value.Product(l.full); len(m.box) != size {
		m.box = make([]complex128, size)
	}
	if len(m.line) < longest {
		m.line, m.made = make([]complex128, longest), make([]complex128, longest)
	}
}

// run transforms numbers of a type, of which the real ones have half the size.
func (t transform) run(d lockstep.DType) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		x, l, err := t.lengthsOf(in)
		if err != nil {
			return nil, err
		}
		dtype, from := d, d
		if t.real && t.backward {
			dtype = realOf(d)
		}
		if t.real && !t.backward {
			from = realOf(d)
		}
		if x.DType() != from {
			return nil, fmt.Errorf("input 0 is %s, want %s", x, from)
		}
		result, err := value.Zeros(dtype, l.shape)
		if err != nil || result.Len() == 0 {
			return w.One(result, err)
		}
		m := op.Room[memory](w)
		m.of(l)
		read, write := reader(x), writer(result)
		for batch := range l.batch {
			t.one(m, l, batch, read, write)
		}
		return w.One(result, nil)
	}
}

func realOf(d lockstep.DType) lockstep.DType {
	if d == lockstep.Complex64 {
		return lockstep.Float32
	}
	return lockstep.Float64
}

// reader and writer are the elements of a tensor.
func reader(t *lockstep.Tensor) func(i int) complex128 {
	if d, err := lockstep.Data[complex64](t); err == nil {
		return func(i int) complex128 { return complex128(d[i]) }
	}
	if d, err := lockstep.Data[complex128](t); err == nil {
		return func(i int) complex128 { return d[i] }
	}
	if d, err := lockstep.Data[float32](t); err == nil {
		return func(i int) complex128 { return complex(float64(d[i]), 0) }
	}
	d, _ := lockstep.Data[float64](t)
	return func(i int) complex128 { return complex(d[i], 0) }
}

func writer(t *lockstep.Tensor) func(i int, v complex128) {
	if d, err := lockstep.Data[complex64](t); err == nil {
		return func(i int, v complex128) { d[i] = complex64(v) }
	}
	if d, err := lockstep.Data[complex128](t); err == nil {
		return func(i int, v complex128) { d[i] = v }
	}
	if d, err := lockstep.Data[float32](t); err == nil {
		return func(i int, v complex128) { d[i] = float32(real(v)) }
	}
	d, _ := lockstep.Data[float64](t)
	return func(i int, v complex128) { d[i] = real(v) }
}

// one transforms the elements of one place of the axes before.
func (t transform) one(m *memory, l lengths, batch int, read func(int) complex128, write func(int, complex128)) {
	last := t.axes - 1
	t.load(m, l, batch*value.Product(l.in), read)
	axes := make([]int, 0, 3)
	for axis := range t.axes {
		if t.real && t.backward {
			axes = append(axes, axis) // the last one last: it is the real one
		} else {
			axes = append(axes, last-axis)
		}
	}
	for _, axis := range axes {
		t.along(m, l, axis)
	}
	scale := 1.0
	if t.backward {
		scale = float64(len(m.box))
	}
	at := batch * value.Product(l.out)
	for i, v := range m.box {
		if k := i % l.full[last]; k >= l.out[last] {
			continue
		}
		write(at, complex(real(v)/scale, imag(v)/scale))
		at++
	}
}

// load reads the box of a transform.
func (t transform) load(m *memory, l lengths, first int, read func(int) complex128) {
	last := t.axes - 1
	for i := range m.box {
		at, rest, inside := 0, i, true
		place := [3]int{}
		for axis := last; axis >= 0; axis-- {
			place[axis] = rest % l.full[axis]
			rest /= l.full[axis]
		}
		for axis := range t.axes {
			inside = inside && place[axis] < l.in[axis]
			at = at*l.in[axis] + place[axis]
		}
		if t.real && t.backward && place[last] > l.full[last]/2 {
			inside = false // it follows from the other half
		}
		m.box[i] = 0
		if inside {
			m.box[i] = read(first + at)
		}
	}
}

// along transforms all lines along an axis.
func (t transform) along(m *memory, l lengths, axis int) {
	n, step := l.full[axis], value.Product(l.full[axis+1:])
	p := m.plans[axis]
	half := t.real && t.backward && axis == t.axes-1
	for first := range len(m.box) / n {
		at := first/step*n*step + first%step
		for k := range n {
			m.line[k] = m.box[at+k*step]
		}
		if half {
			mirror(m.line[:n])
		}
		if t.backward {
			p.backward(m.made[:n], m.line[:n])
		} else {
			p.forward(m.made[:n], m.line[:n])
		}
		for k := range n {
			m.box[at+k*step] = m.made[k]
		}
	}
}

// mirror completes the transform of real numbers: the first element, and of an even
// number of them the middle one, are real.
func mirror(line []complex128) {
	n := len(line)
	line[0] = complex(real(line[0]), 0)
	if n%2 == 0 {
		line[n/2] = complex(real(line[n/2]), 0)
	}
	for k := 1; k < (n+1)/2; k++ {
		line[n-k] = cmplx.Conj(line[k])
	}
}

// bound: each number of a result is a sum of those of the input, each turned, and so
// off by at most the sum of their errors and γ(n) times that of their magnitudes,
// where n counts the roundings along the levels of a fast transform. A length with a
// large prime factor may be transformed as a convolution with numbers of the
// magnitude 1, whose terms are bounded by the root of the sum of squares, times that of
// the number of terms (Cauchy and Schwarz). The result of a backward transform is
// divided by the length.
func (t transform) bound(x *op.BoundInput) error {
	in, l, err := t.lengthsOf(x.Values())
	if err != nil {
		return err
	}
	read, errs := reader(in), x.E(0)
	n, each, made := value.Product(l.full), value.Product(l.in), value.Product(l.out)
	roundings, large := 0, false
	for _, d := range l.full {
		r, is := levels(d)
		if is {
			r = 3 * 10 * (bits.Len(uint(d)) + 2)
		}
		roundings, large = roundings+r, large || is
	}
	e := make([]float64, l.batch*made)
	for batch := range l.batch {
		var size, squares, off float64
		for i := range each {
			v := cmplx.Abs(read(batch*each + i))
			if errs != nil {
				off += errs[batch*each+i]
				v += errs[batch*each+i]
			}
			size += v
			squares += v * v
		}
		magnitude := size
		if large {
			magnitude = math.Sqrt(4 * float64(n) * squares)
		}
		if x.Typical {
			magnitude, roundings = math.Sqrt(squares), 5*bits.Len(uint(n))
		}
		both, scale := 1.0, 1.0
		if t.real && t.backward {
			both = 2 // each of the half stands for two
		}
		if t.backward {
			scale = float64(n)
		}
		bound := both*(off+x.Gamma(roundings)*magnitude)/scale*rounding.Slack + float64(roundings)*x.Unit.Tiny()
		if both*size > x.Unit.Largest() {
			bound = math.Inf(1)
		}
		for i := range made {
			e[batch*made+i] = bound
		}
	}
	return x.Set(0, e)
}
