// Package signal has TensorFlow's Fourier transforms, and its operations on the
// parts of complex numbers.
package signal

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations.
var Ops = op.Join(parts, transforms)

var parts = op.Table{
	"Complex":    {Build: buildComplex, Float64: op.Plain(pairUp[float64, complex128]), Shape: op.NoInput, Bound: complexBound, Time: op.TimeElementwise},
	"Real":       {Build: ofNumbers(realPart[complex64, float32], realPart[complex128, float64]), Float64: op.Plain(realPart[complex128, float64]), Shape: op.NoInput, Bound: partBound, Time: op.TimeOfFirst, KeepsShape: true},
	"Imag":       {Build: ofNumbers(imagPart[complex64, float32], imagPart[complex128, float64]), Float64: op.Plain(imagPart[complex128, float64]), Shape: op.NoInput, Bound: partBound, Time: op.TimeOfFirst, KeepsShape: true},
	"ComplexAbs": {Build: ofNumbers(absolute[complex64, float32], absolute[complex128, float64]), Float64: op.Plain(absolute[complex128, float64]), Shape: op.NoInput, Bound: absoluteBound, Time: op.TimeOfFirst, KeepsShape: true},
	"Angle":      {Build: ofNumbers(angle[complex64, float32], angle[complex128, float64]), Float64: op.Plain(angle[complex128, float64]), Shape: op.NoInput, Bound: angleBound, Time: op.TimeOfFirst, KeepsShape: true},
	"Conj":       {Build: buildConj, Float64: op.Plain(conjugate[complex128]), Shape: op.NoInput, Bound: partBound, Time: op.TimeOfFirst, KeepsShape: true},
}

type complexes interface{ complex64 | complex128 }

type floats interface{ float32 | float64 }

// typeOf reads the type of complex numbers, and requires that a type of floats, if
// the node names one, has the same size.
func typeOf(n *savedmodel.Node, complexAttr, realAttr string) (lockstep.DType, error) {
	d, err := op.TypeOr(n, complexAttr, lockstep.Complex64)
	if err != nil {
		return d, err
	}
	if !d.IsComplex() {
		return d, op.NotSupported(complexAttr, d)
	}
	f, err := op.TypeOr(n, realAttr, lockstep.Float32)
	if err != nil {
		return d, err
	}
	if (d == lockstep.Complex64) != (f == lockstep.Float32) || f != lockstep.Float32 && f != lockstep.Float64 {
		return d, op.NotSupported(realAttr, fmt.Sprintf("%s, and %s is %s", f, complexAttr, d))
	}
	return d, nil
}

// ofNumbers makes a function of complex numbers whose result is real.
func ofNumbers(small, large op.Exec) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		d, err := typeOf(n, "T", "Tout")
		if d == lockstep.Complex128 {
			return large, err
		}
		return small, err
	}
}

func buildComplex(n *savedmodel.Node) (op.Exec, error) {
	d, err := typeOf(n, "Tout", "T")
	if d == lockstep.Complex128 {
		return pairUp[float64, complex128], err
	}
	return pairUp[float32, complex64], err
}

func buildConj(n *savedmodel.Node) (op.Exec, error) {
	d, err := op.TypeOr(n, "T", lockstep.Complex64)
	switch {
	case err != nil:
		return nil, err
	case d == lockstep.Complex64:
		return conjugate[complex64], nil
	case d == lockstep.Complex128:
		return conjugate[complex128], nil
	}
	return nil, op.NotSupported("T", d)
}

// pairUp makes complex numbers of their parts.
func pairUp[F floats, C complexes](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map2(func(x, y F) C { return C(complex(float64(x), float64(y))) })(w, in)
}

func realPart[C complexes, F floats](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map1(func(x C) F { return F(real(complex128(x))) })(w, in)
}

func imagPart[C complexes, F floats](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map1(func(x C) F { return F(imag(complex128(x))) })(w, in)
}

func absolute[C complexes, F floats](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map1(func(x C) F { return F(cmplx.Abs(complex128(x))) })(w, in)
}

func angle[C complexes, F floats](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map1(func(x C) F { return F(cmplx.Phase(complex128(x))) })(w, in)
}

func conjugate[C complexes](w *op.Call, in []value.Value) ([]value.Value, error) {
	return op.Map1(func(x C) C { return C(cmplx.Conj(complex128(x))) })(w, in)
}

// complexBound is the length of both parts' bounds.
func complexBound(x *op.BoundInput) error {
	re, err := x.In[0].Errors()
	if err != nil {
		return err
	}
	im, err := x.In[1].Errors()
	if err != nil {
		return err
	}
	out, err := x.Again(re, im)
	if err != nil {
		return err
	}
	e := make([]float64, out[0].Tensor.Len())
	for i, v := range op.ComplexOf(out[0].Tensor) {
		e[i] = cmplx.Abs(v)
	}
	return x.Set(0, e)
}

// partBound: a part is off by no more than the number is.
func partBound(x *op.BoundInput) error {
	e := make([]float64, x.Out[0].Tensor.Len())
	copy(e, x.E(0))
	return x.Set(0, e)
}

// ofEach makes a rule of one for each complex number z, off by e.
func ofEach(f func(x *op.BoundInput, z complex128, e float64) float64) op.BoundRule {
	return func(x *op.BoundInput) error {
		out, errs := make([]float64, x.Out[0].Tensor.Len()), x.E(0)
		for i, z := range op.ComplexOf(x.In[0].Tensor) {
			e := 0.0
			if errs != nil {
				e = errs[i]
			}
			out[i] = f(x, z, e)
		}
		return x.Set(0, out)
	}
}

// absoluteBound: a root of the sum of two squares, or what avoids their overflow.
var absoluteBound = ofEach(func(x *op.BoundInput, z complex128, e float64) float64 {
	return x.Rounded(cmplx.Abs(z), e, 6)
})

// angleBound: a number that is off by e < |z| turns by no more than asin(e/|z|); over
// the negative reals the angle jumps.
var angleBound = ofEach(func(x *op.BoundInput, z complex128, e float64) float64 {
	size := cmplx.Abs(z)
	if e == 0 {
		return x.Rounded(cmplx.Phase(z), 0, 10)
	}
	if !(e < size) || real(z) < e && math.Abs(imag(z)) <= e {
		return math.Inf(1)
	}
	return x.Rounded(cmplx.Phase(z), math.Asin(e/size)*rounding.Slack, 10)
})
