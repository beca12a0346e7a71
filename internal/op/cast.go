package op

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var castOps = Table{
	"Cast":    {Types: []string{"SrcT", "DstT"}, Build: buildCast, Moves: InputsAt(0), Shape: NoInput, Float64: castInFloat64, Bound: castBound, Undecided: true, Undefined: true, Time: TimeOfFirst, Back: castBack, KeepsShape: true},
	"Bitcast": {Build: buildBitcast, Float64: bitcastInFloat64, AnyType: true},
}

func buildCast(n *savedmodel.Node) (Exec, error) {
	src, err := n.AttrType("SrcT")
	if err != nil {
		return nil, err
	}
	dst, err := n.AttrType("DstT")
	if err != nil {
		return nil, err
	}
	if src == lockstep.String || dst == lockstep.String {
		if src != dst {
			return nil, NotSupported("DstT", dst.String()+" of "+src.String())
		}
		return Map1(func(s string) string { return s }), nil
	}
	if run, ok := complexCasts[[2]lockstep.DType{src, dst}]; ok {
		return run, nil
	}
	return castBetween(src, dst, n.AttrBool("Truncate"))
}

// complexCasts are the casts from and to complex numbers, of which a float is the real
// part.
var complexCasts = map[[2]lockstep.DType]Exec{
	{lockstep.Float32, lockstep.Complex64}:     Map1(func(x float32) complex64 { return complex(x, 0) }),
	{lockstep.Float64, lockstep.Complex128}:    Map1(func(x float64) complex128 { return complex(x, 0) }),
	{lockstep.Float64, lockstep.Complex64}:     Map1(func(x float64) complex64 { return complex(float32(x), 0) }),
	{lockstep.Float32, lockstep.Complex128}:    Map1(func(x float32) complex128 { return complex(float64(x), 0) }),
	{lockstep.Complex64, lockstep.Complex64}:   identity,
	{lockstep.Complex128, lockstep.Complex128}: identity,
	{lockstep.Complex64, lockstep.Float32}:     Map1(func(x complex64) float32 { return real(x) }),
	{lockstep.Complex128, lockstep.Float64}:    Map1(func(x complex128) float64 { return real(x) }),
	{lockstep.Complex64, lockstep.Complex128}:  Map1(func(x complex64) complex128 { return complex128(x) }),
	{lockstep.Complex128, lockstep.Complex64}:  Map1(func(x complex128) complex64 { return complex64(x) }),
}

// complexCastBound: a part is off by no more than the number is; one that loses digits
// is rounded.
func complexCastBound(x *BoundInput, src, dst lockstep.DType) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	copy(e, x.E(0))
	if wide := src == lockstep.Float64 || src == lockstep.Complex128; wide && dst == lockstep.Complex64 {
		for i, v := range ComplexOf(x.Out[0].Tensor) {
			e[i] = x.Rounded(cmplx.Abs(v), e[i], 1)
		}
	}
	return x.Set(0, e)
}

// castInFloat64 keeps float64 instead of narrower floats; what is to have 8 bits
// holds the numbers of its type. A number of float32 that is to have 16 bits is
// rounded, as weights are: all engines round it the same way.
func castInFloat64(n *savedmodel.Node) (Exec, error) {
	run, err := buildCast(inFloat64(n))
	if err != nil {
		return nil, fmt.Errorf("in float64: %w", err)
	}
	src, _ := n.AttrType("SrcT") // which buildCast has read
	dst, _ := n.AttrType("DstT")
	if isFloat8(dst) {
		if n.AttrBool("Truncate") {
			return nil, ErrNoBound
		}
		return then(run, Map1(func(x float64) float64 { return float8Of(dst, x) })), nil
	}
	unit := rounding.CoarseUnit(dst)
	if unit == 0 {
		return run, nil
	}
	cut := n.AttrBool("Truncate") && src.IsFloat()
	narrow := func(s source) float32 { return s.cut(cut, 52-10, 23-10).single() }
	if dst == lockstep.BFloat16 {
		narrow = func(s source) float32 { return s.cut(cut, 0, 23-7).single() }
	}
	return then(run, Map1(func(x float64) float64 {
		if !rounding.Float32.Holds(x) {
			return x
		}
		return float64(unit.Round(narrow(source{f: x, float32: src == lockstep.Float32})))
	})), nil
}

// then runs one function of a tensor on the result of another.
func then(first, second Exec) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		var keep any
		made, err := first(&Call{Keep: &keep}, in)
		if err != nil {
			return nil, err
		}
		return second(w, made)
	}
}

