package errbound

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// A cast of an exact number is exact where the result is the number, or the lowest
// integer for want of one, and is off by a rounding where float32 has no such number.
func TestCastsOfExactNumbers(t *testing.T) {
	integer := func(d *graphtest.Drawing, x string) string {
		return d.Float(d.Op("Cast", graphtest.Attrs{"SrcT": lockstep.Float32, "DstT": lockstep.Int32}, x))
	}
	for _, c := range []struct {
		name         string
		x            float32
		draw         func(d *graphtest.Drawing, x string) string
		exact, bound float64 // the bound at least, and twice that at most
	}{
		{"an integer of a fraction", 2.5, integer, 2, 0},
		{"an integer of a large number", 3e9, integer, math.MinInt32, 0},
		{"an integer of an infinite one", float32(math.Inf(1)), integer, math.MinInt32, 0},
		{"a float of 2^24", 0, func(d *graphtest.Drawing, _ string) string { return d.Float(d.Int(1 << 24)) }, 1 << 24, 0},
		{"a float of 2^24+1", 0, func(d *graphtest.Drawing, _ string) string { return d.Float(d.Int(1<<24 + 1)) }, 1<<24 + 1, 1},
	} {
		// Beside another that is not, so that there are bounds.
		exact, bounds, why := evaluated(t, []float32{c.x, 2.5}, []float64{0, 0.75}, c.draw)
		if why != nil || exact[0] != c.exact || !(bounds[0] >= c.bound && bounds[0] <= 2.001*c.bound) {
			t.Errorf("%s: %v off by %v, %v, want %v off by %v", c.name, exact, bounds, why, c.exact, c.bound)
		}
	}
}
