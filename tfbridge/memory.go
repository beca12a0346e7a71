//go:build tensorflow

package tfbridge

import (
	"runtime"
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
