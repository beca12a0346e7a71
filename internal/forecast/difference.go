package forecast

import (
	"math"

	"github.com/lockstep-go/lockstep"
)

// Step has the figures of one step of a forecast, over all rows and features.
// They are NaN where there is nothing to compare with.
type Step struct {
	Step int
	// RMS and Max are the root mean square and the largest of own output less
	// teacher-forced output.
	RMS, Max float64
	// OwnError and ForcedError are the root mean squares of both outputs less
	// the target.
	OwnError, ForcedError float64
}

// Differences returns the figures of each step of a forecast.
func (r *Result) Differences() []Step {
	own, forced, target := must(r.Own), must(r.Forced), must(r.Target)
	out := make([]Step, own.steps)
	for t := range out {
		out[t].Step = t
		out[t].RMS, out[t].Max = differenceAt(own, forced, t)
		out[t].OwnError, _ = differenceAt(own, target, t)
		out[t].ForcedError, _ = differenceAt(forced, target, t)
	}
	return out
}

// must reads a tensor of a Result of Run; a nil one has no steps.
func must(t *lockstep.Tensor) *series {
	if t == nil {
		return &series{}
	}
	s, err := valuesOf(t)
	if err != nil {
		return &series{} // not a Result of Run
	}
	return s
}

func differenceAt(a, b *series, t int) (rms, most float64) {
	if t >= a.steps || t >= b.steps {
		return math.NaN(), math.NaN()
	}
	x, y := a.step(t), b.step(t)
	for i := range x {
		d := math.Abs(x[i] - y[i])
		rms += d * d
		if !(d <= most) { // NaN stays
			most = d
		}
	}
	return math.Sqrt(rms / float64(len(x))), most
}

// Spread is the standard deviation of the teacher-forced outputs, over all rows,
// steps and features: the scale for judging differences.
func (r *Result) Spread() float64 {
	values := must(r.Forced).values
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// FirstDifference is the first step at which own and teacher-forced outputs are further
// differenceAt, by root mean square, than a share of Spread; -1 if none is.
func (r *Result) FirstDifference(share float64) int {
	limit := share * r.Spread()
	for _, s := range r.Differences() {
		if s.RMS > limit {
			return s.Step
		}
	}
	return -1
}

// Overall is the root mean square of a figure over the steps that have it, NaN
// if none has.
func Overall(steps []Step, figure func(Step) float64) float64 {
	sum, n := 0.0, 0
	for _, s := range steps {
		if v := figure(s); !math.IsNaN(v) {
			sum, n = sum+v*v, n+1
		}
	}
	return math.Sqrt(sum / float64(n))
}

// Tensors are a forecast's, for a file: own, forced, fed and, where it is known,
// target.
func (r *Result) Tensors() []lockstep.NamedTensor {
	out := []lockstep.NamedTensor{{Name: "own", Tensor: r.Own}, {Name: "forced", Tensor: r.Forced}, {Name: "fed", Tensor: r.Fed}}
	if r.Target != nil {
		out = append(out, lockstep.NamedTensor{Name: "target", Tensor: r.Target})
	}
	return out
}
