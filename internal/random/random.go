// Package random makes inputs for a signature from a seed.
package random

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// Sizes are the lengths that Inputs gives to axes of any length: Batch
// to the first, Steps to every other.
type Sizes struct{ Batch, Steps int }

// Inputs makes inputs for a signature: the same for the same seed on
// every machine. Floats are normal, N(0, 1); integers are 0 or 1, which every
// vocabulary has; bools are either; strings are words of a short list. A signature
// with a tensor of unknown rank needs the user's inputs.
//
// It uses only the signature: internal/inputs finds out what the graph fixes
// besides, such as a stateful layer's batch.
func Inputs(sig lockstep.Signature, seed uint64, sizes Sizes) (map[string]*lockstep.Tensor, error) {
	if err := sizes.fit(sig); err != nil {
		return nil, fmt.Errorf("random: %w", err)
	}
	out := make(map[string]*lockstep.Tensor, len(sig.Inputs))
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, spec := range sig.Inputs {
		if spec.UnknownRank {
			return nil, fmt.Errorf("random: input %s: its shape cannot be guessed: give inputs", spec)
		}
		t, err := randomTensor(rng, spec.DType, sizes.shape(spec))
		if err != nil {
			return nil, fmt.Errorf("random: input %s: %w", spec, err)
		}
		out[spec.Name] = t
	}
	return out, nil
}

// shape returns a tensor's shape with the axes of any length filled in.
func (s Sizes) shape(spec lockstep.TensorSpec) []int {
	shape := make([]int, len(spec.Shape))
	for i, d := range spec.Shape {
		switch {
		case d >= 0:
			shape[i] = d
		case i == 0:
			shape[i] = s.Batch
		default:
			shape[i] = s.Steps
		}
	}
	return shape
}

// fit tells whether inputs of these sizes, all of them, fit the memory budget, before
// any is made.
func (s Sizes) fit(sig lockstep.Signature) error {
	total := 0
	for _, spec := range sig.Inputs {
		n, err := lockstep.NumElements(s.shape(spec))
		if err != nil || n > math.MaxInt/16 || total > math.MaxInt-16*n {
			return fmt.Errorf("made inputs, input %s of shape %s: %w: give a smaller batch, or fewer steps", spec, lockstep.FormatShape(s.shape(spec)), lockstep.ErrMemory)
		}
		total += n * max(spec.DType.Size(), 1)
		if err := memory.Fits(total, 1); err != nil {
			return fmt.Errorf("made inputs, with input %s of shape %s: give a smaller batch, or fewer steps: %w", spec, lockstep.FormatShape(s.shape(spec)), err)
		}
	}
	return nil
}

func randomTensor(rng *rand.Rand, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, err
	}
	switch dtype {
	case lockstep.Float32:
		return fill(n, shape, func() float32 { return float32(rng.NormFloat64()) })
	case lockstep.Float64:
		return fill(n, shape, rng.NormFloat64)
	case lockstep.Float16:
		return fill(n, shape, func() lockstep.Float16Bits { return lockstep.RoundFloat16(float32(rng.NormFloat64())) })
	case lockstep.BFloat16:
		return fill(n, shape, func() lockstep.BFloat16Bits { return lockstep.RoundBFloat16(float32(rng.NormFloat64())) })
	case lockstep.Int8:
		return fill(n, shape, func() int8 { return int8(rng.IntN(2)) })
	case lockstep.Int16:
		return fill(n, shape, func() int16 { return int16(rng.IntN(2)) })
	case lockstep.Uint8:
		return fill(n, shape, func() uint8 { return uint8(rng.IntN(2)) })
	case lockstep.Uint16:
		return fill(n, shape, func() uint16 { return uint16(rng.IntN(2)) })
	case lockstep.Uint32:
		return fill(n, shape, func() uint32 { return rng.Uint32N(2) })
	case lockstep.Uint64:
		return fill(n, shape, func() uint64 { return rng.Uint64N(2) })
	case lockstep.Int32:
		return fill(n, shape, func() int32 { return rng.Int32N(2) })
	case lockstep.Int64:
		return fill(n, shape, func() int64 { return rng.Int64N(2) })
	case lockstep.Bool:
		return fill(n, shape, func() bool { return rng.IntN(2) == 1 })
	case lockstep.String:
		return fill(n, shape, func() string { return Word(rng) })
	}
	return nil, fmt.Errorf("random %s cannot be made: give inputs", dtype)
}

// words are those of Word: short and long ones, with signs, in capitals and of other
// scripts.
var words = []string{
	"the", "a", "of", "and", "not", "good", "bad", "movie", "time", "I", "we", "One", "TWO", "3", "2024", "it's", "end.", "(so", "well-known", "x_1",
	"extraordinarily", "caf\u00e9", "\u00dcber", "\u03bb", "\u0434\u0430", "\u4e2d\u6587", "\U0001f600",
}

// Word draws a word.
func Word(rng *rand.Rand) string { return words[rng.IntN(len(words))] }

func fill[E lockstep.Element](n int, shape []int, next func() E) (*lockstep.Tensor, error) {
	out := make([]E, n)
	for i := range out {
		out[i] = next()
	}
	return lockstep.New(out, shape...)
}
