//go:build tensorflow

package tfbridge

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// dtypes pairs the element types that both sides have.
var dtypes = map[lockstep.DType]tf.DataType{
	lockstep.Float32:  tf.Float,
	lockstep.Float64:  tf.Double,
	lockstep.Float16:  tf.Half,
	lockstep.BFloat16: tf.Bfloat16,
	lockstep.Int8:     tf.Int8,
	lockstep.Int16:    tf.Int16,
	lockstep.Int32:    tf.Int32,
	lockstep.Int64:    tf.Int64,
	lockstep.Uint8:    tf.Uint8,
	lockstep.Uint16:   tf.Uint16,
	lockstep.Uint32:   tf.Uint32,
	lockstep.Uint64:   tf.Uint64,
	lockstep.Bool:     tf.Bool,

	lockstep.Complex64:  tf.Complex64,
	lockstep.Complex128: tf.Complex128,

	lockstep.Float8E4M3FN: float8E4M3FN,
	lockstep.Float8E5M2:   float8E5M2,

	lockstep.String: tf.String,
}

// Types of TensorFlow that are newer than the binding.
const (
	float8E5M2   tf.DataType = 24
	float8E4M3FN tf.DataType = 25
)

var eightBits = []tf.DataType{float8E4M3FN, float8E5M2}

