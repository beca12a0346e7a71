package golden

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/rename"
)

// Options say how Verify judges.
type Options struct {
	// Settings change the golden's own rule, or the derived ones where it has
	// none, by the golden's names. One that replaces the tolerance of all
	// tensors leaves the steps unjudged. One that matches no tensor is a
	// *compare.SettingError.
	Settings compare.Settings
	// Files are those of the model that the engine runs; nil to leave them out.
	Files fs.FS
	// Rename maps a name of the golden's signature to the model's.
	Rename map[string]string
	// Oracle derives the tolerance, where none was chosen, and judges the steps of
	// a golden that has some: nil for the engine's own, its Oracle.
	Oracle lockstep.Oracle
	// Drift, if not nil, is how much larger a tensor's error may be than it was:
	// the margin of now less that of then, where 1 is all that the tolerance
	// allows. Earlier has the error then, or if that is nil the golden itself.
	Drift   *float64
	Earlier *Golden
}

// Result is what Verify found.
type Result struct {
	Golden *Golden
	Engine string // that was verified
	Change Change
	// Differences from the golden, a clause each.
	Files, Signature, Layout, Weights, Drift []string
	// Notes are other remarks for the reader.
	Notes []string
	// Report compares the answers. It is nil where the signature or the layout
	// changed so much that the model could not be run.
	Report *compare.Report
	// Inputs are the golden's, and Answers the outputs and states that it holds, by
	// the names of the model: what a diagnosis needs. Answers is nil where nothing
	// was compared.
	Inputs, Answers map[string]*lockstep.Tensor
	// turns are the layers' names by the golden's, where they are matched by
	// their order.
	turns rename.Names
	// unrecorded are the layers that the golden has nothing of, and why.
	unrecorded map[string]string
}

// Verify runs an engine on the golden's inputs and says what changed. An error
// means that there is no verdict.
func (g *Golden) Verify(ctx context.Context, e lockstep.Engine, o Options) (*Result, error) {
	r := &Result{Golden: g, Engine: e.Name()}
	if o.Drift != nil && !(*o.Drift >= 0 && !math.IsInf(*o.Drift, 1)) {
		return nil, fmt.Errorf("golden: a drift budget of %v, want a number of 0 or more", *o.Drift)
	}
	if err := r.files(o); err != nil {
		return nil, err
	}
	names, err := g.renames(o.Rename)
	if err != nil {
		return nil, err
	}
	r.signature(e.Signature(), names)
	if g.Header.Signature == nil {
		r.outputs(e.Signature(), names.outputs)
	}
	if err := r.weights(e); err != nil {
		return nil, err
	}
	inputs := map[string]*lockstep.Tensor{}
	for name, t := range g.Inputs {
		inputs[names.inputs.to(name)] = t
	}
	switch err := e.Signature().CheckInputs(inputs); {
	case err != nil && g.Header.Signature != nil && len(r.Signature) > 0:
		r.Signature = append(r.Signature, "and so the golden's inputs do not fit")
	case err != nil && g.Header.Signature != nil: // the same signature: the golden is inconsistent
		return nil, fmt.Errorf("golden: its inputs do not fit its signature: %w", err)
	case err != nil:
		r.Signature = append(r.Signature, "the golden's inputs do not fit: "+oneLine(err))
	default:
		if err := r.answers(ctx, e, inputs, names, o); err != nil {
			return nil, err
		}
	}
	r.judge()
	return r, nil
}

// judge chooses the most severe change.
func (r *Result) judge() {
	switch {
	case len(r.Signature)+len(r.Layout) > 0:
		r.Change = LayoutChanged
	case len(r.Weights) > 0:
		r.Change = WeightsChanged
	case r.Report.Verdict() != compare.InStep:
		r.Change = AnswersChanged
	case len(r.Drift) > 0:
		r.Change = Drifted
	case len(r.Files) > 0:
		r.Change = FilesChanged
	}
}

func (r *Result) files(o Options) error {
	if o.Files == nil || len(r.Golden.Header.Files) == 0 {
		return nil
	}
	now, err := HashFiles(o.Files)
	if err != nil {
		return err
	}
	r.Files = filesChanged(r.Golden.Header.Files, now)
	return nil
}

