package inputs

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
)

// The bounds of a search.
const (
	maxTries      = 3000
	maxEngine     = 300 // with an engine that cannot say how far it got
	maxRounds     = 8
	maxSearchTime = time.Minute
)

// search looks for inputs that a model accepts.
type search struct {
	Request
	run      func(ctx context.Context, inputs map[string]*lockstep.Tensor) (out map[string]*lockstep.Tensor, reached int, err error)
	byEngine bool // run is Engine's
	demands  *demands
	words    *vocabulary
	axes     []axis // open ones, in the order of the inputs
	lengths  []int
	left     int // tries
	deadline time.Time
}

func newSearch(r Request) *search {
	s := &search{Request: r, demands: &demands{}, left: maxTries, deadline: time.Now().Add(maxSearchTime)}
	switch {
	case r.Trial != nil:
		s.demands, s.lengths = demandsOf(r.Trial.Graph()), lengthsOf(r.Signature, r.Trial.Graph())
		s.words = vocabularyOf(r.Trial)
		s.run = r.Trial.Run
	case r.Engine != nil:
		s.lengths = lengthsOf(r.Signature, nil)
		s.useEngine()
	}
	for _, spec := range r.Signature.Inputs {
		for at, d := range spec.Shape {
			if d < 0 {
				s.axes = append(s.axes, axis{spec.Name, at})
			}
		}
	}
	return s
}

// native tells whether inputs are tried in the native engine.
func (s *search) native() bool { return s.Trial != nil && !s.byEngine }

// useEngine tries inputs in the engine instead. It cannot say how far it got.
func (s *search) useEngine() {
	s.left, s.byEngine = maxEngine, true
	s.run = func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, int, error) {
		out, err := s.Engine(ctx, inputs)
		return out, 0, err
	}
}

// neededKinds are the kinds of elements that the graph requires.
func (s *search) neededKinds(st state) map[string][]kind {
	out := map[string][]kind{}
	for _, spec := range s.Signature.Inputs {
		long := s.demands.lengths[spec.Name]
		for _, k := range s.demands.indices[spec.Name] {
			switch {
			case long && k.unknown:
			case !k.usual(spec.DType):
				out[spec.Name] = append(out[spec.Name], k)
			}
		}
		if long && len(out[spec.Name]) == 0 && spec.DType != lockstep.Bool {
			out[spec.Name] = []kind{{form: lengths, high: float64(st.sizes.Steps)}}
		}
		if k := wholeRange(spec.DType); k != nil && !long && len(s.demands.indices[spec.Name]) == 0 {
			out[spec.Name] = k
		}
	}
	return out
}

// wholeRange is what an input of integers is made of that no operation reads as
// indices: for a type as small as those of images and samples of sound, all there is.
func wholeRange(d lockstep.DType) []kind {
	bits := 8 * d.Size()
	switch d {
	case lockstep.Uint8, lockstep.Uint16:
		return []kind{{form: integers, high: math.Ldexp(1, bits) - 1}}
	case lockstep.Int8, lockstep.Int16:
		return []kind{{form: integers, low: -math.Ldexp(1, bits-1), high: math.Ldexp(1, bits-1) - 1}}
	}
	return nil
}

// result is the result of a try.
type result struct {
	ok     bool // the model ran
	finite bool // its outputs are
	// batched says that the outputs of any batch have the batch for their first axes,
	// shaped that these are lengths which the inputs have.
	batched, shaped bool
	reached         int
	err             error
}

// fits tells whether unchanged inputs are accepted.
func (r result) fits() bool { return r.ok && r.finite && r.shaped }

// best tells whether no other inputs can fit better.
func (r result) best() bool { return r.fits() && r.batched }

// better tells whether r is nearer to fitting than other.
func (r result) better(other result) bool { return r.score() > other.score() }

func (r result) score() int {
	if !r.ok {
		return r.reached
	}
	score := math.MaxInt - 7
	for i, good := range []bool{r.batched, r.shaped, r.finite} {
		if good {
			score += 1 << i
		}
	}
	return score
}