// toTensorFlow copies t into libtensorflow's memory.
func toTensorFlow(t *lockstep.Tensor) (*tf.Tensor, error) {
	out, err := copyIn(t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return out, nil
}

func copyIn(t *lockstep.Tensor) (*tf.Tensor, error) {
	shape := shape64(t.Shape())
	if t.DType() == lockstep.String {
		texts, err := lockstep.Data[string](t)
		if err != nil {
			return nil, err
		}
		countTensorBytes(textBytes(texts))
		flat, err := tf.NewTensor(texts)
		if err != nil || len(shape) == 1 {
			return flat, err
		}
		return reshaped(flat, shape)
	}
	dtype, ok := dtypes[t.DType()]
	if !ok {
		return nil, fmt.Errorf("libtensorflow has no type for it")
	}
	t, err := float32From8(t)
	if err != nil {
		return nil, err
	}
	countTensorBytes(t.Len() * t.DType().Size())
	if from, ok := writtenAs[dtype]; ok {
		bits, err := tf.ReadTensor(from, shape, raw.NewReader(t))
		if err != nil {
			return nil, err
		}
		return bitcast(bits, dtype)
	}
	return tf.ReadTensor(dtype, shape, raw.NewReader(t))
}

// fromTensorFlow copies t into a lockstep.Tensor.
func fromTensorFlow(t *tf.Tensor) (*lockstep.Tensor, error) {
	shape, n := make([]int, len(t.Shape())), 1
	for i, d := range t.Shape() {
		shape[i] = int(d)
		n *= int(d)
	}
	for dtype, theirs := range dtypes {
		if theirs != t.DataType() {
			continue
		}
		if n == 0 {
			return lockstep.Zeros(dtype, shape...)
		}
		if dtype == lockstep.String {
			texts := flattenStrings(value(t), make([]string, 0, n))
			countTensorBytes(textBytes(texts))
			return lockstep.New(texts, shape...)
		}
		if to, ok := readAs[theirs]; ok {
			var err error
			if t, err = bitcast(t, to); err != nil {
				return nil, fmt.Errorf("reading a result: %w", err)
			}
		}
		w := decoder{dtype: dtype, shape: shape}
		if slices.Contains(eightBits, theirs) {
			w.dtype = lockstep.Float32 // the type of what was read
		}
		if err := contents(t, &w); err != nil {
			return nil, fmt.Errorf("reading a result: %w", err)
		}
		if w.tensor == nil {
			return nil, errors.New("reading a result: it has no memory")
		}
		countTensorBytes(n * w.dtype.Size())
		if w.dtype != dtype {
			return float8From32(dtype, w.tensor)
		}
		return w.tensor, nil
	}
	return nil, fmt.Errorf("libtensorflow returned a tensor of %s, and lockstep has none of that type", savedmodel.TypeName(int32(t.DataType())))
}

// decoder makes a tensor of its bytes, which are written at once.
type decoder struct {
	dtype  lockstep.DType
	shape  []int
	tensor *lockstep.Tensor
}

func (d *decoder) Write(b []byte) (n int, err error) {
	if d.tensor, err = raw.Decode(d.dtype, d.shape, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// contents writes t's memory, and keeps t alive: the binding drops t before it
// has read it, and t's finalizer frees it.
func contents(t *tf.Tensor, w io.Writer) error {
	defer runtime.KeepAlive(t)
	_, err := t.WriteContentsTo(w)
	return err
}

// value reads t as Go's slices of slices; see contents.
func value(t *tf.Tensor) reflect.Value {
	defer runtime.KeepAlive(t)
	return reflect.ValueOf(t.Value())
}

// flattenStrings lists the strings in nested slices, row by row.
func flattenStrings(v reflect.Value, out []string) []string {
	if v.Kind() == reflect.String {
		return append(out, v.String())
	}
	for i := range v.Len() {
		out = flattenStrings(v.Index(i), out)
	}
	return out
}

// textBytes is about the size of strings in libtensorflow: 24 bytes and their
// own.
func textBytes(texts []string) int {
	n := 24 * len(texts)
	for _, s := range texts {
		n += len(s)
	}
	return n
}

func shape64(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

// What the binding cannot convert from bytes, or to bytes, is converted through
// a type of the same size; numbers of 8 bits, whose bits TensorFlow reads as no other
// type, through float32, which holds them.
var (
	writtenAs = map[tf.DataType]tf.DataType{tf.Half: tf.Uint16, tf.Bfloat16: tf.Uint16, tf.Uint32: tf.Int32, tf.Uint64: tf.Int64, float8E4M3FN: tf.Float, float8E5M2: tf.Float}
	readAs    = map[tf.DataType]tf.DataType{tf.Uint32: tf.Int32, tf.Uint64: tf.Int64, float8E4M3FN: tf.Float, float8E5M2: tf.Float}
)

// float32From8 makes float32 of numbers of 8 bits, and leaves other tensors.
func float32From8(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	if t.DType() != lockstep.Float8E4M3FN && t.DType() != lockstep.Float8E5M2 {
		return t, nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(d))
	for i, v := range d {
		out[i] = float32(v)
	}
	return lockstep.New(out, t.Shape()...)
}

// float8From32 converts float32 that are numbers of 8 bits.
func float8From32(dtype lockstep.DType, t *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		return nil, err
	}
	bits := make([]byte, len(d))
	for i, v := range d {
		if bits[i] = byte(lockstep.RoundFloat8E5M2(float64(v))); dtype == lockstep.Float8E4M3FN {
			bits[i] = byte(lockstep.RoundFloat8E4M3FN(float64(v)))
		}
	}
	return raw.Decode(dtype, t.Shape(), bits)
}

// converter is a session that makes the tensors that the binding cannot make:
// it has no Go types for half precision, does not give the bytes of some types,
// and cannot give strings a shape. There is one for the life of a process.
type converter struct {
	session     *tf.Session
	casts       map[castOf]cast
	text, shape tf.Output
	reshaped    tf.Output
}

// castOf is the type as which an operation reads bits, and its result type.
type castOf struct{ from, to tf.DataType }

type cast struct{ bits, out tf.Output }

var newConverter = sync.OnceValues(func() (*converter, error) {
	g := tf.NewGraph()
	var failed error
	add := func(op, name string, attrs map[string]any, inputs ...tf.Input) tf.Output {
		if failed != nil {
			return tf.Output{}
		}
		added, err := g.AddOperation(tf.OpSpec{Type: op, Name: name, Attrs: attrs, Input: inputs})
		if err != nil {
			failed = err
			return tf.Output{}
		}
		return added.Output(0)
	}
	c := converter{casts: map[castOf]cast{}}
	addCast := func(from, to tf.DataType) {
		name := fmt.Sprintf("%d_as_%d", from, to)
		bits := add("Placeholder", "bits_"+name, map[string]any{"dtype": from})
		if as8 := slices.Contains(eightBits, from) || slices.Contains(eightBits, to); as8 {
			c.casts[castOf{from, to}] = cast{bits, add("Cast", name, map[string]any{"SrcT": from, "DstT": to}, bits)}
			return
		}
		c.casts[castOf{from, to}] = cast{bits, add("Bitcast", name, map[string]any{"T": from, "type": to}, bits)}
	}
	for to, from := range writtenAs {
		addCast(from, to)
	}
	for from, to := range readAs {
		addCast(from, to)
	}
	c.text = add("Placeholder", "text", map[string]any{"dtype": tf.String})
	c.shape = add("Placeholder", "shape", map[string]any{"dtype": tf.Int64})
	c.reshaped = add("Reshape", "reshaped", map[string]any{"T": tf.String, "Tshape": tf.Int64}, c.text, c.shape)
	if failed != nil {
		return nil, failed
	}
	var err error
	c.session, err = tf.NewSession(g, nil)
	return &c, err
})

// bitcast reads the same bits as another type, or the same numbers.
func bitcast(bits *tf.Tensor, to tf.DataType) (*tf.Tensor, error) {
	c, err := newConverter()
	if err != nil {
		return nil, err
	}
	op, ok := c.casts[castOf{bits.DataType(), to}]
	if !ok {
		return nil, fmt.Errorf("bits of %s are not read as %s", savedmodel.TypeName(int32(bits.DataType())), savedmodel.TypeName(int32(to)))
	}
	return c.run(map[tf.Output]*tf.Tensor{op.bits: bits}, op.out)
}

func reshaped(texts *tf.Tensor, shape []int64) (*tf.Tensor, error) {
	c, err := newConverter()
	if err != nil {
		return nil, err
	}
	wanted, err := tf.NewTensor(shape)
	if err != nil {
		return nil, err
	}
	return c.run(map[tf.Output]*tf.Tensor{c.text: texts, c.shape: wanted}, c.reshaped)
}

func (c *converter) run(feeds map[tf.Output]*tf.Tensor, want tf.Output) (*tf.Tensor, error) {
	out, err := c.session.Run(feeds, []tf.Output{want}, nil)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}
