//go:build tensorflow

package faults_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// withOperations are the models of the short form.
var withOperations = []string{
	"reports/transformer", "reports/ln_stack", "reports/channels_first", "reports/default", "embedding_mask_zero_keras3",
	"guide_series_conv_lstm_keras3", "guide_attention_seq2seq_keras3", "seed_tfkeras", "module_autograph_lstm", "reports/ln_cell_keras3",
	"reports/float16",
}

// A fault in an operation around the recurrent layers that changes a result of that
// operation by more than its bound is found, at that operation, whatever the
// weights say: in at least 99 of 100.
func TestFaultsInOperations(t *testing.T) {
	names, most := withOperations, 8
	if *long {
		names, most = slices.Concat(withOperations, fixture.MadeNames(t), morePlanted(t)), 6
	}
	each := make([]*operationSuite, len(names))
	t.Run("models", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				each[i] = &operationSuite{t: t, kinds: map[string]*tally{}}
				each[i].model(name, most)
			})
		}
	})
	all := &operationSuite{kinds: map[string]*tally{}}
	for _, one := range each {
		all.add(one)
	}
	text := all.table()
	t.Logf("\n%s", text)
	sum := all.sum()
	if certain := sum.planted - sum.nothing - sum.below; certain < 40 || sum.found*100 < certain*99 || sum.place*100 < certain*99 {
		t.Errorf("of %d faults that must be found %d were, %d of them at their operation", certain, sum.found, sum.place)
	}
	if *long {
		write(t, "faults: operations", text)
	}
}

// operationSuite counts the faults in operations, by their kinds.
type operationSuite struct {
	t      *testing.T
	kinds  map[string]*tally
	models int
	wrong  []string
}

func (s *operationSuite) add(other *operationSuite) {
	if other == nil {
		return
	}
	for kind, n := range other.kinds {
		if s.kinds[kind] == nil {
			s.kinds[kind] = &tally{}
		}
		s.kinds[kind].add(*n)
	}
	s.models, s.wrong = s.models+other.models, append(s.wrong, other.wrong...)
}

func (s *operationSuite) sum() tally {
	var all tally
	for _, n := range s.kinds {
		all.add(*n)
	}
	return all
}

