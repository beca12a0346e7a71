package compare

import "iter"

// Each yields the flat index of every element, row-major, as Judge judged it: a
// Mismatch without its Place, which is an agreement where its Margin is at most
// 1. It yields nothing unless Kind is Measured.
func (r *Result) Each() iter.Seq2[int, Mismatch] {
	return func(yield func(int, Mismatch) bool) {
		element := r.element()
		if element == nil {
			return
		}
		for i := range r.Reference.Len() {
			if !yield(i, element(i)) {
				return
			}
		}
	}
}

// element returns what judges an element, nil where there is nothing to judge.
func (r *Result) element() func(i int) Mismatch {
	if r.Kind != Measured {
		return nil
	}
	if ref, ok := floatsOf(r.Reference); ok {
		cand, _ := floatsOf(r.Candidate)
		judge := floatJudge{ref: ref, cand: cand, sign: signBit(r.DType()), rule: r.Rule.ofElements()}
		return judge.mismatch
	}
	if same, ok := equalityOf(r.Reference, r.Candidate); ok {
		return func(i int) Mismatch { return judgeExact(same(i)) }
	}
	return nil
}
