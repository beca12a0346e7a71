package lockstep

import (
	"math"
	"strings"
	"testing"
)

func TestNewChecksShape(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		shape []int
		want  string // part of the error, "" for none
	}{
		{"matrix", 6, []int{2, 3}, ""},
		{"scalar", 1, nil, ""},
		{"empty", 0, []int{3, 0}, ""},
		{"too few", 5, []int{2, 3}, "shape (2, 3) wants 6 elements, got 5"},
		{"scalar of none", 0, nil, "shape () wants 1 elements, got 0"},
		{"negative", 0, []int{-1, 0}, "negative axis"},
		{"overflow", 0, []int{math.MaxInt, 2}, "more elements than memory"},
		{"overflow beside zero", 0, []int{math.MaxInt, 2, 0}, ""},
	} {
		_, err := New(make([]float32, c.n), c.shape...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestDataRefusesAnotherType(t *testing.T) {
	x, err := New([]int32{1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Data[float32](x); err == nil || !strings.Contains(err.Error(), "holds int32, wanted float32") {
		t.Errorf("error %v, want one that names both types", err)
	}
	if _, err := Data[float32](nil); err == nil {
		t.Error("no error for no tensor")
	}
	got, err := Data[int32](x)
	if err != nil || len(got) != 2 || got[1] != 2 {
		t.Errorf("Data = %v, %v", got, err)
	}
}

// The values are numpy's: np.array(bits, np.uint16).view(np.float16).astype(np.float32),
// and for bfloat16 the definition.
func TestHalfPrecisionWidens(t *testing.T) {
	for _, c := range []struct {
		bits Float16Bits
		want float32
	}{
		{0x0000, 0}, {0x0001, 5.9604645e-08}, {0x03ff, 6.097555e-05}, {0x0400, 6.1035156e-05},
		{0x3c00, 1}, {0x3555, 0.33325195}, {0x7bff, 65504}, {0xc000, -2}, {0x8001, -5.9604645e-08},
		{0x7c00, float32(math.Inf(1))}, {0xfc00, float32(math.Inf(-1))},
	} {
		if got := c.bits.Float32(); got != c.want {
			t.Errorf("float16 %#04x = %v, want %v", uint16(c.bits), got, c.want)
		}
	}
	if got := Float16Bits(0x8000).Float32(); !math.Signbit(float64(got)) || got != 0 {
		t.Errorf("float16 0x8000 = %v, want -0", got)
	}
	if got := Float16Bits(0x7e01).Float32(); got == got {
		t.Errorf("float16 0x7e01 = %v, want NaN", got)
	}
	if got := BFloat16Bits(0xc049).Float32(); got != -3.140625 {
		t.Errorf("bfloat16 0xc049 = %v, want -3.140625", got)
	}
}

func TestBitEqual(t *testing.T) {
	nan := float32(math.NaN())
	a, _ := New([]float32{1, nan, 0}, 3)
	same, _ := New([]float32{1, nan, 0}, 3)
	negativeZero, _ := New([]float32{1, nan, float32(math.Copysign(0, -1))}, 3)
	otherShape, _ := New([]float32{1, nan, 0}, 1, 3)
	otherType, _ := New([]float64{1, float64(nan), 0}, 3)
	if !a.BitEqual(same) {
		t.Error("the same bits do not count as equal")
	}
	for name, b := range map[string]*Tensor{"-0": negativeZero, "shape": otherShape, "type": otherType, "none": nil} {
		if a.BitEqual(b) {
			t.Errorf("equal to a tensor that differs by %s", name)
		}
	}
}

func TestZerosAndFloat64s(t *testing.T) {
	for d := Float32; d < String; d++ {
		z, err := Zeros(d, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		f, err := z.Float64s()
		if err != nil || len(f) != 4 || f[3] != 0 {
			t.Errorf("%s: %v, %v", d, f, err)
		}
		if z.DType() != d {
			t.Errorf("%s: type %s", d, z.DType())
		}
	}
	s, _ := Zeros(String, 1)
	if _, err := s.Float64s(); err == nil {
		t.Error("strings were read as numbers")
	}
	if _, err := Zeros(Invalid, 1); err == nil {
		t.Error("a tensor of the type invalid was made")
	}
}
