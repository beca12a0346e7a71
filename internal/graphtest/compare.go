package graphtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// Agree compares a result with TensorFlow's.
func Agree(got, want *lockstep.Tensor, tolerance float64) error {
	if got == nil {
		return fmt.Errorf("nothing, want %s", want)
	}
	if got.DType() != want.DType() || !slices.Equal(got.Shape(), want.Shape()) {
		return fmt.Errorf("%s, want %s", got, want)
	}
	if got.BitEqual(want) {
		return nil
	}
	got, want = got.RealParts(), want.RealParts()
	a, err := got.Float64s()
	if err != nil {
		return fmt.Errorf("the strings differ: %s", Show(got, want))
	}
	b, err := want.Float64s()
	if err != nil {
		return err
	}
	for i := range a {
		same := a[i] == b[i] && math.Signbit(a[i]) == math.Signbit(b[i]) || math.IsNaN(a[i]) && math.IsNaN(b[i])
		// An infinity is near nothing but itself.
		near := tolerance > 0 && math.Abs(a[i]-b[i]) <= tolerance*(1+math.Abs(b[i])) && !math.IsInf(b[i], 0)
		if tolerance > 0 && a[i] == b[i] {
			continue
		}
		if !same && !near {
			return fmt.Errorf("element %d of %s is %v, want %v (off by %g); %s", i, got, a[i], b[i], math.Abs(a[i]-b[i]), Show(got, want))
		}
	}
	if got.DType() == lockstep.Int64 { // float64 does not hold all integers
		return fmt.Errorf("the integers differ: %s", Show(got, want))
	}
	return nil
}

// Show writes the first elements of both.
func Show(got, want *lockstep.Tensor) string {
	return fmt.Sprintf("got %.200s, want %.200s", ElementsText(got), ElementsText(want))
}

func ElementsText(t *lockstep.Tensor) string {
	if s, err := lockstep.Data[string](t); err == nil {
		return fmt.Sprintf("%q", s)
	}
	f, _ := t.Float64s()
	return fmt.Sprint(f)
}

// Noise makes a tensor of small numbers.
func Noise(t testing.TB, dtype lockstep.DType, seed uint64, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, seed))
	if d, err := lockstep.Data[float32](x); err == nil {
		for i := range d {
			d[i] = float32(r.NormFloat64())
		}
	}
	if d, err := lockstep.Data[float64](x); err == nil {
		for i := range d {
			d[i] = r.NormFloat64()
		}
	}
	if d, err := lockstep.Data[int32](x); err == nil {
		for i := range d {
			d[i] = r.Int32N(3)
		}
	}
	if d, err := lockstep.Data[bool](x); err == nil {
		for i := range d {
			d[i] = r.IntN(3) > 0
		}
	}
	return x
}
