package golden

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Recording says what is recorded besides the answers.
type Recording struct {
	Model      string
	Tags       []string
	Inputs     map[string]*lockstep.Tensor
	InputsFrom string
	// Files are the SavedModel's, to be hashed; nil for none.
	Files fs.FS
	// Expected, if not nil, is what Keras itself predicted for the Inputs, by the
	// names of outputs and states.
	Expected map[string]*lockstep.Tensor
	// Candidate, if not nil, is the engine whose error now a later Verify
	// compares with its error then.
	Candidate lockstep.Engine
	// Trace keeps every step of the recurrent layers too: Golden.Steps.
	Trace bool
	// Versions are added to the known ones: of lockstep, and of an engine that
	// has a Version method.
	Versions map[string]string
	// Rule, if not nil, is a setting for all tensors that Verify uses too. A
	// tolerance that it does not give is derived: see Options.Oracle.
	Rule *compare.Setting
}

// A Disagreement is why Record records nothing: parties that should agree do
// not.
type Disagreement struct{ Report *compare.Report }

// Error says where they differ.
func (d *Disagreement) Error() string {
	c, r := d.Report.FirstDivergence()
	if r == nil || r.First == nil {
		return fmt.Sprintf("golden: %s does not agree with %s, and nothing was recorded", c.Candidate, c.Reference)
	}
	return fmt.Sprintf("golden: %s differs from %s, first at %s, %s: nothing was recorded", c.Candidate, c.Reference, r.Name, &r.First.Place)
}

// Record runs an engine on r.Inputs and makes a golden of what it answers. If
// r.Expected or r.Candidate do not agree with it, the error is a
// *Disagreement: such a golden would prove nothing.
func Record(ctx context.Context, e lockstep.Engine, r Recording) (*Golden, error) {
	g := &Golden{Header: Header{
		Format: Format, Model: r.Model, Engine: e.Name(), Versions: map[string]string{}, Machine: thisMachine(),
		InputsFrom: r.InputsFrom, Tags: r.Tags, Signature: signatureOf(e.Signature()), Rule: r.Rule,
	}, Inputs: r.Inputs}
	var err error
	if g.Header.Weights, err = readWeights(e); err != nil { // before a run, which may change states that are kept
		return nil, err
	}
	detail := lockstep.States
	if r.Trace {
		detail = lockstep.Steps
	}
	if err := g.settings(nil).Valid(); err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	trace, err := run(ctx, e, r.Inputs, detail)
	if err != nil {
		return nil, err
	}
	g.Outputs, g.States, g.Header.Layers, g.Steps = trace.Outputs, trace.States, trace.Layers, trace.Steps
	if r.Trace && len(g.Steps) == 0 {
		return nil, fmt.Errorf("golden: %s shows no steps of a recurrent layer: record it without a trace", e.Name())
	}
	if r.Files != nil {
		if g.Header.Files, err = HashFiles(r.Files); err != nil {
			return nil, err
		}
	}
	if v, ok := e.(interface{ Version() string }); ok && v.Version() != "" {
		g.Header.Versions[e.Name()] = v.Version()
	}
	if v := moduleVersion(); v != "" {
		g.Header.Versions["lockstep"] = v
	}
	maps.Copy(g.Header.Versions, r.Versions)
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	g.Expected = r.Expected
	if r.Candidate != nil {
		other, err := run(ctx, r.Candidate, r.Inputs, lockstep.States)
		if err != nil {
			return nil, err
		}
		g.Candidate = maps.Clone(other.Outputs)
		maps.Copy(g.Candidate, other.States)
	}
	if err := g.agreement(ctx, e, r); err != nil {
		return nil, err
	}
	for _, f := range g.folders() {
		if *f.tensors == nil {
			*f.tensors = map[string]*lockstep.Tensor{} // as a golden that was read
		}
	}
	return g, nil
}

// readWeights describes the weights of an engine that shows them, nil of another.
func readWeights(e lockstep.Engine) ([]Weight, error) {
	w, ok := e.(lockstep.Weigher)
	if !ok {
		return nil, nil
	}
	weights, err := w.Weights()
	if err != nil {
		return nil, err
	}
	return weightsOf(weights)
}

// agreement compares all answers with the recorded ones, and these with
// themselves: non-finite values prove nothing.
func (g *Golden) agreement(ctx context.Context, e lockstep.Engine, r Recording) error {
	report := &compare.Report{Model: r.Model}
	judge := e
	if r.Candidate != nil {
		judge = r.Candidate
	}
	rules, err := g.rules(ctx, judge, nil, g.settings(nil), g.Inputs, g.answers(), same)
	if err != nil {
		return err
	}
	in := compare.Options{Order: g.order(), Layout: compare.KerasLayout}
	add := func(title, reference, candidate string, results []compare.Result) {
		report.Comparisons = append(report.Comparisons, compare.Comparison{Title: title, Reference: reference, Candidate: candidate, Results: results})
	}
	answers := g.answers()
	add("outputs and states", g.Header.Engine, g.Header.Engine, compare.Judge(compare.Measure(answers, answers, in), rules))
	if r.Candidate != nil {
		add("outputs and states", g.Header.Engine, r.Candidate.Name(), compare.Judge(compare.Measure(answers, g.Candidate, in), rules))
	}
	if r.Expected != nil {
		if err := compare.CheckExpected(g.Inputs, r.Expected, answers); err != nil {
			return err
		}
		results, err := compare.JudgeExpected(r.Expected, answers, in, rules)
		if err != nil {
			return err
		}
		add("expected values", "keras", g.Header.Engine, results)
	}
	if r.Trace {
		steps, err := g.bound(ctx, judge, r)
		if err != nil {
			return err
		}
		report.Comparisons = append(steps, report.Comparisons...)
	}
	if report.Verdict() != compare.InStep {
		return &Disagreement{report}
	}
	return nil
}

// only returns the tensors that have a name in names.
func only(tensors, names map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	out := map[string]*lockstep.Tensor{}
	for name, t := range tensors {
		if names[name] != nil {
			out[name] = t
		}
	}
	return out
}

// order is the order of outputs, and then of states by layer.
func (g *Golden) order() []string {
	out := slices.Sorted(maps.Keys(g.Outputs))
	for _, l := range g.Header.Layers {
		out = append(out, lockstep.StateName(l, "h"), lockstep.StateName(l, "c"))
	}
	return out
}

// run computes outputs and, if the engine can show them, final states and
// steps.
func run(ctx context.Context, e lockstep.Engine, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	if t, ok := e.(lockstep.Tracer); ok {
		return t.Trace(ctx, inputs, detail)
	}
	out, err := e.Run(ctx, inputs)
	if err != nil {
		return nil, err
	}
	return &lockstep.Trace{Engine: e.Name(), Outputs: out}, nil
}
