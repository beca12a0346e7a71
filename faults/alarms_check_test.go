//go:build tensorflow

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// alarmed is what one random model's check said, comparison by comparison.
type alarmed struct {
	Number       int
	Model        string
	Family       string
	Layers       []string
	Steps, Batch int
	Gain         float64
	Skipped      string // why this setting has no such model
	Margins      map[string]float64
	Diverged     map[string]string // by comparison, the first place
	Weak         map[string]string // by comparison: an output whose bound of rounding cannot tell it from others, and why
	Blind        map[string]bool   // of the values in Weak: those that are not in step by the fallback
	Refused      map[string]string // by engine, why it has no values
	Changed      string            // whether values that are changed by smallChange are "found" to be, or "missed"; "" if not judged
}

// title of the comparisons of values without steps.
const valuesOf = "values: "

// checkRandom checks a random model under a setting.
func checkRandom(t *testing.T, s setting, i int, p *population, folder string) alarmed {
	t.Helper()
	d := p.draw(t, i)
	a := alarmed{
		Number: i, Model: d.structure.Name, Family: d.structure.Family, Layers: d.structure.Layers, Steps: d.steps, Batch: d.batch, Gain: d.gain,
		Margins: map[string]float64{}, Diverged: map[string]string{}, Weak: map[string]string{}, Blind: map[string]bool{}, Refused: map[string]string{},
	}
	if d.refused != nil {
		a.Skipped = d.refused.Error()
		return a
	}
	if d.structure.OneDNN && slices.Contains(s.Env, oneDNNOff) {
		a.Skipped = "TensorFlow has no such operation on a CPU without oneDNN"
		return a
	}
	dir, err := os.MkdirTemp(t.TempDir(), "model")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d.save(t, dir)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	tf, err := tfbridge.Open(dir, tfbridge.WithThreads(s.Threads))
	if err != nil {
		t.Fatal(err)
	}
	defer tf.Close()
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	oracle = remember(oracle, d.in)
	checked, err := compare.Check{Reference: tf, Candidate: m, Inputs: d.in, Oracle: oracle, SameGraph: true}.Run(t.Context())
	if err != nil {
		t.Errorf("%s: %s: %v", s.Name, a.where(), err)
		return a
	}
	for _, title := range []string{"single steps", "free running"} {
		if len(m.Layers()) > 0 && !d.structure.Half && !slices.ContainsFunc(checked.Report.Comparisons, func(c compare.Comparison) bool { return c.Title == title && len(c.Results) > 0 }) {
			t.Errorf("%s: there is no comparison of %s", a.where(), title)
		}
	}
	for k := range checked.Report.Comparisons {
		c := &checked.Report.Comparisons[k]
		for i := range c.Results {
			r := &c.Results[i]
			if _, fixed := r.Rule.Tolerance.(compare.FixedTolerance); fixed && r.DType().IsFloat() && !(d.structure.Decided && c.Title == "outputs and states") {
				t.Errorf("%s: %s is judged by %s, which nothing derives", a.where(), r.Name, r.Rule)
			}
			if b, ok := r.Rule.Tolerance.(compare.BoundTolerance); ok && b.Weak != "" {
				a.Weak[c.Title] = r.Name + ": " + b.Weak
			}
		}
		a.add(c)
	}
	v := values{a: &a, drawn: d, oracle: oracle, folder: filepath.Join(folder, number(i))}
	v.compare(t, s, checked)
	return a
}

func (a *alarmed) where() string {
	return fmt.Sprintf("model %d, %s, %d steps, batch %d, gain %.2g", a.Number, a.Model, a.Steps, a.Batch, a.Gain)
}

func (a *alarmed) add(c *compare.Comparison) {
	a.Margins[c.Title] = min(c.Margin(), math.MaxFloat64)
	if c.Verdict() != compare.InStep {
		a.Diverged[c.Title] = firstOf(c)
	}
}

func firstOf(c *compare.Comparison) string {
	first := c.First()
	switch {
	case first == nil:
		return "nothing was compared"
	case first.First == nil:
		return fmt.Sprintf("%s: %s", first.Name, first.Kind)
	}
	f := first.First
	return fmt.Sprintf("%s (%s) at %s, %v and %v, bound %.3g", first.Name, first.Operation, &f.Place, f.Reference, f.Candidate, f.Bound)
}

// values compares outputs alone, as those of parties that show no steps.
type values struct {
	a      *alarmed
	drawn  *drawn
	oracle lockstep.Oracle
	folder string // of what the parties computed of this model
}

// dear is how many products of a weight and a step of a row 33 evaluations in
// float64 are made for.
const dear = 1e7

func (v *values) compare(t *testing.T, s setting, checked *compare.CheckResult) {
	t.Helper()
	theirs, own := checked.Reference.Outputs, checked.Candidate.Outputs
	if s.Name == settings[0].Name {
		if err := os.MkdirAll(v.folder, 0o755); err != nil {
			t.Fatal(err)
		}
		keep(t, filepath.Join(v.folder, "default.npz"), theirs)
	}
	weights := 0
	for _, w := range v.drawn.weights {
		weights += w.Len()
	}
	if float64(weights)*float64(v.drawn.batch*v.drawn.steps) > dear {
		v.a.Refused["typical bounds"] = "they take too long"
		return
	}
	if v.judge(t, "native and tensorflow", theirs, own) && !v.drawn.structure.Half {
		v.a.Changed = v.findsChange(t, theirs)
	}
	if s.Name != settings[0].Name {
		v.judge(t, "tensorflow's default and this setting", v.party(t, "default"), theirs)
		return
	}
	for _, engine := range engines {
		if why := v.drawn.structure.differsOn(engine); why != "" {
			v.a.Refused[engine] = why
			continue
		}
		if computed := v.party(t, engine); computed != nil {
			v.judge(t, engine+" and tensorflow", computed, theirs)
			v.judge(t, engine+" and native", computed, own)
		}
	}
}

