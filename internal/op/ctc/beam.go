package ctc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// search are the attributes of a beam search (tensorflow/core/util/ctc/ctc_beam_search.h).
type search struct {
	width, paths int
	merge        bool
}

func readSearch(n *savedmodel.Node) (search, error) {
	s := search{width: int(n.AttrInt("beam_width")), paths: int(n.AttrInt("top_paths")), merge: op.BoolOr(n, "merge_repeated", true)}
	switch {
	case s.width < 1 || s.width > value.MaxElements:
		return s, op.NotSupported("beam_width", s.width)
	case s.paths < 1 || s.paths > s.width:
		return s, op.NotSupported("top_paths", s.paths)
	}
	return s, nil
}

// sum is the logarithm of the sum of two powers of e.
type sum[E floats] func(x, y E) E

// single is sum as TensorFlow computes it of every type: by functions of float32.
func single[E floats](x, y E) E {
	if x < y {
		x, y = y, x
	}
	if math.IsInf(float64(y), -1) {
		return x
	}
	return x + E(float32(math.Log1p(float64(float32(math.Exp(float64(float32(y-x))))))))
}

func exactSum(x, y float64) float64 {
	if x < y {
		x, y = y, x
	}
	if math.IsInf(y, -1) {
		return x
	}
	return x + math.Log1p(math.Exp(y-x))
}

func beamSearch[E floats](add sum[E]) decoder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		a, err := readSearch(n)
		if err != nil {
			return nil, err
		}
		return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
			s, err := read[E](in)
			if err != nil {
				return nil, err
			}
			if err := op.Affordable(s.steps, s.batch, a.width, s.classes, 8); err != nil {
				return nil, err
			}
			if _, err := value.AllowSized([]int{a.paths, s.batch}, 8*value.WordBytes); err != nil {
				return nil, err
			}
			all := make([][][]int, a.paths)
			var logs []E
			for b := range s.batch {
				paths, log, err := decode(a, &s, b, add, nil)
				if err != nil {
					return nil, fmt.Errorf("sequence %d: %w", b, err)
				}
				for p := range all {
					all[p] = append(all[p], paths[p])
				}
				logs = append(logs, log...)
			}
			return results(all, logs)
		}, nil
	}
}

// exactBeams is the search without the functions of float32.
func exactBeams(n *savedmodel.Node) (op.Exec, error) { return beamSearch(exactSum)(n) }

// chance are the logarithms of what is likely: all, ending in the blank, or in the label.
type chance[E floats] struct{ total, blank, label E }

func never[E floats]() E { return E(math.Inf(-1)) }

func noChance[E floats]() chance[E] { return chance[E]{never[E](), never[E](), never[E]()} }

// beam is a sequence of labels, with its last one and the sequence before it.
type beam[E floats] struct {
	parent   *beam[E]
	label    int
	children map[int]*beam[E]
	old, now chance[E]
}

func (b *beam[E]) active() bool { return b.now.total != never[E]() }

func (b *beam[E]) labels(merge bool) []int {
	var out []int
	last := -1
	for ; b.parent != nil; b = b.parent {
		if !merge || b.label != last {
			out = append(out, b.label)
		}
		last = b.label
	}
	slices.Reverse(out)
	return out
}

// beamBytes is about what a beam takes, with its place in its parent's map.
const beamBytes = 40 * value.WordBytes

// searching is a search in progress.
type searching[E floats] struct {
	search
	add    sum[E]
	leaves ranking[E]
	beams  int // that are kept
	track  *tracker
}

