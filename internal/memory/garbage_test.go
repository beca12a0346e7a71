package memory

import (
	"runtime"
	"testing"
)

// A collection is waited for once as much was dropped as is left to the collector, and
// not before.
func TestGarbageIsCollected(t *testing.T) {
	var g Garbage
	collections := func() uint32 {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.NumForcedGC
	}
	for range 3 {
		before := collections()
		g.Add(mostGarbage / 2)
		if n := collections() - before; n != 0 {
			t.Errorf("%d collections for half of it", n)
		}
		g.Add(mostGarbage / 2)
		if n := collections() - before; n != 1 {
			t.Errorf("%d collections, want 1", n)
		}
	}
}
