package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/native"
)

// diagnoseFlags choose what is done after a failure, and which names belong
// together.
type diagnoseFlags struct {
	diagnose bool
	maps     []string
}

func (f *diagnoseFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.diagnose, "diagnose", true, "after a divergence, suppose known faults and name those that explain it")
	cmd.Flags().StringSliceVar(&f.maps, "map", nil, "theirs=ours: an input, output or layer of --candidate-model that MODEL calls ours; may be repeated")
}

func (f *diagnoseFlags) check(candidate string) error {
	if len(f.maps) > 0 && candidate == "" {
		return usagef("--map pairs names of --candidate-model with those of MODEL, and there is no --candidate-model")
	}
	seen := map[string]bool{}
	for _, m := range f.maps {
		theirs, ours, ok := strings.Cut(m, "=")
		if !ok || theirs == "" || ours == "" {
			return usagef("--map %q: want theirs=ours", m)
		}
		if seen["a"+theirs] || seen["b"+ours] {
			return usagef("--map %q: a name is paired twice", m)
		}
		seen["a"+theirs], seen["b"+ours] = true, true
	}
	return nil
}

func (f *diagnoseFlags) names() compare.Paired {
	out := compare.Paired{}
	for _, m := range f.maps {
		theirs, ours, _ := strings.Cut(m, "=")
		out[ours] = theirs
	}
	return out
}

// pair is the reference's model and the candidate's, both in the native engine,
// and the candidate's names by the reference's.
type pair struct {
	meant, engine *native.Model
	refused       error // why there is no meant
	names         compare.Names
	variables     [2]map[string]string // as in compare.Check; of another candidate alone
}

// pair loads the reference's model, where the candidate is another one, and
// pairs the names of the two.
func (f *diagnoseFlags) pair(name string, engine *native.Model, reference lockstep.Tracer, all *checkFlags) (*pair, error) {
	p := &pair{meant: engine, engine: engine}
	if all.candidate == "" || engine == nil {
		return p, nil
	}
	p.meant, p.refused = native.Load(name, all.native()...)
	if p.refused != nil {
		p.meant = nil
	}
	var layers []string
	if p.meant != nil {
		layers = layerNames(p.meant)
	}
	err := f.names().Check(reference.Signature(), engine.Signature(), layers, layerNames(engine))
	if err != nil {
		return nil, err
	}
	if p.names, err = compare.Match(reference.Signature(), engine.Signature(), layers, layerNames(engine), f.names()); err != nil {
		return nil, err
	}
	if p.variables[0], err = variablesOf(name, all); err != nil {
		return nil, err
	}
	own, err := variablesOf(all.candidate, all)
	p.variables[1] = p.names.Variables(own)
	return p, err
}

// variablesOf returns the variables of a model's weights by the weights' names.
func variablesOf(dir string, all *checkFlags) (map[string]string, error) {
	d, err := native.Inspect(dir, all.native()...)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, w := range d.Weights {
		out[w.Name] = w.Variable
	}
	return out, nil
}

func layerNames(m *native.Model) []string {
	out := []string{} // which are known, though there be none
	for _, l := range m.Layers() {
		out = append(out, l.Name)
	}
	return out
}

// rename has the candidate known by the reference's names, and its weights by
// their variables too.
func (p *pair) rename(c *compare.Check) {
	c.Variables = p.variables
	if p.names.Empty() {
		return
	}
	c.Candidate = compare.Renamed{Engine: c.Candidate, Names: p.names}
	c.Oracle = compare.RenamedOracle{Oracle: c.Oracle, Names: p.names}
}

// loops say which loops of the two models are no layer that is known, and why.
func (p *pair) loops(reference, candidate string) []string {
	var out []string
	for _, side := range []struct {
		dir   string
		model *native.Model
	}{{reference, p.meant}, {candidate, p.engine}} {
		if side.model == nil {
			continue
		}
		for _, l := range side.model.Loops() {
			out = append(out, fmt.Sprintf("in %s a loop is no layer that is known, %s: %s", side.dir, l.Node, l.Reason))
		}
	}
	return out
}

// explain adds a diagnosis to a report that diverged, or why there is none: the
// verdict stands without one.
func (f *diagnoseFlags) explain(ctx context.Context, c compare.Check, checked *compare.Checked, p *pair) {
	if !f.diagnose || checked.Report.Verdict() == compare.InStep || p.engine == nil || checked.ByOptimizer() || !engineDiverged(c, checked.Report) {
		return
	}
	if err := diagnosed(ctx, c, checked, p); err != nil {
		checked.Report.Notes = append(checked.Report.Notes, "no diagnosis: "+err.Error())
	}
}

func diagnosed(ctx context.Context, c compare.Check, checked *compare.Checked, p *pair) error {
	if p.meant == nil {
		return fmt.Errorf("the native engine refuses the reference's model: %w", p.refused)
	}
	reference, candidate := checked.Reference, checked.Candidate
	var err error
	if reference.Steps == nil {
		if reference, err = c.Reference.Trace(ctx, c.Inputs, lockstep.Steps); err != nil {
			return err
		}
	}
	if candidate.Steps == nil {
		if candidate, err = c.Candidate.Trace(ctx, c.Inputs, lockstep.Steps); err != nil {
			return err
		}
	}
	problem := diagnose.Case{Inputs: c.Inputs, Reference: reference, Candidate: candidate, Meant: p.meant, Engine: p.engine, Names: p.names}
	problem.Stepper, _ = c.Candidate.(lockstep.Stepper)
	found, err := problem.Run(ctx)
	if err != nil {
		return err
	}
	found.Report(checked.Report, reference.Engine, candidate.Engine)
	return nil
}

// engineDiverged tells whether it is the engines that differ, and not what a
// third party expected, by more than rounding explains.
func engineDiverged(c compare.Check, r *compare.Report) bool {
	for i := range r.Comparisons {
		k := &r.Comparisons[i]
		if k.Reference != c.Reference.Name() || k.Candidate != c.Candidate.Name() {
			continue
		}
		if len(k.Results) == 0 {
			return true
		}
		for j := range k.Results {
			if k.Results[j].ShowsFault() {
				return true
			}
		}
	}
	return false
}
