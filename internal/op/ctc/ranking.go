package ctc

import (
	"math/bits"
	"slices"
)

// ranking keeps the most likely beams, as many as its limit: TensorFlow's gtl::TopN,
// whose order of equally likely ones decides which are kept. Up to its limit it is a
// list, with the least likely one in front once that was asked for, and then a heap.
type ranking[E floats] struct {
	all   []*beam[E]
	limit int
	known bool // that the first is the least likely
	heap  bool
}

func over[E floats](a, b *beam[E]) bool { return a.now.total > b.now.total }

func (r *ranking[E]) push(b *beam[E]) {
	if r.heap {
		if over(b, r.all[0]) {
			popHeap(r.all)
			r.all[len(r.all)-1] = b
			pushHeap(r.all)
		}
		return
	}
	r.all = append(r.all, b)
	last := len(r.all) - 1
	switch {
	case last == r.limit:
		makeHeap(r.all)
		popHeap(r.all)
		r.all, r.heap = r.all[:last], true
	case r.known && !over(b, r.all[0]):
		r.all[0], r.all[last] = r.all[last], r.all[0]
	}
}

// bottom is the least likely one.
func (r *ranking[E]) bottom() *beam[E] {
	if !r.heap && !r.known {
		least := 0
		for i, b := range r.all {
			if over(r.all[least], b) {
				least = i
			}
		}
		r.all[0], r.all[least] = r.all[least], r.all[0]
		r.known = true
	}
	return r.all[0]
}

// sorted returns the most likely first; the ranking is of no more use then.
func (r *ranking[E]) sorted() []*beam[E] {
	if !r.heap {
		partition(r.all, 2*(bits.Len(uint(len(r.all)))-1))
		slices.SortStableFunc(r.all, compare)
		return r.all
	}
	sortHeap(r.all)
	return r.all
}

func compare[E floats](a, b *beam[E]) int {
	switch {
	case over(a, b):
		return -1
	case over(b, a):
		return 1
	}
	return 0
}

// partition is the part of the C++ library's sort in which it changes the order of equal
// ones: quicksort of what is longer than 16, with the median of three as the pivot, and
// a heap where that goes too deep. Its insertion sort is stable.
func partition[E floats](s []*beam[E], depth int) {
	for len(s) > 16 {
		if depth == 0 {
			makeHeap(s)
			sortHeap(s)
			return
		}
		depth--
		pivot := median(s, 1, len(s)/2, len(s)-1)
		s[0], s[pivot] = s[pivot], s[0]
		cut := split(s)
		partition(s[cut:], depth)
		s = s[:cut]
	}
}

func median[E floats](s []*beam[E], a, b, c int) int {
	if !over(s[a], s[b]) {
		if over(s[a], s[c]) {
			return a
		}
		a, b = b, a
	}
	switch { // s[a] is likelier than s[b], or, if they changed places, as likely or likelier
	case over(s[b], s[c]):
		return b
	case over(s[a], s[c]):
		return c
	}
	return a
}

// split moves what is more likely than the first to the front; equal ones change sides.
func split[E floats](s []*beam[E]) int {
	i, j := 1, len(s)
	for {
		for i < len(s) && over(s[i], s[0]) {
			i++
		}
		for j--; j > 0 && over(s[0], s[j]); j-- {
		}
		if i >= j {
			return i
		}
		s[i], s[j] = s[j], s[i]
		i++
	}
}

func sortHeap[E floats](h []*beam[E]) {
	for n := len(h); n > 1; n-- {
		popHeap(h[:n])
	}
}

// The heap of the C++ library, whose first element is the least likely one.

func makeHeap[E floats](h []*beam[E]) {
	for i := (len(h) - 2) / 2; i >= 0 && len(h) > 1; i-- {
		adjust(h, i, h[i])
	}
}

// popHeap moves the first element to the end, and makes a heap of the others.
func popHeap[E floats](h []*beam[E]) {
	last := len(h) - 1
	if last < 1 {
		return
	}
	v := h[last]
	h[last] = h[0]
	adjust(h[:last], 0, v)
}

// pushHeap makes a heap of one and the element after it.
func pushHeap[E floats](h []*beam[E]) { rise(h, len(h)-1, 0, h[len(h)-1]) }

// adjust lets a hole sink to the end, and v rise from there.
func adjust[E floats](h []*beam[E], hole int, v *beam[E]) {
	top, child := hole, hole
	for child < (len(h)-1)/2 {
		child = 2*child + 2
		if over(h[child], h[child-1]) {
			child--
		}
		h[hole], hole = h[child], child
	}
	if len(h)%2 == 0 && child == (len(h)-2)/2 {
		child = 2*child + 1
		h[hole], hole = h[child], child
	}
	rise(h, hole, top, v)
}

func rise[E floats](h []*beam[E], hole, top int, v *beam[E]) {
	for hole > top {
		parent := (hole - 1) / 2
		if !over(h[parent], v) {
			break
		}
		h[hole], hole = h[parent], parent
	}
	h[hole] = v
}
