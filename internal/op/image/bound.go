package image

import (
	"maps"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// weighed is an element of the image along one axis, in an element of the result:
// the size of its weight; how far another engine's weight may be from it, whose
// compiler rounds otherwise; and the size of all that is computed of it, which the
// roundings are relative to.
type weighed struct {
	at               int
	size, off, terms float64
}

// bounded is a plan with what bounds its results.
type bounded struct {
	from, to   sizes
	rows, cols [][]weighed
	scale      float64
	roundings  int
}

// boundedLines puts the taps of an axis together with those of the same axis that are
// computed otherwise. own is the error of a weight itself.
func boundedLines(lines [][]tap, others [][][]tap, linear bool, own float64) [][]weighed {
	out := make([][]weighed, len(lines))
	for i, line := range lines {
		sums := weightsOf(line, linear)
		off := map[int]float64{}
		for at := range sums {
			off[at] = 0
		}
		for _, other := range others {
			theirs := weightsOf(other[i], linear)
			for at, weight := range theirs {
				off[at] = max(off[at], math.Abs(weight-sums[at]))
			}
			for at, weight := range sums {
				if _, ok := theirs[at]; !ok {
					off[at] = max(off[at], math.Abs(weight))
				}
			}
		}
		for _, at := range slices.Sorted(maps.Keys(off)) {
			w := weighed{at: at, size: math.Abs(sums[at]), off: off[at] + own}
			w.terms = w.size
			out[i] = append(out[i], w)
		}
		if linear { // first + (second-first)·weight
			part := float64(line[1].weight)
			for k := range out[i] {
				switch out[i][k].at {
				case line[0].at:
					out[i][k].terms = 1 + 2*part
				case line[1].at:
					out[i][k].terms = part
				}
			}
		}
	}
	return out
}

// weightsOf are the weights of a line's elements.
func weightsOf(line []tap, linear bool) map[int]float64 {
	out := map[int]float64{}
	for k, t := range line {
		out[t.at] += exactWeight(line, k, linear)
	}
	return out
}

// exactWeight is a weight without the rounding of 1 less another.
func exactWeight(line []tap, k int, linear bool) float64 {
	if linear && k == 0 {
		return 1 - float64(line[1].weight)
	}
	return float64(line[k].weight)
}

func longest(lines [][]tap) int {
	n := 0
	for _, line := range lines {
		n = max(n, len(line))
	}
	return n
}

// resizeBound bounds sums of weighted elements. With w' an engine's weights, off by
// at most d from w, its sum of w'x' differs from that of wx by the sums of
// (|w|+d)·E(x) and of d·|x| and γ(n) times that of the magnitudes of what is added
// up, along both axes.
func resizeBound(m method) op.BoundRule {
	return func(x *op.BoundInput) error {
		a, err := readAlignment(x.Node)
		if err != nil {
			return err
		}
		_, from, to, err := resized(x.Values(), 2)
		if err != nil {
			return err
		}
		rows, cols := a.scalers(from, to)
		return planOf(m, rows, cols, false).bound(x, []plan{planOf(m, rows, cols, true)}, from, to, 0)
	}
}

// bound sets the bounds of what a plan makes; the others are those of engines that
// round otherwise.
func (p plan) bound(x *op.BoundInput, others []plan, from, to sizes, own float64) error {
	v, err := x.In[0].Tensor.Float64s()
	if err != nil {
		return err
	}
	single := *x
	single.Unit = rounding.Float32 // whatever the images are
	if p.linear && from == to {
		e := make([]float64, len(v))
		copy(e, x.E(0))
		return single.Set(0, e)
	}
	b := bounded{from: from, to: to, scale: math.Abs(float64(p.scale))}
	var rows, cols [][][]tap
	for _, other := range others {
		rows, cols = append(rows, other.rows), append(cols, other.cols)
	}
	b.rows, b.cols = boundedLines(p.rows, rows, p.linear, own), boundedLines(p.cols, cols, p.linear, own)
	// Each term meets a product and a sum along each axis, its own conversion, and
	// what its weights are made of.
	b.roundings = 2*(longest(p.rows)+longest(p.cols)) + 24
	if p.linear {
		b.roundings = 7
	}
	size := make([]float64, len(v))
	for i := range v {
		size[i] = math.Abs(v[i])
	}
	moved := make([]float64, to.elements())
	if !x.Typical {
		if e := x.E(0); e != nil {
			moved = b.resample(e, func(w weighed) float64 { return w.size + w.off })
			for i := range size {
				size[i] += e[i]
			}
		}
		most, least := b.resample(size, func(w weighed) float64 { return w.size + w.off }), b.resample(size, func(w weighed) float64 { return w.size })
		for i := range moved {
			moved[i] += most[i] - least[i]
		}
	}
	terms := b.resample(size, func(w weighed) float64 { return w.terms + w.off })
	for i, t := range terms {
		moved[i] = (moved[i]+single.Gamma(b.roundings)*t)*rounding.Slack + float64(b.roundings)*single.Unit.Tiny()
		if t > single.Unit.Largest() {
			moved[i] = math.Inf(1)
		}
	}
	return single.Set(0, moved)
}

func (s sizes) elements() int { return s.batch * s.height * s.width * s.channels }

// resample sums elements by weights.
func (b *bounded) resample(x []float64, weight func(weighed) float64) []float64 {
	c, width := b.from.channels, b.from.width*b.from.channels
	out := make([]float64, 0, b.to.elements())
	row := make([]float64, width)
	for image := range b.from.batch {
		for _, line := range b.rows {
			clear(row)
			for _, t := range line {
				w := weight(t)
				for k, v := range x[(image*b.from.height+t.at)*width:][:width] {
					row[k] += w * v
				}
			}
			for _, line := range b.cols {
				at := len(out)
				out = out[:at+c]
				for _, t := range line {
					w := weight(t) * b.scale
					for k, v := range row[t.at*c:][:c] {
						out[at+k] += w * v
					}
				}
			}
		}
	}
	return out
}
