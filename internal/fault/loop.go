package fault

import (
	"slices"

	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
)

// loopEdit plants a fault in what a recognised loop reads at a call.
type loopEdit struct {
	before   engine.CellEdit // an earlier fault's, nil without
	kind     Kind
	from     int // the layer's states: the first among the loop's, and their number
	states   int
	features int // of the loop's input
}

// addLoopEdit plants a fault in what a layer's loop reads.
func (f Fault) addLoopEdit(src *source.Source, l *recurrent.Layer, r *recurrent.Recurrence) {
	e := loopEdit{before: src.Loops[r.Loop], kind: f.Kind, states: len(l.States), features: r.Cells[0].Features}
	for _, cell := range r.Cells[:slices.Index(r.Cells, l)] {
		e.from += len(cell.States)
	}
	src.Loops[r.Loop] = e
}

// Float32 changes a call in float32.
func (e loopEdit) Float32(call *engine.CellCall[float32]) {
	if e.before != nil {
		e.before.Float32(call)
	}
	change(e, call)
}

// Float64 changes a call in float64.
func (e loopEdit) Float64(call *engine.CellCall[float64]) {
	if e.before != nil {
		e.before.Float64(call)
	}
	change(e, call)
}

func change[F float32 | float64](e loopEdit, call *engine.CellCall[F]) {
	switch states := call.States[e.from:][:e.states]; e.kind {
	case StatesSwapped:
		if len(states) == 2 {
			states[0], states[1] = states[1], states[0]
		}
	case StatesIgnored:
		for i := range states {
			states[i] = make([]F, len(states[i]))
		}
	case Backwards:
		call.X = backwards(call.X, call.Steps, call.Batch*e.features)
		if call.Mask != nil {
			call.Mask = backwards(call.Mask, call.Steps, call.Batch)
		}
	case MaskIgnored, MaskZeroInputs:
		if call.Mask != nil {
			ignoreMask(e, call)
		}
	}
}

// ignoreMask makes every row run every step, masked ones with an input of zeros
// or with their own.
func ignoreMask[F float32 | float64](e loopEdit, call *engine.CellCall[F]) {
	n := call.Steps * call.Batch
	if e.kind == MaskZeroInputs {
		call.X = slices.Clone(call.X)
		for i, taken := range call.Mask[:n] {
			if !taken {
				clear(call.X[i*e.features : (i+1)*e.features])
			}
		}
	}
	call.Mask = slices.Repeat([]bool{true}, n)
}

// backwards returns rows in reverse order.
func backwards[E any](d []E, rows, width int) []E {
	out := make([]E, 0, rows*width)
	for i := rows - 1; i >= 0; i-- {
		out = append(out, d[i*width:(i+1)*width]...)
	}
	return out
}
