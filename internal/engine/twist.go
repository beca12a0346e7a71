package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// Twist is a fault that is planted, on purpose, in what a recognised loop reads
// at a call.
type Twist struct {
	// SwapStates gives the cell its initial c for h and h for c, ZeroStates
	// zeros for both.
	SwapStates, ZeroStates *recurrent.Layer
	// Reverse has the loop read its steps, and their masks, in the other order.
	Reverse bool
	// NoMask takes the steps of masked rows as well; ZeroInputs does so with
	// zeros for their input.
	NoMask, ZeroInputs bool
}

// Twist changes a call in copies: what it was read from is others'.
func (r *CellLoop[F]) Twist(call *CellCall[F], t Twist) {
	at := 0
	for _, l := range r.Cells {
		states := call.States[at:][:len(l.States)]
		at += len(states)
		if t.SwapStates == l && len(states) == 2 {
			states[0], states[1] = states[1], states[0]
		}
		if t.ZeroStates == l {
			for i := range states {
				states[i] = make([]F, len(states[i]))
			}
		}
	}
	row := call.Batch * r.Features
	if t.Reverse {
		call.X = reversed(call.X, call.Steps, row)
		if call.Mask != nil {
			call.Mask = reversed(call.Mask, call.Steps, call.Batch)
		}
	}
	if call.Mask == nil || !t.NoMask && !t.ZeroInputs {
		return
	}
	if t.ZeroInputs {
		call.X = slices.Clone(call.X)
		for i, there := range call.Mask[:call.Steps*call.Batch] {
			if !there {
				clear(call.X[i*r.Features : (i+1)*r.Features])
			}
		}
	}
	call.Mask = make([]bool, call.Steps*call.Batch)
	for i := range call.Mask {
		call.Mask[i] = true
	}
}

// reversed returns rows in the other order.
func reversed[E any](d []E, rows, width int) []E {
	out := make([]E, 0, rows*width)
	for i := rows - 1; i >= 0; i-- {
		out = append(out, d[i*width:(i+1)*width]...)
	}
	return out
}
