package compare

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// How an engine stands to expected values: what is outside of more than rounding
// counts first.
func TestStandings(t *testing.T) {
	one, two := fixture.Vector(t, float32(1), 1), fixture.Vector(t, float32(1), 2)
	judged := func(ref, cand *lockstep.Tensor, rounding []float64) Result {
		return judgeOne(ref, cand, Rule{Tolerance: BoundTolerance{Each: []float64{0.5, 0.5}, Rounding: rounding}})
	}
	agreeing, apart := judged(one, one, nil), judged(one, two, nil)
	byRounding := judged(one, two, []float64{0.5, 3})
	shapes := judged(one, fixture.Vector(t, float32(1)), nil)
	none := judged(fixture.Vector(t, float32(math.NaN()), 1), fixture.Vector(t, float32(math.NaN()), 1), nil) // two NaNs prove nothing
	for name, c := range map[string]struct {
		results []Result
		want    standing
	}{
		"in step":                       {[]Result{agreeing}, agrees},
		"outside":                       {[]Result{agreeing, apart}, differs},
		"within rounding":               {[]Result{agreeing, byRounding}, sensitive},
		"one of each":                   {[]Result{byRounding, apart}, differs},
		"another shape":                 {[]Result{shapes, agreeing}, differs},
		"what is no number":             {[]Result{none}, unproven},
		"no number and within rounding": {[]Result{none, byRounding}, sensitive},
	} {
		if got := standingOf(&Comparison{Results: c.results}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Three parties blame the one that differs from two that agree.
func TestBlame(t *testing.T) {
	one, two := set{"y": fixture.Vector(t, float32(1))}, set{"y": fixture.Vector(t, float32(2))}
	for name, c := range map[string]struct {
		reference, candidate standing
		apart, optimizer     bool
		want                 string
	}{
		"both agree":              {agrees, agrees, false, false, ""},
		"the candidate":           {agrees, differs, true, false, "tensorflow agrees with keras, and native with neither: the fault is in native."},
		"the reference":           {differs, agrees, true, false, "native agrees with keras, and tensorflow with neither: the fault is in tensorflow."},
		"the export":              {differs, differs, false, false, "tensorflow and native agree, and differ from keras: the SavedModel does not compute what was predicted"},
		"everybody":               {differs, differs, true, false, "keras, tensorflow and native all differ."},
		"the optimizer":           {agrees, differs, true, true, "keras agrees with tensorflow: it computed what the optimizer made of the graph."},
		"the graph as it is":      {differs, agrees, true, true, "keras agrees with native: it computed the graph as the exporter wrote it."},
		"neither graph":           {differs, differs, true, true, "keras agrees neither with the graph as the exporter wrote it nor with what the optimizer made of it: "},
		"a sensitive graph":       {sensitive, differs, true, true, ""},
		"rounding":                {agrees, sensitive, true, false, ""},
		"rounding of one":         {sensitive, differs, true, false, ""},
		"rounding of the other":   {differs, sensitive, true, false, ""},
		"what proves nothing":     {unproven, differs, false, false, ""},
		"the reference, unproven": {differs, unproven, false, false, ""},
	} {
		out := &CheckResult{Reference: &lockstep.Trace{Engine: "tensorflow"}, Candidate: &lockstep.Trace{Engine: "native"}, Report: &Report{}, optimizer: c.optimizer}
		candidate := one
		if c.apart {
			candidate = two
		}
		out.Report.Comparisons = []Comparison{
			compared("outputs", "tensorflow", "native", one, candidate, Options{}, DefaultRule()),
			compared("expected", "keras", "native", one, two, Options{}, DefaultRule()), // which says nothing of the two engines
		}
		got := Check{ExpectedBy: "keras"}.blame(out, map[*lockstep.Trace]standing{out.Reference: c.reference, out.Candidate: c.candidate})
		if said := strings.Join(got, "\n"); c.want == "" && said != "" || !strings.HasPrefix(said, c.want) {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
	for _, c := range []struct {
		by   standing
		said bool
	}{{agrees, false}, {differs, true}, {sensitive, false}, {unproven, false}} {
		for _, alone := range []*CheckResult{{Reference: &lockstep.Trace{Engine: "one"}}, {Candidate: &lockstep.Trace{Engine: "one"}}} {
			trace := alone.Reference
			if trace == nil {
				trace = alone.Candidate
			}
			got := Check{ExpectedBy: "keras"}.blame(alone, map[*lockstep.Trace]standing{trace: c.by})
			if (len(got) == 1 && strings.HasPrefix(got[0], "one and keras differ: ")) != c.said {
				t.Errorf("one engine alone that stands so, %v: %q", c.by, got)
			}
		}
	}
}

func TestLastSteps(t *testing.T) {
	// Two rows of three steps of two units.
	if got := lastSteps([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, []int{2, 3, 2}); !slices.Equal(got, []float64{5, 6, 11, 12}) {
		t.Errorf("%v", got)
	}
}
