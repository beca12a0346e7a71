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

// twist changes a call in copies: what it was read from is others'.
func (r *cellLoop[F]) twist(call *recurrentCall[F], t Twist) {
	at := 0
	for _, l := range r.Cells {
		states := call.states[at:][:len(l.States)]
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
	row := call.batch * r.features
	if t.Reverse {
		call.x = reversed(call.x, call.steps, row)
		if call.mask != nil {
			call.mask = reversed(call.mask, call.steps, call.batch)
		}
	}
	if call.mask == nil || !t.NoMask && !t.ZeroInputs {
		return
	}
	if t.ZeroInputs {
		call.x = slices.Clone(call.x)
		for i, there := range call.mask[:call.steps*call.batch] {
			if !there {
				clear(call.x[i*r.features : (i+1)*r.features])
			}
		}
	}
	call.mask = make([]bool, call.steps*call.batch)
	for i := range call.mask {
		call.mask[i] = true
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
