package savedmodel

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// maxConstElements bounds the elements of a constant that is one repeated
// value: only its shape makes it large.
const maxConstElements = 1 << 22

// readTensor reads a TensorProto: either its bytes, or a list of values whose
// last is repeated to the end (tensorflow/core/framework/tensor.proto).
func readTensor(p *tfpb.TensorProto) (*lockstep.Tensor, error) {
	if p == nil {
		return nil, fmt.Errorf("no value")
	}
	dtype, err := readDType(p.GetDtype())
	if err != nil {
		return nil, err
	}
	shape, known := readTensorShape(p.GetTensorShape())
	if !known {
		return nil, fmt.Errorf("a value of no shape")
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, err
	}
	if content := p.GetTensorContent(); len(content) > 0 {
		return raw.Decode(dtype, shape, content)
	}
	switch dtype {
	case lockstep.Float32:
		return repeat(p.GetFloatVal(), func(v float32) float32 { return v }, n, shape)
	case lockstep.Float64:
		return repeat(p.GetDoubleVal(), func(v float64) float64 { return v }, n, shape)
	case lockstep.Float16:
		return repeat(p.GetHalfVal(), func(v int32) lockstep.Float16Bits { return lockstep.Float16Bits(v & math.MaxUint16) }, n, shape)
	case lockstep.BFloat16:
		return repeat(p.GetHalfVal(), func(v int32) lockstep.BFloat16Bits { return lockstep.BFloat16Bits(v & math.MaxUint16) }, n, shape)
	case lockstep.Int32:
		return repeat(p.GetIntVal(), func(v int32) int32 { return v }, n, shape)
	case lockstep.Int64:
		return repeat(p.GetInt64Val(), func(v int64) int64 { return v }, n, shape)
	case lockstep.Bool:
		return repeat(p.GetBoolVal(), func(v bool) bool { return v }, n, shape)
	case lockstep.Int8:
		return repeat(p.GetIntVal(), func(v int32) int8 { return int8(v) }, n, shape)
	case lockstep.Int16:
		return repeat(p.GetIntVal(), func(v int32) int16 { return int16(v) }, n, shape)
	case lockstep.Uint8:
		return repeat(p.GetIntVal(), func(v int32) uint8 { return uint8(v) }, n, shape)
	case lockstep.Uint16:
		return repeat(p.GetIntVal(), func(v int32) uint16 { return uint16(v) }, n, shape)
	case lockstep.Uint32:
		return repeat(p.GetUint32Val(), func(v uint32) uint32 { return v }, n, shape)
	case lockstep.Uint64:
		return repeat(p.GetUint64Val(), func(v uint64) uint64 { return v }, n, shape)
	case lockstep.Complex64:
		return ofParts(p.GetScomplexVal(), func(re, im float32) complex64 { return complex(re, im) }, n, shape)
	case lockstep.Complex128:
		return ofParts(p.GetDcomplexVal(), func(re, im float64) complex128 { return complex(re, im) }, n, shape)
	case lockstep.String:
		return repeat(p.GetStringVal(), func(v []byte) string { return string(v) }, n, shape)
	}
	return nil, fmt.Errorf("no value of the type %s is known", dtype)
}

// ofParts is repeat of complex numbers, each of which is two values.
func ofParts[P any, E lockstep.Element](parts []P, join func(re, im P) E, n int, shape []int) (*lockstep.Tensor, error) {
	if len(parts)%2 != 0 {
		return nil, fmt.Errorf("%d parts of complex numbers, want two for each", len(parts))
	}
	values := make([]E, len(parts)/2)
	for i := range values {
		values[i] = join(parts[2*i], parts[2*i+1])
	}
	return repeat(values, func(v E) E { return v }, n, shape)
}

// repeat fills n elements with the values, the last one to the end; without
// any value the elements are zero.
func repeat[P any, E lockstep.Element](values []P, convert func(P) E, n int, shape []int) (*lockstep.Tensor, error) {
	if len(values) > n {
		return nil, fmt.Errorf("%d values for shape %s, want at most %d", len(values), lockstep.FormatShape(shape), n)
	}
	if n > len(values) && n > maxConstElements {
		return nil, fmt.Errorf("%d values for shape %s of %d elements, want at most %d where values repeat", len(values), lockstep.FormatShape(shape), n, maxConstElements)
	}
	out := make([]E, n)
	for i, v := range values {
		out[i] = convert(v)
	}
	if len(values) > 0 {
		for i := len(values); i < n; i++ {
			out[i] = out[len(values)-1]
		}
	}
	return lockstep.New(out, shape...)
}
