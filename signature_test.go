package lockstep

import (
	"strings"
	"testing"
)

func TestCheckInputs(t *testing.T) {
	sig := Signature{
		Name: "serving_default",
		Inputs: []TensorSpec{
			{Name: "decoder_input", DType: Float32, Shape: []int{-1, -1, 1}},
			{Name: "encoder_input", DType: Float32, Shape: []int{-1, 10, 1}},
		},
	}
	zeros := func(d DType, shape ...int) *Tensor {
		x, err := Zeros(d, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	good := zeros(Float32, 2, 10, 1)
	for _, c := range []struct {
		name   string
		inputs map[string]*Tensor
		want   []string // parts of the error; none for no error
	}{
		{"right", map[string]*Tensor{"encoder_input": good, "decoder_input": zeros(Float32, 2, 3, 1)}, nil},
		{"missing", map[string]*Tensor{"encoder_input": good}, []string{`no input decoder_input float32 (?, ?, 1)`, `got "encoder_input"`}},
		{"nil", map[string]*Tensor{"encoder_input": good, "decoder_input": nil}, []string{`"decoder_input" is missing`}},
		{"unknown", map[string]*Tensor{"encoder_input": good, "decoder_input": good, "x": good}, []string{`no input "x"`, `it has "decoder_input", "encoder_input"`}},
		{"type", map[string]*Tensor{"encoder_input": good, "decoder_input": zeros(Int32, 2, 3, 1)}, []string{`"decoder_input" has the type int32, want`}},
		{"rank", map[string]*Tensor{"encoder_input": good, "decoder_input": zeros(Float32, 2, 3)}, []string{`rank 2, want (?, ?, 1) of rank 3`}},
		{"11 steps into 10", map[string]*Tensor{"encoder_input": zeros(Float32, 2, 11, 1), "decoder_input": good}, []string{`"encoder_input" has the shape (2, 11, 1), want (?, 10, 1): axis 1 is 11, want 10`}},
		{"everything at once", map[string]*Tensor{"encoder_input": zeros(Int64, 1), "y": good}, []string{"int64", "no input decoder_input", `no input "y"`}},
	} {
		err := sig.CheckInputs(c.inputs)
		if (err == nil) != (len(c.want) == 0) {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", c.name, err, w)
			}
		}
	}
}

func TestSpecOfUnknownRankTakesAnyShape(t *testing.T) {
	spec := TensorSpec{Name: "x", DType: Float32, UnknownRank: true}
	x, _ := Zeros(Float32, 1, 2, 3, 4)
	if err := spec.Check(x); err != nil {
		t.Error(err)
	}
	if got := spec.String(); got != "x float32 of any shape" {
		t.Error(got)
	}
}