func (s *operationSuite) table() string {
	var b strings.Builder
	all := s.sum()
	fmt.Fprintf(&b, "%d faults in operations of %d models, weights not compared. %d change no result of the operation that is run on TensorFlow's own tensors, and %d stay below twice its bound. Of the other %d, %d were found (%.1f %%), %d of them at their operation, and in a loop in its iteration (%.1f %%).\n\n",
		all.planted, s.models, all.nothing, all.below, all.planted-all.nothing-all.below, all.found, percent(all.found, all.planted-all.nothing-all.below), all.place, percent(all.place, all.planted-all.nothing-all.below))
	b.WriteString("| fault | planted | changes nothing | below the bound | found | at its operation |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, where := range []string{"", inLoop} {
		for _, kind := range []string{"a weight", "a constant", "an attribute", "two inputs exchanged", "another operation"} {
			if n := s.kinds[kind+where]; n != nil {
				fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", kind+where, n.planted, n.nothing, n.below, n.found, n.place)
			}
		}
	}
	for _, w := range s.wrong {
		b.WriteString("\n- " + w)
	}
	if len(s.wrong) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// operationSubject is a model and what TensorFlow has for its inner tensors.
type operationSubject struct {
	name      string
	dir       func() string // a new copy of its files
	m         *native.Model
	in        map[string]*lockstep.Tensor
	reference shown
	all       []lockstep.Operation
}

// shown is TensorFlow, whose trace and inner tensors are known.
type shown struct {
	traced
	inner map[string]*lockstep.Tensor
	loops map[string]*recordedLoop
}

func (s shown) Inner(_ context.Context, _ map[string]*lockstep.Tensor, _ []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	var out []*lockstep.Tensor
	for _, t := range want {
		if s.inner[t.Name()] == nil {
			return nil, fmt.Errorf("no %s", t.Name())
		}
		out = append(out, s.inner[t.Name()])
	}
	return out, nil
}

// unweighed hides that an engine can show its weights.
type unweighed struct {
	lockstep.Tracer
	lockstep.Stepper
	m *native.Model
}

func (u unweighed) Name() string                  { return u.m.Name() }
func (u unweighed) Signature() lockstep.Signature { return u.m.Signature() }
func (u unweighed) Run(ctx context.Context, in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	return u.m.Run(ctx, in)
}

func (u unweighed) Operator(ctx context.Context, in map[string]*lockstep.Tensor) (lockstep.Operator, error) {
	return u.m.Operator(ctx, in)
}

func (s *operationSuite) model(name string, most int) {
	ctx := s.t.Context()
	c := s.subject(name)
	if c == nil {
		return // TestCheckZoo says so
	}
	m, dir := c.m, c.dir()
	operator, err := m.Operator(ctx, c.in)
	if err != nil {
		s.t.Fatal(err)
	}
	c.all = operator.Operations()
	tf, err := tfbridge.Open(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	defer tf.Close()
	c.reference.Tracer = tf
	if c.reference.trace, err = tf.Trace(ctx, c.in, lockstep.Steps); err != nil {
		return // what TensorFlow cannot run
	}
	var want []lockstep.InnerTensor
	for _, op := range c.all {
		want = append(want, op.Results...)
	}
	inner, err := tf.Inner(ctx, c.in, nil, want)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	c.reference.inner, c.reference.loops = map[string]*lockstep.Tensor{}, map[string]*recordedLoop{}
	for i, t := range want {
		c.reference.inner[t.Name()] = inner[i]
	}
	for _, op := range c.all {
		if op.Loop == nil || op.Loop.Whole != "" {
			continue
		}
		if c.reference.loops[op.Node], err = record(ctx, tf, c.in, op); err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
	h := fnv.New64()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(8, h.Sum64()))
	faults := s.faults(c, rng)
	if len(faults) > 0 {
		s.models++
	}
	rng.Shuffle(len(faults), func(i, k int) { faults[i], faults[k] = faults[k], faults[i] })
	for _, inside := range []bool{false, true} {
		before := s.sum().planted
		for _, f := range faults {
			if s.sum().planted-before < most && strings.HasSuffix(f.kind, inLoop) == inside {
				s.plant(c, f)
			}
		}
	}
}

// subject loads a model of the zoo, or one of the structures, whose name is its
// directory; nil if it cannot be loaded.
func (s *operationSuite) subject(name string) *operationSubject {
	c := &operationSubject{name: name, dir: func() string { return fixture.Dir(s.t, name) }}
	if filepath.IsAbs(name) {
		c.name = filepath.Base(name)
		c.dir = func() string {
			dir := filepath.Join(s.t.TempDir(), c.name)
			if err := os.CopyFS(dir, os.DirFS(name)); err != nil {
				s.t.Fatal(err)
			}
			return dir
		}
	} else if fixture.ReadRecipe(s.t, name).SignatureOf("") != "" {
		return nil
	}
	var err error
	if c.m, err = native.Load(c.dir()); err != nil {
		return nil
	}
	if filepath.IsAbs(name) {
		c.in = map[string]*lockstep.Tensor{}
		for _, x := range c.m.Signature().Inputs {
			shape, rng := slices.Clone(x.Shape), rand.New(rand.NewPCG(4, 5))
			if shape[0] = 2; len(shape) > 1 && shape[1] < 0 {
				shape[1] = 7
			}
			if !x.DType.IsFloat() {
				c.in[x.Name] = tokens(s.t, rng, 4, shape...)
				continue
			}
			c.in[x.Name] = normal(s.t, rng, x.DType, 1, shape...)
		}
		return c
	}
	c.in = fixture.Tensors(s.t, name, "inputs.npz")
	for k, x := range c.in {
		c.in[k] = someRows(s.t, x, 4)
	}
	return c
}

// morePlanted are the directories of the structures with loops that are no known layer,
// and of those in 16 bits.
func morePlanted(t *testing.T) []string {
	return directories(t, func(s *structure) bool { return s.Loop != s.Half })
}

func (s *operationSuite) plant(c *operationSubject, f operationFault) {
	dir := c.dir()
	if err := f.plant(s.t, dir); err != nil {
		return
	}
	bad, err := native.Load(dir)
	if err != nil {
		return // the graph is refused
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if _, err := bad.Run(ctx, c.in); err != nil {
		return // shapes that do not fit, or a loop without end
	}
	n := s.kinds[f.kind]
	if n == nil {
		n = &tally{}
		s.kinds[f.kind] = n
	}
	n.planted++
	where := fmt.Sprintf("%s: %s: %s", c.name, f.kind, f.what)
	changes, certain, err := c.expectOperations(s.t, bad)
	switch {
	case err != nil:
		s.wrong = append(s.wrong, where+": "+err.Error())
		return
	case len(changes) == 0:
		n.nothing++
		return
	case certain == "":
		n.below++
		return
	}
	oracle, err := c.m.Oracle()
	if err != nil {
		s.t.Fatal(err)
	}
	checked, err := compare.Check{Model: c.name, Reference: c.reference, Candidate: unweighed{bad, bad, bad}, Inputs: c.in, Oracle: oracle, SameGraph: true}.Run(s.t.Context())
	if err != nil {
		s.wrong = append(s.wrong, where+": "+err.Error())
		return
	}
	i := slices.IndexFunc(checked.Report.Comparisons, func(k compare.Comparison) bool { return k.Title == "single operations" })
	if i < 0 || checked.Report.Comparisons[i].First() == nil {
		s.wrong = append(s.wrong, where+": not found")
		return
	}
	n.found++
	found := checked.Report.Comparisons[i].First()
	first := keyOf(found.Name, found.Iteration)
	if at := slices.Index(changes, first); at >= 0 && at <= slices.Index(changes, certain) {
		n.place++
		return
	}
	s.wrong = append(s.wrong, where+": found at "+first+", want "+certain)
}

// beyond is the largest difference as a share of twice what two engines are
// allowed; +Inf of other shapes, and of numbers that must be equal.
func beyond(a, b, bound *lockstep.Tensor) float64 {
	if !slices.Equal(a.Shape(), b.Shape()) {
		return math.Inf(1)
	}
	x, err := a.Float64s()
	y, other := b.Float64s()
	if err != nil || other != nil {
		if a.BitEqual(b) {
			return 0
		}
		return math.Inf(1)
	}
	var limits []float64
	if bound != nil {
		if limits, err = bound.Float64s(); err != nil {
			return math.Inf(1)
		}
	}
	most := 0.0
	for i := range x {
		d := math.Abs(x[i] - y[i])
		if d == 0 || math.IsNaN(x[i]) && math.IsNaN(y[i]) || x[i] == y[i] {
			continue
		}
		e := 0.0
		if limits != nil {
			e = 4 * limits[i]
		} else if a.DType().IsFloat() {
			e = 2 * (1e-4 + 1e-3*math.Abs(x[i])) // the fallback
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if math.IsInf(e, 1) {
			e = 2 * (1e-4 + 1e-3*math.Abs(x[i]))
		}
		most = max(most, d/e)
	}
	return most
}
