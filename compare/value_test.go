package compare

import (
	"math"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestValueString(t *testing.T) {
	negZero := math.Copysign(0, -1)
	for _, c := range []struct {
		tensor *lockstep.Tensor
		text   string
	}{
		{fixture.Vector(t, float32(0.1)), "0.1"},
		{fixture.Vector(t, float32(negZero)), "-0"},
		{fixture.Vector(t, float32(math.SmallestNonzeroFloat32)), "1e-45"},
		{fixture.Vector(t, float32(nan)), "NaN"},
		{fixture.Vector(t, float32(inf)), "Infinity"},
		{fixture.Vector(t, -inf), "-Infinity"},
		{fixture.Vector(t, 0.1), "0.1"},
		{fixture.Vector(t, math.MaxFloat64), "1.7976931348623157e+308"},
		{fixture.Vector(t, lockstep.Float16Bits(0x2e66)), "0.1"},
		{fixture.Vector(t, lockstep.Float16Bits(0x7bff)), "6.55e+04"},
		{fixture.Vector(t, lockstep.Float16Bits(0x0001)), "6e-08"},
		{fixture.Vector(t, lockstep.Float16Bits(0xfc00)), "-Infinity"},
		{fixture.Vector(t, lockstep.BFloat16Bits(0x3dcd)), "0.1"},
		{fixture.Vector(t, int32(-7)), "-7"},
		{fixture.Vector(t, int64(math.MinInt64)), "-9223372036854775808"},
		{fixture.Vector(t, int64(1<<53+1)), "9007199254740993"},
		{fixture.Vector(t, int8(math.MinInt8)), "-128"},
		{fixture.Vector(t, int16(math.MinInt16)), "-32768"},
		{fixture.Vector(t, uint8(math.MaxUint8)), "255"},
		{fixture.Vector(t, uint16(math.MaxUint16)), "65535"},
		{fixture.Vector(t, uint32(math.MaxUint32)), "4294967295"},
		{fixture.Vector(t, uint64(math.MaxUint64)), "18446744073709551615"},
		{fixture.Vector(t, true), "true"},
		{fixture.Vector(t, false), "false"},
		{fixture.Vector(t, "a \"b\"\n"), `"a \"b\"\n"`},
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
