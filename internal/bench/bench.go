// Package bench times several ways to compute the same thing against each
// other: contenders, each a process of its own, which take turns.
//
// A contender computes its answer once and sends it, and then runs as often as
// it is asked to. It talks in lines of text, so that it can be written in any
// language; > is what it reads and < what it writes:
//
//	< version ONNX Runtime 1.32.0      as often as it likes, before the answer
//	< answer 0.25 -1.5 …               every output, after the first call
//	> run CALLS SAMPLES                time SAMPLES times CALLS calls in a row
//	< took NS [allocs=N] [overhead=NS] the samples' median, in nanoseconds
//
// allocs is the mean number of allocations a call; overhead is what the
// contender found that the same number of calls of nothing takes, where it
// stands behind an interpreter. The end of its input ends it. What it writes
// to standard error is shown if it fails.
package bench

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"time"
)

// Contender is one way to compute a work.
type Contender struct {
	Name string
	// Command makes the process, which has not begun; it is asked for one each
	// time that the contender is started.
	Command func(ctx context.Context) *exec.Cmd
}

// Work is what was computed, and what each contender took for it.
type Work struct {
	Model        string
	Batch, Steps int
	Inputs       string // says what they were
	Results      []*Result
}

// Result is what one contender took. Its numbers are zero where they are not
// known, and Allocs is NaN.
type Result struct {
	Name     string
	Versions []string
	Rounds   []Round
	Starts   []time.Duration // from the start of the process to its first answer
	Resident int64           // bytes, after the first answer
	Allocs   float64         // a call, in the last round
	Error    float64         // the largest difference to the reference
}

// Round is one turn: the median time of a call, in nanoseconds, of so many
// calls. Overhead is what a call of nothing takes.
type Round struct {
	Median, Overhead float64
	Calls            int
}

// Least returns the round of the least median.
func (r *Result) Least() Round {
	least := Round{Median: math.Inf(1)}
	for _, x := range r.Rounds {
		if x.Median < least.Median {
			least = x
		}
	}
	return least
}

// Options say how contenders are timed.
type Options struct {
	Rounds int           // how often each has its turn
	Slice  time.Duration // how long a turn is, about
	Starts int           // how often each is started; the last start is the one that is timed
	// Check judges a contender's answer before anything is timed, and returns
	// how far it is from the reference.
	Check    func(name string, answer []float64) (float64, error)
	Progress func(format string, args ...any)
}

// sample is the least time that is measured at once, so that reading the clock
// does not count.
const sample = 50 * time.Microsecond

// Race starts every contender, checks their answers, and lets them take turns.
func Race(ctx context.Context, contenders []Contender, o Options) ([]*Result, error) {
	results := make([]*Result, len(contenders))
	processes := make([]*Process, len(contenders))
	defer func() {
		for _, p := range processes {
			if p != nil {
				p.Close()
			}
		}
	}()
	for i, c := range contenders {
		r := &Result{Name: c.Name}
		for n := range o.Starts {
			o.Progress("start %d of %d: %s", n+1, o.Starts, c.Name)
			if processes[i] != nil {
				processes[i].Close()
			}
			p, err := Start(c.Command(ctx))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			processes[i] = p
			r.Starts = append(r.Starts, p.Took)
			r.Versions, r.Resident = p.Versions, p.Resident
		}
		var err error
		if r.Error, err = o.Check(c.Name, processes[i].Answer); err != nil {
			return nil, err
		}
		results[i] = r
	}
	guess := make([]time.Duration, len(contenders))
	for round := range o.Rounds {
		for i, p := range processes {
			o.Progress("round %d of %d: %s", round+1, o.Rounds, contenders[i].Name)
			if err := turn(p, results[i], &guess[i], o.Slice); err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].Name, err)
			}
		}
	}
	return results, nil
}

// turn gives a process its turn. guess is what a call takes, as far as it is
// known.
func turn(p *Process, r *Result, guess *time.Duration, slice time.Duration) error {
	if *guess == 0 {
		took, err := p.Run(1, 5)
		if err != nil {
			return err
		}
		*guess = took.Median
	}
	calls, samples := split(*guess, slice)
	took, err := p.Run(calls, samples)
	if err != nil {
		return err
	}
	r.Allocs = took.Allocs
	r.Rounds = append(r.Rounds, Round{
		Median:   float64(took.Median) / float64(calls),
		Overhead: float64(took.Overhead) / float64(calls),
		Calls:    calls * samples,
	})
	*guess = took.Median / time.Duration(calls)
	return nil
}

// split says how many calls make a sample and how many samples fill a slice of
// time, if a call takes so long. There are three samples at least, for a
// median.
func split(call, slice time.Duration) (calls, samples int) {
	call = max(call, 1)
	calls = int(max(1, (sample+call-1)/call))
	return calls, int(max(3, slice/(call*time.Duration(calls))))
}
