package recurrent

import "github.com/lockstep-go/lockstep/native/savedmodel"

// Recurrence is a loop that is proven to run cells over the steps of an input.
// Its result is exactly this: with n the smallest of the bounds, and at least
// 0, for each step t from 0 to n-1, the first cell gets element t of Steps,
// each other the h of the one before it, and the states of all are carried on;
// the last one's h is written to Outputs. Every loop variable that is not named
// here keeps its value.
//
// Whoever runs it must check what the graph leaves open: that the lists are
// long enough, that their elements have two axes, and that the states are
// (batch, units).
type Recurrence struct {
	// Loop is the While operation.
	Loop *savedmodel.Node
	// Cells are in the order in which a step runs them.
	Cells []*Layer
	// Steps is the loop variable that holds the list of input steps, which no
	// step changes.
	Steps int
	// Counter is the loop variable that counts from 0 and picks the element of
	// Steps, Counters every one to which each step adds one, Counter among
	// them. All begin at 0.
	Counter  int
	Counters []int
	// Bounds bound the steps: it runs as many as the smallest says.
	Bounds []Bound
	// Mask says which steps are left out; nil if none are.
	Mask *Mask
	// Outputs is the loop variable, a list, that the last cell's h is written
	// to at each step; -1 if there is none. LastOnly says that each step writes
	// its element 0, and not the step's own.
	Outputs  int
	LastOnly bool
}

// Bound bounds the steps of a loop by a scalar.
type Bound struct {
	// Variable is the loop variable that holds it, which no step changes, or
	// -1 if it is Const.
	Variable int
	Const    int64

	ref savedmodel.Ref
}

// Mask is what a recurrence does with the rows of a batch that have no step at
// a time: their states stay the same, and their output is replaced.
type Mask struct {
	// Steps is the loop variable that holds the list of masks, which no step
	// changes. The element of a step is boolean, and tells of each row whether
	// it has the step.
	Steps int
	// Rank is how many axes the elements have to have: (N,) or (N, 1).
	Rank int
	// Previous is the loop variable that holds the output of the step before,
	// which a masked row repeats; -1 where its output is zeros.
	Previous int
	// Zeros is the loop variable that holds the zeros, which no step changes;
	// -1 where masked rows repeat an output. Whether it has the shape of the
	// output the graph leaves open.
	Zeros int
	// Carried is the loop variable that each step leaves its output in, masked
	// rows as said: Previous, or one that no step reads, or -1.
	Carried int
}