func castBetween(src, dst lockstep.DType, cut bool) (Exec, error) {
	read, ok := sources[src]
	if !ok {
		return nil, NotSupported("SrcT", src)
	}
	if isFloat8(dst) && !src.IsFloat() { // TensorFlow has no kernel for it
		return nil, NotSupported("DstT", fmt.Sprintf("%s of %s", dst, src))
	}
	if dst == lockstep.Float32 {
		if run, ok := toFloat32[src]; ok {
			return run, nil
		}
	}
	write, ok := castTo(dst, cut)
	if !ok {
		return nil, NotSupported("DstT", dst)
	}
	if cut && isFloat8(dst) {
		return nil, NotSupported("Truncate", true)
	}
	return write(read), nil
}

// toFloat32 are the casts that models make of many elements.
var toFloat32 = Variants[Exec]{
	lockstep.Int8: Map1(func(x int8) float32 { return float32(x) }), lockstep.Uint8: Map1(func(x uint8) float32 { return float32(x) }),
	lockstep.Int32: Map1(func(x int32) float32 { return float32(x) }),
}

// source is a number that is converted from one type to another: f, or i if
// integer.
type source struct {
	f        float64
	i        int64
	integer  bool
	unsigned bool // i are the bits of a uint64
	float32  bool // f came from a float32
}

// reader gives the elements of a tensor.
//
// keep is the operation's memory of it, so that no call makes anything.
type reader func(keep *any, in []value.Value) (t *lockstep.Tensor, at func(i int) source, err error)

var sources = Variants[reader]{
	lockstep.Float32:      readAs(func(x float32) source { return source{f: float64(x), float32: true} }),
	lockstep.Float64:      readAs(func(x float64) source { return source{f: x} }),
	lockstep.Float16:      readAs(sourceOfBits[lockstep.Float16Bits]),
	lockstep.BFloat16:     readAs(sourceOfBits[lockstep.BFloat16Bits]),
	lockstep.Float8E4M3FN: readAs(sourceOfBits[lockstep.Float8E4M3FNBits]),
	lockstep.Float8E5M2:   readAs(sourceOfBits[lockstep.Float8E5M2Bits]),
	lockstep.Uint64:       readAs(func(x uint64) source { return source{i: int64(x), integer: true, unsigned: true} }),
	lockstep.Bool: readAs(func(x bool) source {
		if x {
			return source{i: 1, integer: true}
		}
		return source{integer: true}
	}),
	lockstep.Int8: readAs(sourceOfInt[int8]), lockstep.Int16: readAs(sourceOfInt[int16]), lockstep.Int32: readAs(sourceOfInt[int32]), lockstep.Int64: readAs(sourceOfInt[int64]),
	lockstep.Uint8: readAs(sourceOfInt[uint8]), lockstep.Uint16: readAs(sourceOfInt[uint16]), lockstep.Uint32: readAs(sourceOfInt[uint32]),
}

func readAs[A lockstep.Element](f func(A) source) reader {
	type reading struct {
		x  []A
		at func(i int) source
	}
	return func(keep *any, in []value.Value) (t *lockstep.Tensor, at func(i int) source, err error) {
		r := roomIn[reading](keep)
		if r.at == nil {
			r.at = func(i int) source { return f(r.x[i]) }
		}
		t, r.x, err = Operand[A](in, 0)
		return t, r.at, err
	}
}

func sourceOfBits[H interface{ Float32() float32 }](x H) source {
	return source{f: float64(x.Float32())}
}

func sourceOfInt[E integer](x E) source { return source{i: int64(x), integer: true} }

// castTo makes casts to a type of what a reader gives. cut leaves out the bits of
// a fraction that a smaller one does not have, instead of rounding it.
func castTo(dst lockstep.DType, cut bool) (func(reader) Exec, bool) {
	switch dst {
	case lockstep.Float32:
		return writeAs(func(s source) float32 { return s.cut(cut, 52-23, 0).single() }), true
	case lockstep.Float64:
		return writeAs(source.double), true
	case lockstep.Float16:
		// By way of float32, rounding twice, as TensorFlow does.
		return writeAs(func(s source) lockstep.Float16Bits { return lockstep.RoundFloat16(s.cut(cut, 52-10, 23-10).single()) }), true
	case lockstep.BFloat16:
		return writeAs(func(s source) lockstep.BFloat16Bits { return lockstep.RoundBFloat16(s.cut(cut, 0, 23-7).single()) }), true
	case lockstep.Float8E4M3FN:
		return writeAs(func(s source) lockstep.Float8E4M3FNBits { return lockstep.RoundFloat8E4M3FN(s.f) }), true
	case lockstep.Float8E5M2:
		return writeAs(func(s source) lockstep.Float8E5M2Bits { return lockstep.RoundFloat8E5M2(s.f) }), true
	case lockstep.Int8:
		return writeAs(clamped[int8]), true
	case lockstep.Int16:
		return writeAs(clamped[int16]), true
	case lockstep.Int32:
		return writeAs(source.int32), true
	case lockstep.Int64:
		return writeAs(source.int64), true
	case lockstep.Uint8:
		return writeAs(clamped[uint8]), true
	case lockstep.Uint16:
		return writeAs(clamped[uint16]), true
	case lockstep.Uint32:
		return writeAs(source.uint32), true
	case lockstep.Uint64:
		return writeAs(source.uint64), true
	case lockstep.Bool:
		return writeAs(func(s source) bool { return s.i != 0 || s.f != 0 }), true
	}
	return nil, false
}

