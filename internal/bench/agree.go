package bench

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep/compare"
)

// Agree returns the largest difference between an answer and a reference, and
// an error if it is more than compare's default tolerance lets pass.
func Agree(answer, reference []float64) (float64, error) {
	if len(answer) != len(reference) {
		return 0, fmt.Errorf("it answers %d values, want %d", len(answer), len(reference))
	}
	tolerance := compare.FixedTolerance{Atol: compare.DefaultAtol, Rtol: compare.DefaultRtol}
	largest := 0.0
	for i, b := range reference {
		a := answer[i]
		d := math.Abs(a - b)
		if !(d <= tolerance.Bound(i, b)) { // so that NaN fails
			return d, fmt.Errorf("its value %d is %v, and the reference's %v: a difference of more than %s", i, a, b, tolerance)
		}
		largest = max(largest, d)
	}
	return largest, nil
}
