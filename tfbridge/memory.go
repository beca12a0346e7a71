//go:build tensorflow

package tfbridge

/*
#include <dlfcn.h>
#include <stddef.h>

// Calls glibc's malloc_trim, where there is one.
static void lockstep_trim(void) {
	int (*trim)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");
	if (trim) trim(0);
}
*/
import "C"

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// gcEvery is how much tensor memory may be handed out before a collection is
// asked for. The binding frees a tensor's C memory when Go collects the small
// Go value beside it, and Go, which does not see the C memory, may let
// gigabytes of it wait (galeone/tfgo#72, tensorflow/tensorflow#41808).
const gcEvery = 64 << 20

var tensorBytes atomic.Int64

// countTensorBytes notes that n bytes of C memory wait for a finalizer.
func countTensorBytes(n int) {
	if tensorBytes.Add(int64(n)) > gcEvery {
		tensorBytes.Store(0)
		runtime.GC()
	}
}

func freeMemory() {
	runtime.GC() // tensors' finalizers, which run while the next one does
	debug.FreeOSMemory()
	tensorBytes.Store(0)
	C.lockstep_trim()
}
