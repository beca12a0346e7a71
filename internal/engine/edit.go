package engine

import "github.com/lockstep-go/lockstep/internal/kernel"

// CellEdit changes what a recognised loop reads at a call: see Options.Edits.
// The numbers are in tensors that other steps read too: an edit replaces a
// slice and leaves its elements unchanged.
type CellEdit interface {
	Float32(*CellCall[float32])
	Float64(*CellCall[float64])
}

func edit[F kernel.Float](e CellEdit, call *CellCall[F]) {
	switch call := any(call).(type) {
	case *CellCall[float32]:
		e.Float32(call)
	case *CellCall[float64]:
		e.Float64(call)
	}
}
