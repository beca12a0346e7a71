//go:build tensorflow

package faults_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// committed are the models of the short form; the long one takes further, made ones.
var committed = []string{
	"seed_units1_keras3", "seed_units1_tfkeras", "misleading_keras3", "no_bias_keras3", "no_bias_tfkeras", "states_out_keras3",
	"fixed_steps_keras3", "gru_masked_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "gru_states_keras3",
	"simplernn_masked_zero_keras3", "simplernn_last_tfkeras", "bidirectional_last_keras3", "cells_mixed_keras3",
	"lstm_hard_sigmoid_tfkeras", "lstm_masked_states_tfkeras", "embedding_mask_zero_keras3", "guide_series_conv_lstm_keras3",
	"guide_attention_seq2seq_keras3", "nested_map_gru_keras3", "nested_decoder_keras3", "nested_branch_keras3",
}

// large takes as long as all of the committed ones.
var large = []string{"seed_keras3"}

var made = []string{
	"seed_tfkeras",
	"lstm_backwards_keras3", "gru_backwards_tfkeras", "simplernn_backwards_keras3", "gru_before_backwards_tfkeras", "lstm_masked_backwards_keras3",
	"lstm_initial_state_keras3", "gru_initial_state_tfkeras", "simplernn_initial_state_keras3", "stacked_kinds_keras3", "stacked_lstm_tfkeras",
	"stacked_masked_keras3", "bidirectional_masked_sequences_keras3", "bidirectional_states_tfkeras", "bidirectional_two_kinds_keras3",
	"lstm_relu_keras3", "gru_relu_hard_sigmoid_tfkeras", "lstm_mask_input_keras3", "gru_mask_input_keras3", "lstm_all_hard_sigmoid_keras3",
	"cells_lstm_keras3", "cells_two_lstm_tfkeras", "cells_gru_keras3", "float64_lstm_keras3", "float64_gru_tfkeras", "several_inputs_outputs_keras3",
	"embedding_mask_zero_sequences_tfkeras", "guide_weather_keras3", "guide_seq2seq_tokens_keras3", "guide_seq2seq_bidirectional_keras3",
	"guide_text_masked_keras3", "shared_lstm_keras3", "lstm_time_major_tfkeras",
	"nested_map_lstm_tfkeras", "nested_map_simplernn_keras3", "nested_map_masked_tfkeras", "nested_map_map_keras3", "nested_decoder_gru_tfkeras",
	"nested_branch_tfkeras", "nested_switch_keras3", "nested_embedding_keras3",
}

// The first cause that is named is the fault that was planted in at least 95 of
// 100, and the first place where the engines part is right in at least 99.
func TestPlantedFaults(t *testing.T) {
	names := committed
	if *long {
		fixture.Made(t)
		names = slices.Concat(large, committed, made)
	}
	suite, each := newSuite(t), make([]*suite, len(names))
	t.Run("models", func(t *testing.T) { // returns when all have
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				each[i] = newSuite(t)
				each[i].model(name)
			})
		}
	})
	for _, one := range each {
		if one != nil { // else -run leaves it out
			suite.add(one)
		}
	}
	t.Logf("\n%s", suite.table())
	for mode := range modes {
		all := suite.all(mode)
		if all.found < 100 || all.cause*100 < all.found*95 {
			t.Errorf("%s: the first cause is right in %d of %d, want 95 %%", modes[mode], all.cause, all.found)
		}
		if all.place*100 < all.found*99 {
			t.Errorf("%s: the first place is right in %d of %d, want 99 %%", modes[mode], all.place, all.found)
		}
	}
	if *long {
		write(t, "faults", suite.table())
	}
}

// Where a fault is planted: in another model's directory, as a converter or
// somebody's hand puts it there, so that all that the candidate shows has it; or
// in the engine alone, whose cells then do not do what the model's weights make,
// and which shows states alone. What is read over a sequence is planted once.
const (
	inModel = iota
	inEngine
)

var modes = [...]string{"in another model", "in the engine alone"}

type suite struct {
	t        *testing.T
	kinds    [len(modes)]map[fault.Kind]*tally
	models   map[string]bool
	excluded []string // faults that change nothing, or stay inside the bound of rounding
	wrong    []string
}

func newSuite(t *testing.T) *suite {
	s := &suite{t: t, models: map[string]bool{}}
	for i := range s.kinds {
		s.kinds[i] = map[fault.Kind]*tally{}
	}
	return s
}

