package batch

import (
	"os"
	"time"

	"github.com/lockstep-go/lockstep/beam/internal/files"
)

// watch tells the progress of parts by their records, until stop is called.
func (q *Request) watch(j *Job, all int, left []element) (stop func()) {
	if q.Progress == nil || !files.Local(j.Output) {
		return func() {}
	}
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				done := all - len(left)
				for _, e := range left {
					if _, err := os.Stat(j.state(recordName(e.Part))); err == nil {
						done++
					}
				}
				q.Progress(done, all)
			}
		}
	}()
	return func() { close(ended); <-gone }
}
