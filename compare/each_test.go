package compare_test

import (
	"math"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/reporttest"
)

// Each says of every element what the result says of the worst and the first.
func TestEachIsWhatWasJudged(t *testing.T) {
	for name, report := range reporttest.Reports(t) {
		for i := range report.Comparisons {
			for k := range report.Comparisons[i].Results {
				r := &report.Comparisons[i].Results[k]
				n, outside, margin := 0, 0, 0.0
				for flat, f := range r.Each() {
					if flat != n {
						t.Fatalf("%s: %s: element %d comes where %d should", name, r.Name, flat, n)
					}
					n++
					if f.Margin > 1 {
						outside++
					}
					margin = math.Max(margin, f.Margin)
					if r.First != nil && r.First.Flat == flat && (r.First.Margin != f.Margin || r.DType().IsFloat() && math.Float64bits(r.First.Bound) != math.Float64bits(f.Bound)) {
						t.Errorf("%s: %s: element %d is %+v, and the first fault is %+v", name, r.Name, flat, f, r.First)
					}
				}
				if r.Kind == compare.Measured && (n != r.Elements || outside != r.Outside || margin != r.Margin) || r.Kind != compare.Measured && n > 0 {
					t.Errorf("%s: %s: %d elements, %d outside, margin %g; the result says %d, %d, %g", name, r.Name, n, outside, margin, r.Elements, r.Outside, r.Margin)
				}
			}
		}
	}
}
