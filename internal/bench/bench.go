// Package bench times several ways to compute the same thing against each
// other: contenders, each a separate process, which take turns.
//
// A contender computes its answer once and sends it, and then runs as often as
// requested. It communicates in lines of text, so that it can be written in any
// language; > is what it reads and < what it writes:
//
//	< version ONNX Runtime 1.32.0      as often as it likes, before the answer
//	< answer 0.25 -1.5 …               every output, after the first call
//	> run CALLS SAMPLES                time SAMPLES times CALLS calls in a row
//	< took NS [allocs=N] [overhead=NS] the samples' median, in nanoseconds
//
// allocs is the mean number of allocations a call; overhead is the measured
// time of the same number of empty calls, for contenders behind an interpreter.
// The end of its input ends it. What it writes to standard error is shown if it
// fails.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"time"
)

// Contender is one way to compute a workload.
type Contender struct {
	Name string
	// Command makes the process without starting it; it is called each time
	// that the contender is started.
	Command func(ctx context.Context) *exec.Cmd
}

// Workload is what was computed, and each contender's results.
type Workload struct {
	Model        string
	Batch, Steps int
	Inputs       string // says what they were
	Results      []*Result
}

// Result is what was measured of one contender. Unknown numbers are zero, and
// Allocs is NaN.
type Result struct {
	Name     string
	Versions []string
	Rounds   []Round
	Starts   []time.Duration // from the start of the process to its first answer
	Resident int64           // bytes, after the first answer
	Allocs   float64         // a call, in the last round
	Error    float64         // the largest difference to the reference
}

// Round is one turn: the number of calls, the median time of one in
// nanoseconds, and the start of the contender, counted from 0, that it belongs
// to. Overhead is the time of an empty call.
type Round struct {
	Median, Overhead float64
	Calls, Start     int
}

// Typical returns the round that represents a result: of each start the round
// with the lowest median, since other load only adds to it, and of those the
// middle one, since memory placement can make a process a tenth slower or
// faster for as long as it lives, and an engine a quarter.
func (r *Result) Typical() Round {
	var least []Round
	for _, x := range r.Rounds {
		at := slices.IndexFunc(least, func(l Round) bool { return l.Start == x.Start })
		if at < 0 {
			least = append(least, x)
		} else if x.Median < least[at].Median {
			least[at] = x
		}
	}
	if least == nil {
		return Round{Median: math.Inf(1)}
	}
	slices.SortFunc(least, func(a, b Round) int { return cmp.Compare(a.Median, b.Median) })
	return least[(len(least)-1)/2]
}

// Options say how contenders are timed.
type Options struct {
	Rounds int           // how often each has its turn
	Slice  time.Duration // how long a turn is, about
	Starts int           // how often each is started; the rounds are spread over the starts
	// Check judges a contender's answer at each start, before its turns, and
	// returns how far it is from the reference.
	Check    func(name string, answer []float64) (float64, error)
	Progress func(format string, args ...any)
}

// sample is the shortest time that is measured at once, so that reading the
// clock does not count.
const sample = 50 * time.Microsecond

// Race starts all contenders, checks their answers, and lets them take turns,
// once for each start.
func Race(ctx context.Context, contenders []Contender, o Options) ([]*Result, error) {
	results := make([]*Result, len(contenders))
	for i, c := range contenders {
		results[i] = &Result{Name: c.Name}
	}
	for start := range o.Starts {
		if err := race(ctx, contenders, results, start, o); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// race is one start of all contenders and the rounds that fall to it.
func race(ctx context.Context, contenders []Contender, results []*Result, start int, o Options) error {
	processes := make([]*Process, 0, len(contenders))
	defer func() {
		for _, p := range processes {
			p.Close()
		}
	}()
	for i, c := range contenders {
		o.Progress("start %d of %d: %s", start+1, o.Starts, c.Name)
		p, err := Start(c.Command(ctx))
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		processes = append(processes, p)
		r := results[i]
		r.Starts = append(r.Starts, p.Took)
		r.Versions, r.Resident = p.Versions, p.Resident
		if r.Error, err = o.Check(c.Name, p.Answer); err != nil {
			return err
		}
	}
	for round := start * o.Rounds / o.Starts; round < (start+1)*o.Rounds/o.Starts; round++ {
		for i, p := range processes {
			o.Progress("round %d of %d: %s", round+1, o.Rounds, contenders[i].Name)
			if err := turn(p, results[i], start, o.Slice); err != nil {
				return fmt.Errorf("%s: %w", contenders[i].Name, err)
			}
		}
	}
	return nil
}

// turn gives a process its turn: as many calls as fill a slice by the times of
// the last turn.
func turn(p *Process, r *Result, start int, slice time.Duration) error {
	var call time.Duration
	if n := len(r.Rounds); n > 0 {
		call = time.Duration(r.Rounds[n-1].Median)
	} else {
		took, err := p.Run(1, 5)
		if err != nil {
			return err
		}
		call = took.Median
	}
	calls, samples := split(call, slice)
	took, err := p.Run(calls, samples)
	if err != nil {
		return err
	}
	r.Allocs = took.Allocs
	r.Rounds = append(r.Rounds, Round{
		Median:   float64(took.Median) / float64(calls),
		Overhead: float64(took.Overhead) / float64(calls),
		Calls:    calls * samples,
		Start:    start,
	})
	return nil
}

// split says how many calls make a sample and how many samples fill a slice of
// time, if a call takes that long. There are three samples at least, for a
// median.
func split(call, slice time.Duration) (calls, samples int) {
	call = max(call, 1)
	calls = int(max(1, (sample+call-1)/call))
	return calls, int(max(3, slice/(call*time.Duration(calls))))
}
