package memory

import (
	"fmt"
	"math"
	"os"
	"syscall"
)

// addressSpace returns what is left of the limit that ulimit -v sets: a process has
// much more of it than memory when it begins.
func addressSpace() int64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &l); err != nil || l.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	var pages int64
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(b), &pages) // of a file that the kernel writes
	}
	return max(int64(l.Cur)-pages*int64(os.Getpagesize()), 1)
}
