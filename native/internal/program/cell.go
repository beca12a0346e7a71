package program

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/layers"
	"github.com/lockstep-go/lockstep/native/internal/kernel"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// activations are the kernel's of the activations that are recognised.
var activations = map[layers.Activation]kernel.Activation{
	layers.Linear:       kernel.LinearFunction,
	layers.Tanh:         kernel.TanhFunction,
	layers.Sigmoid:      kernel.SigmoidFunction,
	layers.Relu:         kernel.ReluFunction,
	layers.Relu6:        kernel.Relu6Function,
	layers.LeakyRelu:    kernel.LeakyReluFunction,
	layers.HardSigmoid2: kernel.HardSigmoid2Function,
	layers.HardSigmoid3: kernel.HardSigmoid3Function,
	layers.Elu:          kernel.EluFunction,
	layers.Celu:         kernel.EluFunction, // of alpha 1
	layers.Selu:         kernel.SeluFunction,
	layers.Softplus:     kernel.SoftplusFunction,
	layers.Softsign:     kernel.SoftsignFunction,
	layers.Gelu:         kernel.GeluFunction,
	layers.GeluTanh:     kernel.GeluTanhFunction,
	layers.Silu:         kernel.SiluFunction,
	layers.HardSilu:     kernel.HardSiluFunction,
	layers.Exponential:  kernel.ExponentialFunction,
	layers.Mish:         kernel.MishFunction,
	layers.HardTanh:     kernel.HardTanhFunction,
	layers.LogSigmoid:   kernel.LogSigmoidFunction,
	layers.TanhShrink:   kernel.TanhShrinkFunction,
	layers.Squareplus:   kernel.SquareplusFunction,
}

// newCell packs the weights of a recognised cell.
func newCell[F kernel.Float](c *compiler, l *layers.Layer) (kernel.Cell[F], error) {
	act, known := activations[l.Activation]
	rec, knownToo := activations[l.RecurrentActivation]
	if !known || !knownToo {
		return nil, fmt.Errorf("the activations %s and %s have no native code", l.Activation, l.RecurrentActivation)
	}
	var weights [3][]F
	for i, w := range l.Weights() {
		if w.Node == nil {
			continue
		}
		t, err := c.options.Weight(w)
		if err != nil {
			return nil, err
		}
		if weights[i], err = lockstep.Data[F](t); err != nil {
			return nil, err
		}
	}
	w, r, b := weights[0], weights[1], weights[2]
	switch l.Kind {
	case layers.LSTM:
		return kernel.NewLSTM(w, r, b, l.Features, l.Units, act, rec), nil
	case layers.GRU:
		var recurrentBias []F
		if n := 3 * l.Units; l.ResetAfter && b != nil {
			b, recurrentBias = b[:n], b[n:]
		}
		return kernel.NewGRU(w, r, b, recurrentBias, l.Features, l.Units, act, rec, l.ResetAfter), nil
	case layers.SimpleRNN:
		return kernel.NewSimpleRNN(w, r, b, l.Features, l.Units, act), nil
	}
	return nil, fmt.Errorf("the kind %s has no native code", l.Kind)
}

// handleOf returns the handle of the variable that a weight is read from.
func handleOf(r savedmodel.Ref) savedmodel.Ref {
	r = r.Through()
	if r.Node.Op == "ReadVariableOp" && len(r.Node.Inputs) == 1 {
		return r.Node.Inputs[0].Through()
	}
	return r
}
