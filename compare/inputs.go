package compare

import (
	"fmt"
	"math/rand/v2"

	"github.com/lockstep-go/lockstep"
)

// Sizes are the lengths that RandomInputs gives to axes of any length: Batch
// to the first, Steps to every other.
type Sizes struct{ Batch, Steps int }

// RandomInputs makes inputs for a signature: the same for the same seed on
// every machine. Floats are normal, N(0, 1); integers are 0 or 1, which every
// vocabulary has; bools are either. A signature that takes strings, or a tensor
// of unknown rank, needs inputs of its user's own.
//
// It sees no more of a model than the signature: what the graph fixes beside that, as
// a stateful layer does the batch, the lockstep command finds out.
func RandomInputs(sig lockstep.Signature, seed uint64, sizes Sizes) (map[string]*lockstep.Tensor, error) {
	out := make(map[string]*lockstep.Tensor, len(sig.Inputs))
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, spec := range sig.Inputs {
		if spec.UnknownRank {
			return nil, fmt.Errorf("compare: input %s: its shape cannot be guessed: give inputs", spec)
		}
		shape := make([]int, len(spec.Shape))
		for i, d := range spec.Shape {
			switch {
			case d >= 0:
				shape[i] = d
			case i == 0:
				shape[i] = sizes.Batch
			default:
				shape[i] = sizes.Steps
			}
		}
		t, err := randomTensor(rng, spec.DType, shape)
		if err != nil {
			return nil, fmt.Errorf("compare: input %s: %w", spec, err)
		}
		out[spec.Name] = t
	}
	return out, nil
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
	}
	return nil, fmt.Errorf("no random %s is known: give inputs", dtype)
}

func fill[E lockstep.Element](n int, shape []int, next func() E) (*lockstep.Tensor, error) {
	out := make([]E, n)
	for i := range out {
		out[i] = next()
	}
	return lockstep.New(out, shape...)
}
