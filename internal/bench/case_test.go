package bench

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// counted makes a tensor of numbers that go on from the last one's.
func counted(t *testing.T, next *float32, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = *next
		*next++
	}
	x, err := lockstep.New(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func someCase(t *testing.T) Case {
	var next float32
	c := Case{}
	for _, w := range []struct {
		name  string
		shape []int
	}{
		{"encoder/kernel", []int{1, 4}}, {"encoder/recurrent_kernel", []int{1, 4}}, {"encoder/bias", []int{4}},
		{"decoder/kernel", []int{2, 4}}, {"decoder/recurrent_kernel", []int{1, 4}}, {"decoder/bias", []int{4}},
		{"dense/kernel", []int{1, 3}},
	} {
		c.Weights = append(c.Weights, lockstep.NamedTensor{Name: w.name, Tensor: counted(t, &next, w.shape...)})
	}
	c.Encoder, c.Decoder = counted(t, &next, 1, 2, 1), counted(t, &next, 1, 1, 2)
	return c
}

func TestCaseIsWritten(t *testing.T) {
	var out bytes.Buffer
	if err := someCase(t).Write(&out); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, out.Len()/4)
	if err := binary.Read(&out, binary.LittleEndian, got); err != nil {
		t.Fatal(err)
	}
	want := []float32{1, 2, 1, 3, 1, 2, 1}
	for v := range 31 {
		want = append(want, float32(v))
	}
	want = append(want, 0, 0, 0, 31, 32, 33, 34) // there is no dense bias
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestCaseIsRefused(t *testing.T) {
	var next float32
	for want, spoil := range map[string]func(c *Case){
		"of one batch":      func(c *Case) { c.Decoder = counted(t, &next, 2, 1, 2) },
		"want those of the": func(c *Case) { c.Weights = c.Weights[:1] },
		`"decoder/kernel" has 8 values, want 12`: func(c *Case) {
			c.Decoder = counted(t, &next, 1, 1, 3)
		},
	} {
		c := someCase(t)
		spoil(&c)
		if err := c.Write(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

func TestAgree(t *testing.T) {
	reference := []float64{1, -100}
	if d, err := Agree([]float64{1 + 1e-6, -100.001}, reference); err != nil || math.Abs(d-0.001) > 1e-9 {
		t.Errorf("%v, %v, want 0.001 and agreement", d, err)
	}
	for _, answer := range [][]float64{{1}, {1, -100, 0}, {1.001, -100}, {1, math.NaN()}, {math.Inf(1), -100}} {
		if _, err := Agree(answer, reference); err == nil {
			t.Errorf("%v agrees with %v", answer, reference)
		}
	}
}
