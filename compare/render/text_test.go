package render

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/reporttest"
)

// What the goldens do not show.
func TestTextSays(t *testing.T) {
	quietNaN, otherNaN := math.Float32frombits(0x7fc00000), math.Float32frombits(0x7fc00001)
	steps := func(v ...float32) *lockstep.Tensor { return fixture.NewTensor(t, v, 1, len(v), 1) }
	for _, c := range []struct {
		name      string
		ref, cand *lockstep.Tensor
		rule      compare.Rule
		want      []string
	}{
		{"another NaN, bit for bit", fixture.Vector(t, quietNaN), fixture.Vector(t, otherNaN), compare.Rule{Bits: true, AllowNonFinite: true}, []string{
			"NaN (bits 0x7fc00000)", "NaN (bits 0x7fc00001)", "none allowed: every bit must be the same", "judged bit for bit", "all numbers are equal",
		}},
		{"-0, bit for bit", fixture.Vector(t, 0.0), fixture.Vector(t, math.Copysign(0, -1)), compare.Rule{Bits: true}, []string{
			"0 (bits 0x0000000000000000)", "-0 (bits 0x8000000000000000)", "0, 0 ulp, none allowed",
		}},
		{"short strings", fixture.Vector(t, "a  b"), fixture.Vector(t, "a b"), compare.DefaultRule(), []string{`r           "a  b"`, `c           "a b"`, "none allowed", "judged by equality"}},
		{"equal integers", fixture.Vector[int32](t, 1), fixture.Vector[int32](t, 1), compare.DefaultRule(), []string{"in step: c agrees with r (1 tensor, 1 value, margin 0)", "none is needed, there are no floats"}},
		{"the zero tensor", new(lockstep.Tensor), new(lockstep.Tensor), compare.DefaultRule(), []string{"first difference: x: this cannot be read as a tensor: c has invalid (), r has invalid ()", "unreadable"}},
		{"NaN in a step", steps(1, 1, 1), steps(1, float32(nan), 3), compare.DefaultRule(), []string{"max abs by step     0, not finite, 2", "at x, step 1, batch row 0, unit 0", "NaN                 1 in c alone"}},
		{"ulp", fixture.Vector(t, 1.0), fixture.Vector(t, 1+0x3p-52), compare.Rule{ULP: 2}, []string{"3 ulp; allowed 2 ulp; margin 1.5", "judged by 2 ulp\n"}},
		{"equality", fixture.Vector(t, 1.0), fixture.Vector(t, 1+0x3p-52), compare.Rule{}, []string{"3 ulp; allowed 0 ulp; margin Infinity", "judged by equality\n"}},
		{"bounds of their own", fixture.Vector(t, 1.0), fixture.Vector(t, 3.0), compare.Rule{Tolerance: bound{0.5}}, []string{"bound 0.5 by bounds of the test; margin 4", "judged by bounds of the test\n"}},
		{"no number at all", fixture.Vector(t, nan), fixture.Vector(t, nan), compare.Rule{AllowNonFinite: true}, []string{"in step: ", "x       (1,)         -        -    -       0  in step"}},
		{"just outside", fixture.Vector(t, 0.0), fixture.Vector(t, math.Nextafter(0.5, 1)), compare.Rule{Tolerance: compare.FixedTolerance{Atol: 0.5}}, []string{"margin 1.1)", "0.5001, ", "bound 0.5 by", "margin 1.001"}},
	} {
		var b bytes.Buffer
		r := &compare.Report{Comparisons: []compare.Comparison{compared("", "r", "c", set{"x": c.ref}, set{"x": c.cand}, compare.Options{}, c.rule)}}
		if err := Text(&b, r, TextOptions{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, b.String())
			}
		}
		if err := JSON(&b, outcomesOf(r)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestExcerptShowsWhereStringsDiffer(t *testing.T) {
	long := strings.Repeat("x", 50)
	for _, c := range []struct{ s, other, want string }{
		{"a", "b", `"a"`},
		{long + "a" + long, long + "b", `"xxxxxxxxxxaxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" (bytes 40 to 80 of 101)`},
		{"", long, `"" (bytes 0 to 0 of 0)`},
		{long, long + "y", `"xxxxxxxxxx" (bytes 40 to 50 of 50)`},
	} {
		if got := excerpt(c.s, c.other); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestTextLimitsDetails(t *testing.T) {
	ref, cand := set{}, set{}
	for i := range 12 {
		name := fmt.Sprintf("x%02d", i)
		ref[name], cand[name] = fixture.Vector[float32](t, 1), fixture.Vector[float32](t, 2)
	}
	r := &compare.Report{Comparisons: []compare.Comparison{compared("", "r", "c", ref, cand, compare.Options{}, compare.DefaultRule())}}
	for _, c := range []struct {
		details, want int
		more          string
	}{
		{0, defaultDetails, "and 4 tensors more diverged"},
		{3, 3, "and 9 tensors more diverged"},
		{11, 11, "and 1 tensor more diverged"},
		{12, 12, ""},
		{-1, 0, ""},
	} {
		var b bytes.Buffer
		if err := Text(&b, r, TextOptions{Details: c.details}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "judged by") - 1; got != c.want {
			t.Errorf("%d details: %d tensors described, want %d", c.details, got, c.want)
		}
		if got := strings.Contains(b.String(), "more diverged"); got != (c.more != "") || !strings.Contains(b.String(), c.more) {
			t.Errorf("%d details: want %q in\n%s", c.details, c.more, b.String())
		}
	}
}

func TestTextOfManySteps(t *testing.T) {
	ref := fixture.NewTensor(t, make([]float32, 40), 1, 40, 1)
	data := make([]float32, 40)
	data[39] = 1
	c := compared("", "r", "c", set{"x": ref}, set{"x": fixture.NewTensor(t, data, 1, 40, 1)}, compare.Options{}, compare.DefaultRule())
	var b bytes.Buffer
	if err := Text(&b, &compare.Report{Comparisons: []compare.Comparison{c}, Notes: []string{"two\nlines"}}, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"at x, step 39, batch row 0, unit 0", "1 of 40 values, in 1 of 40 steps", "0, …", "note: two\n  lines\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Where engines diverge, and why, are in the first ten lines; what was said
// there is not repeated, and each comparison that agrees takes a line.
func TestTextLeadsWithWhereAndWhy(t *testing.T) {
	r := reporttest.Reports(t)["several_diverged"]
	r.Notes = append(r.Notes, "diagnosis: native and keras first differ in layer encoder")
	r.Explain("diagnosis: keras computes what native would with\nthis fault: no bias")
	var b bytes.Buffer
	if err := Text(&b, r, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	lead := strings.Join(lines[:10], "\n")
	for _, want := range []string{
		"diverged: native differs from keras on testdata/seed_keras3, first in outputs at output_0, step 3,\n  batch row 2, unit 0 (2 of 3 comparisons)\n  why: keras computes what native would with this fault: no bias\n",
		"first difference: output_0, step 3, batch row 2, unit 0", "difference  5.961e-05",
	} {
		if !strings.Contains(lead, want) {
			t.Errorf("the first ten lines lack %q:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "this fault"); n != 1 {
		t.Errorf("why is said %d times:\n%s", n, b.String())
	}
	if n := strings.Count(b.String(), "outputs and states"); n != 1 {
		t.Errorf("what agrees is named on %d lines:\n%s", n, b.String())
	}
	if !strings.HasSuffix(b.String(), "note: the random seed was 1\nnote: diagnosis: native and keras first differ in layer encoder\n") {
		t.Errorf("the other notes are not at the end:\n%s", b.String())
	}
}

// Of a comparison that agrees, notes say by what it was judged; remarks are for
// who asks.
func TestTextOfWhatAgrees(t *testing.T) {
	one := set{"x": fixture.Vector[float32](t, 1)}
	c := compared("", "r", "c", one, one, compare.Options{}, compare.DefaultRule())
	c.Notes, c.Remarks = []string{"x: no bound"}, []string{"x: amplified"}
	two := c
	c.Title, two.Title = "first", "second"
	for _, r := range []*compare.Report{{Comparisons: []compare.Comparison{c}}, {Comparisons: []compare.Comparison{c, two}}} {
		for _, verbose := range []bool{false, true} {
			var b bytes.Buffer
			if err := Text(&b, r, TextOptions{Verbose: verbose}); err != nil {
				t.Fatal(err)
			}
			s := b.String()
			if strings.Count(s, "note: x: no bound") != len(r.Comparisons) || strings.Contains(s, "amplified") != verbose || strings.Contains(s, "judged by") != verbose || strings.Contains(s, "max abs") != verbose {
				t.Errorf("verbose %v:\n%s", verbose, s)
			}
		}
	}
}
