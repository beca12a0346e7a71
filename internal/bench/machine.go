package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine says where and when something was measured: a sentence for readers,
// and the header lines of a file of benchmarks.
func Machine(now time.Time) (sentence string, configuration []string) {
	cpu := processor()
	sentence = fmt.Sprintf("%s; %s, %d processors, %s/%s, %s", now.Format(time.DateOnly), cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return sentence, []string{"goos: " + runtime.GOOS, "goarch: " + runtime.GOARCH, "cpu: " + cpu, "toolchain: " + runtime.Version()}
}

func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "processor unknown"
}
