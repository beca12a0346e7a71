package inputs

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/lockstep-go/lockstep"
)

// kind says what the elements of an input, or of some of its features, are made
// to be. The zero kind leaves them as random.Inputs makes them.
type kind struct {
	form form
	// low and high bound the elements: both for integers and between, low alone
	// for above. For lengths and constant, high is the number.
	low, high float64
	// from and to are the affected features along the last axis; to is 0 for
	// all.
	from, to int
	// unknown says that high is a guess.
	unknown bool
}

type form int

const (
	asMade   form = iota
	integers      // integers from low to high
	between       // real numbers from low to high
	above         // real numbers above low
	lengths       // integers from 1 to high, of which the first is high
	constant      // high everywhere
	padded        // along the last axis 1, or true, and from some place on 0
)

// offset keeps numbers above low from being so near that a logarithm is large.
const offset = 0.01

// next returns the element at i.
func (k kind) next(rng *rand.Rand, i int) float64 {
	switch k.form {
	case integers:
		return k.low + float64(rng.Uint64N(uint64(k.high-k.low)+1))
	case between:
		return k.low + rng.Float64()*(k.high-k.low)
	case above:
		return k.low + offset + math.Abs(rng.NormFloat64())
	case lengths:
		if i == 0 {
			return k.high
		}
		return 1 + float64(rng.Uint64N(uint64(k.high)))
	}
	return k.high
}

// String says what the elements are, as in "integers from 0 to 10".
func (k kind) String() string {
	var s string
	switch k.form {
	case integers:
		s = fmt.Sprintf("integers from %g to %g", k.low, k.high)
	case between:
		s = fmt.Sprintf("numbers from %.4g to %.4g", k.low, k.high)
	case above:
		s = fmt.Sprintf("numbers above %.4g", k.low)
	case lengths:
		s = fmt.Sprintf("lengths from 1 to %g", k.high)
	case padded:
		s = "rows that are padded on the right"
	default:
		s = fmt.Sprintf("%g everywhere", k.high)
	}
	switch {
	case k.to == 0:
		return s
	case k.to == k.from+1:
		return fmt.Sprintf("in feature %d %s", k.from, s)
	}
	return fmt.Sprintf("in features %d to %d %s", k.from, k.to-1, s)
}

// near returns an allowed element for a number of any size: 0 is the lowest.
func (k kind) near(v float64) float64 {
	part := func(n float64) float64 { return math.Mod(math.Abs(v)*n, n) }
	switch {
	case k.form == above:
		return k.low + offset + math.Abs(v)
	case k.form == constant, math.IsNaN(v), math.IsInf(v, 0):
		return k.high
	case k.form == lengths:
		return k.high - math.Floor(part(k.high))
	case k.form == between:
		return k.low + part(k.high-k.low)
	}
	return k.low + math.Floor(part(k.high-k.low+1))
}

// of returns k for elements of a type: integers have no fractions.
func (k kind) of(dtype lockstep.DType) kind {
	if dtype.IsFloat() {
		return k
	}
	switch k.form {
	case between:
		k.form, k.low, k.high = integers, math.Ceil(k.low), max(math.Ceil(k.low), math.Floor(k.high))
	case above:
		k.form, k.low = integers, math.Floor(k.low)+1
		k.high = k.low + 1
	}
	return k
}

// apply replaces those elements of t that k affects.
func (k kind) apply(t *lockstep.Tensor, rng *rand.Rand) error {
	if k.form == padded {
		return pad(t, rng)
	}
	return k.each(t, func(i int, _ float64) float64 { return k.next(rng, i) })
}

// pad makes each row of t, of integers or bools, ones and then zeros, and at least one
// of the former.
func pad(t *lockstep.Tensor, rng *rand.Rand) error {
	width, kept := max(1, t.Shape()[t.Rank()-1]), 0
	one := func(i int) bool {
		if i%width == 0 {
			kept = 1 + rng.IntN(width)
		}
		return i%width < kept
	}
	if t.DType() == lockstep.Bool {
		return write(t, kind{}, width, func(i int, _ bool) bool { return one(i) })
	}
	return kind{}.each(t, func(i int, _ float64) float64 {
		if one(i) {
			return 1
		}
		return 0
	})
}

// each replaces those elements of t that k affects by next's results.
func (k kind) each(t *lockstep.Tensor, next func(i int, v float64) float64) error {
	width := 1
	if t.Rank() > 0 {
		width = t.Shape()[t.Rank()-1]
	}
	switch t.DType() {
	case lockstep.Float32:
		return write(t, k, width, func(i int, v float32) float32 { return float32(next(i, float64(v))) })
	case lockstep.Float64:
		return write(t, k, width, func(i int, v float64) float64 { return next(i, v) })
	case lockstep.Float16:
		return write(t, k, width, func(i int, v lockstep.Float16Bits) lockstep.Float16Bits {
			return lockstep.RoundFloat16(float32(next(i, float64(v.Float32()))))
		})
	case lockstep.BFloat16:
		return write(t, k, width, func(i int, v lockstep.BFloat16Bits) lockstep.BFloat16Bits {
			return lockstep.RoundBFloat16(float32(next(i, float64(v.Float32()))))
		})
	case lockstep.Int8:
		return writeInts[int8](t, k, width, next)
	case lockstep.Int16:
		return writeInts[int16](t, k, width, next)
	case lockstep.Int32:
		return writeInts[int32](t, k, width, next)
	case lockstep.Int64:
		return writeInts[int64](t, k, width, next)
	case lockstep.Uint8:
		return writeInts[uint8](t, k, width, next)
	case lockstep.Uint16:
		return writeInts[uint16](t, k, width, next)
	case lockstep.Uint32:
		return writeInts[uint32](t, k, width, next)
	case lockstep.Uint64:
		return writeInts[uint64](t, k, width, next)
	}
	return nil
}

// writeInts keeps to the type's range.
func writeInts[E int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](t *lockstep.Tensor, k kind, width int, next func(i int, v float64) float64) error {
	bits := 8 * t.DType().Size()
	least, most := 0.0, math.Ldexp(1, min(bits, 53))-1
	if E(0)-1 < 0 {
		least, most = -math.Ldexp(1, min(bits-1, 53)), math.Ldexp(1, min(bits-1, 53))-1
	}
	return write(t, k, width, func(i int, v E) E { return E(min(max(next(i, float64(v)), least), most)) })
}

func write[E lockstep.Element](t *lockstep.Tensor, k kind, width int, next func(i int, v E) E) error {
	data, err := lockstep.Data[E](t)
	if err != nil {
		return err
	}
	for i := range data {
		if f := i % width; k.to == 0 || f >= k.from && f < k.to {
			data[i] = next(i, data[i])
		}
	}
	return nil
}