// answers runs the engine and compares.
func (r *Result) answers(ctx context.Context, e lockstep.Engine, inputs map[string]*lockstep.Tensor, names renames, o Options) error {
	g := r.Golden
	trace, err := run(ctx, e, inputs, lockstep.States)
	if err != nil && len(r.Signature)+len(r.Layout) > 0 && ctx.Err() == nil {
		r.Notes = append(r.Notes, "the golden's inputs could not be run: "+oneLine(err))
		return nil
	}
	if err != nil {
		return err
	}
	have := map[string]*lockstep.Tensor{}
	for name, t := range trace.Outputs {
		have[names.outputs.back(name)] = t
	}
	if g.Header.Signature == nil { // written by hand: it may hold only some of the outputs
		for name := range trace.Outputs {
			if names.outputs.back(name) == name && g.Outputs[name] == nil {
				r.Notes = append(r.Notes, fmt.Sprintf("the golden has no output %q", name))
			}
		}
		have = only(have, g.Outputs)
	}
	if _, traces := e.(lockstep.Tracer); len(g.States) > 0 && traces {
		states := r.layers(trace)
		if g.Header.Layers == nil {
			states = only(states, g.States)
		}
		for name, t := range states {
			if have[name] != nil {
				return fmt.Errorf("golden: %s has an output and a state of the name %q", e.Name(), name)
			}
			have[name] = t
		}
	}
	want := g.answers()
	if _, traces := e.(lockstep.Tracer); !traces && len(g.States) > 0 {
		want = g.Outputs
		r.Notes = append(r.Notes, e.Name()+" shows no states: those of the golden were not verified")
	}
	all := maps.Clone(want)
	maps.Copy(all, have)
	if err := o.Settings.Match(slices.Sorted(maps.Keys(all))); err != nil {
		return err
	}
	settings := g.settings(o.Settings)
	theirs := func(name string) string { return r.theirs(names, name) }
	r.keep(inputs, want, have, theirs)
	rules, err := g.rules(ctx, e, o.Oracle, settings, inputs, want, theirs)
	if err != nil {
		return err
	}
	r.Report = &compare.Report{Model: g.Header.Model}
	if err := r.steps(ctx, e, inputs, o); err != nil {
		return err
	}
	answers := len(r.Report.Comparisons)
	in := compare.Options{Order: g.order(), Layout: compare.KerasLayout}
	r.add("outputs and states", r.By(), compare.Judge(compare.Measure(want, have, in), rules))
	if len(g.Expected) > 0 {
		results, err := compare.JudgeExpected(g.Expected, have, in, rules)
		if err != nil {
			return err
		}
		r.add("expected values", "keras", results)
	}
	return r.drift(&r.Report.Comparisons[answers], settings.Over(compare.Uniform(compare.DefaultRule())), o)
}

// theirs is the model's name of an output or a state of the golden.
func (r *Result) theirs(names renames, name string) string {
	if layer, state, ok := lockstep.CutStateName(name); ok && r.turns.Layers[layer] != "" {
		return lockstep.StateName(r.turns.Layers[layer], state)
	}
	return names.outputs.to(name)
}

// keep keeps what was compared for a diagnosis.
func (r *Result) keep(inputs, want, have map[string]*lockstep.Tensor, theirs func(string) string) {
	r.Inputs, r.Answers = inputs, map[string]*lockstep.Tensor{}
	for name, t := range want {
		if have[name] != nil {
			r.Answers[theirs(name)] = t
		}
	}
}

func (r *Result) add(title, reference string, results []compare.Result) {
	r.Report.Comparisons = append(r.Report.Comparisons, compare.Comparison{
		Title: title, Reference: reference, Candidate: r.Engine, Results: results, Notes: compare.BoundNotes(results),
	})
}

// By names the engine of the golden's answers.
func (r *Result) By() string {
	if r == nil || r.Golden == nil {
		return "the golden"
	}
	h := r.Golden.Header
	switch version := h.Versions[h.Engine]; {
	case h.Engine == "":
		return "the golden"
	case version != "":
		return "the golden of " + h.Engine + " " + version
	}
	return "the golden of " + h.Engine
}

// settings are those chosen when g was recorded, followed by these.
func (g *Golden) settings(asked compare.Settings) compare.Settings {
	if g.Header.Rule == nil {
		return asked
	}
	return append(compare.Settings{*g.Header.Rule}, asked...)
}

