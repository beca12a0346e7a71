package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// activations maps recognised activations to the kernel's.
var activations = map[recurrent.Activation]kernel.Activation{
	recurrent.Linear:       kernel.LinearFunction,
	recurrent.Tanh:         kernel.TanhFunction,
	recurrent.Sigmoid:      kernel.SigmoidFunction,
	recurrent.Relu:         kernel.ReluFunction,
	recurrent.Relu6:        kernel.Relu6Function,
	recurrent.LeakyRelu:    kernel.LeakyReluFunction,
	recurrent.HardSigmoid2: kernel.HardSigmoid2Function,
	recurrent.HardSigmoid3: kernel.HardSigmoid3Function,
	recurrent.Elu:          kernel.EluFunction,
	recurrent.Celu:         kernel.EluFunction, // of alpha 1
	recurrent.Selu:         kernel.SeluFunction,
	recurrent.Softplus:     kernel.SoftplusFunction,
	recurrent.Softsign:     kernel.SoftsignFunction,
	recurrent.Gelu:         kernel.GeluFunction,
	recurrent.GeluTanh:     kernel.GeluTanhFunction,
	recurrent.Silu:         kernel.SiluFunction,
	recurrent.HardSilu:     kernel.HardSiluFunction,
	recurrent.Exponential:  kernel.ExponentialFunction,
	recurrent.Mish:         kernel.MishFunction,
	recurrent.HardTanh:     kernel.HardTanhFunction,
	recurrent.LogSigmoid:   kernel.LogSigmoidFunction,
	recurrent.TanhShrink:   kernel.TanhShrinkFunction,
	recurrent.Squareplus:   kernel.SquareplusFunction,
	recurrent.RationalTanh: kernel.RationalTanhFunction,
}

// newCell packs the weights of a recognised cell.
func newCell[F kernel.Float](c *Compiler, l *recurrent.Layer) (kernel.Cell[F], error) {
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
		t, err := c.Options.Weight(w)
		if err != nil {
			return nil, err
		}
		if weights[i], err = lockstep.Data[F](t); err != nil {
			return nil, err
		}
	}
	w, r, b := weights[0], weights[1], weights[2]
	if l.ForgetBias != 0 {
		b = withForgetBias(b, l)
	}
	switch l.Kind {
	case recurrent.LSTM:
		return kernel.NewLSTM(w, r, b, l.Features, l.Units, act, rec), nil
	case recurrent.GRU:
		var recurrentBias []F
		if n := 3 * l.Units; l.ResetAfter && b != nil {
			b, recurrentBias = b[:n], b[n:]
		}
		return kernel.NewGRU(w, r, b, recurrentBias, l.Features, l.Units, act, rec, l.ResetAfter), nil
	case recurrent.SimpleRNN:
		return kernel.NewSimpleRNN(w, r, b, l.Features, l.Units, act), nil
	}
	return nil, fmt.Errorf("the kind %s has no native code", l.Kind)
}

// withForgetBias returns an LSTM's bias with what is added to its forget gate.
func withForgetBias[F kernel.Float](bias []F, l *recurrent.Layer) []F {
	out := make([]F, 4*l.Units)
	copy(out, bias)
	for i := range l.Units {
		out[l.Units+i] += F(l.ForgetBias)
	}
	return out
}

// handleOf returns the handle of the variable that a weight is read from.
func handleOf(r savedmodel.Ref) savedmodel.Ref {
	r = r.Through()
	if ControlOf(r.Node) == op.Read && len(r.Node.Inputs) == 1 {
		return r.Node.Inputs[0].Through()
	}
	return r
}
