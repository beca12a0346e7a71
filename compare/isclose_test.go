package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// numpy's own answers, made by testdata/isclose.py.
func TestFixedIsNumpysIsclose(t *testing.T) {
	raw, err := os.ReadFile("testdata/isclose.json")
	if err != nil {
		t.Fatal(err)
	}
	var numpy struct {
		Cases []struct {
			Rtol, Atol float64
			Rows       []string
		}
	}
	if err := json.Unmarshal(raw, &numpy); err != nil {
		t.Fatal(err)
	}
	if len(numpy.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range numpy.Cases {
		rule := Rule{Tolerance: FixedTolerance{Atol: c.Atol, Rtol: c.Rtol}, AllowNonFinite: true}
		var all, close [2][]float64
		for _, row := range c.Rows {
			var a, b uint64
			var want string
			if _, err := fmt.Sscanf(row, "%x %x %s", &a, &b, &want); err != nil {
				t.Fatalf("%q: %v", row, err)
			}
			cand, ref := math.Float64frombits(a), math.Float64frombits(b)
			if got := passes(fixture.Vector(t, ref), fixture.Vector(t, cand), rule); got != (want == "close") {
				t.Errorf("%s: reference %v, candidate %v: passes is %v, numpy says %s", rule, ref, cand, got, want)
			}
			all[0], all[1] = append(all[0], ref), append(all[1], cand)
			if want == "close" {
				close[0], close[1] = append(close[0], ref), append(close[1], cand)
			}
		}
		// numpy.allclose is isclose of all.
		if r := judgeOne(fixture.Vector(t, all[0]...), fixture.Vector(t, all[1]...), rule); r.Verdict == InStep || r.Outside != len(all[0])-len(close[0]) {
			t.Errorf("%s: %s with %d outside, want %d", rule, r.Verdict, r.Outside, len(all[0])-len(close[0]))
		}
		if !passes(fixture.Vector(t, close[0]...), fixture.Vector(t, close[1]...), rule) {
			t.Errorf("%s: the pairs that are close diverge together", rule)
		}
	}
}
