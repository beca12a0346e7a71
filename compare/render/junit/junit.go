// Package junit writes the outcomes of several models as the JUnit XML that CI
// systems read. It is a separate package so that a program that verifies a
// golden includes no XML.
package junit

import (
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
)

// Write writes a suite a model, with its report as the suite's output, and a
// case for each of its compare.Cases.
func Write(w io.Writer, outcomes []compare.Outcome) error {
	all := junit.Testsuites{Name: "lockstep"}
	for i := range outcomes {
		o := &outcomes[i]
		cases := render.Cases(o)
		suite := junit.Testsuite{Name: cases[0].Class, ID: i, Time: "0.000"}
		if o.Report != nil {
			var text strings.Builder
			if err := render.Text(&text, o.Report, render.TextOptions{Verbose: true}); err != nil {
				return fmt.Errorf("junit: %w", err)
			}
			suite.SystemOut = &junit.Output{Data: text.String()}
		}
		for _, c := range cases {
			test, why := junit.Testcase{Name: c.Name, Classname: c.Class}, &junit.Result{Type: c.Type, Message: c.Message, Data: c.Text}
			switch {
			case c.NotRun:
				test.Error = why
			case c.Failed:
				test.Failure = why
			}
			suite.AddTestcase(test)
		}
		all.AddSuite(suite)
	}
	if err := all.WriteXML(w); err != nil {
		return fmt.Errorf("junit: writing: %w", err)
	}
	return nil
}
