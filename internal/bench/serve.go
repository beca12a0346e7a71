package bench

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Serve makes this process a contender: it sends the answer, and runs call as
// often as requested, until in ends.
func Serve(in io.Reader, out io.Writer, versions []string, answer []float64, call func() error) error {
	w := bufio.NewWriter(out)
	for _, v := range versions {
		fmt.Fprintf(w, "version %s\n", v)
	}
	w.WriteString("answer")
	for _, v := range answer {
		w.WriteByte(' ')
		w.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	}
	w.WriteByte('\n')
	if err := w.Flush(); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		calls, samples, err := parseRun(lines.Text())
		if err != nil {
			return err
		}
		median, allocs, err := timed(call, calls, samples)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "took %d allocs=%g\n", median.Nanoseconds(), allocs); err != nil {
			return err
		}
	}
	return lines.Err()
}

// most is how many samples there are at most: they are kept, to be sorted.
const most = 1 << 20

func parseRun(line string) (calls, samples int, err error) {
	fields := strings.Fields(line)
	if len(fields) == 3 && fields[0] == "run" {
		calls, err = strconv.Atoi(fields[1])
		if err == nil {
			samples, err = strconv.Atoi(fields[2])
		}
		if err == nil && calls > 0 && samples > 0 && samples <= most {
			return calls, samples, nil
		}
	}
	return 0, 0, fmt.Errorf("bench: asked %q, want run CALLS SAMPLES", line)
}

func timed(call func() error, calls, samples int) (median time.Duration, allocs float64, err error) {
	took := make([]time.Duration, samples)
	// A few untimed calls: another process has used the caches.
	for range min(3, calls) {
		if err := call(); err != nil {
			return 0, 0, err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range took {
		start := time.Now()
		for range calls {
			if err := call(); err != nil {
				return 0, 0, err
			}
		}
		took[i] = time.Since(start)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	return took[samples/2], float64(after.Mallocs-before.Mallocs) / float64(calls*samples), nil
}
