//go:build tensorflow

package tfbridge

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// leakFixture is the smallest seq2seq.
const leakFixture = "seed_units1_keras3"

// The suite repeats less; LOCKSTEP_LEAK_CYCLES=1000 LOCKSTEP_LEAK_RUNS=10000
// repeats as the figures of docs/performance.md were made, and -v shows them.
func repeats(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 10 {
		t.Fatalf("%s=%q, want a number from 10 on", variable, s)
	}
	return n
}

// resident returns the process's resident memory in KiB, after what nothing
// names any more has been given back.
func resident(t *testing.T) int {
	t.Helper()
	for range 2 {
		runtime.GC() // finds what is garbage; its finalizers run beside us
		time.Sleep(20 * time.Millisecond)
	}
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("/proc/self/status has no VmRSS")
	return 0
}

// steady runs cycle n times after a warm-up and fails if the resident memory
// grows by more than bound KiB a cycle. Growth of less than slack in all is
// taken for the allocators' noise: in a fresh process they take some 12 MiB
// during the first hundred cycles, and hardly any after that. What it is to
// find is larger: a graph that is kept takes 1.7 MiB, a session 6.
func steady(t *testing.T, n, warmUp int, bound float64, cycle func()) {
	t.Helper()
	const slack = 16 << 10
	begun := time.Now()
	before := resident(t)
	for range warmUp {
		cycle()
	}
	start := resident(t)
	t.Logf("resident: %d KiB before, %d KiB after %d cycles of warm-up", before, start, warmUp)
	end := start
	for i := 1; i <= n; i++ {
		cycle()
		if i == n || i == 100 || i%max(n/10, 1) == 0 {
			end = resident(t)
			t.Logf("after %5d cycles: %d KiB, %+.2f KiB a cycle, %.1f s", i, end, float64(end-start)/float64(i), time.Since(begun).Seconds())
		}
	}
	if grown := float64(end - start); grown > max(bound*float64(n), slack) {
		t.Errorf("resident memory grew by %.0f KiB in %d cycles, %.1f KiB each, want at most %.0f", grown, n, grown/float64(n), bound)
	}
}

// Opening, running and closing holds memory steady.
func TestOpenRunCloseDoesNotLeak(t *testing.T) {
	dir := fixture.Dir(t, leakFixture)
	inputs := fixture.Tensors(t, leakFixture, "inputs.npz")
	steady(t, repeats(t, "LOCKSTEP_LEAK_CYCLES", 20), 20, 20, func() {
		m, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Trace(context.Background(), inputs, lockstep.States); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Weights(); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// So does running one model over and over, with tensors that the binding
// frees in finalizers.
func TestRunningDoesNotLeak(t *testing.T) {
	m := openFixture(t, leakFixture)
	inputs := map[string]*lockstep.Tensor{
		"encoder_input": zeros(t, lockstep.Float32, 200, 10, 1),
		"decoder_input": zeros(t, lockstep.Float32, 200, 10, 1),
	}
	steady(t, repeats(t, "LOCKSTEP_LEAK_RUNS", 1000), 100, 1, func() {
		if _, err := m.Trace(context.Background(), inputs, lockstep.States); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Weights(); err != nil {
			t.Fatal(err)
		}
	})
}

// A model that cannot be opened or run leaves nothing behind either.
func TestFailuresDoNotLeak(t *testing.T) {
	damaged := cut(dataFile, half)(t, fixture.Dir(t, leakFixture))
	m := openFixture(t, leakFixture)
	inputs := map[string]*lockstep.Tensor{
		"encoder_input": zeros(t, lockstep.Float32, 2, 10, 1),
		"decoder_input": zeros(t, lockstep.Float32, 3, 10, 1),
	}
	steady(t, repeats(t, "LOCKSTEP_LEAK_CYCLES", 50), 30, 20, func() {
		if bad, err := Open(damaged); err == nil {
			bad.Close()
			t.Fatal("a damaged checkpoint opens")
		}
		if _, err := m.Run(context.Background(), inputs); err == nil {
			t.Fatal("two batch sizes run")
		}
	})
}

// Tensors of every type, strings too long for their place among them, are
// freed: 600 MiB are made here.
func TestTensorsDoNotLeak(t *testing.T) {
	if err := load(); err != nil {
		t.Fatal(err)
	}
	var all []*lockstep.Tensor
	for _, dtype := range lockstep.DTypes() {
		if dtype != lockstep.String {
			all = append(all, zeros(t, dtype, 50_000))
		}
	}
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = fmt.Sprint(i, strings.Repeat("x", 1000))
	}
	all = append(all, tensor(t, texts, 5, 100), tensor(t, texts, 500))
	steady(t, 200, 40, 60, func() {
		for _, x := range all {
			theirs, err := toTensorFlow(x)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fromTensorFlow(theirs); err != nil {
				t.Fatal(err)
			}
		}
	})
}
