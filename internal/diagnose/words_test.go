package diagnose

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fault"
)

func TestWordsOfAWeight(t *testing.T) {
	for want, w := range map[string]interface{ String() string }{
		"lstm/kernel[2, 7] is 0.5 instead of 0.25":                                             ChangedWeight{Name: "lstm/kernel", Elements: 40, Differing: 1, Index: []int{2, 7}, Original: 0.25, Changed: 0.5},
		"lstm/bias[0] is 2 instead of 1, and so are 2 of its 40 elements in all":               ChangedWeight{Name: "lstm/bias", Elements: 40, Differing: 2, Index: []int{0}, Original: 1, Changed: 2},
		"one weight of layer gru: kernel[3, 9] (gate r, unit 1) is 0.5 instead of 0.25":        &WeightFault{Layer: "gru", Tensor: "kernel", Row: 3, Column: 9, Gate: "r", Unit: 1, Original: 0.25, Changed: 0.5},
		"one weight of layer gru: bias[0, 9], or else bias[1, 9] by as much, (gate r, unit 1)": &WeightFault{Layer: "gru", Tensor: "bias", Column: 9, Gate: "r", Unit: 1, Ambiguous: true},
	} {
		if got := w.String(); !strings.HasPrefix(got, want) || strings.HasSuffix(got, "in all") != strings.HasSuffix(want, "in all") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWordsOfADivergence(t *testing.T) {
	for want, d := range map[string]Divergence{
		"layer lstm, step 4, gate f (its sum), unit 2, batch row 1: 0.5 and 0.25": {Layer: "lstm", Quantity: "sum_f", Step: 4, Row: 1, Unit: 2, Reference: 0.5, Candidate: 0.25},
		"layer lstm, step 0, gate o, unit 0, batch row 0: 0 and 0":                {Layer: "lstm", Quantity: "o"},
		"layer lstm, step 0, what it reads, unit 0, batch row 0: 0 and 0":         {Layer: "lstm", Quantity: "x"},
		"layer lstm, step 0, h, unit 0, batch row 0: 0 and 0":                     {Layer: "lstm", Quantity: "h"},
		"layer lstm, initial_h, unit 0, batch row 0: 0 and 0":                     {Layer: "lstm", Quantity: "initial_h", Step: -1},
	} {
		if got := d.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// lines are the sentences of a result with n causes of a margin, of which side is
// the first one's.
func lines(n int, margin float64, side Side, weights int) []string {
	f := &Result{Tried: 9}
	for range weights {
		f.Weights = append(f.Weights, ChangedWeight{Name: "lstm/bias", Index: []int{0}})
	}
	for range n {
		f.Causes = append(f.Causes, Cause{Faults: []fault.Fault{{Kind: fault.BiasMissing, Layer: "lstm"}}, Side: side, Before: 50, Margin: margin})
	}
	return f.Words("tensorflow", "native")
}

// Three causes and three weights are told, and how many more there are.
func TestWordsAreFew(t *testing.T) {
	for _, c := range []struct {
		causes, weights, lines int
		last                   string
	}{
		{1, 0, 1, "diagnosis: native computes what tensorflow would with this fault"},
		{3, 0, 3, "diagnosis: or native computes"},
		{4, 0, 4, "diagnosis: 1 more would explain it as well"},
		{6, 0, 4, "diagnosis: 3 more would explain it as well"},
		{0, 3, 4, "diagnosis: none of 9 known faults"},
		{0, 4, 5, "diagnosis: none of 9 known faults"},
		{1, 3, 4, "diagnosis: native computes"},
	} {
		got := lines(c.causes, 1, InCandidate, c.weights)
		if len(got) != c.lines || !strings.HasPrefix(got[len(got)-1], c.last) {
			t.Errorf("%d causes, %d weights: %d lines, want %d, the last %q\n%s", c.causes, c.weights, len(got), c.lines, c.last, strings.Join(got, "\n"))
		}
	}
	if got := lines(0, 0, InCandidate, 5); !slices.Contains(got, "diagnosis: 2 more weights differ in the files of the two models") {
		t.Errorf("of five weights: %q", got)
	}
	got := lines(1, 1, InReference, 0)
	if len(got) != 1 || !strings.HasPrefix(got[0], "diagnosis: tensorflow computes what native would with this fault: bias missing in layer lstm; over single steps the largest |difference|/bound falls from 50 to 1") {
		t.Errorf("a fault in the reference: %q", got)
	}
	if got := lines(1, 1.5, InCandidate, 0); len(got) != 1 || !strings.HasPrefix(got[0], "diagnosis: none of 9 known faults makes the divergence vanish; the nearest: native") {
		t.Errorf("a cause that leaves something: %q", got)
	}
}

// A cause in a report has the layers that it is in, and the weight.
func TestCauseInAReport(t *testing.T) {
	both := []fault.Fault{{Kind: fault.BiasMissing, Layer: "a"}, {Kind: fault.BiasMissing, Layer: "b"}}
	weight := &WeightFault{Layer: "a", Tensor: "kernel", Row: 3, Column: 9, Gate: "r", Unit: 1, Original: 0.25, Changed: 0.5}
	for _, c := range []struct {
		cause Cause
		want  compare.Cause
	}{
		{Cause{Faults: both, Side: InCandidate, Before: 7, Margin: 1}, compare.Cause{
			Text: "bias missing in layers a, b", Kind: "bias missing", Layers: []string{"a", "b"}, In: "candidate", Before: 7, Margin: 1, Over: "single steps", Vanishes: true}},
		{Cause{Faults: []fault.Fault{{Kind: fault.WeightsSwapped, Layer: "a", Other: "b"}}, Side: InReference, Before: 7, Margin: 2, WholeRun: true}, compare.Cause{
			Text: "the weights of layers a and b swapped", Kind: "weights swapped", Layers: []string{"a", "b"}, In: "reference", Before: 7, Margin: 2, Over: "what the layers read and the outputs"}},
		{Cause{Faults: []fault.Fault{{Kind: fault.InputsSwapped, Input: "x", Other: "y"}}, Side: InCandidate, Margin: 0.5}, compare.Cause{
			Text: "inputs x and y swapped", Kind: "inputs swapped", Layers: []string{}, In: "candidate", Margin: 0.5, Over: "single steps", Vanishes: true}},
		{Cause{Faults: []fault.Fault{weight.fault()}, Weight: weight, Side: InCandidate}, compare.Cause{
			Text: weight.String(), Kind: "one weight", Layers: []string{"a"}, In: "candidate", Over: "single steps", Vanishes: true,
			Weight: &compare.WeightDifference{Layer: "a", Tensor: "kernel", Row: 3, Column: 9, Gate: "r", Unit: 1, Original: 0.25, Changed: 0.5}}},
	} {
		if got := c.cause.explanation(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}
