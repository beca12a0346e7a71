package engine

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func TestWeightsOf(t *testing.T) {
	single, double := []float32{1, 2}, []float64{3, 4}
	ref := func(name string) savedmodel.Ref { return savedmodel.Ref{Node: &savedmodel.Node{Name: name}} }
	failed := errors.New("no such weight")
	read := func(r savedmodel.Ref) (*lockstep.Tensor, error) {
		switch r.Node.Name {
		case "single":
			return lockstep.New(single, 2)
		case "double":
			return lockstep.New(double, 2)
		}
		return nil, failed
	}
	for _, c := range []struct {
		layer recurrent.Layer
		want  [3][]float64
		DType lockstep.DType
		err   error
	}{
		{layer: recurrent.Layer{Kernel: ref("single"), RecurrentKernel: ref("single"), Bias: ref("single")}, want: [3][]float64{{1, 2}, {1, 2}, {1, 2}}, DType: lockstep.Float32},
		{layer: recurrent.Layer{Kernel: ref("double"), RecurrentKernel: ref("double")}, want: [3][]float64{double, double, nil}, DType: lockstep.Float64},
		{layer: recurrent.Layer{Kernel: ref("single"), RecurrentKernel: ref("double"), Bias: ref("double")}, want: [3][]float64{{1, 2}, double, double}},
		{layer: recurrent.Layer{Kernel: ref("single"), RecurrentKernel: ref("single"), Bias: ref("double")}, want: [3][]float64{{1, 2}, {1, 2}, double}},
		{layer: recurrent.Layer{Kernel: ref("single"), RecurrentKernel: ref("nowhere")}, err: failed},
	} {
		got, dtype, err := WeightsOf(&c.layer, read)
		if !errors.Is(err, c.err) || dtype != c.DType || err == nil && !slices.EqualFunc(got[:], c.want[:], slices.Equal) {
			t.Errorf("the weights are %v of %s (%v), want %v of %s (%v)", got, dtype, err, c.want, c.DType, c.err)
		}
	}
}
