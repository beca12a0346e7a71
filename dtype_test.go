package lockstep

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestEveryType(t *testing.T) {
	sizes := map[DType]int{
		Float32: 4, Float64: 8, Float16: 2, BFloat16: 2, Int8: 1, Int16: 2, Int32: 4, Int64: 8,
		Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8, Complex64: 8, Complex128: 16, Bool: 1, String: 0,
		Float8E4M3FN: 1, Float8E5M2: 1,
	}
	if all := DTypes(); len(all) != len(sizes) || slices.Contains(all, Invalid) {
		t.Fatalf("the types are %v", all)
	}
	for _, d := range DTypes() {
		x, err := Zeros(d, 2, 3)
		if err != nil || x.DType() != d || x.Len() != 6 || d.Size() != sizes[d] {
			t.Errorf("%s of %d bytes: %s, %v", d, d.Size(), x, err)
			continue
		}
		again, _ := Zeros(d, 2, 3)
		for _, other := range DTypes() {
			if y, _ := Zeros(other, 2, 3); x.BitEqual(y) != (d == other) {
				t.Errorf("%s and %s: equal is %v", x, y, x.BitEqual(y))
			}
		}
		if values, err := x.Float64s(); (err != nil) != (d == String || d.IsComplex()) || err == nil && !slices.Equal(values, make([]float64, 6)) || !x.BitEqual(again) {
			t.Errorf("%s: the numbers %v, %v", d, values, err)
		}
		if parts := x.RealParts(); d.IsComplex() != (parts != x) || d.IsComplex() && (parts.Len() != 12 || parts.DType().Size() != d.Size()/2) {
			t.Errorf("the parts of %s are %s", x, parts)
		}
		name := d.String()
		if got, err := ParseDType(name); err != nil || got != d {
			t.Errorf("%q is %s, %v", name, got, err)
		}
		if isInt := strings.Contains(name, "int"); d.IsInt() != isInt || d.IsFloat() != strings.Contains(name, "float") {
			t.Errorf("%s: an integer %v, a float %v", d, d.IsInt(), d.IsFloat())
		}
	}
	for _, name := range []string{"", "invalid", "qint8", "DType(3)"} {
		if d, err := ParseDType(name); err == nil {
			t.Errorf("%q is %s", name, d)
		}
	}
	if _, err := Zeros(Invalid, 1); err == nil {
		t.Error("a tensor of no type")
	}
}

func TestIntegersAsNumbers(t *testing.T) {
	check := func(x *Tensor, err error, want ...float64) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Float64s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", x, got, err, want)
		}
	}
	i8, err := New([]int8{math.MinInt8, -1, math.MaxInt8}, 3)
	check(i8, err, -128, -1, 127)
	i16, err := New([]int16{math.MinInt16, math.MaxInt16}, 2)
	check(i16, err, -32768, 32767)
	u8, err := New([]uint8{0, math.MaxUint8}, 2)
	check(u8, err, 0, 255)
	u16, err := New([]uint16{0, math.MaxUint16}, 2)
	check(u16, err, 0, 65535)
	u32, err := New([]uint32{0, math.MaxUint32}, 2)
	check(u32, err, 0, 1<<32-1)
	u64, err := New([]uint64{0, 1 << 63, math.MaxUint64}, 3)
	check(u64, err, 0, 1<<63, 1<<64)
}

// A type that no tensor can have is shown by its name, and refused.
func TestTypesOfNoTensor(t *testing.T) {
	sig := Signature{Name: "f", Inputs: []TensorSpec{{Name: "x", Type: "qint8", Shape: []int{-1, 2}}, {Name: "n", DType: Uint8}}, Outputs: []TensorSpec{{Name: "y", Type: "float8_e5m2", UnknownRank: true}}}
	for i, want := range []string{"x qint8 (?, 2)", "n uint8 ()"} {
		if got := sig.Inputs[i].String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := sig.Outputs[0].String(); got != "y float8_e5m2 of any shape" {
		t.Error(got)
	}
	err := sig.CheckTypes()
	for _, want := range []string{`signature "f": input "x" is qint8`, `signature "f": output "y" is float8_e5m2`} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), `"n"`) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for _, d := range DTypes() {
		x, _ := Zeros(d, 1, 2)
		if err := sig.Inputs[0].Check(x); err == nil || !strings.Contains(err.Error(), "want qint8") {
			t.Errorf("%s for qint8: error %v", x, err)
		}
	}
	sig.Inputs, sig.Outputs = sig.Inputs[1:], nil
	if err := sig.CheckTypes(); err != nil {
		t.Error(err)
	}
}