// try runs the model. The error ends the search.
func (s *search) try(ctx context.Context, st state) (result, error) {
	in, err := st.inputs(s.Signature, s.Seed)
	if err != nil || s.run == nil {
		return result{ok: true, finite: true, batched: true, shaped: true}, err
	}
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	s.left--
	out, reached, err := s.run(ctx, in)
	if err != nil {
		return result{reached: reached, err: err}, ctx.Err()
	}
	got := result{ok: true, finite: true, batched: true, shaped: true}
	for name, t := range out {
		got.finite = got.finite && finite(t)
		if spec, ok := s.Signature.Output(name); ok && len(spec.Shape) > 0 && spec.Shape[0] < 0 && t.Rank() > 0 {
			got.batched = got.batched && t.Shape()[0] == st.sizes.Batch
			got.shaped = got.shaped && s.hasLength(st, t.Shape()[0])
		}
	}
	return got, nil
}

// hasLength tells whether an output's first axis is the batch, or another length
// that is meant: another axis of the inputs, or the steps of all rows.
func (s *search) hasLength(st state, d int) bool {
	return d == st.sizes.Batch*st.sizes.Steps || len(s.axes) == 0 || slices.ContainsFunc(s.axes, func(a axis) bool { return d == st.length(a) })
}

// tryPlain tries the inputs of random.Inputs.
func (s *search) tryPlain(ctx context.Context) (state, result, error) {
	st := state{sizes: s.Sizes, kinds: map[string][]kind{}, words: s.words}
	got, err := s.try(ctx, st)
	return st, got, err
}

// engineTakes tells whether the engine that will run the inputs accepts what
// the native one rejects: the check should show that, not avoid it.
func (s *search) engineTakes(ctx context.Context, st state, got result) (bool, error) {
	if s.Engine == nil || got.ok && got.finite {
		return false, nil
	}
	in, err := st.inputs(s.Signature, s.Seed)
	if err != nil {
		return false, err
	}
	out, err := s.Engine(ctx, in)
	if err != nil {
		return false, ctx.Err()
	}
	for _, t := range out {
		if !finite(t) {
			return false, nil
		}
	}
	return true, nil
}

