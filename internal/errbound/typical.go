package errbound

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// samples is how many times Typical evaluates a signature. The relative error of
// a standard deviation of 32 samples is 1 in 8.
const samples = 32

// fewSamples has each way of noise once or twice: see rounding.Noise.
const fewSamples = 4

// shards share the samples; their number is fixed, so that sums are the same on
// every machine.
const shards = 8

// Typical evaluates the signature without rounding, and finds for each float
// how far an engine that rounds is from another one, as good as always: the
// standard deviation of 32 evaluations in which each operation's results
// are moved by a multiple of their rounding. See rounding.Noise. Such bounds
// are not guaranteed, and are as narrow behind any number of operations as the
// model is well conditioned, where those of Run grow without limit. work is as in
// lockstep.Oracle.
func (e *Evaluator) Typical(ctx context.Context, inputs map[string]*lockstep.Tensor, work int64) (*Result, error) {
	return e.typical(ctx, inputs, samples, work)
}

// Rough is Typical of a few samples: the bounds of single elements may be far from
// its own, their mean square over a tensor is about the same.
func (e *Evaluator) Rough(ctx context.Context, inputs map[string]*lockstep.Tensor) (*Result, error) {
	return e.typical(ctx, inputs, fewSamples, 0)
}

func (e *Evaluator) typical(ctx context.Context, inputs map[string]*lockstep.Tensor, samples int, work int64) (*Result, error) {
	sample, err := e.sampling(ctx, inputs, work)
	if err != nil {
		return nil, err
	}
	out, err := sample(rounding.NoNoise())
	if err != nil {
		return nil, err
	}
	var sums [shards]map[string]*squares
	var errs [shards]error
	var all sync.WaitGroup
	for shard := range shards {
		all.Go(func() {
			sums[shard] = map[string]*squares{}
			for k := shard; k < samples && errs[shard] == nil; k += shards {
				var moved *Result
				if moved, errs[shard] = sample(rounding.NewNoise(1, k)); errs[shard] == nil {
					addSquares(sums[shard], out, moved)
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(out.Bound)) {
		if err := out.spread(name, sums[:], samples); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Exact evaluates the signature without rounding, and finds no bounds: that
// takes the time of one of Typical's samples.
func (e *Evaluator) Exact(ctx context.Context, inputs map[string]*lockstep.Tensor) (*Result, error) {
	sample, err := e.sampling(ctx, inputs, 0)
	if err != nil {
		return nil, err
	}
	out, err := sample(rounding.NoNoise())
	if err != nil {
		return nil, err
	}
	out.Bound = nil
	return out, nil
}

// sampling returns what evaluates the signature with some noise, each time within an
// amount of work if that is not 0.
func (e *Evaluator) sampling(ctx context.Context, inputs map[string]*lockstep.Tensor, work int64) (func(*rounding.Noise) (*Result, error), error) {
	slots, err := e.slots(inputs)
	if err != nil {
		return nil, err
	}
	for i := range slots {
		slots[i].Bound = value.Value{}
	}
	wide := slices.Clone(e.variables) // once for all samples
	for i := range wide {
		if wide[i], err = widened(wide[i]); err != nil {
			return nil, err
		}
	}
	return func(noise *rounding.Noise) (*Result, error) {
		return e.runOn(&evaluationRun{ctx: ctx, noise: noise, wide: wide, work: work}, slices.Clone(slots))
	}, nil
}

// move moves the results of an operation by its rounding.
func (r *evaluationRun) move(operation string, out []op.BoundedValue) error {
	begun := false
	for i := range out {
		v := &out[i]
		deviation := op.FloatsOf(v.Bound.Tensor)
		if deviation == nil {
			continue
		}
		v.Bound = value.Value{}
		if !v.IsFloat() || v.Tensor == nil {
			continue
		}
		if !begun {
			r.noise.Begin(rounding.Operation(operation))
			begun = true
		}
		var err error
		if numbers := op.ComplexOf(v.Tensor); numbers != nil {
			if v.Tensor, err = r.moveParts(numbers, deviation, v.Tensor.Shape()); err != nil {
				return err
			}
			continue
		}
		d := slices.Clone(op.FloatsOf(v.Tensor))
		for k, s := range deviation {
			if !math.IsInf(s, 0) {
				d[k] = r.noise.Move(d[k], s)
			} else if math.Abs(d[k]) > math.MaxFloat32 && r.exact.unit == rounding.Float32 {
				d[k] = math.Copysign(s, d[k])
			}
		}
		if v.Tensor, err = lockstep.New(d, v.Tensor.Shape()...); err != nil {
			return err
		}
	}
	return nil
}

// moveParts moves the parts of complex numbers, each by its share of a deviation.
func (r *evaluationRun) moveParts(d []complex128, deviation []float64, shape []int) (*lockstep.Tensor, error) {
	moved := slices.Clone(d)
	for k, s := range deviation {
		if !math.IsInf(s, 0) {
			s /= math.Sqrt2
			moved[k] = complex(r.noise.Move(real(d[k]), s), r.noise.Move(imag(d[k]), s))
		}
	}
	return lockstep.New(moved, shape...)
}

// squares are the sums of the squares of how far samples are from a tensor.
type squares struct {
	sum []float64
	why error // why they are not known
}

func addSquares(sums map[string]*squares, exact, moved *Result) {
	for name := range exact.Bound {
		want, have := exact.Exact[name], moved.Exact[name]
		s := sums[name]
		if s == nil {
			s = &squares{sum: make([]float64, want.Len())}
			sums[name] = s
		}
		switch {
		case moved.Unknown[name] != nil:
			s.why = moved.Unknown[name]
		case have == nil || !slices.Equal(have.Shape(), want.Shape()):
			s.why = fmt.Errorf("rounding decides its shape, %s", lockstep.FormatShape(want.Shape()))
		default:
			v, w := op.FloatsOf(want), op.FloatsOf(have)
			for i := range v {
				if v[i] != w[i] && !(math.IsNaN(v[i]) && math.IsNaN(w[i])) {
					s.sum[i] += (w[i] - v[i]) * (w[i] - v[i])
				}
			}
		}
	}
}

// spread makes the standard deviations of a tensor its bounds.
func (r *Result) spread(name string, shards []map[string]*squares, samples int) error {
	d := make([]float64, r.Exact[name].Len())
	for _, shard := range shards {
		if shard[name] == nil {
			continue // it had no sample
		}
		if why := shard[name].why; why != nil {
			r.Unknown[name] = why
			delete(r.Bound, name)
			return nil
		}
		for i, v := range shard[name].sum {
			d[i] += v
		}
	}
	for i := range d {
		if d[i] = math.Sqrt(d[i] / float64(samples)); math.IsNaN(d[i]) {
			d[i] = math.Inf(1)
		}
	}
	var err error
	r.Bound[name], err = lockstep.New(d, r.Exact[name].Shape()...)
	return err
}
