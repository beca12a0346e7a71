package compare

import (
	"fmt"
	"math"
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/format"
)

// Value is one element of a tensor, kept bit for bit. Two Values are the same
// bits of the same type if they are ==.
type Value struct {
	dtype lockstep.DType
	bits  uint64 // of a float, an integer's (a signed one's two's complement), 1 for true
	text  string // of a string
}

// DType returns the element's type.
func (v Value) DType() lockstep.DType { return v.dtype }

// Bits returns the bits of a float in its own format, an integer in 64 bits (a
// signed one's two's complement), 1 for true, and 0 for false and every string.
func (v Value) Bits() uint64 { return v.bits }

// Float64 returns the number that a float is; float64 holds all of them. It
// is NaN for other types.
func (v Value) Float64() float64 {
	switch v.dtype {
	case lockstep.Float32:
		return float64(math.Float32frombits(uint32(v.bits)))
	case lockstep.Float64:
		return math.Float64frombits(v.bits)
	case lockstep.Float16:
		return float64(lockstep.Float16Bits(v.bits).Float32())
	case lockstep.BFloat16:
		return float64(lockstep.BFloat16Bits(v.bits).Float32())
	case lockstep.Float8E4M3FN:
		return float64(lockstep.Float8E4M3FNBits(v.bits).Float32())
	case lockstep.Float8E5M2:
		return float64(lockstep.Float8E5M2Bits(v.bits).Float32())
	}
	return math.NaN()
}

// String writes a float with the fewest digits that give the same bits back
// when read into its own type (NaN, Infinity and -Infinity by these names), an
// integer in full, and a string quoted.
func (v Value) String() string {
	switch v.dtype {
	case lockstep.Float32, lockstep.Float64, lockstep.Float16, lockstep.BFloat16, lockstep.Float8E4M3FN, lockstep.Float8E5M2:
		return v.float()
	case lockstep.Int8, lockstep.Int16, lockstep.Int32, lockstep.Int64:
		return strconv.FormatInt(int64(v.bits), 10)
	case lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64:
		return strconv.FormatUint(v.bits, 10)
	case lockstep.Bool:
		return strconv.FormatBool(v.bits != 0)
	case lockstep.String:
		return strconv.Quote(v.text)
	}
	return fmt.Sprintf("no value of type %s", v.dtype)
}

func (v Value) float() string {
	f := v.Float64()
	if !finite(f) {
		return format.NonFinite(f)
	}
	switch v.dtype {
	case lockstep.Float32:
		return strconv.FormatFloat(f, 'g', -1, 32)
	case lockstep.Float64:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	// The 16-bit formats are unknown to strconv: digits are enough once they
	// are nearer to f than half of the gap to the next smaller magnitude, which
	// is never the wider of its two gaps. Nine digits name every float32.
	gap := math.Abs(f)
	if m := v.bits &^ signBit(v.dtype); m > 0 {
		below := Value{dtype: v.dtype, bits: m - 1}
		gap -= below.Float64()
	}
	for digits := 1; ; digits++ {
		s := strconv.FormatFloat(f, 'g', digits, 64)
		if back, _ := strconv.ParseFloat(s, 64); math.Abs(back-f) < gap/2 || back == f || digits == 9 {
			return s
		}
	}
}

// finite tells whether f is neither NaN nor infinite.
func finite(f float64) bool { return math.Abs(f) <= math.MaxFloat64 }

// ValueAt returns an element; the flat index must be inside.
func ValueAt(t *lockstep.Tensor, flat int) Value {
	v := Value{dtype: t.DType()}
	if n, ok := floatsOf(t); ok {
		v.bits = n.bits(flat)
	} else if n, ok := intsOf(t); ok {
		v.bits = n.at(flat)
	} else if b, err := lockstep.Data[bool](t); err == nil {
		if b[flat] {
			v.bits = 1
		}
	} else if s, err := lockstep.Data[string](t); err == nil {
		v.text = s[flat]
	}
	return v
}
