package raw

import (
	"bytes"
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// The bytes are numpy's: np.array(...).tobytes() on a little-endian machine.
func TestBytesAreNumpys(t *testing.T) {
	make := func(x *lockstep.Tensor, err error) *lockstep.Tensor {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		tensor *lockstep.Tensor
		want   string
	}{
		{make(lockstep.New([]float32{1.5, float32(math.Copysign(0, -1))}, 2)), "\x00\x00\xc0\x3f\x00\x00\x00\x80"},
		{make(lockstep.New([]float32{math.Float32frombits(0x7f800001)}, 1)), "\x01\x00\x80\x7f"}, // a signalling NaN stays one
		{make(lockstep.New([]float64{-2.25})), "\x00\x00\x00\x00\x00\x00\x02\xc0"},
		{make(lockstep.New([]lockstep.Float16Bits{0x3c00}, 1, 1)), "\x00\x3c"},
		{make(lockstep.New([]lockstep.BFloat16Bits{0x3f80}, 1)), "\x80\x3f"},
		{make(lockstep.New([]int32{-2, 258}, 2)), "\xfe\xff\xff\xff\x02\x01\x00\x00"},
		{make(lockstep.New([]int64{-3}, 1)), "\xfd\xff\xff\xff\xff\xff\xff\xff"},
		{make(lockstep.New([]int8{-2, 127}, 2)), "\xfe\x7f"},
		{make(lockstep.New([]int16{-2, 258}, 2)), "\xfe\xff\x02\x01"},
		{make(lockstep.New([]uint8{254, 1}, 2)), "\xfe\x01"},
		{make(lockstep.New([]uint16{65534, 258}, 2)), "\xfe\xff\x02\x01"},
		{make(lockstep.New([]uint32{1<<32 - 2, 258}, 2)), "\xfe\xff\xff\xff\x02\x01\x00\x00"},
		{make(lockstep.New([]uint64{1<<64 - 3}, 1)), "\xfd\xff\xff\xff\xff\xff\xff\xff"},
		{make(lockstep.New([]bool{true, false}, 2)), "\x01\x00"},
		{make(lockstep.New([]float32{}, 0, 3)), ""},
	} {
		b, err := Encode(c.tensor)
		if err != nil || !bytes.Equal(b, []byte(c.want)) {
			t.Errorf("Encode(%s) = %x, %v, want %x", c.tensor, b, err, c.want)
		}
		back, err := Decode(c.tensor.DType(), c.tensor.Shape(), []byte(c.want))
		if err != nil || !back.BitEqual(c.tensor) {
			t.Errorf("Decode(%x) as %s = %v, %v", c.want, c.tensor, back, err)
		}
	}
}

// Every type but strings has bytes, as many an element as its size says.
func TestEveryTypeHasBytes(t *testing.T) {
	for _, d := range lockstep.DTypes() {
		x, err := lockstep.Zeros(d, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Encode(x)
		if d == lockstep.String {
			if err == nil {
				t.Errorf("%s has the bytes %x", d, b)
			}
			continue
		}
		if err != nil || len(b) != 6*d.Size() || d.Size() == 0 {
			t.Errorf("%s has %d bytes, %v", d, len(b), err)
		}
		if back, err := Decode(d, x.Shape(), b); err != nil || !back.BitEqual(x) {
			t.Errorf("%s comes back as %s, %v", d, back, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, call := range map[string]func() (*lockstep.Tensor, error){
		"too few bytes":  func() (*lockstep.Tensor, error) { return Decode(lockstep.Float32, []int{2}, make([]byte, 7)) },
		"too many bytes": func() (*lockstep.Tensor, error) { return Decode(lockstep.Float32, []int{2}, make([]byte, 9)) },
		"one element off": func() (*lockstep.Tensor, error) {
			return Decode(lockstep.Int64, []int{3}, make([]byte, 16))
		},
		"strings":        func() (*lockstep.Tensor, error) { return Decode(lockstep.String, []int{0}, nil) },
		"a giant shape":  func() (*lockstep.Tensor, error) { return Decode(lockstep.Bool, []int{math.MaxInt, 3}, nil) },
		"a negative one": func() (*lockstep.Tensor, error) { return Decode(lockstep.Bool, []int{-1}, nil) },
	} {
		if x, err := call(); err == nil {
			t.Errorf("%s: got %s, want an error", name, x)
		}
	}
}