// add adds what another suite found.
func (s *suite) add(other *suite) {
	for mode, kinds := range other.kinds {
		for kind, found := range kinds {
			if s.kinds[mode][kind] == nil {
				s.kinds[mode][kind] = &tally{}
			}
			s.kinds[mode][kind].add(*found)
		}
	}
	maps.Copy(s.models, other.models)
	s.excluded, s.wrong = append(s.excluded, other.excluded...), append(s.wrong, other.wrong...)
}

// traced is an engine whose trace is known.
type traced struct {
	lockstep.Tracer
	trace *lockstep.Trace
}

func (r traced) Trace(context.Context, map[string]*lockstep.Tensor, lockstep.Detail) (*lockstep.Trace, error) {
	return r.trace, nil
}

// subject is a model, and both engines' traces of its inputs.
type subject struct {
	name      string
	in        map[string]*lockstep.Tensor
	m         *native.Model
	reference traced
	sound     *lockstep.Trace
}

func (s *suite) model(name string) {
	ctx := context.Background()
	recipe := fixture.ReadRecipe(s.t, name)
	signature := recipe.SignatureOf("")
	dir := fixture.Dir(s.t, name)
	var own []native.Option
	var theirs []tfbridge.Option
	if signature != "" {
		own, theirs = append(own, native.WithSignature(signature)), append(theirs, tfbridge.WithSignature(signature))
	}
	m, err := native.Load(dir, own...)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	tf, err := tfbridge.Open(dir, theirs...)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	defer tf.Close()
	c := &subject{name: name, in: fixture.Tensors(s.t, name, "inputs.npz"), m: m}
	for k, x := range c.in { // some rows are as good as all of the seed's 199
		c.in[k] = someRows(s.t, x, 16)
	}
	if c.reference.trace, err = tf.Trace(ctx, c.in, lockstep.Steps); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	c.reference.Tracer = tf
	if c.sound, err = m.Trace(ctx, c.in, lockstep.Steps); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if v := c.check(s.t, m, m); v.Report.Verdict() != compare.InStep {
		s.t.Fatalf("%s: not in step before anything is planted", name)
	}
	for _, f := range s.faults(c) {
		s.plant(c, f, inModel)
		if !f.OutsideSteps() {
			s.plant(c, f, inEngine)
		}
	}
}

// faults are those of the model, and some weights of each layer; of the orders of
// gates the short form takes those that frameworks have.
func (s *suite) faults(c *subject) []fault.Fault {
	h := fnv.New64()
	h.Write([]byte(c.name))
	rng := rand.New(rand.NewPCG(6, h.Sum64()))
	var out []fault.Fault
	for _, f := range fault.List(c.m.Source()) {
		if f.Kind == fault.GateOrder && !slices.Contains([]string{"iofg", "igfo", "ifog", "gifo", "figo", "rzg"}, f.Order) && rng.IntN(4) > 0 {
			continue
		}
		out = append(out, f)
	}
	for _, l := range c.m.Layers() {
		for _, tensor := range []string{"kernel", "recurrent_kernel", "bias"} {
			w, err := c.m.Source().LayerWeight(l.Name, tensor)
			if err != nil {
				s.t.Fatal(err)
			}
			if w == nil || w.Len() == 0 {
				continue
			}
			for _, ulp := range []int{16, 256, 4096, 1 << 16} {
				out = append(out, fault.Fault{Kind: fault.OneWeight, Layer: l.Name, Tensor: tensor, Index: rng.IntN(w.Len()), ULP: ulp})
			}
			for _, factor := range []float64{1.01, 2, -1} {
				out = append(out, fault.Fault{Kind: fault.OneWeight, Layer: l.Name, Tensor: tensor, Index: rng.IntN(w.Len()), Factor: factor})
			}
		}
	}
	return out
}

