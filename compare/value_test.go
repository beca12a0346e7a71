package compare

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func TestValueString(t *testing.T) {
	negZero := math.Copysign(0, -1)
	for _, c := range []struct {
		tensor     *lockstep.Tensor
		text, json string
	}{
		{vec(t, float32(0.1)), "0.1", "0.1"},
		{vec(t, float32(negZero)), "-0", "-0"},
		{vec(t, float32(math.SmallestNonzeroFloat32)), "1e-45", "1e-45"},
		{vec(t, float32(nan)), "NaN", `"NaN"`},
		{vec(t, float32(inf)), "Infinity", `"Infinity"`},
		{vec(t, -inf), "-Infinity", `"-Infinity"`},
		{vec(t, 0.1), "0.1", "0.1"},
		{vec(t, math.MaxFloat64), "1.7976931348623157e+308", "1.7976931348623157e+308"},
		{vec(t, lockstep.Float16Bits(0x2e66)), "0.1", "0.1"},
		{vec(t, lockstep.Float16Bits(0x7bff)), "6.55e+04", "6.55e+04"},
		{vec(t, lockstep.Float16Bits(0x0001)), "6e-08", "6e-08"},
		{vec(t, lockstep.Float16Bits(0xfc00)), "-Infinity", `"-Infinity"`},
		{vec(t, lockstep.BFloat16Bits(0x3dcd)), "0.1", "0.1"},
		{vec(t, int32(-7)), "-7", "-7"},
		{vec(t, int64(math.MinInt64)), "-9223372036854775808", "-9223372036854775808"},
		{vec(t, int64(1<<53+1)), "9007199254740993", "9007199254740993"},
		{vec(t, int8(math.MinInt8)), "-128", "-128"},
		{vec(t, int16(math.MinInt16)), "-32768", "-32768"},
		{vec(t, uint8(math.MaxUint8)), "255", "255"},
		{vec(t, uint16(math.MaxUint16)), "65535", "65535"},
		{vec(t, uint32(math.MaxUint32)), "4294967295", "4294967295"},
		{vec(t, uint64(math.MaxUint64)), "18446744073709551615", "18446744073709551615"},
		{vec(t, true), "true", "true"},
		{vec(t, false), "false", "false"},
		{vec(t, "a \"b\"\n"), `"a \"b\"\n"`, `"a \"b\"\n"`},
	} {
		v := ValueAt(c.tensor, 0)
		if got := v.String(); got != c.text {
			t.Errorf("%s: %q, want %q", c.tensor, got, c.text)
		}
		if got, err := json.Marshal(v); err != nil || string(got) != c.json {
			t.Errorf("%s: JSON %s, %v, want %s", c.tensor, got, err, c.json)
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

func TestUpAndDown(t *testing.T) {
	for _, c := range []struct {
		x        float64
		digits   int
		up, down string
	}{
		{0, 3, "0", "0"},
		{1, 3, "1", "1"},
		{0.04, 3, "0.04", "0.04"},
		{1.0000001, 3, "1.01", "1"},
		{math.Nextafter(1, 2), 3, "1.01", "1"},
		{math.Nextafter(1, 0), 3, "1", "0.999"},
		{9.999, 3, "10", "9.99"},
		{0.00099999, 3, "0.001", "0.000999"},
		{1.234e-7, 2, "1.3e-07", "1.2e-07"},
		{1.26e-7, 2, "1.3e-07", "1.2e-07"},
		{12345, 3, "1.24e+04", "1.23e+04"},
		{math.MaxFloat64, 3, "1.7976931348623157e+308", "1.79e+308"},
		{math.SmallestNonzeroFloat64, 3, "4.94e-324", "4.94e-324"},
		{math.Inf(1), 3, "Infinity", "Infinity"},
		{math.NaN(), 3, "NaN", "NaN"},
	} {
		if got := up(c.x, c.digits); got != c.up {
			t.Errorf("up(%v, %d) = %s, want %s", c.x, c.digits, got, c.up)
		}
		if got := down(c.x, c.digits); got != c.down {
			t.Errorf("down(%v, %d) = %s, want %s", c.x, c.digits, got, c.down)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		x := math.Abs(math.Float64frombits(r.Uint64()))
		if !finite(x) {
			continue
		}
		digits := 1 + r.IntN(6)
		hi, _ := strconv.ParseFloat(up(x, digits), 64)
		lo, _ := strconv.ParseFloat(down(x, digits), 64)
		if !(lo <= x && x <= hi) {
			t.Fatalf("%v lies outside of %s to %s", x, down(x, digits), up(x, digits))
		}
		if step := math.Pow(10, float64(1-digits)); x > 1e-300 && x < 1e300 && hi-lo > 1.001*step*x {
			t.Fatalf("%v: %s to %s is wide for %d digits", x, down(x, digits), up(x, digits), digits)
		}
	}
}

func TestCleanElideWrap(t *testing.T) {
	for in, want := range map[string]string{
		"encoder/state_h": "encoder/state_h",
		"größe":           "größe",
		"a\x1b[31mb":      `a\x1b[31mb`,
		"a\nb":            `a\nb`,
		"\xff":            `\xff`,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := elide("encoder/bidirectional/state_h", 16); got != "encod…l/state_h" && len([]rune(got)) != 16 {
		t.Errorf("elide gave %q of %d runes", got, len([]rune(got)))
	}
	if got := elide("short", 5); got != "short" {
		t.Error(got)
	}
	lines := wrap("  ", `aaa "c  d" a-word-longer-than-the-line e`, 4, 12)
	want := []string{`  aaa "c  d"`, "    a-word-longer-than-the-line", "    e"}
	if len(lines) != len(want) {
		t.Fatalf("%q, want %q", lines, want)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i, lines[i], want[i])
		}
	}
}
