// Package rows shares the rows of a batch out to goroutines. A row of a
// recurrent layer does not depend on the rows beside it, so each goroutine
// computes some rows through all time steps, and they synchronise once, at the
// end.
package rows

import "sync"

// Least is the work for which another goroutine pays, in multiply-adds: see
// internal/kernel/README.md for how it was measured. Tests set it.
var Least = 1 << 23

// Work is that of a step of one row of a recurrent cell or of a dense layer:
// columns is the number of sums, each with that many terms. A sum's cost
// besides its terms, mostly an activation, counts as 32 more.
func Work(columns, terms int) int { return (columns + 7) / 8 * 8 * (terms + 32) }

// Shares is how many of the workers a batch with this work is shared out to.
func Shares(workers, batch, work int) int {
	return max(1, min(workers, batch, work/Least))
}

// Of is the i-th share of n of a batch: the rows from..to-1.
func Of(batch, i, n int) (from, to int) { return batch * i / n, batch * (i + 1) / n }

// Team is functions that run concurrently. It belongs to one goroutine, and
// running it allocates nothing.
type Team struct {
	own    func()
	others []func()
	wait   sync.WaitGroup

	mu       sync.Mutex // held by those that panic
	panicked any
}

// NewTeam makes a team of functions.
func NewTeam(work ...func()) *Team {
	t := &Team{own: work[0]}
	for _, f := range work[1:] {
		t.others = append(t.others, func() {
			defer t.wait.Done()
			defer t.caught()
			f()
		})
	}
	return t
}

// Run runs the first n functions, the first here and each other in a goroutine of
// its own, and returns when all have. A panic in one of them is a panic here.
func (t *Team) Run(n int) {
	if n == 1 {
		t.own()
		return
	}
	others := t.others[:n-1]
	t.wait.Add(len(others))
	for _, f := range others {
		go f()
	}
	func() {
		defer t.wait.Wait() // whoever goes on after a panic may use the memory again
		t.own()
	}()
	if p := t.panicked; p != nil {
		t.panicked = nil
		panic(p)
	}
}

func (t *Team) caught() {
	if p := recover(); p != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.panicked = p
	}
}
