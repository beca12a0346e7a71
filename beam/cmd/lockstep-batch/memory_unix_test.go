//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// most is the most memory that a process had, in megabytes.
func most(p *os.ProcessState) int64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) >> 20
	}
	return int64(u.Maxrss) >> 10
}
