package forecast

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func counted(t *testing.T, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]float64, n)
	for i := range d {
		d[i] = float64(i)
	}
	x, err := lockstep.New(d, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func signature(encoder, decoder []int) lockstep.Signature {
	s := lockstep.Signature{Name: "s", Outputs: []lockstep.TensorSpec{{Name: "y", DType: lockstep.Float32, Shape: decoder}}}
	if encoder != nil {
		s.Inputs = append(s.Inputs, lockstep.TensorSpec{Name: "a", DType: lockstep.Float32, Shape: encoder})
	}
	s.Inputs = append(s.Inputs, lockstep.TensorSpec{Name: "b", DType: lockstep.Float32, Shape: decoder})
	return s
}

// The decoder is fed the last value that was seen, and each target is the value
// after the one that is fed.
func TestWindow(t *testing.T) {
	open, fixed := []int{-1, -1, 1}, []int{-1, 4, 1}
	for _, c := range []struct {
		encoder      []int
		cut          Span
		a, b, target []float64
		given, steps int
	}{
		{open, Span{At: 3, Seen: 2, Horizon: 3}, []float64{3, 4}, []float64{4, 5, 6}, []float64{5, 6, 7}, 1, 3},
		{fixed, Span{At: 3, Seen: 2, Horizon: 2}, []float64{3, 4, 5, 6}, []float64{6, 7}, []float64{7, 8}, 1, 2},
		{open, Span{At: -1, Seen: 2, Horizon: 3}, []float64{7, 8}, []float64{8, 9, 10}, []float64{9, 10, 11}, 1, 3},
		{open, Span{At: 9, Seen: 2, Horizon: 5}, []float64{9, 10}, []float64{10, 11}, []float64{11}, 1, 5}, // past the end
		{open, Span{At: 10, Seen: 2, Horizon: 2}, []float64{10, 11}, []float64{11}, nil, 1, 2},             // at the end
		{open, Span{At: -1, Seen: 2, Horizon: 30}, []float64{0, 1}, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, []float64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 1, 30},
		{nil, Span{At: 3, Seen: 4, Horizon: 3}, nil, []float64{3, 4, 5, 6, 7, 8}, []float64{4, 5, 6, 7, 8, 9}, 4, 6},
	} {
		p, err := Window(signature(c.encoder, open), Roles{"b", "y"}, counted(t, 12), c.cut)
		if err != nil {
			t.Errorf("%+v: %v", c.cut, err)
			continue
		}
		if c.a != nil && !slices.Equal(floats(t, p.Inputs["a"]), c.a) || !slices.Equal(floats(t, p.Inputs["b"]), c.b) {
			t.Errorf("%+v: the inputs are %v and %v", c.cut, floats(t, p.Inputs["b"]), p.Inputs["a"])
		}
		if p.Given != c.given || p.Given-1+p.Horizon != c.steps || (p.Target == nil) != (c.target == nil) || c.target != nil && !slices.Equal(floats(t, p.Target), c.target) {
			t.Errorf("%+v: %d given of %d steps, target %v", c.cut, p.Given, p.Horizon, p.Target)
		}
	}
	two := []int{-1, -1, 2}
	if p, err := Window(signature(two, two), Roles{"b", "y"}, counted(t, 6, 2), Span{At: 1, Seen: 2, Horizon: 2}); err != nil || fmt.Sprint(floats(t, p.Target)) != "[6 7 8 9]" {
		t.Errorf("two features: %v, %v", p.Target, err)
	}
}

func TestWindowErrors(t *testing.T) {
	open := []int{-1, -1, 1}
	sig := signature(open, open)
	three := sig
	three.Inputs = append(slices.Clone(sig.Inputs), lockstep.TensorSpec{Name: "c", DType: lockstep.Float32, Shape: open})
	ids := signature(open, open)
	ids.Inputs[0].DType = lockstep.Int32
	ints, err := lockstep.New([]int32{1, 2, 3}, 3)
	if err != nil {
		t.Fatal(err)
	}
	cut := Span{At: 0, Seen: 2, Horizon: 2}
	for _, c := range []struct {
		want   string
		sig    lockstep.Signature
		values *lockstep.Tensor
		cut    Span
	}{
		{"too few for 2", sig, counted(t, 1), cut},
		{"too few for 2", sig, counted(t, 3), Span{At: 1 << 62, Seen: 2, Horizon: 2}},
		{"want 1 or more", sig, counted(t, 3), Span{}},
		{"series of 2 features", sig, counted(t, 6, 2), cut},
		{"3 inputs", three, counted(t, 6), cut},
		{"cannot be cut", ids, counted(t, 6), cut},
		{"want (steps)", sig, counted(t, 2, 6, 1), cut},
		{"want floats", sig, ints, cut},
		{"a feature at least", sig, counted(t, 6, 0), cut},
		{"want (?, 9, 1)", signature(nil, []int{-1, 9, 1}), counted(t, 6), Span{Seen: 2, Horizon: 3}},
	} {
		if _, err := Window(c.sig, Roles{"b", "y"}, c.values, c.cut); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
