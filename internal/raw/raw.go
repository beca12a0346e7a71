// Package raw turns tensors into bytes and back, bit for bit: the elements in
// row-major order, little-endian, as checkpoints, .npy files and libtensorflow
// hold them. Strings have no such form.
package raw

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// Encode returns t's elements as bytes.
func Encode(t *lockstep.Tensor) ([]byte, error) {
	b := make([]byte, t.Len()*t.DType().Size())
	all, err := elements(t, 0, t.Len())
	if err != nil {
		return nil, err
	}
	return b, put(b, all)
}

// Decode makes a tensor from b, which must have exactly the bytes of the shape.
// b is not kept.
func Decode(dtype lockstep.DType, shape []int, b []byte) (*lockstep.Tensor, error) {
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	size := dtype.Size()
	if size == 0 {
		return nil, fmt.Errorf("raw: elements of the type %s have no fixed size", dtype)
	}
	if len(b)/size != n || len(b)%size != 0 {
		return nil, fmt.Errorf("raw: %d bytes for a %s tensor of shape %s, want %d elements of %d bytes", len(b), dtype, lockstep.FormatShape(shape), n, size)
	}
	t, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	all, err := elements(t, 0, n)
	if err != nil {
		return nil, err
	}
	return t, get(all, b)
}
