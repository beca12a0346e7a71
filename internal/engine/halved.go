package engine

import "github.com/lockstep-go/lockstep"

// How operations take numbers of 16 bits. Most of TensorFlow's kernels compute
// them in float32 and round the result: halved does so. Some are made of
// smaller steps, each of which is rounded: stepwise. What adds up float16 in
// an order of its own (Sum, Mean, AvgPool) is not supported, since every
// partial sum is rounded.

// halved adds to the code of an operation that for 16 bits.
func halved[F ~func(*Call, []Value) ([]Value, error)](v variants[F]) variants[Exec] {
	out := variants[Exec]{}
	for d, run := range v {
		out[d] = Exec(run)
	}
	out[lockstep.Float16] = inFloat32[lockstep.Float16Bits](out[lockstep.Float32], -1)
	out[lockstep.BFloat16] = inFloat32[lockstep.BFloat16Bits](out[lockstep.Float32], -1)
	return out
}

// inFloat32 runs the code for float32 and rounds the first so many results, or
// all if results is negative. Inputs and results of other types stay.
func inFloat32[H half](run Exec, results int) Exec {
	return func(w *Call, in []Value) ([]Value, error) {
		wide := make([]Value, len(in))
		for i, v := range in {
			wide[i] = v
			if v.Tensor == nil {
				continue
			}
			if d, err := lockstep.Data[H](v.Tensor); err == nil {
				if wide[i].Tensor, err = convert(d, H.Float32, v.Tensor.Shape()); err != nil {
					return nil, err
				}
			}
		}
		out, err := run(w, wide)
		if err != nil {
			return nil, err
		}
		for i := range out {
			if out[i].Tensor.DType() != lockstep.Float32 || results >= 0 && i >= results {
				continue
			}
			if out[i].Tensor, err = narrow[H](out[i].Tensor); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// convert makes a tensor of another type.
func convert[A, B lockstep.Element](d []A, f func(A) B, shape []int) (*lockstep.Tensor, error) {
	out := make([]B, len(d))
	for i, v := range d {
		out[i] = f(v)
	}
	return lockstep.New(out, shape...)
}

// narrow rounds a tensor of float32.
func narrow[H half](t *lockstep.Tensor) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[float32](t)
	if err != nil {
		return nil, err
	}
	return convert(d, to16[H], t.Shape())
}

// steps are what a stepwise function needs to know of its type: how it rounds,
// and the distance from 1 that TensorFlow takes for its smallest.
type steps struct {
	round   func(float32) float32
	epsilon float64
}

func stepsOf[H half]() steps {
	s := steps{func(x float32) float32 { return to16[H](x).Float32() }, 1.0 / (1 << 7)}
	if _, ok := any(H(0)).(lockstep.Float16Bits); ok {
		s.epsilon = 1.0 / (1 << 13)
	}
	return s
}

// stepwise adds to the code of a function that for 16 bits, rounded at every
// step.
func stepwise(v variants[Exec], f func(x float32, s steps) float32) variants[Exec] {
	v[lockstep.Float16] = map1(stepwise16[lockstep.Float16Bits](f))
	v[lockstep.BFloat16] = map1(stepwise16[lockstep.BFloat16Bits](f))
	return v
}

func stepwise16[H half](f func(x float32, s steps) float32) func(H) H {
	s := stepsOf[H]()
	return func(x H) H { return to16[H](f(x.Float32(), s)) }
}
