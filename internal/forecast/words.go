package forecast

import (
	"fmt"
	"math"
)

// significantShare is the share of the outputs' standard deviation above which
// Words report a difference.
const significantShare = 0.1

// Words describe a forecast in sentences.
func (r *Result) Words() []string {
	shape := r.Own.Shape()
	how := "from states to states"
	if r.Recomputed {
		how = "the model run again for each step, on all that was fed so far"
	}
	given := "its first step is"
	if r.Given > 1 {
		given = fmt.Sprintf("its first %d steps are", r.Given)
	}
	var out []string
	steps := r.Differences()
	if t := notFinite(must(r.Own)); t >= 0 {
		out = append(out, fmt.Sprintf("On its own output it is not finite from step %d on.", t))
	}
	if forced := r.Forced.Shape()[1]; forced > r.Given {
		last := min(forced, shape[1]) - 1
		s := fmt.Sprintf("Own output and teacher forcing differ by %.3g at step %d, the first that is fed an own output, and %.3g at step %d (root mean squares over rows); teacher-forced outputs have a standard deviation of %.3g.",
			steps[r.Given].RMS, r.Given, steps[last].RMS, last, r.Spread())
		if t := r.FirstDifference(significantShare); t >= 0 {
			s += fmt.Sprintf(" They differ by more than a tenth of it from step %d on.", t)
		} else {
			s += " They never differ by more than a tenth of it."
		}
		out = append(out, s)
	} else {
		out = append(out, "There are no inputs beyond those that are given, and so no teacher forcing to compare with.")
	}
	if r.Target != nil && r.Target.Shape()[1] >= r.Given {
		after := steps[r.Given-1:]
		own, forced := Overall(after, func(s Step) float64 { return s.OwnError }), Overall(after, func(s Step) float64 { return s.ForcedError })
		out = append(out, fmt.Sprintf("The error, own output less target, is %.3g by root mean square over steps %d to %d, and with teacher forcing %.3g.",
			own, r.Given-1, min(r.Target.Shape()[1], shape[1])-1, forced))
	}
	if same, next := r.Copies(); same < next/2 {
		out = append(out, fmt.Sprintf("With teacher forcing an output is nearer to the input of its own step (%.3g by root mean square) than to the next one (%.3g): the decoder repeats what it is fed, as one learns whose target in training was its own input, and on its own output it goes on repeating.", same, next))
	}
	return append(out, fmt.Sprintf("%q is fed the output %q for %s (%s, %s), %s; %s given.",
		r.Input, r.Output, count(shape[1], "step"), count(shape[0], "row"), count(shape[2], "feature"), how, given))
}

// Copies returns the root mean squares of teacher-forced output less the input of
// the same step, and less that of the next; NaN where there is no next.
func (r *Result) Copies() (same, next float64) {
	y, x := must(r.Forced), must(r.Fed)
	n := 0
	for t := range min(y.steps, x.steps) - 1 {
		a, b, c := y.step(t), x.step(t), x.step(t+1)
		for i := range a {
			same, next, n = same+(a[i]-b[i])*(a[i]-b[i]), next+(a[i]-c[i])*(a[i]-c[i]), n+1
		}
	}
	return math.Sqrt(same / float64(n)), math.Sqrt(next / float64(n))
}

// notFinite is the first step with a value that is none, -1 if there is none.
func notFinite(s *series) int {
	for t := range s.steps {
		for _, v := range s.step(t) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return t
			}
		}
	}
	return -1
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
