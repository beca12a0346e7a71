package compare

import (
	"math"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func TestValueString(t *testing.T) {
	negZero := math.Copysign(0, -1)
	for _, c := range []struct {
		tensor *lockstep.Tensor
		text   string
	}{
		{vec(t, float32(0.1)), "0.1"},
		{vec(t, float32(negZero)), "-0"},
		{vec(t, float32(math.SmallestNonzeroFloat32)), "1e-45"},
		{vec(t, float32(nan)), "NaN"},
		{vec(t, float32(inf)), "Infinity"},
		{vec(t, -inf), "-Infinity"},
		{vec(t, 0.1), "0.1"},
		{vec(t, math.MaxFloat64), "1.7976931348623157e+308"},
		{vec(t, lockstep.Float16Bits(0x2e66)), "0.1"},
		{vec(t, lockstep.Float16Bits(0x7bff)), "6.55e+04"},
		{vec(t, lockstep.Float16Bits(0x0001)), "6e-08"},
		{vec(t, lockstep.Float16Bits(0xfc00)), "-Infinity"},
		{vec(t, lockstep.BFloat16Bits(0x3dcd)), "0.1"},
		{vec(t, int32(-7)), "-7"},
		{vec(t, int64(math.MinInt64)), "-9223372036854775808"},
		{vec(t, int64(1<<53+1)), "9007199254740993"},
		{vec(t, int8(math.MinInt8)), "-128"},
		{vec(t, int16(math.MinInt16)), "-32768"},
		{vec(t, uint8(math.MaxUint8)), "255"},
		{vec(t, uint16(math.MaxUint16)), "65535"},
		{vec(t, uint32(math.MaxUint32)), "4294967295"},
		{vec(t, uint64(math.MaxUint64)), "18446744073709551615"},
		{vec(t, true), "true"},
		{vec(t, false), "false"},
		{vec(t, "a \"b\"\n"), `"a \"b\"\n"`},
	} {
		v := ValueAt(c.tensor, 0)
		if got := v.String(); got != c.text {
			t.Errorf("%s: %q, want %q", c.tensor, got, c.text)
		}
	}
	if got := (Value{}).String(); got != "no value of type invalid" {
		t.Error(got)
	}
}

// The digits of every float of 16 bits must lie nearer to it than to any other.
func TestHalfPrecisionDigitsRoundTrip(t *testing.T) {
	for _, d := range []lockstep.DType{lockstep.Float16, lockstep.BFloat16} {
		for bits := range signBit(d) {
			v := Value{dtype: d, bits: bits}
			f := v.Float64()
			if !finite(f) {
				continue
			}
			back, err := strconv.ParseFloat(v.String(), 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range []uint64{bits + 1, bits - 1} {
				o := Value{dtype: d, bits: other}
				if g := o.Float64(); bits > 0 && finite(g) && math.Abs(back-g) <= math.Abs(back-f) {
					t.Fatalf("%s %#04x is written %s, which is no nearer to it than to %#04x", d, bits, v, other)
				}
			}
			if neg := (Value{dtype: d, bits: bits | signBit(d)}).String(); neg != "-"+v.String() {
				t.Fatalf("%s %#04x: %s, and its negative %s", d, bits, v, neg)
			}
		}
	}
}
