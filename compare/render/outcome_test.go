package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/reporttest"
)

// outcomes are one of each kind: in step, diverged in two tensors, failed beside
// the comparisons, nothing compared, and not run.
func outcomes(t *testing.T) []compare.Outcome {
	t.Helper()
	of := func(reference, candidate set, order ...string) compare.Comparison {
		return compare.Comparison{
			Title: "outputs and states", Reference: "tensorflow", Candidate: "native",
			Results: compare.Judge(compare.Measure(reference, candidate, compare.Options{Order: order, Layout: compare.KerasLayout}), nil),
		}
	}
	good := set{"y": fixture.Vector(t, f32(1, 2)...)}
	return []compare.Outcome{
		{Model: "good", Report: &compare.Report{Model: "good", Comparisons: []compare.Comparison{of(good, good, "y")}, Notes: []string{"inputs: random, 100%"}}},
		{Model: "bad", Report: &compare.Report{Model: "bad", Comparisons: []compare.Comparison{of(
			set{"y": fixture.NewTensor(t, f32(1, 2, 3, 4, 5, 6), 1, 3, 2), "h": fixture.Vector(t, f32(7)...), "z": fixture.Vector(t, f32(1)...)},
			set{"y": fixture.NewTensor(t, f32(1, 2, 3, 4.5, 5, 6), 1, 3, 2), "h": fixture.Vector(t, f32(7)...)}, "y", "h", "z")}}},
		{Model: "dir/other,weights", Report: &compare.Report{Comparisons: []compare.Comparison{of(good, good, "y")}, Failures: []string{"weights changed: a <b> & ]]> \x00", "files changed: c"}}},
		{Model: "nothing", Report: &compare.Report{}},
		{Model: "not run", Err: errors.New("native: no\nsuch: 50%\r directory")},
	}
}

// Annotations stay on one line each, and their properties in one piece.
func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	if err := GitHub(&b, outcomes(t)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"::notice title=lockstep%3A good%3A in step::in step, margin 0%0Ainputs: random, 100%25",
		"::error title=lockstep%3A bad%3A diverged::native differs from tensorflow, first at y, step 1, batch row 0, unit 1: 4.5, want 4",
		"::error title=lockstep%3A dir/other%2Cweights%3A diverged::weights changed: a <b> & ]]> \\x00%0Afiles changed: c",
		"::error title=lockstep%3A nothing%3A diverged::nothing was compared",
		"::error title=lockstep%3A not run%3A not run::native: no such: 50%25 directory",
	}
	if got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSummary(t *testing.T) {
	var b bytes.Buffer
	if err := Summary(&b, outcomes(t)); err != nil {
		t.Fatal(err)
	}
	want := `  model              verdict     margin
  good               in step          0
  bad                diverged  Infinity  native differs from tensorflow, first at y, step 1, batch row 0, unit 1: 4.5, want 4
  dir/other,weights  diverged         0  weights changed: a <b> & ]]> \x00
  nothing            diverged         -  nothing was compared
  not run            not run          -  native: no such: 50% directory
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}

// What fails beside the comparisons leads the text and decides the verdict.
func TestFailures(t *testing.T) {
	r := outcomes(t)[2].Report
	if r.Verdict() != compare.Diverged {
		t.Error(r.Verdict())
	}
	r.Model = "dir"
	var b bytes.Buffer
	if err := Text(&b, r, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want := "diverged: dir: weights changed: a <b> & ]]> \\x00\n  files changed: c\n  in step: outputs and states: native agrees with tensorflow"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	b.Reset()
	if err := JSON(&b, outcomesOf(r)); err != nil || !strings.Contains(b.String(), `"failures": [`) || !strings.Contains(b.String(), `"verdict": "diverged"`) {
		t.Errorf("%v\n%s", err, &b)
	}
}

// A model that did not run is in the document, which is not in step then, and in
// a line of its own.
func TestNotRunIsTold(t *testing.T) {
	all := outcomes(t)
	var b bytes.Buffer
	passed := compare.Outcome{Model: "fine", Report: all[0].Report}
	failed := compare.Outcome{Model: "not\nrun", Err: errors.New("no such\ndirectory")}
	for _, c := range []struct {
		outcomes []compare.Outcome
		verdict  string
		notRun   bool
	}{{[]compare.Outcome{passed}, "in_step", false}, {[]compare.Outcome{passed, failed}, "no_verdict", true}, {[]compare.Outcome{failed}, "no_verdict", true}, {[]compare.Outcome{all[1], failed}, "diverged", true}, {[]compare.Outcome{{Model: "x"}}, "no_verdict", true}} {
		b.Reset()
		if err := JSON(&b, c.outcomes); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `"schema": 1,
  "verdict": "`+c.verdict+`"`) || strings.Contains(b.String(), `"not_run": [`) != c.notRun {
			t.Errorf("%v: %s", c.outcomes, &b)
		}
	}
	if !strings.Contains(b.String(), `"error": "there is no report"`) {
		t.Errorf("%s", &b)
	}
	for want, o := range map[string]compare.Outcome{`not\nrun: not run: no such directory`: failed, "fine: in step, margin ": passed, ": diverged: ": all[1]} {
		if got := Line(&o); !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Where in a loop a result is, GitHub's annotation, JUnit's cases and JSON say as the
// text does.
func TestIterationsAreNamed(t *testing.T) {
	const place = "rnn/while/cell/Tanh:0 (Tanh) in the loop rnn/while, iteration 6 and 4 more"
	all := []compare.Outcome{{Model: "m", Report: reporttest.Reports(t)["loop"]}}
	var b bytes.Buffer
	if err := GitHub(&b, all); err != nil || !strings.Contains(b.String(), place) {
		t.Errorf("GitHub: %v, %s", err, b.String())
	}
	cases := Cases(&all[0])
	var names []string
	for _, c := range cases {
		names = append(names, c.Name)
	}
	if want := "rnn/while/cell/Tanh:0 in the loop rnn/while, iteration 6 and 4 more"; !slices.Contains(names, want) || !slices.Contains(names, "rnn/while/cell/MatMul:0 in the loop rnn/while, 12 iterations") {
		t.Errorf("the cases are %q, want %q", names, want)
	}
	if i := slices.IndexFunc(cases, func(c Case) bool { return c.Failed && strings.Contains(c.Message, place) }); i < 0 {
		t.Errorf("no case says where: %+v", cases)
	}
	b.Reset()
	if err := JSON(&b, all); err != nil {
		t.Fatal(err)
	}
	type iteration struct {
		Loop                       string
		Number, Compared, Diverged int
		Condition                  bool
	}
	var read struct {
		Reports []struct {
			First struct {
				Iteration *iteration
			} `json:"first_divergence"`
			Comparisons []struct {
				Results []struct{ Iteration *iteration }
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	r := read.Reports[0]
	if r.First.Iteration == nil || *r.First.Iteration != (iteration{"rnn/while", 6, 12, 5, false}) {
		t.Errorf("the first divergence in JSON is %+v", r.First.Iteration)
	}
	if one := r.Comparisons[0].Results; !one[0].Iteration.Condition || one[3].Iteration != nil {
		t.Errorf("in JSON: %+v", one)
	}
}
