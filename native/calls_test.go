package native

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

type tensors = map[string]*lockstep.Tensor

// anyNames returns the fixtures of testdata that Load takes, and those of the
// zoo where it was made.
func anyNames(t testing.TB) []string {
	t.Helper()
	names := fixture.Names(t)
	if os.Getenv("LOCKSTEP_MODELS") != "" {
		names = append(names, fixture.MadeNames(t)...)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return others[name].refused || refused[name] != "" })
}

// call is one call of a model.
type call struct {
	what   string
	inputs tensors
	want   tensors // of a separate model
}

// callsOf makes calls of a model's default case: on all rows of a batch, on the
// first of them, on all of them in another order, and again.
func callsOf(t testing.TB, name string, load func() *Model) []call {
	t.Helper()
	inputs := fixture.Tensors(t, name, "inputs.npz")
	m := load()
	batch, free := -1, true
	for _, spec := range m.Signature().Inputs {
		x := inputs[spec.Name]
		free = free && !spec.UnknownRank && x.Rank() > 0 && spec.Shape[0] < 0 && (batch < 0 || x.Shape()[0] == batch)
		if x.Rank() > 0 {
			batch = x.Shape()[0]
		}
	}
	calls := []call{{what: "all rows", inputs: inputs}}
	if free && batch > 1 {
		first, last, turned := tensors{}, tensors{}, tensors{}
		for k, x := range inputs {
			first[k], last[k] = part(t, x, 0, 0, 1), part(t, x, 0, batch-1, 1)
			turned[k] = turn(t, x)
		}
		calls = append(calls, call{what: "the first row", inputs: first}, call{what: "the last row", inputs: last}, call{what: "rows in another order", inputs: turned})
	}
	for i, c := range calls {
		out, err := load().Run(t.Context(), c.inputs)
		if err != nil && i > 0 { // a batch of one is not for every model
			calls = calls[:i]
			break
		}
		if err != nil {
			t.Fatalf("%s, %s: %v", name, c.what, err)
		}
		calls[i].want = out
	}
	return append(calls, calls...)
}

// part returns n elements of an axis, from one on.
func part(t testing.TB, x *lockstep.Tensor, axis, from, n int) *lockstep.Tensor {
	t.Helper()
	shape := slices.Clone(x.Shape())
	length := shape[axis]
	shape[axis] = n
	out, err := lockstep.Zeros(x.DType(), shape...)
	ok(t, err)
	before, after := 1, 1
	for i, d := range shape {
		if i < axis {
			before *= d
		} else if i > axis {
			after *= d
		}
	}
	for b := range before {
		put(out, x, b*n*after, (b*length+from)*after, n*after)
	}
	return out
}

// turn returns the rows in the opposite order.
func turn(t testing.TB, x *lockstep.Tensor) *lockstep.Tensor {
	t.Helper()
	out, err := lockstep.Zeros(x.DType(), x.Shape()...)
	ok(t, err)
	rows := x.Shape()[0]
	for r := range rows {
		n := x.Len() / rows
		put(out, x, r*n, (rows-1-r)*n, n)
	}
	return out
}

func copyOf(t testing.TB, x *lockstep.Tensor) *lockstep.Tensor {
	t.Helper()
	out, err := lockstep.Zeros(x.DType(), x.Shape()...)
	ok(t, err)
	put(out, x, 0, 0, x.Len())
	return out
}

func copiesOf(t testing.TB, from tensors) tensors {
	t.Helper()
	out := tensors{}
	for k, x := range from {
		out[k] = copyOf(t, x)
	}
	return out
}

// put copies n elements from one tensor to another of its type.
func put(to, from *lockstep.Tensor, at, of, n int) {
	putOf[float32](to, from, at, of, n)
	putOf[float64](to, from, at, of, n)
	putOf[lockstep.Float16Bits](to, from, at, of, n)
	putOf[lockstep.BFloat16Bits](to, from, at, of, n)
	putOf[int32](to, from, at, of, n)
	putOf[int64](to, from, at, of, n)
	putOf[int8](to, from, at, of, n)
	putOf[int16](to, from, at, of, n)
	putOf[uint8](to, from, at, of, n)
	putOf[uint16](to, from, at, of, n)
	putOf[uint32](to, from, at, of, n)
	putOf[uint64](to, from, at, of, n)
	putOf[complex64](to, from, at, of, n)
	putOf[bool](to, from, at, of, n)
	putOf[string](to, from, at, of, n)
}

func putOf[E lockstep.Element](to, from *lockstep.Tensor, at, of, n int) {
	if src, err := lockstep.Data[E](from); err == nil {
		dst, _ := lockstep.Data[E](to)
		copy(dst[at:at+n], src[of:of+n])
	}
}

// spoil writes over all elements of tensors.
func spoil(all tensors) {
	for _, x := range all {
		spoilOf(x, float32(math.NaN()))
		spoilOf(x, math.NaN())
		spoilOf(x, int32(-77))
		spoilOf(x, int64(-77))
		spoilOf(x, int8(-77))
		spoilOf(x, int16(-77))
		spoilOf(x, uint8(77))
		spoilOf(x, uint16(77))
		spoilOf(x, uint32(77))
		spoilOf(x, uint64(77))
		spoilOf(x, complex64(77))
		spoilOf(x, "spoilt")
		if d, err := lockstep.Data[bool](x); err == nil {
			for i := range d {
				d[i] = !d[i]
			}
		}
	}
}

func spoilOf[E lockstep.Element](x *lockstep.Tensor, with E) {
	if d, err := lockstep.Data[E](x); err == nil {
		for i := range d {
			d[i] = with
		}
	}
}

// same tells whether outputs are what they should be, bit for bit.
func same(got, want tensors) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d outputs, want %d", len(got), len(want))
	}
	for k, w := range want {
		if !got[k].BitEqual(w) {
			return fmt.Errorf("output %q, %s, is not bit for bit what it should be, %s", k, got[k], w)
		}
	}
	return nil
}