// check checks a candidate that is meant to compute what a model does.
func (c *subject) check(t *testing.T, bad, meant *native.Model) *compare.CheckResult {
	t.Helper()
	oracle, err := meant.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	out, err := compare.Check{Model: c.name, Reference: c.reference, Candidate: bad, Inputs: c.in, Oracle: oracle}.Run(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return out
}

// plant plants one fault and counts what becomes of it.
func (s *suite) plant(c *subject, f fault.Fault, mode int) {
	ctx := context.Background()
	bad, err := c.m.Edit(f.Plant)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", c.name, f, err)
	}
	trace, err := bad.Trace(ctx, c.in, lockstep.Steps)
	if err != nil {
		return // these inputs cannot have the fault
	}
	k := s.kinds[mode][f.Kind]
	if k == nil {
		k = &tally{}
		s.kinds[mode][f.Kind] = k
	}
	s.models[c.name] = true
	k.planted++
	where := fmt.Sprintf("%s: %s", c.name, f)
	engine := bad
	if mode == inEngine {
		where, engine = modes[mode]+": "+where, c.m
	}
	if same(c.sound, trace) {
		k.nothing++
		s.excluded = append(s.excluded, where+": changes nothing")
		return
	}
	want := c.expect(s.t, f, trace, mode)
	checked := c.check(s.t, bad, engine)
	if checked.Report.Verdict() == compare.InStep {
		if !want.certain() {
			k.below++
			s.excluded = append(s.excluded, where+": inside the bound of rounding")
			return
		}
		k.found++
		s.wrong = append(s.wrong, where+": not found")
		return
	}
	k.found++
	found, err := diagnose.Problem{Inputs: c.in, Reference: c.reference.trace, Candidate: checked.Candidate, ReferenceModel: c.m, CandidateModel: engine, Stepper: bad}.Run(ctx)
	if err != nil {
		s.t.Fatalf("%s: %v", where, err)
	}
	if why := want.judge(found, checked.Report); why == "" {
		k.place++
	} else {
		s.wrong = append(s.wrong, where+": the first place: "+why)
	}
	switch named := found.Causes; {
	case len(named) == 0 || !named[0].Vanishes() || named[0].Side != diagnose.InCandidate || len(named[0].Faults) != 1:
		s.wrong = append(s.wrong, where+": the cause: "+strings.Join(found.Words("tensorflow", "native"), "; "))
	case c.alike(named[0].Faults[0], f):
		k.cause++
	case c.computesAs(s.t, named[0].Faults[0], trace, mode):
		k.cause++
		k.same++
	default:
		s.wrong = append(s.wrong, where+": the cause: "+strings.Join(found.Words("tensorflow", "native"), "; "))
	}
}

// alike tells whether two faults are one; a weight is found, not its new value. A
// GRU with reset_after adds two biases to the sums of z and r, and nothing tells
// which of them differ.
func (c *subject) alike(a, b fault.Fault) bool {
	if a.Kind == fault.OneWeight && b.Kind == fault.OneWeight {
		a.ULP, a.Factor, a.Is, b.ULP, b.Factor, b.Is = 0, 0, 0, 0, 0, 0
		for _, l := range c.m.Layers() {
			if n := 3 * l.Units; l.Name == a.Layer && l.ResetAfter && a.Tensor == "bias" && a.Index%n < 2*l.Units && b.Index%n == a.Index%n {
				a.Index = b.Index
			}
		}
	}
	return a == b
}

// computesAs tells whether the model with another fault computes the same numbers
// as the one with the planted fault: then no diagnosis can tell the two. Of a
// fault in the engine alone no gates are shown.
func (c *subject) computesAs(t *testing.T, f fault.Fault, trace *lockstep.Trace, mode int) bool {
	other, err := c.m.Edit(f.Plant)
	if err != nil {
		t.Fatal(err)
	}
	if mode == inModel {
		got, err := other.Trace(context.Background(), c.in, lockstep.Steps)
		return err == nil && same(got, trace)
	}
	got, err := other.TraceStates(context.Background(), c.in)
	if err != nil {
		return false
	}
	shown := *trace
	shown.Steps = maps.Clone(trace.Steps)
	maps.DeleteFunc(shown.Steps, func(name string, _ *lockstep.Tensor) bool { return got.Steps[name] == nil })
	return same(got, &shown)
}

// same tells whether two traces have the same numbers, a zero of either sign.
func same(a, b *lockstep.Trace) bool {
	equal := func(a, b map[string]*lockstep.Tensor) bool {
		return maps.EqualFunc(a, b, func(x, y *lockstep.Tensor) bool {
			if x.BitEqual(y) {
				return true
			}
			p, err := x.Float64s()
			q, other := y.Float64s()
			return err == nil && other == nil && slices.Equal(x.Shape(), y.Shape()) && slices.Equal(p, q)
		})
	}
	return equal(a.Outputs, b.Outputs) && equal(a.States, b.States) && equal(a.Steps, b.Steps)
}

// someRows returns the first rows of a batch.
func someRows(t *testing.T, x *lockstep.Tensor, n int) *lockstep.Tensor {
	if x.Rank() == 0 || x.Shape()[0] <= n {
		return x
	}
	d, err := lockstep.Data[float32](x)
	if err != nil {
		return x // few models have that many rows, and those are of floats
	}
	shape := slices.Clone(x.Shape())
	d = d[:len(d)/shape[0]*n]
	shape[0] = n
	out, err := lockstep.New(d, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
