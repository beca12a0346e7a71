package raw

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/lockstep-go/lockstep"
)

// portion is about how many bytes of a tensor are converted at once: a large one
// has no second copy.
const portion = 32 << 10

// Reader reads a tensor's elements as Encode has them.
type Reader struct {
	t    *lockstep.Tensor
	at   int    // the next element
	rest []byte // of the element before it
}

// NewReader returns a Reader of a tensor.
func NewReader(t *lockstep.Tensor) *Reader { return &Reader{t: t} }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(r.rest) > 0 {
		n := copy(p, r.rest)
		r.rest = r.rest[n:]
		return n, nil
	}
	size := max(r.t.DType().Size(), 1)
	n := min(len(p)/size, r.t.Len()-r.at)
	switch {
	case r.at == r.t.Len():
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case n == 0: // less than an element
		one := make([]byte, size)
		if _, err := r.Read(one); err != nil {
			return 0, err
		}
		r.rest = one
		return r.Read(p)
	}
	part, err := elements(r.t, r.at, r.at+n)
	if err != nil {
		return 0, err
	}
	r.at += n
	return n * size, put(p[:n*size], part)
}

// Write writes t's elements as Encode has them.
func Write(w io.Writer, t *lockstep.Tensor) error {
	if t.DType().Size() == 0 {
		return fmt.Errorf("raw: %s has no bytes of fixed size", t)
	}
	r, b := NewReader(t), make([]byte, min(portion, t.Len()*t.DType().Size()))
	for {
		n, err := r.Read(b)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
	}
}

// Read makes a tensor of a type and a shape of the next bytes of r, as many as it
// has.
func Read(r io.Reader, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	size := dtype.Size()
	if size == 0 {
		return nil, fmt.Errorf("raw: elements of the type %s have no fixed size", dtype)
	}
	t, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	b := make([]byte, min(portion, t.Len()*size))
	for at := 0; at < t.Len(); {
		n := min(len(b)/size, t.Len()-at)
		if _, err := io.ReadFull(r, b[:n*size]); err != nil {
			return nil, fmt.Errorf("raw: the bytes of %s: %w", t, err)
		}
		part, err := elements(t, at, at+n)
		if err == nil {
			err = get(part, b[:n*size])
		}
		if err != nil {
			return nil, err
		}
		at += n
	}
	return t, nil
}

// elements are some of t's: a slice of their Go type.
func elements(t *lockstep.Tensor, from, to int) (any, error) {
	switch t.DType() {
	case lockstep.Float32:
		return part[float32](t, from, to)
	case lockstep.Float64:
		return part[float64](t, from, to)
	case lockstep.Float16:
		return part[lockstep.Float16Bits](t, from, to)
	case lockstep.BFloat16:
		return part[lockstep.BFloat16Bits](t, from, to)
	case lockstep.Complex64:
		return part[complex64](t, from, to)
	case lockstep.Complex128:
		return part[complex128](t, from, to)
	case lockstep.Float8E4M3FN:
		return part[lockstep.Float8E4M3FNBits](t, from, to)
	case lockstep.Float8E5M2:
		return part[lockstep.Float8E5M2Bits](t, from, to)
	case lockstep.Int32:
		return part[int32](t, from, to)
	case lockstep.Int64:
		return part[int64](t, from, to)
	case lockstep.Bool:
		return part[bool](t, from, to)
	case lockstep.Int8:
		return part[int8](t, from, to)
	case lockstep.Int16:
		return part[int16](t, from, to)
	case lockstep.Uint8:
		return part[uint8](t, from, to)
	case lockstep.Uint16:
		return part[uint16](t, from, to)
	case lockstep.Uint32:
		return part[uint32](t, from, to)
	case lockstep.Uint64:
		return part[uint64](t, from, to)
	}
	return nil, fmt.Errorf("raw: %s has no bytes of fixed size", t)
}

func part[E lockstep.Element](t *lockstep.Tensor, from, to int) (any, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return d[from:to], nil
}

// put sets b to the bytes of elements.
func put(b []byte, elements any) error {
	le := binary.LittleEndian
	switch d := elements.(type) {
	case []float32:
		for i, v := range d {
			le.PutUint32(b[4*i:], math.Float32bits(v))
		}
	case []float64:
		for i, v := range d {
			le.PutUint64(b[8*i:], math.Float64bits(v))
		}
	case []lockstep.Float16Bits:
		for i, v := range d {
			le.PutUint16(b[2*i:], uint16(v))
		}
	case []lockstep.BFloat16Bits:
		for i, v := range d {
			le.PutUint16(b[2*i:], uint16(v))
		}
	default:
		_, err := binary.Encode(b, le, d)
		return err
	}
	return nil
}

// get sets elements to those whose bytes are b.
func get(elements any, b []byte) error {
	le := binary.LittleEndian
	switch d := elements.(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case []lockstep.Float16Bits:
		for i := range d {
			d[i] = lockstep.Float16Bits(le.Uint16(b[2*i:]))
		}
	case []lockstep.BFloat16Bits:
		for i := range d {
			d[i] = lockstep.BFloat16Bits(le.Uint16(b[2*i:]))
		}
	default:
		_, err := binary.Decode(b, le, d)
		return err
	}
	return nil
}
