package rows

import (
	"math"
	"sync/atomic"
	"testing"
)

// Every row is in one share, and the shares are as even as rows allow.
func TestShares(t *testing.T) {
	for batch := 1; batch < 70; batch++ {
		for n := 1; n <= min(batch, 9); n++ {
			next := 0
			for i := range n {
				from, to := Of(batch, i, n)
				if from != next || to-from < batch/n || to-from > (batch+n-1)/n {
					t.Errorf("share %d of %d of %d rows is %d to %d, after %d", i, n, batch, from, to, next)
				}
				next = to
			}
			if next != batch {
				t.Errorf("%d shares of %d rows end at %d", n, batch, next)
			}
		}
	}
	for _, c := range []struct{ workers, batch, work, want int }{
		{1, 100, 1 << 40, 1}, {0, 100, 1 << 40, 1}, {4, 1, 1 << 40, 1}, {4, 0, 0, 1}, {4, 3, 1 << 40, 3},
		{4, 100, 2*Least - 1, 1}, {4, 100, 2 * Least, 2}, {4, 100, math.MaxInt, 4},
	} {
		if got := Shares(c.workers, c.batch, c.work); got != c.want {
			t.Errorf("%d workers, %d rows, work of %d: %d shares, want %d", c.workers, c.batch, c.work, got, c.want)
		}
	}
}

func TestTeam(t *testing.T) {
	var ran [3]atomic.Int64
	work := func(i int) func() { return func() { ran[i].Add(1) } }
	team := NewTeam(work(0), work(1), work(2))
	if n := testing.AllocsPerRun(100, func() { team.Run(3) }); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
	team.Run(2)
	team.Run(1)
	for i, want := range []int64{103, 102, 101} {
		if n := ran[i].Load(); n != want {
			t.Errorf("function %d ran %d times, want %d", i, n, want)
		}
	}
}

// Whichever function panics, the others come to their end, and the team's own
// goroutine has the panic, once.
func TestTeamPanics(t *testing.T) {
	for bad := range 3 {
		var ended atomic.Int64
		first := true
		var work []func()
		for i := range 3 {
			work = append(work, func() {
				if i == bad && first {
					panic("bad")
				}
				ended.Add(1)
			})
		}
		team := NewTeam(work...)
		caught := func() (p any) {
			defer func() { p = recover() }()
			team.Run(len(work))
			return nil
		}
		if p := caught(); p != "bad" || ended.Load() != 2 {
			t.Errorf("function %d: the panic is %v, and %d came to their end", bad, p, ended.Load())
		}
		first = false
		if p := caught(); p != nil || ended.Load() != 5 {
			t.Errorf("function %d, again: the panic is %v, and %d came to their end", bad, p, ended.Load())
		}
	}
}
