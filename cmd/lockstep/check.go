package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge/worker"
)

type checkFlags struct {
	modelFlags
	judgeFlags
	inputFlags
	expected  string
	candidate string
	print     []string
	diagnoseFlags
	reduceFlags
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check MODEL...",
		Short: "run both engines, compare, report",
		Long: `check runs each model in TensorFlow (the reference) and in the native engine (the
candidate) on the same inputs and compares: the weights that each engine runs
with bit for bit, the outputs, and the final states of every recurrent layer.
MODEL is the directory that model.export or model.save wrote.

Without --inputs it makes its own, from a seed that it prints.`,
		Example: `  lockstep check my_model
  lockstep check my_model --inputs in.npz --expected keras.npz
  lockstep check models/* --format json=report.json --format text`,
		Args: wantArgs("one or more models' directories", 1, -1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }),
	}
	f.modelFlags.add(cmd)
	f.addThreads(cmd)
	f.inputFlags.add(cmd)
	f.judgeFlags.add(cmd)
	cmd.Flags().StringVar(&f.expected, "expected", "", "an .npz of what Keras itself predicted for the same inputs, as a third party")
	cmd.Flags().StringVar(&f.candidate, "candidate-model", "", "the native engine runs this directory instead of MODEL")
	f.diagnoseFlags.add(cmd)
	f.reduceFlags.add(cmd)
	cmd.Flags().StringArrayVar(&f.print, "print", nil, "print the values of this output or state, from both engines; may be repeated")
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, models []string) error {
	rules, sinks, err := f.read(cmd)
	if err != nil {
		return err
	}
	if !f.chosen(cmd) {
		rules = nil
	}
	if err := f.modelFlags.check(); err != nil {
		return err
	}
	if err := f.inputFlags.check(cmd); err != nil {
		return err
	}
	if len(models) > 1 && (f.inputs != "" || f.expected != "" || f.candidate != "") {
		return usagef("--inputs, --expected and --candidate-model go with one model, and there are %d", len(models))
	}
	if f.expected != "" && f.inputs == "" {
		return usagef("--expected wants --inputs: predictions mean something only beside the inputs that they were made from")
	}
	if err := f.diagnoseFlags.check(f.candidate); err != nil {
		return err
	}
	if err := f.reduceFlags.check(len(models)); err != nil {
		return err
	}
	process, err := startTensorFlow()
	if err != nil {
		return err
	}
	defer process.Close()

	var reports []*compare.Report
	diverged, failed := 0, 0
	for i, name := range models {
		progress(cmd, "[%d/%d] %s", i+1, len(models), name)
		checked, err := f.check(cmd.Context(), process, name, rules)
		progress(cmd, "")
		if err != nil {
			failed++
			complain(cmd.ErrOrStderr(), fmt.Errorf("%s: could not check: %w", name, err))
			if process, err = revive(process); err != nil {
				return err
			}
			continue
		}
		if checked.Report.Verdict() != compare.InStep {
			diverged++
		}
		reports = append(reports, checked.Report)
		if err := f.printTensors(cmd.OutOrStdout(), checked); err != nil {
			return err
		}
	}
	if len(f.print) == 0 || len(f.formats) > 0 {
		if err := f.write(cmd, sinks, reports); err != nil {
			return err
		}
	}
	if len(models) > 1 {
		fmt.Fprintf(cmd.ErrOrStderr(), "lockstep: %d models: %d in step, %d diverged, %d could not be checked\n",
			len(models), len(models)-diverged-failed, diverged, failed)
	}
	switch {
	case diverged > 0:
		return exit{code: exitDiverged}
	case failed > 0:
		return exit{code: exitNotRun}
	}
	return nil
}

// revive returns a process that can go on: a new one if TensorFlow crashed.
func revive(p *worker.Process) (*worker.Process, error) {
	if p.Alive() {
		return p, nil
	}
	p.Close()
	return startTensorFlow()
}

// check judges one model.
func (f *checkFlags) check(ctx context.Context, process *worker.Process, name string, rules compare.Rules) (*compare.Checked, error) {
	candidateName := name
	if f.candidate != "" {
		candidateName = f.candidate
	}
	c := compare.Check{Model: name, Rules: rules, AllowNonFinite: f.allowNonFinite, ExpectedBy: "keras"}
	candidate, refusal := native.Load(candidateName, f.native()...)
	if refusal == nil {
		c.Candidate = candidate
		oracle, err := candidate.Oracle()
		if err != nil {
			return nil, err
		}
		c.Oracle = oracle
	} else if f.expected == "" {
		return nil, refusal
	} else {
		c.Absent = refusal.Error()
	}
	reference, err := process.Open(ctx, name, f.tensorflow())
	if err != nil {
		return nil, err
	}
	defer reference.Close()
	c.Reference = reference
	pair, err := f.pair(name, candidate, reference, f)
	if err != nil {
		return nil, err
	}
	pair.rename(&c)

	var made string
	if c.Inputs, made, err = f.inputsFor(reference.Signature()); err != nil {
		return nil, err
	}
	if f.expected != "" {
		expected, err := npz.ReadFile(f.expected)
		if err != nil {
			return nil, err
		}
		c.Expected = lockstep.ByName(expected)
	}
	checked, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	checked.Report.Notes = append([]string{made}, checked.Report.Notes...)
	if f.candidate != "" {
		checked.Report.Notes = append(checked.Report.Notes, "native ran "+f.candidate)
	}
	if err := f.explain(ctx, c, checked, pair); err != nil {
		return nil, err
	}
	if err := f.reduceInputs(ctx, c, checked, pair, f); err != nil {
		return nil, err
	}
	return checked, nil
}

// printTensors writes the values that --print asks for, engine by engine.
func (f *checkFlags) printTensors(w io.Writer, c *compare.Checked) error {
	for _, name := range f.print {
		for _, t := range []*lockstep.Trace{c.Reference, c.Candidate} {
			if t == nil {
				continue
			}
			x := t.Outputs[name]
			if x == nil {
				x = t.States[name]
			}
			if x == nil {
				all := append(slices.Sorted(maps.Keys(t.Outputs)), slices.Sorted(maps.Keys(t.States))...)
				return usagef("--print %q: %s computes no such tensor; it has %q", name, t.Engine, all)
			}
			values, err := x.Float64s()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s %s from %s:\n", name, lockstep.FormatShape(x.Shape()), t.Engine)
			writeValues(w, values)
		}
	}
	return nil
}

// writeValues writes numbers in rows of eight.
func writeValues(w io.Writer, values []float64) {
	const columns = 8
	for i, v := range values {
		fmt.Fprintf(w, " %12.8g", v)
		if i%columns == columns-1 || i == len(values)-1 {
			fmt.Fprintln(w)
		}
	}
}

// progress shows what is going on, on a terminal alone; an empty text clears it.
func progress(cmd *cobra.Command, format string, args ...any) {
	w, ok := cmd.ErrOrStderr().(*os.File)
	if ok && isTerminal(w) {
		fmt.Fprintf(w, "\r\x1b[K"+format, args...)
	}
}
