package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var castOps = Table{
	"Cast":    {Build: buildCast, Moves: InputsAt(0), Shape: NoInput, Bound: castBound, Undecided: true, Time: TimeOfFirst, Back: castBack, KeepsShape: true},
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
	cut := n.AttrBool("Truncate")
	switch src {
	case lockstep.Float32:
		return castOf(dst, cut, func(x float32) source { return source{f: float64(x), float32: true} })
	case lockstep.Float64:
		return castOf(dst, cut, func(x float64) source { return source{f: x} })
	case lockstep.Float16:
		return castOf(dst, cut, func(x lockstep.Float16Bits) source { return source{f: float64(x.Float32())} })
	case lockstep.BFloat16:
		return castOf(dst, cut, func(x lockstep.BFloat16Bits) source { return source{f: float64(x.Float32())} })
	case lockstep.Int32:
		return castOf(dst, false, func(x int32) source { return source{i: int64(x), integer: true} })
	case lockstep.Int64:
		return castOf(dst, false, func(x int64) source { return source{i: x, integer: true} })
	case lockstep.Bool:
		return castOf(dst, false, func(x bool) source {
			if x {
				return source{i: 1, integer: true}
			}
			return source{integer: true}
		})
	}
	return nil, NotSupported("SrcT", src)
}

// source is a number that is converted from one type to another: f, or i if
// integer.
type source struct {
	f       float64
	i       int64
	integer bool
	float32 bool // f came from a float32
}

func castOf[A lockstep.Element](dst lockstep.DType, cut bool, read func(A) source) (Exec, error) {
	switch dst {
	case lockstep.Float32:
		return Map1(func(x A) float32 { return read(x).cut(cut, 52-23, 0).single() }), nil
	case lockstep.Float64:
		return Map1(func(x A) float64 { return read(x).double() }), nil
	case lockstep.Float16:
		// By way of float32, rounding twice, as TensorFlow does.
		return Map1(func(x A) lockstep.Float16Bits { return lockstep.RoundFloat16(read(x).cut(cut, 52-10, 23-10).single()) }), nil
	case lockstep.BFloat16:
		return Map1(func(x A) lockstep.BFloat16Bits { return lockstep.RoundBFloat16(read(x).cut(cut, 0, 23-7).single()) }), nil
	case lockstep.Int32:
		return Map1(func(x A) int32 { return read(x).int32() }), nil
	case lockstep.Int64:
		return Map1(func(x A) int64 { return read(x).int64() }), nil
	case lockstep.Bool:
		return Map1(func(x A) bool { s := read(x); return s.i != 0 || s.f != 0 }), nil
	}
	return nil, NotSupported("DstT", dst)
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
	if s.integer {
		return float32(s.i)
	}
	return float32(s.f)
}

func (s source) double() float64 {
	if s.integer {
		return float64(s.i)
	}
	return s.f
}

// A number outside the integer's range becomes the lowest, as on x86; in Go it
// depends on the machine.
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

// bitcastInFloat64 refuses floats, whose bits differ in float64.
func bitcastInFloat64(n *savedmodel.Node) (Exec, error) {
	if n.Uses(lockstep.Float32) {
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
		case !dst.IsFloat():
			if off > 0 {
				e[i] = max(math.Abs(math.Trunc(v+off)-out[i]), math.Abs(out[i]-math.Trunc(v-off)))
			}
		case dst == lockstep.Float32 && src != lockstep.Float32 && !(off == 0 && float64(float32(v)) == v):
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
