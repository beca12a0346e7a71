package junit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	read "github.com/joshdk/go-junit"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render/junit"
)

// outcomes are one of each kind: in step, diverged in two tensors, failed beside
// the comparisons, nothing compared, and not run.
func outcomes(t *testing.T) []compare.Outcome {
	t.Helper()
	type set = map[string]*lockstep.Tensor
	tensor := func(values ...float32) *lockstep.Tensor {
		x, err := lockstep.New(values, 1, max(len(values)/2, 1), min(len(values), 2))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	of := func(reference, candidate set, order ...string) compare.Comparison {
		return compare.Comparison{
			Title: "outputs and states", Reference: "tensorflow", Candidate: "native",
			Results: compare.Judge(compare.Measure(reference, candidate, compare.Options{Order: order, Layout: compare.KerasLayout}), nil),
		}
	}
	good := set{"y": tensor(1, 2)}
	return []compare.Outcome{
		{Model: "good", Report: &compare.Report{Model: "good", Comparisons: []compare.Comparison{of(good, good, "y")}}},
		{Model: "bad", Report: &compare.Report{Model: "bad", Comparisons: []compare.Comparison{of(
			set{"y": tensor(1, 2, 3, 4, 5, 6), "h": tensor(7), "z": tensor(1)},
			set{"y": tensor(1, 2, 3, 4.5, 5, 6), "h": tensor(7)}, "y", "h", "z")}}},
		{Model: "dir/other,weights", Report: &compare.Report{Comparisons: []compare.Comparison{of(good, good, "y")}, Failures: []string{"weights changed: a <b> & ]]> \x00", "files changed: c"}}},
		{Model: "nothing", Report: &compare.Report{}},
		{Model: "not run", Err: errors.New("native: no\nsuch: 50%\r directory")},
	}
}

// A reader that others wrote finds every case and what it came to.
func TestJUnitIsReadByOthers(t *testing.T) {
	var b bytes.Buffer
	if err := junit.Write(&b, outcomes(t)); err != nil {
		t.Fatal(err)
	}
	suites, err := read.Ingest(b.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	want := []struct {
		name                         string
		tests, passed, failed, error int
	}{{"good", 2, 2, 0, 0}, {"bad", 4, 2, 2, 0}, {"dir/other,weights", 2, 1, 1, 0}, {"nothing", 1, 0, 1, 0}, {"not run", 1, 0, 0, 1}}
	if len(suites) != len(want) {
		t.Fatalf("%d suites, want %d:\n%s", len(suites), len(want), &b)
	}
	for i, w := range want {
		s := suites[i]
		if s.Name != w.name || s.Totals.Tests != w.tests || s.Totals.Passed != w.passed || s.Totals.Failed != w.failed || s.Totals.Error != w.error {
			t.Errorf("suite %q: %+v, want %+v", s.Name, s.Totals, w)
		}
	}
	y := suites[1].Tests[1]
	if y.Name != "y" || y.Classname != "bad: native and tensorflow, outputs and states" || y.Status != read.StatusFailed {
		t.Errorf("%+v", y)
	}
	if e := y.Error.(read.Error); e.Type != "outside" || e.Message != "native differs from tensorflow, first at y, step 1, batch row 0, unit 1: 4.5, want 4" ||
		!strings.Contains(e.Body, "first difference: y, step 1, batch row 0, unit 1") {
		t.Errorf("%+v", e)
	}
	if e := suites[1].Tests[3].Error.(read.Error); e.Type != "missing" || suites[1].Tests[3].Name != "z" {
		t.Errorf("%+v", e)
	}
	if e := suites[2].Tests[0].Error.(read.Error); suites[2].Tests[0].Name != "model" || !strings.HasPrefix(e.Message, "weights changed: a <b> & ]]>") || !strings.Contains(e.Body, "files changed: c") {
		t.Errorf("%+v", e)
	}
	if e := suites[4].Tests[0].Error.(read.Error); e.Message != "native: no such: 50% directory" {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(suites[0].SystemOut, "in step: native agrees with tensorflow on good") {
		t.Errorf("%q", suites[0].SystemOut)
	}
}
