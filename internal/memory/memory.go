// Package memory holds the program's budget for tensors, so that too large a
// batch, or a file that asks for too much, ends in an error: without it, Go
// ends the process when the system is out of memory.
//
// The budget is half of the memory, since what an operation needs besides its
// results, and what the collector has not freed yet, can be as much again.
package memory

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/lockstep-go/lockstep"
)

// unknown is the budget where the system does not say how much memory it has.
const unknown = 4 << 30

var (
	budget atomic.Int64 // 0 until it is first used or set
	held   atomic.Int64 // see Hold
)

// Budget returns the budget in bytes: half of the least of the machine's
// memory, the cgroup's limit and GOMEMLIMIT, unless another was set.
func Budget() int64 {
	if n := budget.Load(); n > 0 {
		return n
	}
	budget.CompareAndSwap(0, half())
	return budget.Load()
}

func half() int64 {
	all := available(os.DirFS("/"))
	if limit := debug.SetMemoryLimit(-1); limit > 0 && limit < math.MaxInt64 {
		all = min(all, limit)
	}
	if all == math.MaxInt64 {
		return unknown
	}
	return max(all/2, 1)
}

// Set sets the budget.
func Set(n int64) { budget.Store(max(n, 1)) }

// Raise makes the budget n at least.
func Raise(n int64) {
	for was := Budget(); n > was; was = Budget() {
		if budget.CompareAndSwap(was, n) {
			return
		}
	}
}

// Hold records that a call keeps n more bytes, until it calls Release.
func Hold(n int64) { held.Add(n) }

// Release undoes Hold.
func Release(n int64) { held.Add(-n) }

// large is the share of the budget above which a collection is worthwhile.
const large = 16

// Fits tells whether count elements of size bytes each fit the budget besides
// what calls hold. It is called before allocating, and allocates nothing.
func Fits(count, size int) error {
	have := Budget() - held.Load()
	if size <= 0 || int64(count) <= have/int64(size) {
		if int64(count) > Budget()/int64(large*max(size, 1)) {
			runtime.GC() // garbage must not take up the memory
		}
		return nil
	}
	want := float64(count) * float64(size)
	return &Error{Want: want, Held: held.Load(), Budget: Budget()}
}

// Error says that something needs more memory than the budget has left.
type Error struct {
	Want         float64 // bytes; more, perhaps, than an integer can count
	Held, Budget int64
}

func (e *Error) Error() string {
	beside := ""
	if e.Held > 0 {
		beside = " beside " + Format(float64(e.Held)) + " in use"
	}
	return fmt.Sprintf("%s%s are wanted, and the memory budget is %s, half of what there is unless it was set: where there is more, set it with --memory or LOCKSTEP_MEMORY, in Go with native.WithMemory",
		Format(e.Want), beside, Format(float64(e.Budget)))
}

// Unwrap returns lockstep.ErrMemory.
func (e *Error) Unwrap() error { return lockstep.ErrMemory }

// Format writes a number of bytes for readers.
func Format(bytes float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; bytes >= 1024 && i < len(units)-1; i++ {
		bytes /= 1024
	}
	return fmt.Sprintf("%.4g %s", bytes, units[i])
}
