// Package reduce shrinks inputs with which a check diverges to the least that
// still do: fewer rows of the batch, fewer steps, features that are zeros, and
// numbers with fewer digits. It also writes what is left as a Go test.
package reduce

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/lockstep-go/lockstep"
)

// Fails tells whether a check with these inputs diverges like the original
// ones. Inputs that cannot be run do not.
type Fails func(ctx context.Context, inputs map[string]*lockstep.Tensor) bool

// Reduced is the result of a reduction.
type Reduced struct {
	Inputs map[string]*lockstep.Tensor
	// Runs counts the checks that were made.
	Runs int
	// Done says, in words, what was removed.
	Done []string
}

// Options bound the search.
type Options struct {
	// Runs is the most checks that are made: DefaultRuns if 0.
	Runs int
}

// DefaultRuns is how many checks are made at most.
const DefaultRuns = 400

// Run shrinks inputs of a signature. It fails if they do not fail to begin with.
func Run(ctx context.Context, sig lockstep.Signature, inputs map[string]*lockstep.Tensor, fails Fails, o Options) (*Reduced, error) {
	if o.Runs == 0 {
		o.Runs = DefaultRuns
	}
	s := &search{ctx: ctx, sig: sig, fails: fails, most: o.Runs, now: maps.Clone(inputs)}
	if !s.holds(inputs) {
		return nil, fmt.Errorf("reduce: with these inputs nothing diverges in what the engines compute, so that there is nothing to reduce")
	}
	s.axis(0, "rows of the batch")
	s.axis(1, "steps")
	s.zeros(1, "steps")
	s.zeros(2, "features")
	s.digits()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Reduced{Inputs: s.now, Runs: s.runs, Done: s.done}, nil
}

type search struct {
	ctx   context.Context
	sig   lockstep.Signature
	fails Fails
	most  int
	runs  int
	now   map[string]*lockstep.Tensor
	done  []string
}

// holds tells whether inputs still fail.
func (s *search) holds(inputs map[string]*lockstep.Tensor) bool {
	if s.runs >= s.most || s.ctx.Err() != nil {
		return false
	}
	s.runs++
	return s.fails(s.ctx, inputs)
}

// take makes inputs the current ones if they still fail.
func (s *search) take(inputs map[string]*lockstep.Tensor) bool {
	if inputs == nil || !s.holds(inputs) {
		return false
	}
	s.now = inputs
	return true
}

// axis drops places along an axis that the signature leaves open: first in all
// inputs of the same length together, since batches and sequences belong
// together, and then in each input separately.
func (s *search) axis(axis int, what string) {
	lengths := map[int][]string{}
	for _, in := range s.sig.Inputs {
		t := s.now[in.Name]
		if in.UnknownRank || t == nil || len(in.Shape) <= axis || in.Shape[axis] >= 0 || axis == 1 && len(in.Shape) == 2 && in.DType.IsFloat() {
			continue
		}
		n := t.Shape()[axis]
		lengths[n] = append(lengths[n], in.Name)
	}
	var groups [][]string
	for _, n := range slices.Sorted(maps.Keys(lengths)) {
		groups = append(groups, lengths[n])
		if axis > 0 && len(lengths[n]) > 1 {
			for _, name := range lengths[n] {
				groups = append(groups, []string{name})
			}
		}
	}
	for _, names := range groups {
		n := s.now[names[0]].Shape()[axis]
		s.shorten(axis, names, n)
		if left := s.now[names[0]].Shape()[axis]; left < n {
			s.done = append(s.done, fmt.Sprintf("%d of %d %s of %v", left, n, what, names))
		}
	}
}

// shorten is the ddmin algorithm (Zeller and Hildebrandt, Simplifying and
// Isolating Failure-Inducing Input, 2002) on the places along an axis, after a
// try of each place alone and of beginnings that double.
func (s *search) shorten(axis int, names []string, n int) {
	keep := func(places []int) bool {
		out := maps.Clone(s.now)
		for _, name := range names {
			t, err := places1(s.now[name], axis, places)
			if err != nil {
				return false
			}
			out[name] = t
		}
		return s.take(out)
	}
	const alone = 16
	for i := range min(n, alone) {
		if n > 1 && keep([]int{i}) {
			return
		}
	}
	for k := 2; k < n; k *= 2 {
		if keep(span(0, k)) {
			n = k
			break
		}
	}
	for parts := 2; n > 1; {
		size := (n + parts - 1) / parts
		shrunk := false
		for from := 0; from < n; from += size {
			rest := slices.Concat(span(0, from), span(min(from+size, n), n))
			if len(rest) > 0 && keep(rest) {
				n, shrunk = len(rest), true
				parts = max(parts-1, 2)
				break
			}
		}
		if shrunk {
			continue
		}
		if size == 1 {
			return
		}
		parts = min(2*parts, n)
	}
}

func span(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// zeros sets one place after the other along an axis to zeros, in float inputs.
func (s *search) zeros(axis int, what string) {
	for _, name := range slices.Sorted(maps.Keys(s.now)) {
		t := s.now[name]
		if !t.DType().IsFloat() || t.Rank() <= axis || t.Rank() < 3 {
			continue
		}
		n, all := 0, t.Shape()[axis]
		for i := range all {
			out, changed := mapFloats(s.now[name], func(at []int, v float64) float64 {
				if at[axis] == i {
					return 0
				}
				return v
			})
			if changed && s.take(s.with(name, out)) {
				n++
			}
		}
		if n > 0 {
			s.done = append(s.done, fmt.Sprintf("zeros in %d of %d %s of %s", n, all, what, name))
		}
	}
}

// digits rounds numbers to the fewest digits that still fail.
func (s *search) digits() {
	for _, name := range slices.Sorted(maps.Keys(s.now)) {
		for _, digits := range []int{1, 2, 3, 5} {
			out, changed := mapFloats(s.now[name], func(_ []int, v float64) float64 {
				x, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
				if err != nil || math.IsNaN(v) {
					return v
				}
				return x
			})
			if changed && s.take(s.with(name, out)) {
				s.done = append(s.done, fmt.Sprintf("%d digits in %s", digits, name))
				break
			}
		}
	}
}

func (s *search) with(name string, t *lockstep.Tensor) map[string]*lockstep.Tensor {
	out := maps.Clone(s.now)
	out[name] = t
	return out
}
