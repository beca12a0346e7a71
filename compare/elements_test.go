package compare

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestULPDistance(t *testing.T) {
	f32 := func(x float32) uint64 { return uint64(math.Float32bits(x)) }
	f64 := math.Float64bits
	negZero := math.Copysign(0, -1)
	for _, c := range []struct {
		name  string
		dtype lockstep.DType
		a, b  uint64
		want  uint64
	}{
		{"same", lockstep.Float32, f32(1.5), f32(1.5), 0},
		{"+0 and -0", lockstep.Float32, f32(0), f32(float32(negZero)), 0},
		{"next", lockstep.Float32, f32(1), f32(1 + 0x1p-23), 1},
		{"previous, in the binade below", lockstep.Float32, f32(1), f32(1 - 0x1p-24), 1},
		{"a binade", lockstep.Float32, f32(1), f32(2), 1 << 23},
		{"smallest and zero", lockstep.Float32, f32(math.SmallestNonzeroFloat32), f32(0), 1},
		{"smallest and -0", lockstep.Float32, f32(math.SmallestNonzeroFloat32), f32(float32(negZero)), 1},
		{"through zero", lockstep.Float32, f32(math.SmallestNonzeroFloat32), f32(-math.SmallestNonzeroFloat32), 2},
		{"subnormal to normal", lockstep.Float32, 0x007fffff, 0x00800000, 1},
		{"float32 from end to end", lockstep.Float32, f32(math.MaxFloat32), f32(-math.MaxFloat32), 2 * 0x7f7fffff},
		{"float64 next", lockstep.Float64, f64(1), f64(1 + 0x1p-52), 1},
		{"float64 from end to end", lockstep.Float64, f64(math.MaxFloat64), f64(-math.MaxFloat64), 2 * 0x7fefffffffffffff},
		{"float16 binade", lockstep.Float16, 0x3c00, 0x4000, 1 << 10},
		{"float16 from end to end", lockstep.Float16, 0x7bff, 0xfbff, 2 * 0x7bff},
		{"bfloat16 binade", lockstep.BFloat16, 0x3f80, 0x4000, 1 << 7},
		{"bfloat16 through zero", lockstep.BFloat16, 0x0003, 0x8004, 7},
	} {
		for _, ab := range [][2]uint64{{c.a, c.b}, {c.b, c.a}} {
			if got := ulpDistance(ab[0], ab[1], signBit(c.dtype)); got != c.want {
				t.Errorf("%s: %s %#x and %#x are %d apart, want %d", c.name, c.dtype, ab[0], ab[1], got, c.want)
			}
		}
	}
}

// Every float of 16 bits, put in order by value: the distance is the number of
// places between two.
func TestULPDistanceCountsFloats(t *testing.T) {
	for _, d := range []lockstep.DType{lockstep.Float16, lockstep.BFloat16} {
		var values []Value
		for bits := range uint64(1 << 16) {
			if v := (Value{dtype: d, bits: bits}); finite(v.Float64()) && bits != signBit(d) { // -0 is 0
				values = append(values, v)
			}
		}
		slices.SortFunc(values, func(a, b Value) int {
			if a.Float64() < b.Float64() {
				return -1
			}
			return 1
		})
		r := rand.New(rand.NewPCG(1, 2))
		for range 100_000 {
			i, j := r.IntN(len(values)), r.IntN(len(values))
			want := uint64(max(i, j) - min(i, j))
			if got := ulpDistance(values[i].bits, values[j].bits, signBit(d)); got != want {
				t.Fatalf("%s: %s and %s are %d apart, want %d", d, values[i], values[j], got, want)
			}
		}
	}
}

func TestIntDistanceIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 53, -1, 0, 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}
	for range 200 {
		edges = append(edges, int64(r.Uint64()))
	}
	for _, a := range edges {
		for _, b := range edges {
			want := new(big.Int).Sub(big.NewInt(a), big.NewInt(b))
			if got := (integers{}).distance(uint64(a), uint64(b)); new(big.Int).SetUint64(got).Cmp(want.Abs(want)) != 0 {
				t.Fatalf("%d and %d are %d apart, want %s", a, b, got, want)
			}
			want.Sub(new(big.Int).SetUint64(uint64(a)), new(big.Int).SetUint64(uint64(b)))
			if got := (integers{unsigned: true}).distance(uint64(a), uint64(b)); new(big.Int).SetUint64(got).Cmp(want.Abs(want)) != 0 {
				t.Fatalf("%d and %d are %d apart, want %s", uint64(a), uint64(b), got, want)
			}
		}
	}
}

func TestWalkGoesByStepThenRow(t *testing.T) {
	for _, c := range []struct {
		shape []int
		axis  int
		want  []int
	}{
		{nil, -1, []int{0}},
		{[]int{3}, -1, []int{0, 1, 2}},
		{[]int{2, 3}, -1, []int{0, 1, 2, 3, 4, 5}},
		{[]int{2, 3, 1}, 1, []int{0, 3, 1, 4, 2, 5}},
		{[]int{2, 2, 2}, 1, []int{0, 1, 4, 5, 2, 3, 6, 7}},
		{[]int{2, 3}, 0, []int{0, 1, 2, 3, 4, 5}},
		{[]int{2, 3}, 1, []int{0, 3, 1, 4, 2, 5}},
		{[]int{2, 0, 2}, 1, nil},
	} {
		var got []int
		for s, i := range walk(c.shape, c.axis) {
			got = append(got, i)
			want := 0
			if c.axis >= 0 {
				want = unravel(i, c.shape)[c.axis]
			}
			if s != want {
				t.Errorf("%v, time %d: element %d is in step %d, want %d", c.shape, c.axis, i, s, want)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v, time %d: %v, want %v", c.shape, c.axis, got, c.want)
		}
		for range walk(c.shape, c.axis) {
			break // must not go on
		}
	}
}

func TestLayoutWithinRank(t *testing.T) {
	for _, c := range []struct {
		in   Layout
		rank int
		want Layout
	}{
		{Layout{0, 1, 2}, 3, Layout{0, 1, 2}},
		{Layout{1, 0, 2}, 3, Layout{1, 0, 2}},
		{Layout{0, 1, 2}, 2, Layout{0, 1, -1}},
		{Layout{0, 1, 2}, 0, plain},
		{Layout{}, 3, plain}, // the same axis three times
		{Layout{0, 0, 1}, 2, Layout{-1, -1, 1}},
		{Layout{-7, 5, 0}, 3, Layout{-1, -1, 0}},
	} {
		if got := c.in.within(c.rank); got != c.want {
			t.Errorf("%v within rank %d = %v, want %v", c.in, c.rank, got, c.want)
		}
	}
}

func TestPlaceNamesItsAxes(t *testing.T) {
	x := fixture.Ramp(t, 2, 3, 4)
	for _, c := range []struct {
		layout Layout
		flat   int
		want   string
	}{
		{Layout{0, 1, 2}, 23, "step 2, batch row 1, unit 3"},
		{Layout{1, 0, 2}, 23, "step 1, batch row 2, unit 3"},
		{Layout{0, 1, -1}, 12, "step 0, batch row 1, index (1, 0, 0)"},
		{plain, 1, "index (0, 0, 1)"},
	} {
		d := Difference{Reference: x, Candidate: x, Layout: c.layout}
		if got := d.place(c.flat).String(); got != c.want {
			t.Errorf("%v at %d: %q, want %q", c.layout, c.flat, got, c.want)
		}
	}
}
