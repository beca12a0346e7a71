package op

import (
	"maps"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Variants holds an operation's code for each element type that it accepts.
type Variants[T any] map[lockstep.DType]T

// ByType makes a builder that chooses by the attribute T, once.
func ByType[F ~func(*Call, []value.Value) ([]value.Value, error)](v Variants[F]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := v.choose(n, "T")
		return Exec(run), err
	}
}

// choose chooses by the element type that an attribute names.
func (v Variants[T]) choose(n *savedmodel.Node, attr string) (T, error) {
	d, err := n.AttrType(attr)
	if err != nil {
		var none T
		return none, err
	}
	return v.of(attr, d)
}

// chooseOr is choose for an attribute that has a default.
func (v Variants[T]) chooseOr(n *savedmodel.Node, attr string, absent lockstep.DType) (T, error) {
	if !n.HasAttr(attr) {
		return v.of(attr, absent)
	}
	return v.choose(n, attr)
}

func (v Variants[T]) of(attr string, d lockstep.DType) (T, error) {
	run, ok := v[d]
	if !ok {
		return run, NotSupported(attr, d)
	}
	return run, nil
}

// Floats is the code for float32 and float64, integers and numbers that for the
// others.
func Floats[T any](f32, f64 T) Variants[T] {
	return Variants[T]{lockstep.Float32: f32, lockstep.Float64: f64}
}

func numbers[T any](f32, f64, i32, i64 T) Variants[T] {
	return Variants[T]{lockstep.Float32: f32, lockstep.Float64: f64, lockstep.Int32: i32, lockstep.Int64: i64}
}

// integers is the code for integers of every size.
func integers[T any](i8, i16, i32, i64, u8, u16, u32, u64 T) Variants[T] {
	return Variants[T]{
		lockstep.Int8: i8, lockstep.Int16: i16, lockstep.Int32: i32, lockstep.Int64: i64,
		lockstep.Uint8: u8, lockstep.Uint16: u16, lockstep.Uint32: u32, lockstep.Uint64: u64,
	}
}

// and adds the code for other types.
func (v Variants[T]) and(other Variants[T]) Variants[T] {
	maps.Copy(v, other)
	return v
}

// without takes away the types for which TensorFlow has no kernel on a CPU.
func (v Variants[T]) without(types ...lockstep.DType) Variants[T] {
	for _, d := range types {
		delete(v, d)
	}
	return v
}

// Some of the types that kernels lack.
var (
	unsigned = []lockstep.DType{lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64}
	small    = []lockstep.DType{lockstep.Int8, lockstep.Int16, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64}
)

// How the functions of integers are given: for int64, which holds all smaller
// ones, and for uint64. What leaves a smaller type's range wraps around, as in
// TensorFlow's kernels, since the lowest bits of a result depend on no others.

// wholes1 is the code of a function of one integer for every type.
func wholes1(i64 func(int64) int64, u64 func(uint64) uint64) Variants[Exec] {
	return integers(
		Map1(wrap1[int8](i64)), Map1(wrap1[int16](i64)), Map1(wrap1[int32](i64)), Map1(i64),
		Map1(wrap1[uint8](i64)), Map1(wrap1[uint16](i64)), Map1(wrap1[uint32](i64)), Map1(u64))
}

// wholes2 is wholes1 for functions of two.
func wholes2(i64 func(x, y int64) int64, u64 func(x, y uint64) uint64) Variants[Exec] {
	return integers(
		Map2(wrap2[int8](i64)), Map2(wrap2[int16](i64)), Map2(wrap2[int32](i64)), Map2(i64),
		Map2(wrap2[uint8](i64)), Map2(wrap2[uint16](i64)), Map2(wrap2[uint32](i64)), Map2(u64))
}

// comparisons is wholes2 for functions that compare.
func comparisons(i64 func(x, y int64) bool, u64 func(x, y uint64) bool) Variants[Exec] {
	return integers(
		Map2(compare[int8](i64)), Map2(compare[int16](i64)), Map2(compare[int32](i64)), Map2(i64),
		Map2(compare[uint8](i64)), Map2(compare[uint16](i64)), Map2(compare[uint32](i64)), Map2(u64))
}

func wrap1[E integer](f func(int64) int64) func(E) E { return func(x E) E { return E(f(int64(x))) } }

func wrap2[E integer](f func(x, y int64) int64) func(x, y E) E {
	return func(x, y E) E { return E(f(int64(x), int64(y))) }
}

