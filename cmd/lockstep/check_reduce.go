package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/atomicfile"
	"github.com/lockstep-go/lockstep/internal/reduce"
	"github.com/lockstep-go/lockstep/parity"
)

// reduceFlags say where the least inputs that diverge are written.
type reduceFlags struct{ reduce string }

func (f *reduceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reduce, "reduce", "", "after a divergence, shrink the inputs to the least that still diverge, and write them to this .npz and, as a Go test, beside it")
}

func (f *reduceFlags) check(models int) error {
	if f.reduce == "" {
		return nil
	}
	if filepath.Ext(f.reduce) != ".npz" {
		return usagef("--reduce %q: want the name of an .npz", f.reduce)
	}
	if models > 1 {
		return usagef("--reduce goes with one model, and there are %d", models)
	}
	return nil
}

// goTest is the file of the Go test next to an .npz.
func goTest(npz string) string { return strings.TrimSuffix(npz, ".npz") + "_test.go" }

// writeReduced writes the reduced inputs, and notes them in the report.
func (f *reduceFlags) writeReduced(m parity.Model, settings compare.Settings, result *parity.Result) error {
	least := result.Reduced
	if err := writeInputs(f.reduce, least.Inputs); err != nil {
		return err
	}
	repro := reduce.Repro{Signature: m.Signature, Tags: m.Tags, Names: m.Names, Settings: settings, Inputs: least.Inputs}
	var err error
	if repro.Model, err = filepath.Abs(m.Dir); err != nil {
		return err
	}
	if m.Candidate != "" {
		if repro.Candidate, err = filepath.Abs(m.Candidate); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteFile(goTest(f.reduce), repro.WriteGoTest); err != nil {
		return err
	}
	what := "nothing could be removed"
	if len(least.Done) > 0 {
		what = "what is left: " + strings.Join(least.Done, "; ")
	}
	result.Report.Notes = append(result.Report.Notes, fmt.Sprintf("reduced inputs: %s and %s (%d checks; %q still diverges; %s)", f.reduce, goTest(f.reduce), least.Runs, least.Comparison, what))
	return nil
}
