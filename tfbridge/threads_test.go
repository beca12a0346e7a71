//go:build tensorflow

package tfbridge

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A session has the threads that it was given, however many an earlier one
// had, and they end with it.
func TestThreads(t *testing.T) {
	threads := func() int {
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	dir, inputs := fixture.Dir(t, "seed_units1_keras3"), fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	open := func(n int) *Model {
		m := openDir(t, dir, WithThreads(n))
		if _, err := m.Run(context.Background(), inputs); err != nil {
			t.Fatal(err)
		}
		return m
	}
	open(1)
	before := threads()
	const many = 40
	m := open(many)
	if n := threads() - before; n < many-1 || n > many+4 {
		t.Errorf("a session of %d threads has started %d", many, n)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if threads() < before+many/2 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d threads, %d before", threads(), before)
}