// rules returns the rules from settings and, where they leave a tolerance open,
// from the engine's oracle, which has the engine's names.
func (g *Golden) rules(ctx context.Context, e lockstep.Engine, given lockstep.Oracle, settings compare.Settings, inputs, answers map[string]*lockstep.Tensor, theirs func(string) string) (compare.Rules, error) {
	rules := settings.Over(compare.Uniform(compare.DefaultRule()))
	oracle, err := oracleOf(e, given)
	if err != nil || oracle == nil || settings.ReplaceTolerance() {
		return rules, err
	}
	values := map[string]*lockstep.Tensor{}
	for name, t := range answers {
		values[theirs(name)] = t
	}
	derived, err := compare.OracleRules(ctx, oracle, inputs, values, compare.Uniform(compare.DefaultRule()))
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	return settings.Over(func(name string) compare.Rule { return derived(theirs(name)) }), nil
}

func same(name string) string { return name }

// layers returns the states by the golden's names of the layers: a layer with a
// different name is matched by its order.
func (r *Result) layers(trace *lockstep.Trace) map[string]*lockstep.Tensor {
	then := r.Golden.Header.Layers
	r.unrecorded = dropUnrecorded(trace, then)
	for _, l := range slices.Sorted(maps.Keys(r.unrecorded)) {
		r.Notes = append(r.Notes, fmt.Sprintf("the states of the layer %s were not verified: %s", l, r.unrecorded[l]))
	}
	if then == nil || slices.Equal(slices.Sorted(slices.Values(then)), slices.Sorted(slices.Values(trace.Layers))) {
		return trace.States // another export may list parallel layers in another order
	}
	if len(then) != len(trace.Layers) {
		r.Layout = append(r.Layout, fmt.Sprintf("%d recurrent layers %q, the golden has %d %q", len(trace.Layers), trace.Layers, len(then), then))
		return trace.States
	}
	r.Notes = append(r.Notes, fmt.Sprintf("recurrent layers have other names: %q, in the golden %q", trace.Layers, then))
	r.turns = rename.Names{Layers: map[string]string{}}
	out := map[string]*lockstep.Tensor{}
	for i, name := range trace.Layers {
		r.turns.Layers[then[i]] = name
		for _, state := range []string{"h", "c"} {
			if t := trace.Layer(name).Final(state); t != nil {
				out[lockstep.StateName(then[i], state)] = t
			}
		}
	}
	return out
}

// dropUnrecorded takes the runs of layers inside loops out of a trace, if a golden
// that names its layers has none of them, and returns why they are not verified.
func dropUnrecorded(trace *lockstep.Trace, recorded []string) map[string]string {
	if recorded == nil {
		return nil
	}
	known, why := map[string]bool{}, map[string]string{}
	for _, l := range recorded {
		known[lockstep.LayerOf(l)] = true
	}
	drop := func(name string) bool {
		layer, _, isRun := lockstep.CutRun(name)
		return isRun && !known[layer]
	}
	for _, l := range trace.Layers {
		if drop(l) {
			why[lockstep.LayerOf(l)] = "the golden was recorded without the layers inside loops"
		}
	}
	trace.Layers = slices.DeleteFunc(slices.Clone(trace.Layers), drop)
	trace.States = maps.Clone(trace.States)
	maps.DeleteFunc(trace.States, func(name string, _ *lockstep.Tensor) bool {
		layer, _, ok := lockstep.CutStateName(name)
		return ok && drop(layer)
	})
	return why
}

// drift compares the margins now with those then, both by the same rules, which
// do not depend on either's inputs.
func (r *Result) drift(answers *compare.Comparison, rules compare.Rules, o Options) error {
	if o.Drift == nil {
		return nil
	}
	earlier := o.Earlier
	if earlier == nil {
		earlier = r.Golden
	}
	if len(earlier.Candidate) == 0 {
		return fmt.Errorf("golden: drift is unknown: the earlier golden does not hold what %s answered then: record it with lockstep golden record", r.Engine)
	}
	margins := map[string]float64{}
	for _, d := range compare.Judge(compare.Measure(earlier.answers(), earlier.Candidate, compare.Options{}), rules) {
		margins[d.Name] = d.Margin
	}
	compared := 0
	for _, now := range answers.Results {
		then, ok := margins[now.Name]
		if !ok {
			continue
		}
		compared++
		margin := compare.Judge([]compare.Difference{now.Difference}, rules)[0].Margin
		if now.Verdict == compare.InStep && margin-then > *o.Drift {
			r.Drift = append(r.Drift, fmt.Sprintf("%s has a margin of %.3g, and had %.3g: %.3g more, and the budget is %v", now.Name, margin, then, margin-then, *o.Drift))
		}
	}
	if compared == 0 {
		return fmt.Errorf("golden: drift is unknown: the earlier golden has none of the tensors: it has %q", slices.Sorted(maps.Keys(earlier.Candidate)))
	}
	return nil
}
