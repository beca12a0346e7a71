package explain

import (
	"math"
	"slices"
	"testing"
)

func decay(n int, f float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 3 * math.Pow(f, float64(i))
	}
	return out
}

func TestRespond(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, c := range map[string]struct {
		curve []float64
		noise float64
		want  Response
	}{
		"exponential":         {decay(50, 0.9), 0, Response{Peak: 3, Half: math.Log(0.5) / math.Log(0.9), Left: math.Pow(0.9, 49)}},
		"fast":                {decay(5, 0.1), 0, Response{Peak: 3, Half: math.Log(0.5) / math.Log(0.1), Left: 1e-4}},
		"grows first":         {append([]float64{1, 2}, decay(50, 0.5)...), 0, Response{Peak: 3, At: 2, Half: 1, Left: math.Pow(0.5, 49)}},
		"for good":            {[]float64{4, 1, 4, 1, 3, 1}, 0, Response{Peak: 4, Half: 4 + math.Log(1.5)/math.Log(3), Left: 0.25}},
		"at half is gone":     {[]float64{4, 2, 2, 2}, 0, Response{Peak: 4, Half: 1, Left: 0.5}},
		"never":               {[]float64{4, 1, 3}, 0, Response{Peak: 4, Half: inf, Left: 0.75}},
		"to nothing":          {[]float64{4, 0, 0}, 0, Response{Peak: 4, Half: 1, Left: 0}},
		"nothing":             {[]float64{0, 0}, 0, Response{Half: nan, Left: nan}},
		"noise":               {[]float64{0, 1e-9}, 1e-8, Response{Peak: 1e-9, At: 1, Half: nan, Left: nan}},
		"not a number":        {[]float64{1, nan, 0}, 0, Response{Peak: inf, At: 1, Half: nan, Left: nan}},
		"infinite":            {[]float64{inf, 1}, 0, Response{Peak: inf, Half: nan, Left: nan}},
		"one":                 {[]float64{5}, 0, Response{Peak: 5, Half: inf, Left: 1}},
		"the peak comes last": {[]float64{1, 2, 5}, 0, Response{Peak: 5, At: 2, Half: inf, Left: 1}},
	} {
		r := respond(c.curve, c.noise)
		if !alike(r.Peak, c.want.Peak) || r.At != c.want.At || !alike(r.Half, c.want.Half) || !alike(r.Left, c.want.Left) {
			t.Errorf("%s: %+v, want %+v", name, r, c.want)
		}
	}
}

func alike(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || near(a, b, 1e-12, 1e-12)
}

func TestMedianAndSlowest(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	all := []Response{{Half: 3}, {Half: nan}, {Half: inf, Left: 0.6}, {Half: 1}, {Half: inf, Left: 0.9}}
	if m := Median(all); m != 3 {
		t.Errorf("the median is %g, want 3", m)
	}
	if got := Slowest(all, 3); !slices.Equal(got, []int{4, 2, 0}) {
		t.Errorf("the slowest are %d", got)
	}
	if got := Slowest(all, 9); len(got) != 4 {
		t.Errorf("%d units have a half-life", len(got))
	}
	if m := Median([]Response{{Half: nan}}); !math.IsNaN(m) {
		t.Errorf("the median of nothing is %g", m)
	}
	if r := respond(decay(20, 0.9), 0); !near(r.after(3), 0.729, 1e-12, 0) || !math.IsNaN(r.after(20)) {
		t.Errorf("%g is left after 3 steps, and %g after 20", r.after(3), r.after(20))
	}
}

func TestPercent(t *testing.T) {
	for x, want := range map[float64]string{0: "0%", 0.0004: "<0.1%", 0.012: "1.2%", 0.5: "50%", 0.9951: "99.5%", 0.99999: ">99.9%", 1: "100%", 2.5: "250%", math.Inf(1): "all"} {
		if got := percent(x); got != want {
			t.Errorf("%g is %q, want %q", x, got, want)
		}
	}
}
