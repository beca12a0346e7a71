package op

import (
	"math/rand/v2"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Products of bytes near the ends of their range, on both sides of the lengths up to
// which float32 holds every sum, are those of integers, also where the second matrix
// is the same in every call.
func TestProductsOfBytes(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(71, 72))
		for _, inner := range []int{1, 3, 256, 257, 512, 513, 1024, 1025, 3000} {
			for _, types := range [][2]lockstep.DType{{lockstep.Int8, lockstep.Int8}, {lockstep.Uint8, lockstep.Uint8}, {lockstep.Int8, lockstep.Uint8}, {lockstep.Uint8, lockstep.Int8}} {
				run := byteProducts(types, false, true, func(_, _ []int) error { return nil })
				x, a := bytesNearEnds(t, r, types[0], 3, inner)
				y, b := bytesNearEnds(t, r, types[1], 5, inner)
				var keep any
				w := &Call{Keep: &keep, Fixed: 2}
				for call := range 3 {
					if call == 2 { // other elements in the same memory
						x, a = bytesNearEnds(t, r, types[0], 3, inner)
					}
					out, err := run(w, []value.Value{{Tensor: x}, {Tensor: y}})
					if err != nil {
						t.Fatal(err)
					}
					got, err := lockstep.Data[int32](out[0].Tensor)
					if err != nil {
						t.Fatal(err)
					}
					for i, v := range got {
						var want int64
						for k := range inner {
							want += a[i/5*inner+k] * b[i%5*inner+k]
						}
						if int64(v) != want {
							t.Fatalf("%s by %s, sums of %d, call %d: element %d is %d, want %d", types[0], types[1], inner, call, i, v, want)
						}
					}
				}
			}
		}
	})
}

// bytesNearEnds makes rows of bytes, most of them of the largest magnitudes, and
// returns them as integers too.
func bytesNearEnds(t *testing.T, r *rand.Rand, d lockstep.DType, rows, columns int) (*lockstep.Tensor, []int64) {
	t.Helper()
	list := make([]int64, rows*columns)
	for i := range list {
		if list[i] = 255 - r.Int64N(4); d == lockstep.Int8 {
			list[i] = -128 + r.Int64N(4)
		}
		if r.IntN(50) == 0 {
			list[i] = r.Int64N(100)
		}
	}
	var x *lockstep.Tensor
	var err error
	if d == lockstep.Int8 {
		x, err = convert(list, func(v int64) int8 { return int8(v) }, []int{rows, columns})
	} else {
		x, err = convert(list, func(v int64) uint8 { return uint8(v) }, []int{rows, columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	return x, list
}