// differsOn says why an engine does not compute what the structure does, up to
// rounding that is known; "" if it does.
func (s *structure) differsOn(engine string) string {
	switch {
	case engine == "keras":
		return ""
	case s.Half:
		return "it rounds to 16 bits at other places"
	case engine == "torch" && s.Family == "float64":
		return "Keras on PyTorch computes LayerNormalization and means of float64 in float32"
	case engine == "torch" && slices.ContainsFunc(s.Layers, func(l string) bool { return strings.HasPrefix(l, "GroupNormalization") }):
		return "Keras on PyTorch computes the variance as the mean of squares less the square of the mean"
	}
	return ""
}

// party reads what another engine computed, nil if nothing.
func (v *values) party(t *testing.T, engine string) map[string]*lockstep.Tensor {
	t.Helper()
	list, err := npz.ReadFile(filepath.Join(v.folder, engine+".npz"))
	if errors.Is(err, fs.ErrNotExist) {
		if why, err := os.ReadFile(filepath.Join(v.folder, engine+".txt")); err == nil {
			v.a.Refused[engine] = string(why)
		}
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return lockstep.ByName(list)
}

// judge judges values by those of another party, as check does with --expected:
// by what rounding typically does. Where that bound cannot tell an output from
// others, as in a recurrence that amplifies rounding without end, the model is
// counted apart; judge tells whether it was judged.
func (v *values) judge(t *testing.T, between string, expected, computed map[string]*lockstep.Tensor) bool {
	t.Helper()
	c := v.results(t, between, expected, computed)
	for i := range c.Results {
		b, derived := c.Results[i].Rule.Tolerance.(compare.BoundTolerance)
		if derived && b.Weak == "" {
			continue
		}
		v.a.Weak[c.Title] = fmt.Sprint(c.Results[i].Name, ": ", c.Results[i].Rule)
		v.a.Blind[c.Title] = c.Verdict() != compare.InStep
		return false
	}
	v.a.add(c)
	return true
}

func (v *values) results(t *testing.T, between string, expected, computed map[string]*lockstep.Tensor) *compare.Comparison {
	t.Helper()
	rules, err := compare.OracleRules(t.Context(), v.oracle, v.drawn.in, expected, compare.Uniform(compare.DefaultRule()))
	if err != nil {
		t.Fatal(err)
	}
	results, err := compare.JudgeExpected(expected, computed, compare.Options{}, rules)
	if err != nil {
		t.Errorf("%s: %s: %v", v.a.where(), between, err)
	}
	return &compare.Comparison{Title: valuesOf + between, Results: results}
}

// smallChange is the relative change of outputs that must be found.
const smallChange = 1e-5

// findsChange tells whether outputs are found to differ from the same ones, all of
// them changed a little.
func (v *values) findsChange(t *testing.T, outputs map[string]*lockstep.Tensor) string {
	t.Helper()
	changed := map[string]*lockstep.Tensor{}
	for name, y := range outputs {
		copied, err := lockstep.Zeros(y.DType(), y.Shape()...)
		if err != nil {
			t.Fatal(err)
		}
		d, k := numbers(t, y), 0
		changed[name] = each(t, copied, func(float64) float64 { k++; return d[k-1] * (1 - smallChange) })
	}
	if v.results(t, "changed outputs", changed, outputs).Verdict() == compare.InStep {
		return "missed"
	}
	return "found"
}

// remembering is an oracle that evaluates a model with the same inputs once.
type remembering struct {
	lockstep.Oracle
	run     func() evaluation
	in      map[string]*lockstep.Tensor
	mu      sync.Mutex
	typical *evaluation
}

type evaluation struct {
	exact, bound map[string]*lockstep.Tensor
	unknown      map[string]error
	err          error
}

func remember(o lockstep.Oracle, in map[string]*lockstep.Tensor) lockstep.Oracle {
	return &remembering{Oracle: o, in: in, run: sync.OnceValue(func() (e evaluation) {
		e.exact, e.bound, e.unknown, e.err = o.Run(context.Background(), in, nil)
		return e
	})}
}

func (r *remembering) Run(ctx context.Context, in, given map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	if given != nil {
		return r.Oracle.Run(ctx, in, given)
	}
	e := r.run()
	return e.exact, e.bound, e.unknown, e.err
}

// Typical remembers an evaluation that did not take too much work. A check asks for one
// of little work first.
func (r *remembering) Typical(ctx context.Context, _ map[string]*lockstep.Tensor, work int64) (exact, bound map[string]*lockstep.Tensor, unknown map[string]error, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.typical
	if e == nil {
		e = &evaluation{}
		e.exact, e.bound, e.unknown, e.err = r.Oracle.Typical(ctx, r.in, work)
		if !errors.Is(e.err, lockstep.ErrWork) {
			r.typical = e
		}
	}
	return e.exact, e.bound, e.unknown, e.err
}
