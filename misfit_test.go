package lockstep

import (
	"errors"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"encoder_inputt", `, the nearest is "encoder_input"`},
		{"encodr_input", `, the nearest is "encoder_input"`},
		{"Decoder_input", `, the nearest is "decoder_input"`},
		{"z", ""}, {"something else", ""}, {"", ""},
		{"y2", `, the nearest is "y"`},
	} {
		if got := Nearest(c.name, []string{"decoder_input", "encoder_input", "y"}); got != c.want {
			t.Errorf("%q: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"größe", "grosse", 3}, {"same", "same", 0}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// What does not fit a signature is a TensorError, and says all that is wrong.
func TestCheckInputsIsWrongUsage(t *testing.T) {
	sig := Signature{Name: "serve", Inputs: []TensorSpec{{Name: "x", DType: Float32, Shape: []int{-1, 3}}}}
	good, _ := New(make([]float32, 6), 2, 3)
	wide, _ := New(make([]float64, 6), 2, 3)
	for what, in := range map[string]map[string]*Tensor{
		"got none": {}, `has no input "x2"; it has "x", the nearest is "x"`: {"x2": good},
		`has no input "other"`: {"x": good, "other": good}, `has the type float64, want float32`: {"x": wide},
	} {
		err := sig.CheckInputs(in)
		if wrong := (*TensorError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	if err := sig.CheckInputs(map[string]*Tensor{"x": good}); err != nil {
		t.Error(err)
	}
}