func finite(t *lockstep.Tensor) bool {
	if !t.DType().IsFloat() {
		return true
	}
	values, err := t.Float64s()
	return err != nil || !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// move is a change of a state.
type move func(st *state)

// search changes the sizes and kinds, one at a time, until the model accepts
// the inputs: in each round, the change after which the model gets furthest.
func (s *search) search(ctx context.Context, at state, had result) (state, result, error) {
	for range maxRounds {
		best, reached := at, had
		for _, m := range s.moves(at, had) {
			if s.left <= 0 {
				return best, reached, nil
			}
			if time.Now().After(s.deadline) {
				return best, reached, fmt.Errorf("inputs: none that the model accepts were found in %v: give --inputs", maxSearchTime)
			}
			st := at.clone()
			m(&st)
			got, err := s.try(ctx, st)
			if err != nil {
				return at, had, err
			}
			if got.better(reached) && s.keepsSteps(st) {
				best, reached = st, got
				if got.best() {
					return best, reached, nil
				}
			}
		}
		if !reached.better(had) {
			break
		}
		if at, had = best, reached; had.fits() {
			break
		}
	}
	return at, had, nil
}

// keepsSteps tells whether the steps that are fixed are those of some input.
func (s *search) keepsSteps(st state) bool {
	if !s.FixedSteps {
		return true
	}
	any := false
	for _, a := range s.axes {
		if a.at > 0 {
			if st.length(a) == s.Sizes.Steps {
				return true
			}
			any = true
		}
	}
	return !any
}

func (st state) clone() state {
	st.own, st.kinds = maps.Clone(st.own), maps.Clone(st.kinds)
	return st
}

// moves lists the changes that are tried, the likeliest first.
func (s *search) moves(at state, had result) []move {
	var out []move
	if had.ok && !had.finite { // the sizes do
		return s.kinds(at)
	}
	if !at.known && at.words != nil && len(at.words.words)+len(at.words.numbers) > 0 {
		out = append(out, func(st *state) { st.known = true })
	}
	first := func(a axis) bool { return a.at == 0 }
	if !s.FixedBatch && slices.ContainsFunc(s.axes, first) {
		for _, d := range s.lengths {
			out = append(out, func(st *state) { st.sizes.Batch = d })
		}
	}
	out = append(out, s.ownMoves(at)...)
	if !s.FixedSteps && slices.ContainsFunc(s.axes, func(a axis) bool { return !first(a) }) {
		for _, d := range s.lengths {
			out = append(out, func(st *state) { st.setSteps(d) })
		}
	}
	return append(out, s.kinds(at)...)
}

// setSteps changes the steps, and with them the lengths.
func (st *state) setSteps(n int) {
	for name, kinds := range st.kinds {
		for i, k := range kinds {
			if k.form == lengths && k.high == float64(st.sizes.Steps) {
				kinds = slices.Clone(kinds)
				kinds[i].high = float64(n)
				st.kinds[name] = kinds
			}
		}
	}
	st.sizes.Steps = n
}

// near are the differences between two lengths that are tried first.
var near = []int{1, -1, 2, -2, 3, -3}

// ownMoves give one axis of several its own length.
func (s *search) ownMoves(at state) []move {
	var close, far, one []move
	alone := func(a axis) bool {
		return !slices.ContainsFunc(s.axes, func(b axis) bool { return b != a && (a.at == 0) == (b.at == 0) })
	}
	for _, a := range s.axes {
		if alone(a) {
			continue
		}
		set := func(d int) move {
			return func(st *state) {
				if st.own == nil {
					st.own = map[axis]int{}
				}
				st.own[a] = d
			}
		}
		for _, d := range near {
			if n := at.length(a) + d; n > 1 {
				close = append(close, set(n))
			}
		}
		for _, d := range s.lengths {
			if d > 1 {
				far = append(far, set(d))
			}
		}
		one = append(one, set(1))
	}
	return slices.Concat(close, far, one)
}

// kinds are changes of the kinds of elements.
func (s *search) kinds(at state) []move {
	var out []move
	set := func(name string, kinds ...kind) {
		out = append(out, func(st *state) { st.kinds[name] = kinds })
	}
	out = append(out, func(st *state) {
		for name, kinds := range s.demands.domains {
			st.kinds[name] = kinds
		}
	})
	for _, spec := range s.Signature.Inputs {
		if spec.DType == lockstep.Bool {
			continue
		}
		for _, k := range s.demands.domains[spec.Name] {
			set(spec.Name, k)
		}
		n := float64(at.sizes.Steps)
		set(spec.Name, kind{form: lengths, high: n})
		set(spec.Name, kind{form: constant, high: n})
		set(spec.Name, kind{form: integers, low: 0, high: 1})
		set(spec.Name, kind{form: integers, low: 1, high: 2})
		set(spec.Name, kind{form: above, low: 0})
		set(spec.Name, kind{form: between, low: 0, high: op.NearlyOne})
		set(spec.Name, kind{form: constant, high: float64(at.sizes.Batch)})
		set(spec.Name, kind{form: constant})
	}
	return out
}

// inputSet makes the inputs of a state, and lists what was fitted to the graph.
func (s *search) inputSet(st state, got result, err error) (*InputSet, error) {
	if err != nil {
		return nil, err
	}
	out := &InputSet{Sizes: st.sizes, state: st, result: got}
	if out.Inputs, err = st.inputs(s.Signature, s.Seed); err != nil {
		return nil, err
	}
	for _, spec := range s.Signature.Inputs {
		for at, d := range spec.Shape {
			own, ok := st.own[axis{spec.Name, at}]
			if d < 0 && ok {
				out.Fitted = append(out.Fitted, fmt.Sprintf("axis %d of %s is %d", at, spec.Name, own))
			}
		}
		if text := spec.DType == lockstep.String; text && st.known {
			out.Fitted = append(out.Fitted, spec.Name+" has words of the vocabulary alone")
		} else if text && st.words != nil && len(st.words.words) > 0 {
			out.Fitted = append(out.Fitted, spec.Name+" has words of the vocabulary, and others")
		}
		for _, k := range st.kinds[spec.Name] {
			out.Fitted = append(out.Fitted, fmt.Sprintf("%s has %s", spec.Name, k.of(spec.DType)))
		}
	}
	return out, nil
}
