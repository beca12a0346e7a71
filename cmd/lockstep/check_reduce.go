package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/reduce"
	"github.com/lockstep-go/lockstep/internal/whole"
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

// goTest is the file of the Go test that stands beside an .npz.
func goTest(npz string) string { return strings.TrimSuffix(npz, ".npz") + "_test.go" }

// reduceInputs shrinks the inputs of a check that diverged in what the engines
// compute: inputs have nothing to do with weights that differ.
func (f *reduceFlags) reduceInputs(ctx context.Context, c compare.Check, checked *compare.Checked, p *pair, all *checkFlags) error {
	title := computed(c, checked.Report)
	if f.reduce == "" || title == "" {
		if f.reduce != "" && checked.Report.Verdict() != compare.InStep {
			checked.Report.Notes = append(checked.Report.Notes, "nothing to reduce: what the engines compute from the inputs agrees")
		}
		return nil
	}
	fails := func(ctx context.Context, inputs map[string]*lockstep.Tensor) bool {
		smaller := c
		smaller.Inputs, smaller.Expected = inputs, nil
		got, err := smaller.Run(ctx)
		return err == nil && computed(smaller, got.Report) == title
	}
	least, err := reduce.Run(ctx, c.Reference.Signature(), c.Inputs, fails, reduce.Options{})
	if err != nil {
		return err
	}
	if err := writeInputs(f.reduce, least.Inputs); err != nil {
		return err
	}
	repro, err := f.repro(checked.Report.Model, c, p, all)
	if err != nil {
		return err
	}
	repro.Inputs = least.Inputs
	if err := whole.WriteFile(goTest(f.reduce), func(w io.Writer) error { return repro.WriteGoTest(w) }); err != nil {
		return err
	}
	what := "nothing could be taken away"
	if len(least.Done) > 0 {
		what = "what is left: " + strings.Join(least.Done, "; ")
	}
	checked.Report.Notes = append(checked.Report.Notes, fmt.Sprintf("reduced inputs: %s and %s (%d checks; %q still diverges; %s)", f.reduce, goTest(f.reduce), least.Runs, title, what))
	return nil
}

// computed is the title of the first comparison of what the two engines compute
// that diverged, "" if none did.
func computed(c compare.Check, r *compare.Report) string {
	for i := range r.Comparisons {
		k := &r.Comparisons[i]
		if k.Title != "weights" && k.Verdict() != compare.InStep && c.Candidate != nil && k.Reference == c.Reference.Name() && k.Candidate == c.Candidate.Name() {
			return k.Title
		}
	}
	return ""
}

func (f *reduceFlags) repro(model string, c compare.Check, p *pair, all *checkFlags) (reduce.Repro, error) {
	r := reduce.Repro{Signature: all.signature, Tags: all.tags}
	if !p.names.Empty() {
		r.Names = fmt.Sprintf("%#v", p.names)
	}
	var err error
	if r.Model, err = filepath.Abs(model); err != nil {
		return r, err
	}
	if all.candidate != "" {
		if r.Candidate, err = filepath.Abs(all.candidate); err != nil {
			return r, err
		}
	}
	if len(c.Settings) > 0 {
		r.Settings = fmt.Sprintf("%#v", c.Settings)
	}
	return r, nil
}
