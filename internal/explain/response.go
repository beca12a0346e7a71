package explain

import (
	"math"
	"slices"
)

// Response is a difference along the steps.
type Response struct {
	// Curve has the difference at each step.
	Curve []float64
	// Peak is the largest difference, and At its step. It is +Inf where one is not
	// finite.
	Peak float64
	At   int
	// Half is the number of steps after the peak from which at most half of it
	// remains, with fractions of a step by the exponential decay between two
	// steps. It is +Inf where more than half is left at the last step, and NaN
	// where there is no difference, or no finite one.
	Half float64
	// Left is the share of the peak at the last step.
	Left float64
}

// respond describes a curve; what is not larger than noise is no difference.
func respond(curve []float64, noise float64) Response {
	r := Response{Curve: curve, Half: math.NaN(), Left: math.NaN()}
	for t, d := range curve {
		if math.IsNaN(d) || math.IsInf(d, 0) {
			r.Peak, r.At = math.Inf(1), t
			return r
		}
		if d > r.Peak {
			r.Peak, r.At = d, t
		}
	}
	if r.Peak <= noise {
		return r
	}
	half, last := r.Peak/2, len(curve)-1
	r.Left = curve[last] / r.Peak
	for t := last; t >= r.At; t-- {
		if curve[t] <= half {
			continue
		}
		if r.Half = math.Inf(1); t < last {
			r.Half = float64(t-r.At) + part(curve[t], curve[t+1], half)
		}
		break
	}
	return r
}

// part is the time, from 0 to 1, at which an exponential decay from a to b is
// at half.
func part(a, b, half float64) float64 {
	if b <= 0 {
		return 1
	}
	return math.Log(a/half) / math.Log(a/b)
}

// after is the share of the peak that is left that many steps after it, NaN
// beyond the last step.
func (r Response) after(steps int) float64 {
	if math.IsNaN(r.Half) || r.At+steps >= len(r.Curve) {
		return math.NaN()
	}
	return r.Curve[r.At+steps] / r.Peak
}

// Median is the median half-life of those that have a response, NaN if none has;
// of an even number, the lower of the two in the middle.
func Median(all []Response) float64 {
	var halves []float64
	for _, r := range all {
		if !math.IsNaN(r.Half) {
			halves = append(halves, r.Half)
		}
	}
	if len(halves) == 0 {
		return math.NaN()
	}
	slices.Sort(halves)
	return halves[(len(halves)-1)/2]
}

// Slowest returns the units that forget most slowly, the slowest first; among
// those that keep more than half to the end, that which keeps most.
func Slowest(all []Response, n int) []int {
	var units []int
	for u, r := range all {
		if !math.IsNaN(r.Half) {
			units = append(units, u)
		}
	}
	slices.SortStableFunc(units, func(a, b int) int {
		x, y := all[a], all[b]
		switch {
		case x.Half > y.Half, x.Half == y.Half && x.Left > y.Left:
			return -1
		case x.Half < y.Half, x.Left < y.Left:
			return 1
		}
		return 0
	})
	return units[:min(n, len(units))]
}
