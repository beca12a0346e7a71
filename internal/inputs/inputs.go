// Package inputs makes inputs that a model's graph takes.
//
// They are those of random.Inputs, wherever the graph accepts these. A graph
// may need others: it may use its inputs' elements as indices of a table, which
// must then be within its rows, or fix a length that the signature leaves open.
// Ranges are read off the graph (consumers.go, walk.go), lengths are found by
// trying (search.go) in the native engine, as far as it supports the model.
//
// The same seed makes the same inputs on every machine.
package inputs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/random"
)

// Request says what inputs to make.
type Request struct {
	Signature lockstep.Signature
	// Trial is the model, or nil if the native engine cannot read it.
	Trial *Trial
	// Engine, if not nil, runs the model in the engine that will run the
	// inputs, where that is not the native one. It is used where the native
	// engine rejects the inputs, or does not support all of the model. It must
	// not change any state.
	Engine func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)

	Seed  uint64
	Sizes random.Sizes
	// FixedBatch and FixedSteps say that the batch and the steps must be those
	// of Sizes.
	FixedBatch, FixedSteps bool
}

// InputSet are inputs, and how they were made.
type InputSet struct {
	Inputs map[string]*lockstep.Tensor
	Sizes  random.Sizes
	// Fitted lists what was fitted to the graph besides batch and steps:
	// lengths of axes, and ranges of elements.
	Fitted []string

	state  state
	result result
}

// Fit turns an input's elements into ones that the graph accepts, each from its
// value.
func (m *InputSet) Fit(input string, t *lockstep.Tensor) error {
	for _, k := range m.state.kinds[input] {
		k = k.of(t.DType())
		if err := k.each(t, func(_ int, v float64) float64 { return k.near(v) }); err != nil {
			return fmt.Errorf("inputs: %s: %w", input, err)
		}
	}
	return nil
}

// Sentence says how inputs were made.
func (r Request) Sentence(m *InputSet) string {
	s := fmt.Sprintf("inputs: random, --seed %d --batch %d --steps %d", r.Seed, m.Sizes.Batch, m.Sizes.Steps)
	var fitted []string
	if m.Sizes.Batch != r.Sizes.Batch {
		fitted = append(fitted, fmt.Sprintf("the batch is %d", m.Sizes.Batch))
	}
	if m.Sizes.Steps != r.Sizes.Steps {
		fitted = append(fitted, fmt.Sprintf("the steps are %d", m.Sizes.Steps))
	}
	if fitted = slices.Concat(fitted, m.Fitted); len(fitted) > 0 {
		s += "; fitted to the graph: " + strings.Join(fitted, ", ")
	}
	return s
}

// SizeError is a batch or a number of steps that the graph does not accept.
type SizeError struct {
	Asked, Fits random.Sizes
	Err         error // of the engine, if it accepted none of the requested sizes
}

func (e *SizeError) Error() string {
	var asked, fits []string
	add := func(name string, a, b int) {
		if a != b {
			asked, fits = append(asked, fmt.Sprintf("--%s %d", name, a)), append(fits, fmt.Sprintf("--%s %d", name, b))
		}
	}
	add("batch", e.Asked.Batch, e.Fits.Batch)
	add("steps", e.Asked.Steps, e.Fits.Steps)
	s := fmt.Sprintf("inputs: %s does not fit the model's graph, and %s does", strings.Join(asked, " and "), strings.Join(fits, " "))
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *SizeError) Unwrap() error { return e.Err }

// Make makes inputs. A *SizeError says that only other sizes than the fixed
// ones work.
func Make(ctx context.Context, r Request) (*InputSet, error) {
	s := newSearch(r)
	st := state{sizes: r.Sizes, words: s.words}
	st.kinds = s.neededKinds(st)
	got, err := s.try(ctx, st)
	if err != nil {
		return nil, err
	}
	if len(st.kinds) > 0 && !got.fits() { // the ranges read off the graph may be wrong
		plain, other, err := s.tryPlain(ctx)
		if err != nil {
			return nil, err
		}
		if other.better(got) {
			st, got = plain, other
		}
	}
	if !got.ok {
		if st, got, err = s.tryPadded(ctx, st, got); err != nil {
			return nil, err
		}
	}
	if !got.fits() && s.native() {
		takes, err := s.engineTakes(ctx, st, got)
		if err != nil || takes {
			return s.inputSet(st, got, err)
		}
	}
	if !got.fits() {
		if st, got, err = s.search(ctx, st, got); err != nil {
			return nil, err
		}
		if got.ok && !got.best() {
			if err := s.fitsOnly(ctx, got); err != nil {
				return nil, err
			}
		}
	}
	if got.ok && s.native() && !r.complete() {
		return s.withEngine(ctx, st)
	}
	if got.ok {
		return s.inputSet(st, got, nil)
	}
	return nil, s.refusal(ctx, got)
}

