//go:build tensorflow

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// withOperations are the models of the short form.
var withOperations = []string{
	"reports/transformer", "reports/ln_stack", "reports/channels_first", "reports/default", "embedding_mask_zero_keras3",
	"guide_series_conv_lstm_keras3", "guide_attention_seq2seq_keras3", "seed_tfkeras",
}

// A fault in an operation around the recurrent layers that changes a result of that
// operation by more than its bound is found, at that operation, whatever the
// weights say: in at least 99 of 100.
func TestFaultsInOperations(t *testing.T) {
	names, most := withOperations, 8
	if *long {
		names, most = slices.Concat(withOperations, fixture.MadeNames(t)), 6
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
	fmt.Fprintf(&b, "%d faults in operations of %d models, weights not compared. %d change no result of the operation that is run on TensorFlow's own tensors, and %d stay below twice its bound. Of the other %d, %d were found (%.1f %%), %d of them at their operation (%.1f %%).\n\n",
		all.planted, s.models, all.nothing, all.below, all.planted-all.nothing-all.below, all.found, percent(all.found, all.planted-all.nothing-all.below), all.place, percent(all.place, all.planted-all.nothing-all.below))
	b.WriteString("| fault | planted | changes nothing | below the bound | found | at its operation |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, kind := range []string{"a weight", "a constant", "an attribute", "two inputs exchanged", "another operation"} {
		if n := s.kinds[kind]; n != nil {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", kind, n.planted, n.nothing, n.below, n.found, n.place)
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
	m         *native.Model
	in        map[string]*lockstep.Tensor
	reference shown
	all       []lockstep.Operation
	theirs    [][]*lockstep.Tensor // by operation
}

// shown is TensorFlow, whose trace and inner tensors are known.
type shown struct {
	traced
	inner map[string]*lockstep.Tensor
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
	dir := fixture.Dir(s.t, name)
	m, err := native.Load(dir)
	if err != nil || fixture.ReadRecipe(s.t, name).SignatureOf("") != "" {
		return // TestCheckZoo says so
	}
	c := &operationSubject{name: name, m: m, in: fixture.Tensors(s.t, name, "inputs.npz")}
	for k, x := range c.in {
		c.in[k] = someRows(s.t, x, 4)
	}
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
	c.reference.inner = map[string]*lockstep.Tensor{}
	for i, t := range want {
		c.reference.inner[t.Name()] = inner[i]
	}
	for _, op := range c.all {
		c.theirs, inner = append(c.theirs, inner[:len(op.Results)]), inner[len(op.Results):]
	}
	h := fnv.New64()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(8, h.Sum64()))
	faults := s.faults(c, rng)
	if len(faults) > 0 {
		s.models++
	}
	rng.Shuffle(len(faults), func(i, k int) { faults[i], faults[k] = faults[k], faults[i] })
	for _, f := range faults {
		if s.sum().planted < most {
			s.plant(c, f)
		}
	}
}

func (s *operationSuite) plant(c *operationSubject, f operationFault) {
	dir := fixture.Dir(s.t, c.name)
	if err := f.plant(s.t, dir); err != nil {
		return
	}
	bad, err := native.Load(dir)
	if err != nil {
		return // the graph is refused
	}
	if _, err := bad.Run(s.t.Context(), c.in); err != nil {
		return // shapes that do not fit
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
	first := checked.Report.Comparisons[i].First().Name
	if at := slices.Index(changes, first); at >= 0 && at <= slices.Index(changes, certain) {
		n.place++
		return
	}
	s.wrong = append(s.wrong, where+": found at "+first+", want "+certain)
}

// expectOperations runs each operation of the sound model and of the faulty one on
// TensorFlow's own tensors. It returns the results that differ, in order, and the
// first that differs by more than twice what the two engines are allowed.
func (c *operationSubject) expectOperations(t *testing.T, bad *native.Model) (changes []string, certain string, err error) {
	sound, err := c.m.Operator(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	faulty, err := bad.Operator(t.Context(), c.in)
	if err != nil {
		return nil, "", err
	}
	o, err := c.m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := o.Operator(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	theirsOf := map[string]*lockstep.Tensor{}
	for k, op := range c.all {
		for i, r := range op.Results {
			theirsOf[r.Name()] = c.theirs[k][i]
		}
	}
	// A fault may change which results there are: each goes its own way.
	own, bounds := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	for k, op := range c.all {
		a, err := sound.Next()
		if err != nil {
			t.Fatal(err)
		}
		_, bound, _, err := oracle.Next(op)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			own[op.Results[i].Name()], bounds[op.Results[i].Name()] = a[i], bound[i]
		}
		if err := errors.Join(sound.Take(c.theirs[k]), oracle.Take(c.theirs[k])); err != nil {
			t.Fatal(err)
		}
	}
	for _, op := range faulty.Operations() {
		b, err := faulty.Next()
		if err != nil {
			return nil, "", err
		}
		var theirs []*lockstep.Tensor
		for i, r := range op.Results {
			if theirsOf[r.Name()] == nil {
				return nil, "", fmt.Errorf("%s is no result of the sound model", r.Name())
			}
			theirs = append(theirs, theirsOf[r.Name()])
			if i >= len(b) || own[r.Name()] == nil {
				continue
			}
			switch d := beyond(own[r.Name()], b[i], bounds[r.Name()]); {
			case d > 1 && certain == "":
				certain = r.Name()
				fallthrough
			case d > 0:
				changes = append(changes, r.Name())
			}
		}
		if err := faulty.Take(theirs); err != nil {
			return nil, "", err
		}
	}
	return changes, certain, nil
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
