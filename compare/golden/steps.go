package golden

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/rename"
)

// oracleEngine is an engine with an oracle of its model.
type oracleEngine interface {
	Oracle() (lockstep.Oracle, error)
}

// oracleOf returns the oracle that was given, or else the engine's own, nil if it
// has none.
func oracleOf(e lockstep.Engine, given lockstep.Oracle) (lockstep.Oracle, error) {
	if of, ok := e.(oracleEngine); ok && given == nil {
		return of.Oracle()
	}
	return given, nil
}

// singleSteps is the title of the comparison whose bounds a golden keeps.
const singleSteps = "single steps"

// replay is the golden in the role of the recorded engine.
type replay struct {
	golden  *Golden
	name    string
	unshown map[string]string // of the layers that it does not hold: see lockstep.Trace
}

func (r replay) Name() string { return r.name }

func (r replay) Signature() lockstep.Signature {
	if s := r.golden.Header.Signature; s != nil {
		sig, _ := s.signature() // checked when it was read
		return sig
	}
	return lockstep.Signature{}
}

func (r replay) Run(context.Context, map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return r.golden.Outputs, nil
}

func (r replay) Trace(context.Context, map[string]*lockstep.Tensor, lockstep.Detail) (*lockstep.Trace, error) {
	g := r.golden
	return &lockstep.Trace{Engine: r.name, Layers: g.Header.Layers, Outputs: g.Outputs, States: g.States, Steps: g.Steps, Unshown: r.unshown}, nil
}

// stepwise compares an engine's steps with the golden's, as compare.Check does:
// single steps from the golden's own states, and free running. names are the
// engine's of the golden's layers; allow is Rule.AllowNonFinite; notes say what
// could not be compared.
func (r replay) stepwise(ctx context.Context, e lockstep.Engine, names rename.Names, inputs map[string]*lockstep.Tensor, oracle lockstep.Oracle, allow bool) (all []compare.Comparison, notes []string, err error) {
	if oracle, err = oracleOf(e, oracle); err != nil {
		return nil, nil, err
	}
	tracer, ok := e.(lockstep.Tracer)
	if !ok || oracle == nil {
		return nil, []string{e.Name() + " shows no steps: those of the golden were not verified"}, nil
	}
	c := compare.Check{Model: r.golden.Header.Model, Reference: r, Candidate: tracer, Oracle: oracle, Inputs: inputs}
	if allow {
		c.Settings = compare.Settings{{AllowNonFinite: &allow}}
	}
	_, single := e.(lockstep.Stepper)
	if !names.Empty() {
		c.Candidate, c.Oracle = rename.Engine{Of: tracer, Names: names}, rename.Oracle{Of: oracle, Names: names}
	}
	checked, err := c.Run(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("golden: %w", err)
	}
	for _, k := range checked.Report.Comparisons {
		if k.Stepwise && (single || k.Title != singleSteps) {
			all = append(all, k)
		}
	}
	return all, checked.Report.Notes, nil
}

// steps compares the steps of a golden that has some.
func (r *Result) steps(ctx context.Context, e lockstep.Engine, inputs map[string]*lockstep.Tensor, o Options) error {
	if len(r.Golden.Steps) == 0 || o.Settings.ReplaceTolerance() || len(r.Layout) > 0 {
		return nil
	}
	all, notes, err := replay{r.Golden, r.By(), r.unrecorded}.stepwise(ctx, e, r.turns, inputs, o.Oracle, r.Golden.settings(o.Settings).AllowNonFinite())
	if err != nil {
		return err
	}
	r.Report.Comparisons = append(r.Report.Comparisons, all...)
	r.Notes = append(r.Notes, notes...)
	return nil
}

// bound compares an engine with the recorded steps, and keeps the bounds by
// which it was judged.
func (g *Golden) bound(ctx context.Context, e lockstep.Engine, r Recording) ([]compare.Comparison, error) {
	all, notes, err := replay{g, g.Header.Engine, nil}.stepwise(ctx, e, rename.Names{}, r.Inputs, nil, g.settings(nil).AllowNonFinite())
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("golden: the steps have no known bounds, and nothing was recorded: %s", strings.Join(notes, "; "))
	}
	g.Bounds = map[string]*lockstep.Tensor{}
	for _, k := range all {
		if k.Title != singleSteps {
			continue
		}
		for i := range k.Results {
			d := &k.Results[i]
			bounds, ok := d.Rule.Tolerance.(compare.BoundTolerance)
			if !ok || d.Reference == nil {
				continue
			}
			if g.Bounds[d.Name], err = lockstep.New(upwards(bounds.Each), d.Reference.Shape()...); err != nil {
				return nil, fmt.Errorf("golden: the bounds of %s: %w", d.Name, err)
			}
		}
	}
	return all, nil
}

// upwards rounds bounds up to float32: rounded down, they would be no bounds.
func upwards(bounds []float64) []float32 {
	out := make([]float32, len(bounds))
	for i, b := range bounds {
		out[i] = float32(b)
		if float64(out[i]) < b {
			out[i] = math.Nextafter32(out[i], float32(math.Inf(1)))
		}
	}
	return out
}

// checkSteps tells whether steps and bounds belong to layers that the golden
// names, in consistent shapes.
func (g *Golden) checkSteps() error {
	leading := map[string][]int{} // of each layer, batch and steps
	for name, t := range g.Steps {
		layer, q := path.Split(name)
		layer = strings.TrimSuffix(layer, "/")
		if !slices.Contains(g.Header.Layers, layer) {
			return fmt.Errorf("its array %q belongs to no layer that its header names: that has %q", "steps/"+name, g.Header.Layers)
		}
		rank := 3
		switch {
		case q == "mask" || strings.HasPrefix(q, "initial_"):
			rank = 2
		case q == "output":
			continue // of one step or of all
		}
		if t.Rank() != rank {
			return fmt.Errorf("its array %q is %s, want %d axes", "steps/"+name, t, rank)
		}
		if rank == 2 && q != "mask" {
			continue
		}
		if want := leading[layer]; want != nil && !slices.Equal(want, t.Shape()[:2]) {
			return fmt.Errorf("its array %q is %s, and others of that layer have a batch of %d and %d steps", "steps/"+name, t, want[0], want[1])
		}
		leading[layer] = t.Shape()[:2]
	}
	for name, t := range g.Bounds {
		of := g.Steps[name]
		if of == nil {
			return fmt.Errorf("its array %q belongs to no array in steps/", "bounds/"+name)
		}
		if t.DType() != lockstep.Float32 || !slices.Equal(t.Shape(), of.Shape()) {
			return fmt.Errorf("its array %q is %s, want float32 in the shape of its steps, %s", "bounds/"+name, t, lockstep.FormatShape(of.Shape()))
		}
		values, err := lockstep.Data[float32](t)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(values, func(v float32) bool { return !(v >= 0) }); i >= 0 {
			return errors.New("its array \"bounds/" + name + "\" has a bound that is not a number of 0 or more")
		}
	}
	return nil
}
