package memory

import "runtime"

// Garbage counts what one goroutine drops while it works through large tensors. Go's
// collector runs beside it and, on a busy machine, late: memory would grow by what
// is dropped meanwhile. So a collection is waited for now and then. Where what is
// held are tensors, which it does not look through, it takes milliseconds.
type Garbage struct{ bytes int64 }

// mostGarbage is how many bytes are left to the collector.
const mostGarbage = 128 << 20

// Add says that n more bytes will be dropped.
func (g *Garbage) Add(n int64) {
	if g.bytes += n; g.bytes >= mostGarbage {
		g.bytes = 0
		runtime.GC()
	}
}