// complete tells whether the native engine supports the whole model, or no
// other engine is available.
func (r Request) complete() bool { return r.Engine == nil || r.Trial != nil && r.Trial.Complete() }

// withEngine continues with the engine, where the native one does not support
// all of the model.
func (s *search) withEngine(ctx context.Context, st state) (*InputSet, error) {
	s.useEngine()
	got, err := s.try(ctx, st)
	if err == nil && !got.ok {
		st, got, err = s.search(ctx, st, got)
	}
	switch {
	case err != nil:
		return nil, err
	case !got.ok:
		return nil, s.refusal(ctx, got)
	}
	return s.inputSet(st, got, nil)
}

// refusal says why there are no inputs.
func (s *search) refusal(ctx context.Context, got result) error {
	if err := s.fitsOnly(ctx, got); err != nil {
		return err
	}
	return fmt.Errorf("inputs: none could be made that the model accepts: give --inputs, or another --batch or --steps: %w", got.err)
}

// fitsOnly returns a SizeError if other sizes fit better than the fixed ones.
func (s *search) fitsOnly(ctx context.Context, got result) error {
	if !s.FixedBatch && !s.FixedSteps {
		return nil
	}
	free := s.Request
	free.FixedBatch, free.FixedSteps = false, false
	other, err := Make(ctx, free)
	if err != nil || other.Sizes == s.Sizes || !other.result.better(got) {
		return nil
	}
	return &SizeError{s.Sizes, other.Sizes, got.err}
}

// state describes inputs to make.
type state struct {
	sizes random.Sizes
	own   map[axis]int // axes that are neither of batch nor of steps
	kinds map[string][]kind
	// words are what texts are made of, if there are any inputs of texts, and known
	// says that they have no others.
	words *vocabulary
	known bool
}

// axis is one that the signature leaves open.
type axis struct {
	input string
	at    int
}

// signature is s with the shapes of st.
func (st state) signature(s lockstep.Signature) lockstep.Signature {
	s.Inputs = slices.Clone(s.Inputs)
	for i, spec := range s.Inputs {
		s.Inputs[i].Shape = slices.Clone(spec.Shape)
		for at, d := range spec.Shape {
			if d < 0 {
				s.Inputs[i].Shape[at] = st.length(axis{spec.Name, at})
			}
		}
	}
	return s
}

func (st state) length(a axis) int {
	switch d, ok := st.own[a]; {
	case ok:
		return d
	case a.at == 0:
		return st.sizes.Batch
	}
	return st.sizes.Steps
}

// inputs makes them.
func (st state) inputs(sig lockstep.Signature, seed uint64) (map[string]*lockstep.Tensor, error) {
	out, err := random.Inputs(st.signature(sig), seed, st.sizes)
	if err != nil {
		return nil, err
	}
	for i, spec := range sig.Inputs {
		if len(st.kinds[spec.Name]) == 0 {
			st.words.fill(out[spec.Name], rand.New(rand.NewPCG(seed, 2+uint64(i)<<32)), st.known)
		}
		for j, k := range st.kinds[spec.Name] {
			rng := rand.New(rand.NewPCG(seed, 1+uint64(i)<<32+uint64(j)))
			if err := k.of(spec.DType).apply(out[spec.Name], rng); err != nil {
				return nil, fmt.Errorf("inputs: %s: %w", spec, err)
			}
		}
	}
	return out, nil
}

// usual tells whether elements as random.Inputs makes them are of that kind.
func (k kind) usual(dtype lockstep.DType) bool {
	switch {
	case k.form == lengths, k.form == padded, dtype == lockstep.Bool:
		return false
	case dtype.IsFloat():
		return k.unknown || math.IsInf(k.low, -1) && math.IsInf(k.high, 1)
	}
	return k.low <= 0 && k.high >= 1
}
