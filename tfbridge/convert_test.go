//go:build tensorflow

package tfbridge

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// full makes a tensor whose elements differ, as far as the type allows it.
func full(t *testing.T, dtype lockstep.DType, shape ...int) *lockstep.Tensor {
	t.Helper()
	x := zeros(t, dtype, shape...)
	for i := range x.Len() {
		switch dtype {
		case lockstep.Float32:
			set(t, x, i, math.Float32frombits(0x3f800001+uint32(i)))
		case lockstep.Float64:
			set(t, x, i, -1.1*float64(i+1))
		case lockstep.Float16:
			set(t, x, i, lockstep.Float16Bits(0x3c01+i))
		case lockstep.BFloat16:
			set(t, x, i, lockstep.BFloat16Bits(0x3f81+i))
		case lockstep.Int32:
			set(t, x, i, math.MinInt32+int32(i))
		case lockstep.Int64:
			set(t, x, i, math.MinInt64+int64(i))
		case lockstep.Int8:
			set(t, x, i, math.MinInt8+int8(i))
		case lockstep.Int16:
			set(t, x, i, math.MinInt16+int16(i))
		case lockstep.Uint8:
			set(t, x, i, math.MaxUint8-uint8(i))
		case lockstep.Uint16:
			set(t, x, i, math.MaxUint16-uint16(i))
		case lockstep.Uint32:
			set(t, x, i, math.MaxUint32-uint32(i))
		case lockstep.Uint64:
			set(t, x, i, math.MaxUint64-uint64(i))
		case lockstep.Bool:
			set(t, x, i, i%3 == 0)
		case lockstep.String:
			// Above 22 bytes libtensorflow keeps a string elsewhere.
			set(t, x, i, strings.Repeat("ä\x00", i*7)+string(rune('a'+i)))
		}
	}
	return x
}

func set[E lockstep.Element](t *testing.T, x *lockstep.Tensor, i int, v E) {
	t.Helper()
	data, err := lockstep.Data[E](x)
	if err != nil {
		t.Fatal(err)
	}
	data[i] = v
}

var shapes = [][]int{
	{}, {1}, {5}, {2, 3}, {2, 1, 3}, {2, 1, 3, 2}, {1, 1, 1, 1, 1},
	{0}, {0, 3}, {3, 0}, {2, 0, 3}, {2, 3, 0}, {0, 0, 0, 0},
}

func TestEveryTypeTravelsBothWays(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	for _, dtype := range lockstep.DTypes() {
		for _, shape := range shapes {
			x := full(t, dtype, shape...)
			theirs, err := toTensorFlow(x)
			if err != nil {
				t.Errorf("to TensorFlow: %v", err)
				continue
			}
			if theirs.DataType() != dtypes[dtype] || len(theirs.Shape()) != len(shape) {
				t.Errorf("%s is of TensorFlow's type %d and the shape %v", x, theirs.DataType(), theirs.Shape())
			}
			back, err := fromTensorFlow(theirs)
			if err != nil {
				t.Errorf("%s, from TensorFlow: %v", x, err)
				continue
			}
			if !back.BitEqual(x) {
				t.Errorf("%s comes back as %s, or with other elements", x, back)
			}
		}
	}
}

// The binding's own reading of what we made is the same: two faults of ours
// could cancel each other out above.
func TestTheBindingReadsWhatWeMade(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ours *lockstep.Tensor
		want func(any) bool
	}{
		{tensor(t, []float32{1, 2, 3, 4, 5, 6}, 2, 3), func(v any) bool { return v.([][]float32)[1][0] == 4 }},
		{tensor(t, []int64{7}), func(v any) bool { return v.(int64) == 7 }},
		{tensor(t, []int8{-128, 1}, 2), func(v any) bool { b := v.([]int8); return b[0] == -128 && b[1] == 1 }},
		{tensor(t, []int16{-32768}), func(v any) bool { return v.(int16) == -32768 }},
		{tensor(t, []uint8{255}), func(v any) bool { return v.(uint8) == 255 }},
		{tensor(t, []uint16{65535}), func(v any) bool { return v.(uint16) == 65535 }},
		{tensor(t, []uint32{math.MaxUint32, 1}, 2), func(v any) bool { b := v.([]uint32); return b[0] == math.MaxUint32 && b[1] == 1 }},
		{tensor(t, []uint64{1<<63 + 1}), func(v any) bool { return v.(uint64) == 1<<63+1 }},
		{tensor(t, []bool{true, false}, 2), func(v any) bool { b := v.([]bool); return b[0] && !b[1] }},
		{tensor(t, []string{"a", "b", "c", "d"}, 2, 2), func(v any) bool { return v.([][]string)[1][0] == "c" }},
		{tensor(t, []string{"alone"}), func(v any) bool { return v.(string) == "alone" }},
	} {
		theirs, err := toTensorFlow(c.ours)
		if err != nil {
			t.Errorf("%s: %v", c.ours, err)
			continue
		}
		if !c.want(theirs.Value()) {
			t.Errorf("%s: the binding reads %v", c.ours, theirs.Value())
		}
	}
}