func compare[E integer](f func(x, y int64) bool) func(x, y E) bool {
	return func(x, y E) bool { return f(int64(x), int64(y)) }
}

// How operations compute 16-bit floats. Most of TensorFlow's kernels compute
// them in float32 and round the result: halved does so. Some are made of
// smaller steps, each of which is rounded: stepwise. TensorFlow's Sum, Mean and
// AvgPool of float16 round every partial sum, in an order that depends on the
// processor and on the number of threads; here the sum is rounded once.

// With16Bits adds to the code of an operation that for 16 bits.
func With16Bits[F ~func(*Call, []value.Value) ([]value.Value, error)](v Variants[F]) Variants[Exec] {
	out := Variants[Exec]{}
	for d, run := range v {
		out[d] = Exec(run)
	}
	out[lockstep.Float16] = inFloat32[lockstep.Float16Bits](out[lockstep.Float32], -1)
	out[lockstep.BFloat16] = inFloat32[lockstep.BFloat16Bits](out[lockstep.Float32], -1)
	return out
}

// inFloat32 runs the code for float32 and rounds the first results, or all if
// results is negative. Inputs and results of other types stay.
func inFloat32[H half](run Exec, results int) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		wide := make([]value.Value, len(in))
		for i, v := range in {
			wide[i] = v
			if v.Tensor == nil {
				continue
			}
			if d, err := lockstep.Data[H](v.Tensor); err == nil {
				if wide[i].Tensor, err = convert(d, H.Float32, v.Tensor.Shape()); err != nil {
					return nil, err
				}
			}
		}
		out, err := run(w, wide)
		if err != nil {
			return nil, err
		}
		for i := range out {
			if out[i].Tensor.DType() != lockstep.Float32 || results >= 0 && i >= results {
				continue
			}
			if out[i].Tensor, err = narrow[H](out[i].Tensor); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// convert makes a tensor of another type.
func convert[A, B lockstep.Element](d []A, f func(A) B, shape []int) (*lockstep.Tensor, error) {
	out := make([]B, len(d))
	for i, v := range d {
		out[i] = f(v)
	}
	return lockstep.New(out, shape...)
}

// narrow rounds a tensor of float32.
func narrow[H half](t *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		return nil, err
	}
	return convert(d, to16[H], t.Shape())
}

// steps are what a stepwise function needs to know of its type: how it rounds,
// and the distance from 1 that TensorFlow takes for its smallest.
type steps struct {
	round   func(float32) float32
	epsilon float64
}

func stepsOf[H half]() steps {
	s := steps{func(x float32) float32 { return to16[H](x).Float32() }, 1.0 / (1 << 7)}
	if _, ok := any(H(0)).(lockstep.Float16Bits); ok {
		s.epsilon = 1.0 / (1 << 13)
	}
	return s
}

// stepwise adds to the code of a function that for 16 bits, rounded at every
// step.
func stepwise(v Variants[Exec], f func(x float32, s steps) float32) Variants[Exec] {
	v[lockstep.Float16] = Map1(stepwise16[lockstep.Float16Bits](f))
	v[lockstep.BFloat16] = Map1(stepwise16[lockstep.BFloat16Bits](f))
	return v
}

func stepwise16[H half](f func(x float32, s steps) float32) func(H) H {
	s := stepsOf[H]()
	return func(x H) H { return to16[H](f(x.Float32(), s)) }
}

// How the operations compute.
//
// TensorFlow's kernels flush subnormal float32 numbers to zero on its own
// threads; here they are kept. Products of matrices, convolutions, arithmetic and
// the common activations of float32 are computed by package kernel, which says how
// they round. Other float32 functions go through float64, and so do other sums of
// float32: where a partial sum overflows and later terms would bring it back,
// TensorFlow's stays infinite and these do not. In float64 every product is rounded
// before it is added.

type number interface{ float | integer }

type float interface{ float32 | float64 }

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// lowest is the start of a maximum: no number is below it.
func lowest[E number]() E {
	var e E
	switch p := any(&e).(type) {
	case *float32:
		*p = float32(math.Inf(-1))
	case *float64:
		*p = math.Inf(-1)
	case *int8:
		*p = math.MinInt8
	case *int16:
		*p = math.MinInt16
	case *int32:
		*p = math.MinInt32
	case *int64:
		*p = math.MinInt64
	}
	return e // 0 of those without a sign
}

