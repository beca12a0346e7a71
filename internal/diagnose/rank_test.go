package diagnose

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
)

// A fault that takes nine tenths of a divergence away is named as the nearest; one
// that leaves more is a chance, and is not.
func TestNearestIsNamedOnlyWhereItIsNear(t *testing.T) {
	fault := func(margin float64) Cause {
		return Cause{Faults: []fault.Fault{{Kind: fault.BiasMissing, Layer: "lstm"}}, Side: InCandidate, Before: 1000, Margin: margin}
	}
	for _, c := range []struct {
		margins []float64
		named   bool
	}{{[]float64{100, 900}, true}, {[]float64{101, 900}, false}, {[]float64{999}, false}, {[]float64{0.5, 2}, true}, {nil, false}} {
		s := &search{found: &Result{Tried: len(c.margins)}}
		var causes []Cause
		for _, m := range c.margins {
			causes = append(causes, fault(m))
		}
		s.rank(causes)
		words := strings.Join(s.found.Words("tensorflow", "native"), "\n")
		if named := len(s.found.Causes) == 1; named != c.named || strings.Contains(words, "lstm") != c.named {
			t.Errorf("%v of 1000: %d causes\n%s", c.margins, len(s.found.Causes), words)
		}
	}
}

// Where a layer reads something different already, weights that are rounded in the
// whole model explain more than those of the layer alone, which are as good for
// its steps.
func TestRoundedWeightsOfTheWholeModel(t *testing.T) {
	for quantity, want := range map[string]string{"x": "", "sum_i": "lstm"} {
		s := &search{found: &Result{First: &Divergence{Layer: "lstm", Quantity: quantity}}}
		cause := func(layer string) Cause {
			return Cause{Faults: []fault.Fault{{Kind: fault.HalfWeights, Layer: layer}}, Side: InCandidate, Before: 1000, Margin: 0.1}
		}
		s.rank([]Cause{cause("lstm"), cause("")})
		if got := s.found.Causes[0].Faults[0].Layer; len(s.found.Causes) != 2 || got != want {
			t.Errorf("%s differs first: the layer %q is named, want %q", quantity, got, want)
		}
	}
}

// What diverged and changes nothing is said to change nothing only where nothing
// changed; else the report says how much.
func TestAgreementSaysWhatWasMeasured(t *testing.T) {
	for left, want := range map[float64]string{0: "changes none of them", 0.25: "they reach 0.25 of that"} {
		f := &Result{Agree: true, Left: left}
		words := strings.Join(f.Words("tensorflow", "native"), "\n")
		if !strings.Contains(words, want) || strings.Contains(words, "no effect") {
			t.Errorf("%v left: %s", left, words)
		}
	}
}

// A bound that is infinite or not a number explains nothing.
func TestInfiniteBoundExplainsNothing(t *testing.T) {
	l := &layer{rounding: 0x1p-24}
	for _, bound := range []float64{math.Inf(1), math.NaN()} {
		if m := l.marginOf(1.5, 1, bound); !(m > 1) {
			t.Errorf("a bound of %v: margin %v", bound, m)
		}
		if m := l.marginOf(1.00001, 1, bound); !(m < 1) {
			t.Errorf("a bound of %v: margin %v of a small difference", bound, m)
		}
	}
}

// What a report says right below its verdict is the cause where one explains all,
// else the weights that differ, else what was tried.
func TestWhy(t *testing.T) {
	cause := func(margin float64) Cause {
		return Cause{Faults: []fault.Fault{{Kind: fault.BiasMissing, Layer: "lstm"}}, Side: InCandidate, Before: 1000, Margin: margin}
	}
	changed := []ChangedWeight{{Name: "lstm/bias", Index: []int{0}, Original: 1, Changed: 2}}
	for want, f := range map[string]*Result{
		"native computes what tensorflow would": {First: &Divergence{Layer: "lstm"}, Weights: changed, Causes: []Cause{cause(0.5), cause(0.6)}},
		"a weight differs in the files":         {First: &Divergence{Layer: "lstm"}, Weights: changed, Causes: []Cause{cause(50)}},
		"none of 7 known faults":                {First: &Divergence{Layer: "lstm"}, Tried: 7},
	} {
		var r compare.Report
		f.Report(&r, "tensorflow", "native")
		if len(r.Why) != 1 || !strings.HasPrefix(r.Why[0], "diagnosis: "+want) || !slices.Contains(r.Notes, r.Why[0]) {
			t.Errorf("why: %q, want %q, of %q", r.Why, want, r.Notes)
		}
	}
}
