package engine

import (
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// Operations that only move elements: each of a result is one of the inputs',
// at a place that depends on shapes and on numbers that are the same in every
// call of a plan, or zero. Where each comes from is found out once, by giving
// the operation numbered elements, and then done without the operation.

// movement says where the elements of a step's results come from.
type movement struct {
	dtype  lockstep.DType
	inputs []int   // that elements come from
	from   [][]int // their shapes
	to     [][]int // the results' shapes
	runs   [][]run // by result
	// whole is that the one result has all elements of the first input, in order: a
	// Transpose over an axis of length 1. It is a view then.
	whole bool
}

// elementsOf returns the inputs of a step that its elements come from; ok is
// false if it may be more than a movement, or one that another call would make
// otherwise.
func elementsOf(s *step, computed []bool) (inputs []int, ok bool) {
	if s.spec.Moves == nil {
		return nil, false
	}
	inputs = s.spec.Moves(len(s.in))
	for i, slot := range s.in {
		if computed[slot] && !slices.Contains(inputs, i) {
			return nil, false
		}
	}
	return inputs, true
}

// movement finds out what a step moves, from a call's values; nil if it is not
// known.
func (s *step) movement(w work, slots []Value, computed []bool) *movement {
	inputs, ok := elementsOf(s, computed)
	if !ok {
		return nil
	}
	m := &movement{inputs: inputs}
	trial := slices.Clone(slots)
	begin := 1 // zero is for what comes from nowhere
	var begins []int
	for _, i := range inputs {
		t := slots[s.in[i]].Tensor
		if t == nil || t.Len() > math.MaxInt32 || m.dtype != lockstep.Invalid && t.DType() != m.dtype {
			return nil
		}
		// Numbers for all that is moved, and what is found out by them, are for speed
		// alone.
		if memory.Fits(t.Len(), 8*wordBytes) != nil {
			return nil
		}
		m.dtype = t.DType()
		m.from = append(m.from, slices.Clone(t.Shape()))
		begins = append(begins, begin)
		numbered := make([]int64, t.Len())
		for k := range numbered {
			numbered[k] = int64(begin + k)
		}
		begin += len(numbered)
		n, err := lockstep.New(numbered, t.Shape()...)
		if err != nil {
			return nil
		}
		trial[s.in[i]] = Value{Tensor: n}
	}
	var keep any
	w.Keep = &keep
	if _, err := s.do(&w, trial, nil); err != nil {
		return nil
	}
	for i := range s.n {
		moved, real := trial[s.out+i].Tensor, slots[s.out+i].Tensor
		if moved == nil || real == nil || real.DType() != m.dtype || !slices.Equal(moved.Shape(), real.Shape()) {
			return nil
		}
		numbers, err := lockstep.Data[int64](moved)
		if err != nil {
			return nil
		}
		m.to = append(m.to, slices.Clone(real.Shape()))
		m.runs = append(m.runs, runsOf(numbers, begins))
	}
	if s.n == 1 && slices.Equal(inputs, []int{0}) {
		all := slots[s.in[0]].Tensor.Len()
		m.whole = slices.Equal(m.runs[0], []run{{n: all, stride: 1}})
	}
	return m
}

// runsOf makes runs of the numbers of elements; input i's begin at begins[i].
func runsOf(numbers []int64, begins []int) []run {
	var out []run
	inputOf := func(number int) int {
		i, found := slices.BinarySearch(begins, number)
		if !found {
			i--
		}
		for i+1 < len(begins) && begins[i+1] == begins[i] { // an input without elements
			i++
		}
		return i
	}
	for k := 0; k < len(numbers); {
		number := int(numbers[k])
		if number == 0 {
			end := k + 1
			for end < len(numbers) && numbers[end] == 0 {
				end++
			}
			out = append(out, run{to: k, n: end - k, input: -1})
			k = end
			continue
		}
		r := run{to: k, n: 1, input: inputOf(number), stride: 1}
		r.from = number - begins[r.input]
		if k+1 < len(numbers) && numbers[k+1] != 0 && inputOf(int(numbers[k+1])) == r.input {
			r.stride = int(numbers[k+1]) - number
			for k+r.n < len(numbers) && int(numbers[k+r.n])-int(numbers[k+r.n-1]) == r.stride && numbers[k+r.n] != 0 && inputOf(int(numbers[k+r.n])) == r.input {
				r.n++
			}
		}
		out = append(out, r)
		k += r.n
	}
	return out
}

// moveMemory is the memory of a movement.
type moveMemory struct{ results, sources []*lockstep.Tensor }

// do moves the elements; done is false if the inputs are not those that the
// movement is for.
func (m *movement) do(s *step, w *work, slots []Value) (done bool, err error) {
	memory := room[moveMemory](&w.Call)
	memory.sources = memory.sources[:0]
	for i, input := range m.inputs {
		t := slots[s.in[input]].Tensor
		if t == nil || t.DType() != m.dtype || !slices.Equal(t.Shape(), m.from[i]) {
			return false, nil
		}
		memory.sources = append(memory.sources, t)
	}
	if m.whole {
		t := memory.sources[0]
		mover, err := moverOf(t)
		if err != nil {
			return false, err
		}
		view, err := mover.view(t, 0, t.Len(), m.to[0])
		slots[s.out] = Value{Tensor: view}
		return err == nil, err
	}
	if memory.results == nil {
		for _, shape := range m.to {
			t, err := lockstep.Zeros(m.dtype, shape...)
			if err != nil {
				return false, err
			}
			memory.results = append(memory.results, t)
		}
	}
	for i, t := range memory.results {
		mover, err := moverOf(t)
		if err != nil {
			return false, err
		}
		if err := mover.runs(t, m.runs[i], memory.sources); err != nil {
			return false, err
		}
		slots[s.out+i] = Value{Tensor: t}
	}
	return true, nil
}
