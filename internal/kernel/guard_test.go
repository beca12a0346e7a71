//go:build linux || darwin

package kernel

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// guarded copies slices to memory that ends where a page begins that may be
// neither read nor written, or begins where one ends, so that a step past it is a
// crash.
type guarded struct {
	t     testing.TB
	front bool
	maps  [][]byte
}

func (g *guarded) of(x []float32) []float32 {
	g.t.Helper()
	if len(x) == 0 {
		return nil
	}
	page := os.Getpagesize()
	size := (4*len(x) + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		g.t.Fatal(err)
	}
	g.maps = append(g.maps, mem)
	for _, edge := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			g.t.Fatal(err)
		}
	}
	at := page
	if !g.front {
		at += size - 4*len(x)
	}
	y := unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), len(x))
	copy(y, x)
	return y
}

// free gives all of it back.
func (g *guarded) free() {
	for _, m := range g.maps {
		if err := syscall.Munmap(m); err != nil {
			g.t.Fatal(err)
		}
	}
	g.maps = nil
}