func writeAs[B lockstep.Element](f func(source) B) func(reader) Exec {
	type memory struct {
		ResultMemory[B]
		read any
	}
	return func(read reader) Exec {
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			if len(in) != 1 {
				return nil, fmt.Errorf("%d inputs, want 1", len(in))
			}
			m := Room[memory](w)
			t, at, err := read(&m.read, in)
			if err != nil {
				return nil, err
			}
			out, y, err := m.Get(t.Shape()...)
			if err != nil {
				return nil, err
			}
			for i := range y {
				y[i] = f(at(i))
			}
			return w.One(out, nil)
		}
	}
}

// cut clears the fraction bits that the result does not have: those of a
// float64, or of a float32.
func (s source) cut(on bool, bits64, bits32 int) source {
	switch {
	case !on || s.integer || math.IsNaN(s.f) || math.IsInf(s.f, 0):
	case s.float32:
		s.f = float64(math.Float32frombits(math.Float32bits(float32(s.f)) &^ (1<<bits32 - 1)))
	default:
		s.f = math.Float64frombits(math.Float64bits(s.f) &^ (1<<bits64 - 1))
	}
	return s
}

func (s source) single() float32 {
	switch {
	case s.unsigned:
		return float32(uint64(s.i))
	case s.integer:
		return float32(s.i)
	}
	return float32(s.f)
}

func (s source) double() float64 {
	switch {
	case s.unsigned:
		return float64(uint64(s.i))
	case s.integer:
		return float64(s.i)
	}
	return s.f
}

// What a float outside of the range of an integer becomes, C++ leaves open, and Go
// too. In TensorFlow on x86 it is the lowest int64 or int32. In the other types it
// depends on the place in the tensor: where elements are converted several at a time,
// they go by way of int32 to the nearer end of the range, and the last ones of a
// tensor wrap around. Here all are as the first; castBound knows none of them.
func (s source) int64() int64 {
	if s.integer {
		return s.i
	}
	if !(s.f >= -1<<63 && s.f < 1<<63) {
		return math.MinInt64
	}
	return int64(s.f)
}

func (s source) int32() int32 {
	if s.integer {
		return int32(s.i)
	}
	if !(s.f > -1<<31-1 && s.f < 1<<31) {
		return math.MinInt32
	}
	return int32(s.f)
}

// clamped is for the types that int32 holds.
func clamped[E int8 | int16 | uint8 | uint16](s source) E {
	if s.integer {
		return E(s.i)
	}
	return E(min(max(int64(s.int32()), int64(lowest[E]())), int64(highest[E]())))
}

func (s source) uint32() uint32 {
	if !s.integer && !(s.f > -1<<31-1 && s.f < 1<<32) {
		return 1 << 31
	}
	return uint32(s.int64())
}

func (s source) uint64() uint64 {
	if !s.integer && s.f >= 1<<63 {
		return uint64(source{f: s.f - 1<<63}.int64()) ^ 1<<63
	}
	return uint64(s.int64())
}

// bitcastInFloat64 refuses floats, whose bits differ in float64.
func bitcastInFloat64(n *savedmodel.Node) (Exec, error) {
	if n.Uses(lockstep.Float32) || n.Uses(lockstep.Float16) || n.Uses(lockstep.BFloat16) {
		return nil, ErrNoBound
	}
	return buildBitcast(n)
}

// buildBitcast reads the bits of elements as another type. Where the sizes
// differ, the last axis has the parts of the larger one, the lowest first.
func buildBitcast(n *savedmodel.Node) (Exec, error) {
	var types [2]lockstep.DType
	for i, attr := range []string{"T", "type"} {
		var err error
		if types[i], err = n.AttrType(attr); err != nil {
			return nil, err
		}
		if types[i] == lockstep.Bool || types[i].Size() == 0 {
			return nil, NotSupported(attr, types[i])
		}
	}
	from, to := types[0].Size(), types[1].Size()
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].DType() != types[0] {
			return nil, fmt.Errorf("%s, want %s", t[0], types[0])
		}
		shape := slices.Clone(t[0].Shape())
		switch last := len(shape) - 1; {
		case from > to:
			shape = append(shape, from/to)
		case from < to:
			if last < 0 || shape[last] != to/from {
				return nil, fmt.Errorf("%s read as %s, want a last axis of %d", t[0], types[1], to/from)
			}
			shape = shape[:last]
		}
		if _, err := value.Allow(shape); err != nil {
			return nil, err
		}
		bits, err := raw.Encode(t[0])
		if err != nil {
			return nil, err
		}
		return w.One(raw.Decode(types[1], shape, bits))
	}, nil
}
