package html

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/reporttest"
)

func written(t *testing.T, reports ...*compare.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, reports...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	scripts = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`)
	tags    = regexp.MustCompile(`<[^>]*>`)
	spaces  = regexp.MustCompile(`\s+`)
)

// textOf is what a reader without JavaScript sees.
func textOf(page string) string {
	return spaces.ReplaceAllString(tags.ReplaceAllString(scripts.ReplaceAllString(page, " "), " "), " ")
}

// Without JavaScript the page leads with the verdict and with the layer, step,
// gate and unit of the planted fault, and has every tensor's figures.
func TestPageNamesThePlantedFault(t *testing.T) {
	report := planted(t, 30)
	text := textOf(written(t, report))
	lead := fmt.Sprintf("diverged %s diverges first at step %d, in its forget gate seed_keras3 Layer %[1]s Step %[2]d of 0 to 9 Gate forget gate %s, already in its sum", faultLayer, faultStep, faultGate)
	if !strings.Contains(text, lead) || !strings.Contains(text, fmt.Sprintf("Unit %d batch row", faultUnit)) {
		t.Errorf("the page begins %.600q, want %q", text, lead)
	}
	for _, want := range []string{"weights: diverged", "single steps: diverged", "free running: diverged", "judged by the rounding of one step", "one weight of the copy was changed by 0.05", "decoder/state_c"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for i := range report.Comparisons {
		for k := range report.Comparisons[i].Results {
			r := &report.Comparisons[i].Results[k]
			if want := r.Name + " "; !strings.Contains(text, want) || !strings.Contains(text, format.RoundUp(r.MaxAbs, 3)) {
				t.Errorf("the page lacks %q or its largest difference", want)
			}
		}
	}
}

// A diagnosis stands after the verdict: the cause, what remains under it, and
// what else was found; its other sentences would say it again.
func TestPageSaysWhy(t *testing.T) {
	report := planted(t, 30)
	cause := func(text string, vanishes bool) compare.Cause {
		return compare.Cause{Text: text, In: "candidate", Before: 719.4, Margin: 0.0959, Over: "single steps", Vanishes: vanishes}
	}
	report.Notes = []string{"inputs: random", "diagnosis: in words: no bias", "diagnosis: and something else"}
	for _, c := range []struct {
		d    compare.Diagnosis
		want string
	}{
		{compare.Diagnosis{Causes: []compare.Cause{cause("no bias", true), cause("gates i, f, o, g", true)}, Tried: 40},
			"Why no bias native computes what unchanged would with this fault: over single steps the largest |difference|/bound falls from 719 to 0.0959 (1 is the limit). or gates i, f, o, g native"},
		{compare.Diagnosis{Causes: []compare.Cause{cause("no bias", false)}, Tried: 40}, "Why: none of 40 known faults makes the divergence vanish the nearest: no bias native"},
		{compare.Diagnosis{Tried: 40}, "Why: none of 40 known faults makes the divergence vanish in words: no bias and something else"},
	} {
		report.Diagnosis = &c.d
		text := textOf(written(t, report))
		if !strings.Contains(text, c.want) {
			t.Errorf("the page lacks %q", c.want)
		}
		if !strings.Contains(text, "and something else Notes inputs: random") || len(c.d.Causes) > 0 && strings.Contains(text, "in words") {
			t.Error("a note is lost, or says again what the cause says")
		}
	}
}

// A diagnosis from answers alone stands beside the engines' own, with all of its
// causes, since the answers cannot tell them apart.
func TestPageExplainsAnswers(t *testing.T) {
	report := planted(t, 30)
	cause := func(text string) compare.Cause {
		return compare.Cause{Text: text, In: "answers", Before: 719.4, Margin: 0.25, Over: "the answers", Vanishes: true}
	}
	report.Diagnosis = &compare.Diagnosis{Tried: 40}
	report.Answers = &compare.AnswersDiagnosis{Party: "keras", Causes: []compare.Cause{cause("one"), cause("two"), cause("three"), cause("four")}, Tried: 90}
	report.Notes = []string{"inputs: random", "diagnosis: something else", "diagnosis: from answers alone: any one of four: one; two; three; four"}
	text := textOf(written(t, report))
	want := "something else Why keras differs, from its answers alone one keras answers what the model computes with this fault: over the answers the largest |difference|/bound falls from 719 to 0.25 (1 is the limit). or two "
	if !strings.Contains(text, want) || !strings.Contains(text, "or four ") || strings.Contains(text, "any one of four") || !strings.Contains(text, "Notes inputs: random") {
		t.Errorf("the page lacks %q, or says it twice:\n%s", want, text)
	}
	report.Answers.Causes = nil
	report.Notes[2] = "diagnosis: from answers alone: none of 90 known faults explains the values of keras"
	if text := textOf(written(t, report)); !strings.Contains(text, "from its answers alone none of 90 known faults explains the values of keras Notes") {
		t.Errorf("the page does not say that nothing was found:\n%s", text)
	}
}

// dataOf reads the drawing's data back.
func dataOf(t *testing.T, page string) (d struct {
	Groups []struct {
		Name                     string
		Steps, Units, Row, Lines int
		Starts, Shown            []int
		Quantities               []struct {
			Name  string
			Views []struct {
				Title        string
				Err, Bound   []*float64
				Margin, Heat string
				Values       [2]string
			}
		}
	}
	Focus struct {
		Group, Quantity, View string
		Step, Unit            int
	}
	Left []string
}) {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<script type="application/json" id="data-0">`)
	text, _, _ := strings.Cut(rest, "</script>")
	if !ok {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What is drawn is what was judged: the margins of every cell, and in short and
// long sequences alike the first fault is in them.
func TestDataIsWhatWasJudged(t *testing.T) {
	for _, steps := range []int{30, 3000} {
		page := written(t, planted(t, steps))
		d := dataOf(t, page)
		if d.Focus.Group != faultLayer || d.Focus.Quantity != "sum_"+faultGate || d.Focus.Step != faultStep || d.Focus.Unit != faultUnit {
			t.Errorf("the charts begin with %+v", d.Focus)
		}
		if long := steps > maxSteps; long != (len(d.Left) > 0) || len(page) > 16<<20 {
			t.Errorf("%d steps: %d bytes, and left out is said to be %q", steps, len(page), d.Left)
		}
		for _, g := range d.Groups {
			if len(g.Starts) > maxSteps || g.Lines > maxUnits {
				t.Errorf("%s: %d columns and %d rows", g.Name, len(g.Starts), g.Lines)
			}
			for _, q := range g.Quantities {
				for _, v := range q.Views {
					heat, err := base64.StdEncoding.DecodeString(v.Heat)
					values, err2 := base64.StdEncoding.DecodeString(v.Values[0])
					if err != nil || err2 != nil || len(heat) != g.Lines*len(g.Starts) || len(values) != 4*len(g.Shown)*len(g.Starts) || len(v.Err) != len(g.Starts) {
						t.Fatalf("%s/%s: %d cells, %d bytes of values, %d errors for %d steps and %d units (%v, %v)", g.Name, q.Name, len(heat), len(values), len(v.Err), len(g.Starts), g.Lines, err, err2)
					}
					outside := g.Name == faultLayer && strings.Contains("sum_f f c h", q.Name) && v.Title == "single steps"
					for i, c := range heat {
						unit, column := i/len(g.Starts), i%len(g.Starts)
						if c > 127 && v.Title == "single steps" && (!outside || unit != faultUnit || column < faultStep) {
							t.Errorf("%s/%s, unit %d, step %d: outside by the code %d, where nothing is wrong", g.Name, q.Name, unit, column, c)
						}
					}
					if outside && heat[faultUnit*len(g.Starts)+faultStep] <= 127 {
						t.Errorf("%s/%s: the fault is not drawn", g.Name, q.Name)
					}
				}
			}
		}
	}
}

// Margins are coded inside and outside exactly, and so that a larger one never
// has a smaller code.
func TestCode(t *testing.T) {
	last := byte(0)
	for _, m := range []float64{0, 5e-324, 1e-7, 1e-3, 0.5, 0.99, 1, math.Nextafter(1, 2), 1.5, 10, 1e8, 1e300, math.Inf(1)} {
		c := code(m)
		if c < last || (c <= 127) != (m <= 1) || (c == 0) != (m == 0) || (c == 255) != math.IsInf(m, 1) {
			t.Errorf("the margin %g has the code %d after %d", m, c, last)
		}
		last = c
	}
	if code(math.NaN()) != 255 {
		t.Error("NaN has its own code")
	}
}

const hostileName = "</script><script>alert(1)</script>\"'`{{.}}\x1b[31m"

// otherReports are reports of every other kind.
func otherReports(t *testing.T) map[string][]*compare.Report {
	t.Helper()
	tensor := func(shape []int, of func(i int) float32) *lockstep.Tensor {
		n, err := lockstep.NumElements(shape)
		if err != nil {
			t.Fatal(err)
		}
		d := make([]float32, n)
		for i := range d {
			d[i] = of(i)
		}
		x, err := lockstep.New(d, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	ramp := func(i int) float32 { return float32(i) }
	report := func(name string, ref, cand *lockstep.Tensor) *compare.Report {
		d := compare.Measure(map[string]*lockstep.Tensor{name: ref}, map[string]*lockstep.Tensor{name: cand}, compare.Options{Layout: compare.KerasLayout})
		return &compare.Report{Model: name, Notes: []string{name}, Comparisons: []compare.Comparison{{
			Title: name, Reference: name, Candidate: name, Notes: []string{name}, Results: compare.Judge(d, nil),
		}}}
	}
	same := tensor([]int{2, 3, 4}, ramp)
	nan := tensor([]int{2, 3, 4}, func(i int) float32 { return float32(math.NaN()) })
	long := tensor([]int{1, 1000, 300}, ramp)
	return map[string][]*compare.Report{
		"none":           nil,
		"no comparison":  {{Model: "m"}},
		"in step":        {report("y", same, same)},
		"hostile":        {report(hostileName, same, tensor([]int{2, 3, 4}, func(i int) float32 { return float32(i * i) }))},
		"missing":        {report("y", same, nil)},
		"without a time": {report("y", tensor([]int{2, 3}, ramp), tensor([]int{2, 3}, ramp))},
		"not finite":     {report("y", nan, nan)},
		"one not finite": {report("y", same, nan)},
		"one step":       {report("y", tensor([]int{1, 1, 1}, ramp), tensor([]int{1, 1, 1}, func(int) float32 { return 1 }))},
		"long and wide":  {report("y", long, tensor([]int{1, 1000, 300}, func(i int) float32 { return float32(i) + float32(i%7) }))},
		"several":        {report("y", same, same), report("z", same, nan)},
	}
}

func TestOtherReports(t *testing.T) {
	reports := otherReports(t)
	for name, want := range map[string]string{
		"none": "diverged nothing was compared", "no comparison": "nothing was compared", "in step": "in step every comparison agrees y Margin 0",
		"missing": "diverged y: missing y Tensor y Found missing", "not finite": "not finite", "one not finite": "diverged y diverges first at step 0 y Tensor y Step 0", "several": "2 models y : in step z : diverged",
		"long and wide": "Tensor y Step 0 of 0 to 999",
	} {
		if text := textOf(written(t, reports[name]...)); !strings.Contains(text, want) {
			t.Errorf("%s: the page lacks %q: %.400s", name, want, text)
		}
	}
	if d := dataOf(t, written(t, reports["long and wide"]...)); len(d.Left) != 1 || !strings.Contains(d.Left[0], "1000 steps are drawn as 400 points") || !strings.Contains(d.Left[0], "300 units are drawn as 128 rows") {
		t.Errorf("left out is said to be %q", d.Left)
	}
}

// A divergence in a loop is named by its iteration.
func TestPageNamesTheIteration(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, reporttest.Reports(t)["loop"]); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); !strings.Contains(page, "rnn/while/cell/Tanh:0 in the loop rnn/while, iteration 6 and 4 more diverges first") {
		t.Error("the page does not say in which iteration")
	}
}

// Names from a model are in the page as text and in its data, and nowhere else.
func TestNamesAreEscaped(t *testing.T) {
	page := written(t, otherReports(t)["hostile"]...)
	for _, bad := range []string{"<script>alert", "</script><script>", "\x1b", "<img"} {
		if strings.Contains(strings.ReplaceAll(page, "</script>\n<script>", ""), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(page, "&lt;/script&gt;&lt;script&gt;alert(1)") {
		t.Error("the page lacks the name")
	}
	if d := dataOf(t, page); len(d.Groups) != 1 || !strings.HasPrefix(d.Groups[0].Name, "</script>") {
		t.Errorf("the data lacks the name: %+v", d.Groups)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriteReturnsTheWritersError(t *testing.T) {
	if err := Write(broken{}, otherReports(t)["in step"]...); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("error %v", err)
	}
}

// A model that did not run stands among the others, and is neither in step nor
// diverged.
func TestPageOfModelsThatDidNotRun(t *testing.T) {
	failed := compare.Outcome{Model: "gone", Err: errors.New("no such <directory>")}
	for _, c := range []struct {
		outcomes []compare.Outcome
		title    string
	}{
		{[]compare.Outcome{failed}, "<title>lockstep: no verdict: it could not be run</title>"},
		{[]compare.Outcome{failed, {Model: "m", Report: planted(t, 10)}}, "<title>lockstep: diverged</title>"},
	} {
		var b bytes.Buffer
		if err := WriteOutcomes(&b, c.outcomes); err != nil {
			t.Fatal(err)
		}
		if text := textOf(b.String()); !strings.Contains(b.String(), c.title) || !strings.Contains(text, "not run it could not be run gone no such &lt;directory&gt;") {
			t.Errorf("want %s: %.600s", c.title, text)
		}
	}
}
