package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/native/savedmodel"
	"github.com/lockstep-go/lockstep/parity"
	"github.com/lockstep-go/lockstep/tfbridge"
)

type verifyFlags struct {
	modelFlags
	judgeFlags
	jobFlags
	engine   string
	drift    float64
	earlier  string
	rename   map[string]string
	diagnose bool
}

func newGoldenVerify() *cobra.Command {
	f := verifyFlags{jobFlags: jobFlags{goldens: true}}
	cmd := &cobra.Command{
		Use:   "verify [MODEL [FILE]]...",
		Short: "compare a model with its golden",
		Long: `verify runs each model on the inputs of its golden, FILE or MODEL.golden, and says
what changed since that was recorded: in the native engine, and in TensorFlow
where the program has it. Without arguments, lockstep.yaml lists the models.

Exit codes: 0 in step (also if files changed and answers did not: they are named),
1 answers changed, 4 weights changed, 5 layout or signature changed, 6 error grew
beyond the budget of --drift, 2 wrong usage, 3 could not run. With several models it
is the most severe: 5, 4, 1, 6, 2, 3, 0.

--atol, --rtol, --ulp and --allow-nonfinite change that part of the golden's own rule,
and lockstep.yaml's rules for single tensors those alone: docs/verdict.md.`,
		Example: `  lockstep golden verify my_model my_model.golden
  lockstep golden verify models/* --format text --format junit=report.xml
  lockstep golden verify my_model --drift 0.1 --earlier last_year.golden`,
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }),
	}
	f.modelFlags.add(cmd)
	f.addThreads(cmd)
	f.judgeFlags.add(cmd, "the golden's", "the golden's")
	f.jobFlags.add(cmd)
	cmd.Flags().StringVar(&f.engine, "engine", "auto", "which engines are verified: native, tensorflow, both, or auto: native, and TensorFlow where it is available")
	cmd.Flags().Float64Var(&f.drift, "drift", 0, "fail if the error of a tensor grew by more than this share of what the tolerance (the golden's own, or atol 1e-5, rtol 1e-4) allows")
	cmd.Flags().StringVar(&f.earlier, "earlier", "", "the golden whose error --drift compares with (default FILE itself)")
	cmd.Flags().BoolVar(&f.diagnose, "diagnose", true, "where answers changed, and no weights, suppose known faults and name those that explain it")
	cmd.Flags().StringToStringVar(&f.rename, "rename", nil, "an input or output of the golden and what it is called now, as in dense=output_0; may be repeated")
	return cmd
}

func (f *verifyFlags) run(cmd *cobra.Command, args []string) error {
	settings, sinks, err := f.read(cmd)
	if err != nil {
		return err
	}
	if err := f.modelFlags.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"auto", "native", "tensorflow", "both"}, f.engine) {
		return usagef("--engine %q: want native, tensorflow, both or auto", f.engine)
	}
	if cmd.Flags().Changed("earlier") && !cmd.Flags().Changed("drift") {
		return usagef("--earlier is for --drift, which has no budget")
	}
	if f.drift < 0 || f.drift != f.drift {
		return usagef("--drift %v: want a number of 0 or more: 1 is all that the tolerance allows", f.drift)
	}
	jobs, err := f.jobs(cmd, args)
	if err != nil {
		return err
	}
	v := &verifier{verifyFlags: f, cmd: cmd, settings: settings}
	defer v.close()
	if f.engine == "auto" {
		f.engine = v.found()
	}
	gravest := golden.Same
	var t tally
	for i, j := range jobs {
		progress(cmd, "[%d/%d] %s", i+1, len(jobs), j.model)
		results, err := v.verify(cmd.Context(), j)
		progress(cmd, "")
		for _, r := range results {
			title := j.model
			if r.Engine != "native" {
				title += " in " + r.Engine
			}
			t.add(cmd.ErrOrStderr(), title, r.FullReport(title))
			gravest = golden.Worst(gravest, r.Change)
		}
		if err != nil {
			t.fail(cmd.ErrOrStderr(), j, "could not verify", err)
		}
		if f.stops(cmd, len(jobs)-i-1, gravest.Failed() || t.failed > 0) {
			break
		}
	}
	err = writeOutcomes(cmd, sinks, f.verbose, t.outcomes)
	if gravest.Failed() {
		return ended(gravest.ExitCode(), err)
	}
	return ended(t.code(), err)
}

// verifier verifies one model after the other.
type verifier struct {
	*verifyFlags
	cmd      *cobra.Command
	settings compare.Settings // of the command line
	engines  tensorflows
}

func (v *verifier) close() { v.engines.close() }

// found says which engines can be verified: a program without TensorFlow has
// the native engine alone, and one whose libtensorflow is missing says so.
func (v *verifier) found() string {
	if !tfbridge.Built() {
		return "native"
	}
	if err := v.engines.works(); err != nil {
		complain(v.cmd.ErrOrStderr(), fmt.Errorf("note: the native engine alone is verified: %w", err))
		return "native"
	}
	return "both"
}

