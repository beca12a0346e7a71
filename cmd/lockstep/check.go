package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/parity"
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
	jobFlags
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [MODEL]...",
		Short: "run both engines, compare, report",
		Long: `check runs each model in TensorFlow (the reference) and in the native engine (the
candidate) on the same inputs and compares: the weights that each engine runs
with bit for bit, the outputs, and the final states of every recurrent layer.
MODEL is the directory that model.export or model.save wrote, a zip of it, or a
pattern of either. Without arguments, lockstep.yaml lists the models.

Without --inputs it makes inputs that the model's graph accepts, from a seed that it
prints: docs/parity.md.

--atol, --rtol and --ulp judge outputs and final states instead of what rounding can
do, and leave the steps unjudged; --allow-nonfinite, and rules for single tensors in
lockstep.yaml, change what they name and nothing else: docs/verdict.md.

A report that cannot be written is an error in addition to the verdict, with exit
code 1 if the model diverged and else 3.`,
		Example: `  lockstep check my_model
  lockstep check my_model --inputs in.npz --expected keras.npz
  lockstep check 'models/*' --format text --format junit=report.xml
  lockstep check --fail-fast --format github`,
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }),
	}
	f.modelFlags.add(cmd)
	f.addThreads(cmd)
	f.inputFlags.add(cmd)
	f.judgeFlags.add(cmd, "derived", "derived")
	f.jobFlags.add(cmd)
	cmd.Flags().StringVar(&f.expected, "expected", "", "an .npz of what Keras itself predicted for the same inputs, as a third party")
	cmd.Flags().StringVar(&f.candidate, "candidate-model", "", "the native engine runs this directory instead of MODEL")
	f.diagnoseFlags.add(cmd)
	f.reduceFlags.add(cmd)
	cmd.Flags().StringArrayVar(&f.print, "print", nil, "print the values of this output or state, from both engines; may be repeated")
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, args []string) error {
	settings, sinks, err := f.read(cmd)
	if err != nil {
		return err
	}
	jobs, each, err := f.prepare(cmd, args)
	if err != nil {
		return err
	}
	if err := f.printable(sinks); err != nil {
		return err
	}
	var engines tensorflows
	defer engines.close()

	var t tally
	var all []*parity.Result
	for i, j := range jobs {
		progress(cmd, "[%d/%d] %s", i+1, len(jobs), j.model)
		result, err := each[i].check(cmd.Context(), &engines, j.model, slices.Concat(j.settings, settings))
		progress(cmd, "")
		if result == nil {
			t.fail(cmd.ErrOrStderr(), j, "could not check", err)
		} else {
			t.add(cmd.ErrOrStderr(), j.model, result.Report)
			t.addError(err)
			all = append(all, result)
		}
		if f.stops(cmd, len(jobs)-i-1, t.diverged+t.failed > 0) {
			break
		}
	}
	t.addError(writeOutcomes(cmd, sinks, f.verbose, t.outcomes))
	t.addError(f.printTensors(cmd.OutOrStdout(), all))
	if len(jobs) > 1 {
		fmt.Fprintf(cmd.ErrOrStderr(), "lockstep: %d models: %d in step, %d diverged, %d could not be checked\n",
			len(t.outcomes), len(t.outcomes)-t.diverged-t.failed, t.diverged, t.failed)
	}
	if t.diverged > 0 {
		return ended(exitDiverged, t.err)
	}
	return ended(t.code(), t.err)
}

// prepare checks the flags, and says which models are meant and what is particular
// to each.
func (f *checkFlags) prepare(cmd *cobra.Command, args []string) ([]job, []*checkFlags, error) {
	if err := f.modelFlags.check(); err != nil {
		return nil, nil, err
	}
	if err := f.inputFlags.check(cmd); err != nil {
		return nil, nil, err
	}
	jobs, err := f.jobs(cmd, args)
	if err != nil {
		return nil, nil, err
	}
	if len(jobs) > 1 && (f.inputs != "" || f.expected != "" || f.candidate != "") {
		return nil, nil, usagef("--inputs, --expected and --candidate-model go with one model, and there are %d", len(jobs))
	}
	if err := f.diagnoseFlags.check(f.candidate); err != nil {
		return nil, nil, err
	}
	if err := f.reduceFlags.check(len(jobs)); err != nil {
		return nil, nil, err
	}
	each := make([]*checkFlags, len(jobs))
	for i, j := range jobs {
		if each[i], err = f.of(cmd, j); err != nil {
			return nil, nil, err
		}
	}
	return jobs, each, nil
}

// of returns the flags, completed by what lockstep.yaml says of one model.
func (f *checkFlags) of(cmd *cobra.Command, j job) (*checkFlags, error) {
	switch {
	case j.golden != "" && filepath.Ext(j.golden) != goldenExt && cmd.Flags().NArg() > 0:
		return nil, usagef("%s is a file, want a model's directory", j.golden)
	case j.golden != "" && cmd.Flags().NArg() > 0:
		fmt.Fprintf(cmd.ErrOrStderr(), "lockstep: note: %s is not read by check: golden verify reads it\n", j.golden)
	}
	out := *f
	out.modelFlags = f.withJob(cmd, j)
	if out.inputs == "" {
		out.inputs = j.inputs
	}
	if out.expected == "" && f.inputs == "" {
		out.expected = j.expected
	}
	if out.expected != "" && out.inputs == "" {
		return nil, usagef("--expected needs --inputs: predictions can only be compared for the inputs that they were made from")
	}
	for _, name := range []string{"seed", "batch", "steps"} {
		if j.inputs != "" && cmd.Flags().Changed(name) {
			return nil, usagef("--%s is for made inputs, and %s has %s", name, j.model, j.inputs)
		}
	}
	return &out, nil
}

// check judges one model. An error in addition to a result does not change the
// verdict.
func (f *checkFlags) check(ctx context.Context, engines *tensorflows, name string, settings compare.Settings) (*parity.Result, error) {
	o := parity.Options{InputsFrom: f.inputs, Seed: f.seed, Settings: settings, NoDiagnosis: !f.diagnose, Reduce: f.reduce != ""}
	if f.fixedBatch {
		o.Batch = f.sizes.Batch
	}
	if f.fixedSteps {
		o.Steps = f.sizes.Steps
	}
	var err error
	if o.Inputs, err = readTensors(f.inputs); err != nil {
		return nil, err
	}
	if o.Expected, err = readTensors(f.expected); err != nil {
		return nil, err
	}
	m := parity.Model{Dir: name, Signature: f.signature, Tags: f.tags, Candidate: f.candidate, Names: f.names()}
	result, err := parity.Check(ctx, m, engines.reference(name, f.modelFlags), o)
	if result == nil {
		return nil, err
	}
	if result.Reduced != nil {
		if err = f.writeReduced(m, settings, result); err != nil {
			result.Report.Notes = append(result.Report.Notes, "the inputs were not reduced: "+err.Error())
		}
	}
	if err != nil {
		err = fmt.Errorf("--reduce: %w", err)
	}
	return result, err
}
