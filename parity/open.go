package parity

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

// check is a check in progress.
type check struct {
	model     Model
	reference Reference
	options   Options
	check     compare.Check

	// meant is the reference's model and engine the candidate's, both in the
	// native engine, nil where that refuses them: meant for the reason in
	// refused.
	meant, engine *native.Model
	refused       error
	names         rename.Names // the candidate's by the reference's
}

func (m *Model) options() []native.Option {
	out := []native.Option{native.WithSignature(m.Signature)}
	if m.Tags != nil {
		out = append(out, native.WithTags(m.Tags...))
	}
	return out
}

// candidate is the directory that the native engine runs.
func (m *Model) candidate() string {
	if m.Candidate != "" {
		return m.Candidate
	}
	return m.Dir
}

// load loads what the native engine runs. A refusal is no error if there are expected
// values to compare the reference with: the report then has no verdict.
func (c *check) load() error {
	engine, err := native.Load(c.model.candidate(), c.model.options()...)
	if err != nil && c.options.Expected == nil {
		return err
	}
	if err != nil {
		c.check.NotRun = append(c.check.NotRun, compare.EngineFailure{Engine: "native", Err: err})
		return nil
	}
	oracle, err := engine.Oracle()
	if err != nil {
		return err
	}
	c.engine, c.meant, c.check.Candidate, c.check.Oracle = engine, engine, engine, oracle
	return nil
}

// open opens the reference. A failure is no error if there are expected values to
// compare the candidate with.
func (c *check) open(ctx context.Context) (done func() error, err error) {
	engine, done, err := c.reference.Open(ctx)
	switch {
	case err == nil:
		c.check.Reference, c.check.Unoptimized = engine, c.reference.Unoptimized
		return done, nil
	case c.options.Expected == nil || c.engine == nil || ctx.Err() != nil:
		return nil, err
	}
	c.check.NotRun = append(c.check.NotRun, compare.EngineFailure{Engine: c.reference.Name, Err: err})
	return func() error { return nil }, nil
}

// pair gives a different candidate the reference's names, and its weights also
// those by their variables.
func (c *check) pair() error {
	c.check.SameGraph = c.model.Candidate == ""
	if c.check.SameGraph || c.engine == nil || c.check.Reference == nil {
		return nil
	}
	if c.meant, c.refused = native.Load(c.model.Dir, c.model.options()...); c.refused != nil {
		c.meant = nil
	}
	var layers []string
	if c.meant != nil {
		layers = layerNames(c.meant)
	}
	pairs, ours, theirs := rename.Pairs(c.model.Names), c.check.Reference.Signature(), c.engine.Signature()
	err := pairs.Check(ours, theirs, layers, layerNames(c.engine))
	if err != nil {
		return err
	}
	if c.names, err = rename.Match(ours, theirs, layers, layerNames(c.engine), pairs); err != nil {
		return err
	}
	if c.check.Variables[0], err = c.variables(c.model.Dir); err != nil {
		return err
	}
	own, err := c.variables(c.model.Candidate)
	c.check.Variables[1] = c.names.Variables(own)
	if !c.names.Empty() {
		c.check.Candidate = rename.Engine{Of: c.engine, Names: c.names}
		c.check.Oracle = rename.Oracle{Of: c.check.Oracle, Names: c.names}
	}
	return err
}

// variables returns the variables of a model's weights by the weights' names.
func (c *check) variables(dir string) (map[string]string, error) {
	d, err := native.Inspect(dir, c.model.options()...)
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
	out := []string{} // known, though empty
	for _, l := range m.Layers() {
		out = append(out, l.Name)
	}
	return out
}

// loops say which loops of the two models are no known layer, and why.
func (c *check) loops() []string {
	var out []string
	for _, side := range []struct {
		dir   string
		model *native.Model
	}{{c.model.Dir, c.meant}, {c.model.Candidate, c.engine}} {
		if side.model == nil {
			continue
		}
		for _, l := range side.model.Loops() {
			out = append(out, fmt.Sprintf("in %s a loop is no known layer, %s: %s", side.dir, l.Node, l.Reason))
		}
	}
	return out
}

// note says where the inputs are from, and which directory the candidate ran.
func (c *check) note(out *Result, made string) {
	if made != "" {
		out.Report.Notes = append([]string{made}, out.Report.Notes...)
	}
	if c.model.Candidate != "" {
		out.Report.Notes = append(out.Report.Notes, "native ran "+c.model.Candidate)
	}
}

// signature is the reference's, or that of the only engine.
func (c *check) signature() lockstep.Signature {
	if c.check.Reference != nil {
		return c.check.Reference.Signature()
	}
	return c.check.Candidate.Signature()
}