// verify compares one model with its golden, and returns a result for each
// engine that came to a verdict.
func (v *verifier) verify(ctx context.Context, j job) ([]*golden.Result, error) {
	missing := "it is neither the golden of " + j.model + " nor another model's directory"
	if j.golden == "" {
		j.golden = trimSlash(j.model) + goldenExt
		missing = "lockstep golden record writes one"
	}
	g, err := golden.ReadFile(j.golden)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", err, missing)
	}
	if err != nil {
		return nil, err
	}
	o := golden.Options{Settings: slices.Concat(j.settings, v.settings), Rename: v.rename, Drift: j.drift}
	if o.Files, err = savedmodel.FS(j.model); err != nil {
		return nil, err
	}
	if o.Rename == nil {
		o.Rename = j.rename
	}
	if v.cmd.Flags().Changed("drift") {
		o.Drift, j.earlier = &v.drift, v.earlier
	}
	if j.earlier != "" {
		if o.Earlier, err = golden.ReadFile(j.earlier); err != nil {
			return nil, err
		}
	}
	model := v.chosen(j, g)
	var results []*golden.Result
	var failed error // of one engine: the other is verified all the same
	for _, engine := range []string{"native", "tensorflow"} {
		if v.engine != engine && v.engine != "both" {
			continue
		}
		r, err := v.one(ctx, engine, j.model, model, g, o)
		if failed = errors.Join(failed, err); codeOf(err) == exitUsage || ctx.Err() != nil {
			break
		}
		if err == nil {
			results = append(results, r)
		}
	}
	return results, failed
}

// chosen says which signature is meant: that of the command line, of
// lockstep.yaml, or of the golden.
func (v *verifier) chosen(j job, g *golden.Golden) modelFlags {
	if j.signature == "" && g.Header.Signature != nil {
		j.signature = g.Header.Signature.Name
	}
	if j.tags == nil {
		j.tags = g.Header.Tags
	}
	return v.withJob(v.cmd, j)
}

// one verifies in one engine.
func (v *verifier) one(ctx context.Context, engine, dir string, model modelFlags, g *golden.Golden, o golden.Options) (*golden.Result, error) {
	var e, known lockstep.Engine // known is what computes the model natively, nil if nothing does
	if engine == "native" {
		m, err := native.Load(dir, model.native()...)
		if err != nil {
			if r := signatureGone(dir, engine, model, g); r != nil {
				return r, nil
			}
			return nil, err
		}
		e, known = m, m
	} else {
		m, err := v.engines.open(ctx, dir, model)
		if err != nil {
			if r := signatureGone(dir, engine, model, g); r != nil {
				return r, nil
			}
			return nil, err
		}
		defer m.Close()
		e = m
		if known, o.Oracle = v.oracle(dir, model); o.Oracle == nil && len(g.Steps) > 0 {
			complain(v.cmd.ErrOrStderr(), fmt.Errorf("note: %s: the native engine, which knows the bounds of steps, cannot run this model", dir))
		}
	}
	r, err := g.Verify(ctx, e, o)
	if err == nil && v.diagnose && r.Change == golden.AnswersChanged && r.Report != nil {
		parity.ExplainAnswers(ctx, known, parity.Party{Name: r.By(), Inputs: r.Inputs, Values: r.Answers}, r.Report)
	}
	return r, err
}

// oracle judges TensorFlow; nil if the native engine cannot read the model.
func (v *verifier) oracle(dir string, model modelFlags) (lockstep.Engine, lockstep.Oracle) {
	m, err := native.Load(dir, model.native()...)
	if err != nil {
		return nil, nil
	}
	o, err := m.Oracle()
	if err != nil {
		return nil, nil
	}
	return m, o
}

// signatureGone is the verdict on a model without the golden's signature, nil
// for one that has it.
func signatureGone(dir, engine string, model modelFlags, g *golden.Golden) *golden.Result {
	model.signature = ""
	d, err := native.Inspect(dir, model.native()...)
	if err != nil || g.Header.Signature == nil {
		return nil
	}
	want := g.Header.Signature.Name
	var have []string
	for _, s := range d.Signatures {
		have = append(have, s.Name)
	}
	if len(have) == 0 || slices.Contains(have, want) {
		return nil
	}
	return &golden.Result{Golden: g, Engine: engine, Change: golden.LayoutChanged, Signature: []string{fmt.Sprintf("the signature %q is gone: there are %q", want, have)}}
}

func trimSlash(dir string) string {
	for len(dir) > 1 && os.IsPathSeparator(dir[len(dir)-1]) {
		dir = dir[:len(dir)-1]
	}
	return dir
}