// decode finds the best paths of a sequence.
func decode[E floats](a search, s *sequences[E], sequence int, add sum[E], track *tracker) (paths [][]int, logs []E, err error) {
	g := &searching[E]{search: a, add: add, track: track}
	g.leaves.limit = a.width
	root := &beam[E]{label: -1, old: noChance[E](), now: chance[E]{0, 0, never[E]()}}
	g.leaves.push(root)
	for step := range s.lengths[sequence] {
		row := s.row(step, sequence)
		if track != nil {
			before(track, step, row)
		}
		if err := g.step(row); err != nil {
			return nil, nil, err
		}
		if track != nil {
			after(track, g.leaves.all)
		}
	}
	if a.paths > len(g.leaves.all) {
		return nil, nil, errors.New("it has found fewer paths than top_paths")
	}
	top := ranking[E]{limit: a.paths}
	for _, b := range g.leaves.all {
		top.push(b)
	}
	best := top.sorted()
	if track != nil {
		g.decisions(best)
	}
	for _, b := range best {
		paths, logs = append(paths, b.labels(a.merge)), append(logs, b.now.total)
	}
	return paths, logs, nil
}

// decisions notes what decided the order of the best.
func (g *searching[E]) decisions(best []*beam[E]) {
	for i, b := range best {
		if b.now.total != b.now.total {
			g.track.room = math.NaN()
		}
		if i > 0 {
			g.track.decides(float64(best[i-1].now.total), float64(b.now.total))
		}
	}
	last := best[len(best)-1]
	for _, b := range g.leaves.all {
		if !slices.Contains(best, b) {
			g.track.decides(float64(last.now.total), float64(b.now.total))
		}
	}
}

// norm is the logarithm of the sum of the powers of a row.
func norm[E floats](row []E) E {
	top := row[0]
	for _, v := range row {
		top = max(top, v)
	}
	s := E(0)
	for _, v := range row {
		s += E(math.Exp(float64(v - top)))
	}
	return top + E(math.Log(float64(s)))
}

func (g *searching[E]) step(row []E) error {
	norm, blank := norm(row), row[len(row)-1]
	branches := g.leaves.sorted()
	g.leaves = ranking[E]{limit: g.width}
	for _, b := range branches {
		b.old = b.now
	}
	for _, b := range branches {
		if b.parent != nil {
			if b.parent.active() {
				before := b.parent.old.total
				if b.label == b.parent.label {
					before = b.parent.old.blank
				}
				b.now.label = g.add(b.now.label, before)
			}
			b.now.label += row[b.label] - norm
		}
		b.now.blank = b.old.total + blank - norm
		b.now.total = g.add(b.now.blank, b.now.label)
		g.leaves.push(b)
	}
	for _, b := range branches {
		if !g.candidate(b.old.total) {
			continue
		}
		for label, v := range row[:len(row)-1] {
			g.grow(b, label, v-norm)
		}
		if err := memory.Fits(g.beams, beamBytes); err != nil {
			return fmt.Errorf("%d sequences of labels: %w", g.beams, err)
		}
	}
	return nil
}

// candidate tells whether a chance belongs to the leaves.
func (g *searching[E]) candidate(total E) bool {
	if !(total > never[E]()) {
		return false
	}
	if len(g.leaves.all) < g.width {
		return true
	}
	least := g.leaves.bottom().now.total
	g.track.decides(float64(total), float64(least))
	return total > least
}

// grow adds a label to a sequence. One that is no candidate is not kept, unless
// others grew from it before.
func (g *searching[E]) grow(b *beam[E], label int, log E) {
	c := b.children[label]
	if c != nil && c.active() {
		return
	}
	before := b.old.total
	if label == b.label {
		before = b.old.blank
	}
	next := chance[E]{blank: never[E](), label: log + before}
	next.total = next.label
	if !g.candidate(next.total) {
		if c != nil {
			c.old, c.now = noChance[E](), noChance[E]()
		}
		return
	}
	if c == nil {
		if b.children == nil {
			b.children = map[int]*beam[E]{}
		}
		c = &beam[E]{parent: b, label: label, old: noChance[E]()}
		b.children[label] = c
		g.beams++
	}
	c.now = next
	if len(g.leaves.all) == g.width {
		g.leaves.bottom().now = noChance[E]()
	}
	g.leaves.push(c)
}
