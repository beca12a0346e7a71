package compare

// measureExact measures types whose elements are either the same or not.
// Integers have an absolute and a relative error besides.
func (d *Difference) measureExact(same func(i int) bool) {
	ref, isInt := intsOf(d.Reference)
	cand, _ := intsOf(d.Candidate)
	if isInt {
		d.Finite = d.Elements
	}
	var mean meanOf
	worst, worstRel := -1, -1
	for s, i := range walk(d.Reference.Shape(), d.Layout.Time) {
		if same(i) {
			continue
		}
		step := d.step(s)
		d.Differ++
		step.Differ++
		if !isInt {
			if worst < 0 {
				worst = i
			}
			continue
		}
		// The distance is exact; only what is printed of it may be rounded.
		abs := ref.distance(cand.at(i), ref.at(i))
		mean.add(float64(abs))
		step.MaxAbsInt = max(step.MaxAbsInt, abs)
		step.MaxAbs = float64(step.MaxAbsInt)
		if abs > d.MaxAbsInt {
			d.MaxAbsInt, worst = abs, i
		}
		if b := ref.at(i); b == 0 {
			d.ZeroReference++
		} else if rel := float64(abs) / ref.magnitude(b); rel > d.MaxRel {
			d.MaxRel, worstRel = rel, i
		}
	}
	d.BitsDiffer = d.Differ
	d.MaxAbs = float64(d.MaxAbsInt)
	d.MeanAbs = min(mean.over(d.Finite), d.MaxAbs)
	d.Worst, d.WorstRel = d.placeIf(worst), d.placeIf(worstRel)
}
