package compare

import "math"

func (d *Difference) measureFloats(ref, cand floats) {
	if d.Reference.BitEqual(d.Candidate) && ref.finite(d.Elements) {
		d.Finite = d.Elements // every other figure is zero
		return
	}
	m := floatMeasure{worst: -1, worstRel: -1, worstULP: -1}
	for s, r := range runs(d.Reference.Shape(), d.Layout.Time) {
		m.run(d, d.step(s), &ref, &cand, r)
	}
	d.MeanAbs = min(m.mean.over(d.Finite), d.MaxAbs)
	d.Worst, d.WorstRel, d.WorstULP = d.placeIf(m.worst), d.placeIf(m.worstRel), d.placeIf(m.worstULP)
}

// floatMeasure is what measureFloats has seen so far, beside the Difference.
type floatMeasure struct {
	mean                      meanOf
	worst, worstRel, worstULP int // places, -1 for none
}

// run measures some elements of one step.
func (m *floatMeasure) run(d *Difference, step *Step, ref, cand *floats, r run) {
	sign := signBit(d.Reference.DType())
	for i := r.from; i < r.to; i++ {
		bits, other := cand.bits(i), ref.bits(i)
		a, b := cand.at(i), ref.at(i)
		switch {
		case bits != other:
			d.BitsDiffer++
		case finite(a):
			d.Finite++
			continue
		}
		// Before any norm: NaN would spoil it, or slip through a comparison.
		if !finite(a) || !finite(b) {
			if !d.NonFinite.count(d, i, a, b) {
				d.Differ++
				step.Differ++
				step.NonFinite++
			}
			continue
		}
		d.Finite++
		if a == b { // a difference of 0 by every measure
			continue
		}
		d.Differ++
		step.Differ++
		abs := math.Abs(a - b)
		m.mean.add(abs)
		step.MaxAbs = max(step.MaxAbs, abs)
		if abs > d.MaxAbs {
			d.MaxAbs, m.worst = abs, i
		}
		ulp := ulpDistance(bits, other, sign)
		step.MaxULP = max(step.MaxULP, ulp)
		if ulp > d.MaxULP {
			d.MaxULP, m.worstULP = ulp, i
		}
		if b == 0 {
			d.ZeroReference++
		} else if rel := abs / math.Abs(b); rel > d.MaxRel {
			d.MaxRel, m.worstRel = rel, i
		}
	}
}

// placeIf describes the element at a flat index, nil for -1.
func (d *Difference) placeIf(flat int) *Place {
	if flat < 0 {
		return nil
	}
	return d.place(flat)
}

// count classifies candidate a and reference b, at least one of which is not
// finite, and tells whether they agree.
func (n *NonFinite) count(d *Difference, flat int, a, b float64) (agree bool) {
	if !finite(b) {
		n.Reference.add(d, flat)
	}
	if !finite(a) {
		n.Candidate.add(d, flat)
	}
	aNaN, bNaN := math.IsNaN(a), math.IsNaN(b)
	switch {
	case aNaN && bNaN:
		n.BothNaN.add(d, flat)
		return true
	case bNaN:
		n.NaNInReference.add(d, flat)
	case aNaN:
		n.NaNInCandidate.add(d, flat)
	case a == b:
		n.SameInf.add(d, flat)
		return true
	case finite(a):
		n.InfInReference.add(d, flat)
	case finite(b):
		n.InfInCandidate.add(d, flat)
	default:
		n.OppositeInf.add(d, flat)
	}
	return false
}

func (c *Count) add(d *Difference, flat int) {
	if c.N == 0 {
		c.First = d.place(flat)
	}
	c.N++
}

// meanOf sums twice, once scaled down, so that a sum beyond float64 does not
// hide a mean within it.
type meanOf struct{ sum, scaled float64 }

const meanScale = 0x1p-64 // no tensor has 2^64 elements

func (m *meanOf) add(x float64) {
	m.sum += x
	m.scaled += x * meanScale
}

func (m *meanOf) over(n int) float64 {
	switch {
	case n == 0:
		return 0
	case math.IsInf(m.sum, 1):
		return m.scaled / float64(n) / meanScale
	}
	return m.sum / float64(n)
}
