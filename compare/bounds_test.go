package compare

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A bound that is infinite, or wider than a thousandth of what it bounds, decides
// nothing: whatever the bounds, the numbers and the type, no element is allowed
// more than its bound, nor, where one bound of the tensor proves nothing, more
// than the fallback.
func TestBoundsThatProveNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	for range 3000 {
		n := 1 + rng.IntN(12)
		values, bounds := make([]float32, n), BoundTolerance{Each: make([]float64, n), Offset: make([]float64, n), Of: "the test"}
		scale, width := math.Pow(10, rng.Float64()*12-6), math.Pow(10, rng.Float64()*14-12)
		offset := scale * math.Pow(10, rng.Float64()*8-4) * float64(rng.IntN(2))
		unknown, wide := 0, 0.0
		for i := range n {
			values[i] = float32(offset + scale*rng.NormFloat64())
			bounds.Each[i] = width * rng.Float64()
			if rng.IntN(20) == 0 {
				bounds.Each[i] = []float64{inf, nan, -1}[rng.IntN(3)]
				unknown++
			} else {
				wide = max(wide, bounds.Each[i])
			}
		}
		x := fixture.Vector(t, values...)
		got := bounds.against(x, fallbackRule{})
		fixed := fallbackRule{}.fixed(largestOf(x))
		numbers, _ := floatsOf(x)
		span := extentOf(numbers, n).span
		weak := unknown > 0
		for i, v := range values {
			limit := fixed.Bound(i, float64(v))
			weak = weak || wide > span/1000 && bounds.Each[i] > limit
		}
		for i, v := range values {
			limit := fixed.Bound(i, float64(v))
			known := bounds.Each[i] >= 0 && !math.IsInf(bounds.Each[i], 0)
			want := bounds.Each[i]
			switch {
			case weak && known:
				want = min(want, limit)
			case weak:
				want = limit
			}
			if got.Each[i] != want {
				t.Fatalf("%v with bounds %v: element %d is allowed %v, want %v", values, bounds.Each, i, got.Each[i], want)
			}
		}
		if (got.Weak != "") != weak || (got.Instead != "") != weak || weak != strings.Contains(got.Of, "at most atol") {
			t.Fatalf("%v with bounds %v: %q, %q, %q", values, bounds.Each, got.Weak, got.Instead, got.Of)
		}
		switch {
		case unknown > 0:
			kinds["unknown"]++
		case weak:
			kinds["wide"]++
		default:
			kinds["telling"]++
		}
	}
	for _, kind := range []string{"unknown", "wide", "telling"} {
		if kinds[kind] < 300 {
			t.Errorf("only %d tensors are %s: %v", kinds[kind], kind, kinds)
		}
	}
}

// A large range keeps its wide bounds; a constant is judged by its magnitude.
func TestRangeOfATensor(t *testing.T) {
	for _, c := range []struct {
		what   string
		values []float32
		bound  float64
		weak   bool
	}{
		{"a range of 2", f32(-1, 1), 1.9e-3, false},
		{"a range of 2, wider", f32(-1, 1), 2.1e-3, true},
		{"constant", f32(4, 4), 3.9e-3, false},
		{"constant, wider", f32(4, 4), 4.1e-3, true},
		{"nearly constant, but no wider than the fallback", f32(4, 4.0000005), 1e-6, false},
		{"zeros", f32(0, 0), 1e-5, false},
		{"zeros, wider than the fallback", f32(0, 0), 1.1e-5, true},
		{"not finite beside a range", f32(-1, 1, float32(inf)), 1.9e-3, false},
	} {
		b := BoundTolerance{}
		for range c.values {
			b.Each = append(b.Each, c.bound)
		}
		if got := b.against(fixture.Vector(t, c.values...), fallbackRule{}); (got.Weak != "") != c.weak {
			t.Errorf("%s: %q", c.what, got.Weak)
		}
	}
}

// Numbers among large ones carry their rounding, and 16-bit types their own.
func TestFallback(t *testing.T) {
	f16, bf16 := fixture.Vector(t, lockstep.RoundFloat16(2)), fixture.Vector(t, lockstep.RoundBFloat16(2))
	for _, c := range []struct {
		what    string
		f       fallbackRule
		largest float64
		want    FixedTolerance
		words   string
	}{
		{"float32", fallbackOf(nil, set{"x": fixture.Vector[float32](t, 1)}), 0.5, FixedTolerance{1e-5, 1e-4}, "atol 1e-05, rtol 0.0001"},
		{"large numbers", fallbackOf(nil), 300, FixedTolerance{300 * 1e-5, 1e-4}, "atol 1e-05 times the largest magnitude, 300, rtol 0.0001"},
		{"float16", fallbackOf(nil, set{"x": f16}, set{"y": fixture.Vector[float32](t, 1)}), 1, FixedTolerance{8.0 / 2048, 8.0 / 2048}, "atol 0.00390625, rtol 0.00390625 (8 roundings of float16)"},
		{"bfloat16 is the coarser", fallbackOf(nil, set{"x": f16, "y": bf16}), 1, FixedTolerance{8.0 / 256, 8.0 / 256}, "atol 0.03125, rtol 0.03125 (8 roundings of bfloat16)"},
		{"what the oracle says", fallbackOf(boundsOracle{coarsest: lockstep.Float16}), 1, FixedTolerance{8.0 / 2048, 8.0 / 2048}, "atol 0.00390625, rtol 0.00390625 (8 roundings of float16)"},
	} {
		if got := c.f.fixed(c.largest); got != c.want || c.f.words(c.largest) != c.words {
			t.Errorf("%s: %v, %q, want %v, %q", c.what, got, c.f.words(c.largest), c.want, c.words)
		}
	}
}

// A difference within what rounding can do shows no fault, one beyond it does, and
// where rounding has no known bound, no difference is excused.
func TestWithinRounding(t *testing.T) {
	x := fixture.Vector[float32](t, 1, 1.5)
	for _, c := range []struct {
		what       string
		bound      float64
		candidate  []float32
		want, sure bool // within rounding; in step
	}{
		{"in step", 0.2, f32(1, 1.50001), false, true},
		{"within", 0.2, f32(1.1, 1.5), true, false},
		{"beyond", 0.2, f32(1.3, 1.5), false, false},
		{"one within, one beyond", 0.2, f32(1.1, 1.8), false, false},
		{"unknown", inf, f32(1.1, 1.5), false, false},
		{"NaN", 0.2, f32(float32(nan), 1.5), false, false},
	} {
		rule := Rule{Tolerance: BoundTolerance{Each: []float64{c.bound, c.bound}, Of: "the test"}.against(x, fallbackRule{})}
		r := judgeOne(x, fixture.Vector(t, c.candidate...), rule)
		if r.withinRounding() != c.want || (r.Verdict == InStep) != c.sure || r.ShowsFault() != (!c.want && !c.sure) {
			t.Errorf("%s: within %v, verdict %s, shows a fault %v", c.what, r.withinRounding(), r.Verdict, r.ShowsFault())
		}
		if notes := strings.Join(BoundNotes([]Result{r}), "\n"); strings.Contains(notes, "that sensitive") != c.want {
			t.Errorf("%s: %s", c.what, notes)
		}
	}
}
