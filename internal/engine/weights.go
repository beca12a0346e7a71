package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// WeightsOf reads a layer's kernel, recurrent kernel and bias as float64, nil
// for none. dtype is their type in the model, Invalid if they do not all have
// the same.
func WeightsOf(l *recurrent.Layer, read func(savedmodel.Ref) (*lockstep.Tensor, error)) (weights [3][]float64, dtype lockstep.DType, err error) {
	for i, ref := range l.Weights() {
		if ref.Node == nil {
			continue
		}
		t, err := read(ref)
		if err != nil {
			return weights, lockstep.Invalid, err
		}
		if i == 0 {
			dtype = t.DType()
		} else if t.DType() != dtype {
			dtype = lockstep.Invalid
		}
		if weights[i], err = t.Float64s(); err != nil {
			return weights, lockstep.Invalid, err
		}
	}
	return weights, dtype, nil
}

// Assigns tells whether calls change a layer's weights.
func (c *Compiler) Assigns(l *recurrent.Layer) bool {
	for _, w := range l.Weights() {
		if w.Node != nil && c.assigned[handleOf(w).Node] {
			return true
		}
	}
	return false
}
