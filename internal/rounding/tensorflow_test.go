//go:build tensorflow

package rounding

import (
	"fmt"
	"math"
	"os"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// What TensorFlow's own activations are off by lies within what the oracle
// allows an engine, over the float32s from the smallest to the largest.
func TestTensorFlowsActivationsAreWithinBounds(t *testing.T) {
	if err := tfbridge.Available(); err != nil {
		t.Fatal(err)
	}
	stride := uint32(9973)
	if os.Getenv("LOCKSTEP_EXHAUSTIVE") != "" {
		stride = 1
	}
	for _, c := range []struct {
		of  recurrent.Activation
		ops []string
	}{
		{recurrent.Tanh, []string{"Tanh"}}, {recurrent.Sigmoid, []string{"Sigmoid"}}, {recurrent.Relu, []string{"Relu"}}, {recurrent.Relu6, []string{"Relu6"}},
		{recurrent.Elu, []string{"Elu"}}, {recurrent.Selu, []string{"Selu"}}, {recurrent.Softplus, []string{"Softplus"}}, {recurrent.Softsign, []string{"Softsign"}},
		{recurrent.Exponential, []string{"Exp"}}, {recurrent.Silu, []string{"Sigmoid", "*"}}, {recurrent.Mish, []string{"Softplus", "Tanh", "*"}},
		{recurrent.TanhShrink, []string{"Tanh", "-"}},
		{recurrent.LogSigmoid, []string{"Neg", "Softplus", "Neg"}},
	} {
		run, err := composed(c.ops)
		if err != nil {
			t.Fatal(err)
		}
		a, worst, at := activations[c.of], 0.0, float32(0)
		const chunk = 1 << 22
		var x []float32
		look := func() {
			y, err := run(x)
			if err != nil {
				t.Fatal(err)
			}
			for i, have := range y {
				want, bound := a.apply(Float32, float64(x[i]), 0)
				if math.Abs(want) > math.MaxFloat32/2 || math.IsNaN(want) {
					continue // beyond float32, or nearly
				}
				if far := math.Abs(float64(have)-want) / bound; !(far <= worst) {
					worst, at = far, x[i]
				}
			}
			x = x[:0]
		}
		for bits := uint64(0); bits < 1<<32; bits += uint64(stride) {
			if v := math.Float32frombits(uint32(bits)); !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
				x = append(x, v)
			}
			if len(x) == chunk {
				look()
			}
		}
		look()
		t.Logf("%s: at most %.3g of the bound, at %g", c.of, worst, at)
		if !(worst <= 1) {
			t.Errorf("%s: TensorFlow's %v of %g is %g times the bound away", c.of, c.ops, at, worst)
		}
		if worst == 0 && c.of != recurrent.Relu && c.of != recurrent.Relu6 {
			t.Errorf("%s: nothing was measured", c.of)
		}
	}
}

// composed runs operations one after the other, * and - of x and what they made.
func composed(ops []string) (func(x []float32) ([]float32, error), error) {
	g := tf.NewGraph()
	in, err := g.AddOperation(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": tf.Float}})
	if err != nil {
		return nil, err
	}
	x := in.Output(0)
	y := x
	for i, op := range ops {
		spec := tf.OpSpec{Type: op, Name: fmt.Sprintf("op%d", i), Input: []tf.Input{y}}
		switch op {
		case "*":
			spec.Type, spec.Input = "Mul", []tf.Input{x, y}
		case "-":
			spec.Type, spec.Input = "Sub", []tf.Input{x, y}
		}
		made, err := g.AddOperation(spec)
		if err != nil {
			return nil, err
		}
		y = made.Output(0)
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	return func(values []float32) ([]float32, error) {
		fed, err := tf.NewTensor(values)
		if err != nil {
			return nil, err
		}
		out, err := session.Run(map[tf.Output]*tf.Tensor{x: fed}, []tf.Output{y}, nil)
		if err != nil {
			return nil, err
		}
		return out[0].Value().([]float32), nil
	}, nil
}
