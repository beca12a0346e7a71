package format

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestRoundUpAndDown(t *testing.T) {
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
		if got := RoundUp(c.x, c.digits); got != c.up {
			t.Errorf("RoundUp(%v, %d) = %s, want %s", c.x, c.digits, got, c.up)
		}
		if got := RoundDown(c.x, c.digits); got != c.down {
			t.Errorf("RoundDown(%v, %d) = %s, want %s", c.x, c.digits, got, c.down)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		x := math.Abs(math.Float64frombits(r.Uint64()))
		if !isFinite(x) {
			continue
		}
		digits := 1 + r.IntN(6)
		hi, _ := strconv.ParseFloat(RoundUp(x, digits), 64)
		lo, _ := strconv.ParseFloat(RoundDown(x, digits), 64)
		if !(lo <= x && x <= hi) {
			t.Fatalf("%v lies outside of %s to %s", x, RoundDown(x, digits), RoundUp(x, digits))
		}
		if step := math.Pow(10, float64(1-digits)); x > 1e-300 && x < 1e300 && hi-lo > 1.001*step*x {
			t.Fatalf("%v: %s to %s is wide for %d digits", x, RoundDown(x, digits), RoundUp(x, digits), digits)
		}
	}
}

func TestPrintableElideWrap(t *testing.T) {
	for in, want := range map[string]string{
		"encoder/state_h": "encoder/state_h",
		"größe":           "größe",
		"a\x1b[31mb":      `a\x1b[31mb`,
		"a\nb":            `a\nb`,
		"\xff":            `\xff`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Elide("encoder/bidirectional/state_h", 16); got != "encod…l/state_h" && len([]rune(got)) != 16 {
		t.Errorf("elide gave %q of %d runes", got, len([]rune(got)))
	}
	if got := Elide("short", 5); got != "short" {
		t.Error(got)
	}
	lines := Wrap("  ", `aaa "c  d" a-word-longer-than-the-line e`, 4, 12)
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
