package engine

import (
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Operations that only move elements: each element of a result is an element of
// an input, at a place that depends on shapes and on numbers that are the same
// in every call of a plan, or zero. The places are found once, by giving the
// operation numbered elements; later calls copy without the operation.

// movement says where the elements of a step's results come from.
type movement struct {
	DType  lockstep.DType
	inputs []int         // that elements come from
	from   [][]int       // their shapes
	to     [][]int       // the results' shapes
	runs   [][]value.Run // by result
	// identity says that the one result has all elements of the first input, in
	// order, as a Transpose over an axis of length 1 does. It is a view then.
	identity bool
}

// elementsOf returns the inputs of a step that its elements come from; ok is
// false if it may do more than move, or may move differently in another call.
func elementsOf(s *Step, computed []bool) (inputs []int, ok bool) {
	if s.Spec.Moves == nil {
		return nil, false
	}
	inputs = s.Spec.Moves(len(s.In))
	for i, slot := range s.In {
		if computed[slot] && !slices.Contains(inputs, i) {
			return nil, false
		}
	}
	return inputs, true
}

// movement finds out what a step moves, from a call's values; nil if it is not
// known.
func (s *Step) movement(w Work, slots []value.Value, computed []bool) *movement {
	inputs, ok := elementsOf(s, computed)
	if !ok {
		return nil
	}
	m := &movement{inputs: inputs}
	trial := slices.Clone(slots)
	begin := 1 // zero is for elements without a source
	var begins []int
	for _, i := range inputs {
		t := slots[s.In[i]].Tensor
		if t == nil || t.Len() > math.MaxInt32 || m.DType != lockstep.Invalid && t.DType() != m.DType {
			return nil
		}
		// Running out of memory for the numbers is no error: the movement only
		// saves time.
		if memory.Fits(t.Len(), 8*value.WordBytes) != nil {
			return nil
		}
		m.DType = t.DType()
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
		trial[s.In[i]] = value.Value{Tensor: n}
	}
	var keep any
	w.Keep = &keep
	if _, err := s.do(&w, trial, nil); err != nil {
		return nil
	}
	for i := range s.N {
		moved, real := trial[s.Out+i].Tensor, slots[s.Out+i].Tensor
		if moved == nil || real == nil || real.DType() != m.DType || !slices.Equal(moved.Shape(), real.Shape()) {
			return nil
		}
		numbers, err := lockstep.Data[int64](moved)
		if err != nil {
			return nil
		}
		m.to = append(m.to, slices.Clone(real.Shape()))
		m.runs = append(m.runs, runsOf(numbers, begins))
	}
	if s.N == 1 && slices.Equal(inputs, []int{0}) {
		all := slots[s.In[0]].Tensor.Len()
		m.identity = slices.Equal(m.runs[0], []value.Run{{N: all, Stride: 1}})
	}
	return m
}

// runsOf makes runs of the numbers of elements; input i's begin at begins[i].
func runsOf(numbers []int64, begins []int) []value.Run {
	var out []value.Run
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
			out = append(out, value.Run{To: k, N: end - k, Input: -1})
			k = end
			continue
		}
		r := value.Run{To: k, N: 1, Input: inputOf(number), Stride: 1}
		r.From = number - begins[r.Input]
		if k+1 < len(numbers) && numbers[k+1] != 0 && inputOf(int(numbers[k+1])) == r.Input {
			r.Stride = int(numbers[k+1]) - number
			for k+r.N < len(numbers) && int(numbers[k+r.N])-int(numbers[k+r.N-1]) == r.Stride && numbers[k+r.N] != 0 && inputOf(int(numbers[k+r.N])) == r.Input {
				r.N++
			}
		}
		out = append(out, r)
		k += r.N
	}
	return out
}

// moveMemory is the memory of a movement.
type moveMemory struct{ results, sources []*lockstep.Tensor }

// do moves the elements; done is false if the inputs are not those that the
// movement is for.
func (m *movement) do(s *Step, w *Work, slots []value.Value) (done bool, err error) {
	memory := op.Room[moveMemory](&w.Call)
	memory.sources = memory.sources[:0]
	for i, input := range m.inputs {
		t := slots[s.In[input]].Tensor
		if t == nil || t.DType() != m.DType || !slices.Equal(t.Shape(), m.from[i]) {
			return false, nil
		}
		memory.sources = append(memory.sources, t)
	}
	if m.identity {
		t := memory.sources[0]
		mover, err := value.MoverOf(t)
		if err != nil {
			return false, err
		}
		view, err := mover.View(t, 0, t.Len(), m.to[0])
		slots[s.Out] = value.Value{Tensor: view}
		return err == nil, err
	}
	if memory.results == nil {
		for _, shape := range m.to {
			t, err := lockstep.Zeros(m.DType, shape...)
			if err != nil {
				return false, err
			}
			memory.results = append(memory.results, t)
		}
	}
	for i, t := range memory.results {
		mover, err := value.MoverOf(t)
		if err != nil {
			return false, err
		}
		if err := mover.Runs(t, m.runs[i], memory.sources); err != nil {
			return false, err
		}
		slots[s.Out+i] = value.Value{Tensor: t}
	}
	return true, nil
}