func TestBitsOfFloatsAreKept(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*lockstep.Tensor{
		tensor(t, []float32{float32(math.Copysign(0, -1)), float32(math.Inf(-1)), math.Float32frombits(0x7fc00123), math.Float32frombits(0x7f800001), 1e-45}, 5),
		tensor(t, []float64{math.Copysign(0, -1), math.Inf(1), math.Float64frombits(0x7ff8000000000123), 5e-324}, 4),
		tensor(t, []lockstep.Float16Bits{0x8000, 0x7c00, 0x7e01, 0x0001}, 4),
		tensor(t, []lockstep.BFloat16Bits{0x8000, 0x7f80, 0x7fc1, 0x0001}, 4),
	} {
		theirs, err := toTensorFlow(x)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := fromTensorFlow(theirs); err != nil || !back.BitEqual(x) {
			t.Errorf("%s: other bits come back: %v", x, err)
		}
	}
}

// quantized makes a tensor of qint8, which the binding can only have computed.
func quantized(bits []uint8) (*tf.Tensor, error) {
	of, err := tf.NewTensor(bits)
	if err != nil {
		return nil, err
	}
	g := tf.NewGraph()
	known, err := g.AddOperation(tf.OpSpec{Type: "Const", Name: "bits", Attrs: map[string]any{"dtype": of.DataType(), "value": of}})
	if err != nil {
		return nil, err
	}
	cast, err := g.AddOperation(tf.OpSpec{Type: "Bitcast", Name: "cast", Input: []tf.Input{known.Output(0)}, Attrs: map[string]any{"type": tf.Qint8}})
	if err != nil {
		return nil, err
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	out, err := session.Run(nil, []tf.Output{cast.Output(0)}, nil)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func TestTypesThatAreNotOurs(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	theirs, err := quantized([]uint8{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if x, err := fromTensorFlow(theirs); err == nil || !strings.Contains(err.Error(), "a tensor of qint8, and lockstep has none of that type") {
		t.Errorf("qint8 becomes %s, %v", x, err)
	}
	if _, err := toTensorFlow(&lockstep.Tensor{}); err == nil || !strings.Contains(err.Error(), "invalid") {
		t.Errorf("the zero tensor: %v", err)
	}
}

// collecting is a writer during whose work Go's collector runs.
type collecting struct{ got []byte }

func (c *collecting) Write(b []byte) (int, error) {
	for range 2 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond) // finalizers run beside us
	}
	c.got = bytes.Clone(b)
	return len(b), nil
}

// A tensor's finalizer must not free its memory while it is read, although
// nothing names the tensor any more.
func TestReadingKeepsTheTensor(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{100, 1000, 10000} {
		x := full(t, lockstep.Float32, n)
		want, err := raw.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := toTensorFlow(x)
		if err != nil {
			t.Fatal(err)
		}
		var c collecting
		if err := contents(theirs, &c); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.got, want) {
			t.Errorf("a tensor of %d elements was freed while it was read", n)
		}
	}
}

func TestPanicsOfTheBindingAreErrors(t *testing.T) {
	err := guard("doing something", func() error { panic("nil-Operation") })
	if err == nil || err.Error() != "tfbridge: doing something: the TensorFlow binding panicked: nil-Operation" {
		t.Errorf("%v", err)
	}
}