func highest[E number]() E {
	var e E
	switch p := any(&e).(type) {
	case *float32:
		*p = float32(math.Inf(1))
	case *float64:
		*p = math.Inf(1)
	case *int8:
		*p = math.MaxInt8
	case *int16:
		*p = math.MaxInt16
	case *int32:
		*p = math.MaxInt32
	case *int64:
		*p = math.MaxInt64
	case *uint8:
		*p = math.MaxUint8
	case *uint16:
		*p = math.MaxUint16
	case *uint32:
		*p = math.MaxUint32
	case *uint64:
		*p = math.MaxUint64
	}
	return e
}

// half is a type of 16 bits.
type half interface {
	lockstep.Float16Bits | lockstep.BFloat16Bits
	Float32() float32
}

// to16 rounds to the nearest number of 16 bits.
func to16[H half](x float32) H {
	var h H
	switch p := any(&h).(type) {
	case *lockstep.Float16Bits:
		*p = lockstep.RoundFloat16(x)
	case *lockstep.BFloat16Bits:
		*p = lockstep.RoundBFloat16(x)
	}
	return h
}

// via16 computes a function of 16 bits in float32, and rounds once.
func via16[H half](f func(x, y float32) float32) func(x, y H) H {
	return func(x, y H) H { return to16[H](f(x.Float32(), y.Float32())) }
}

func isFloat8(d lockstep.DType) bool { return d == lockstep.Float8E4M3FN || d == lockstep.Float8E5M2 }

// float8Of rounds to a type of 8 bits.
func float8Of(d lockstep.DType, x float64) float64 {
	if d == lockstep.Float8E4M3FN {
		return float64(lockstep.RoundFloat8E4M3FN(x).Float32())
	}
	return float64(lockstep.RoundFloat8E5M2(x).Float32())
}

// castBound is of casts between bools, integers and floats. A fraction that is
// cut may be cut on the other side of an integer.
func castBound(x *BoundInput) error {
	src, err := x.Node.AttrType("SrcT")
	if err != nil {
		return err
	}
	dst, err := x.Node.AttrType("DstT")
	if err != nil {
		return err
	}
	if src.IsComplex() || dst.IsComplex() {
		return complexCastBound(x, src, dst)
	}
	in, errs := x.numbers(0), x.E(0)
	out, err := x.Out[0].Tensor.Float64s()
	if err != nil {
		return err
	}
	e := make([]float64, len(out))
	for i, v := range in {
		off := 0.0
		if errs != nil {
			off = errs[i]
		}
		switch {
		case dst == lockstep.Bool:
			if off > 0 && !(math.Abs(v) > off) {
				e[i] = 1
			}
		case isFloat8(dst):
			if off > 0 {
				for _, end := range []float64{v - off, v + off} {
					e[i] = worse(e[i], math.Abs(float8Of(dst, end)-out[i]))
				}
			}
		case !dst.IsFloat() && src.IsFloat() && !inRange(dst, v, off):
			e[i] = math.Inf(1)
		case !dst.IsFloat():
			if off > 0 {
				e[i] = max(math.Abs(math.Trunc(v+off)-out[i]), math.Abs(out[i]-math.Trunc(v-off)))
			}
		case x.Rounds != 0:
			if !(off == 0 && x.Rounds.Holds(out[i])) {
				if x.Node.AttrBool("Truncate") {
					off += float64(x.Rounds) * math.Abs(v) // twice what rounding does
				}
				e[i] = x.Rounded(v, off+math.Abs(out[i]-v), 1) // by way of float32
			}
		case dst == lockstep.Float32 && (src == lockstep.Float64 || !src.IsFloat()) && !(off == 0 && float64(float32(v)) == v):
			e[i] = x.Rounded(v, off, 2) // it may be cut
		default:
			e[i] = off
		}
	}
	if dst.IsFloat() {
		return x.Set(0, e)
	}
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}

// inRange tells whether a number that is off by at most off is within an integer's
// range, or the type is one whose results outside of it are known.
func inRange(d lockstep.DType, v, off float64) bool {
	bits := 8 * d.Size()
	low, high := 0.0, math.Ldexp(1, bits)
	switch d {
	case lockstep.Int8, lockstep.Int16:
		low, high = -high/2, high/2
	case lockstep.Uint8, lockstep.Uint16, lockstep.Uint32:
	default:
		return true
	}
	return v-off > low-1 && v+off < high
}
