package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// keepBudget lets a test set the memory budget.
func keepBudget(t *testing.T) {
	t.Setenv(memoryVariable, "")
	was := memory.Budget()
	t.Cleanup(func() { memory.Set(was) })
}

// Inputs that no machine has memory for are refused at once by every command that
// makes some.
func TestHugeInputsAreRefused(t *testing.T) {
	keepBudget(t)
	model, out := fixture.Dir(t, "seed_units1_keras3"), filepath.Join(t.TempDir(), "out")
	for _, command := range [][]string{
		{"trace", model, "--engine", "native"}, {"forecast", model, "--engine", "native"}, {"explain", model}, {"selftest", model},
		{"golden", "record", model, "--engine", "native", "-o", out},
	} {
		for _, size := range [][]string{{"--batch", "2000000000"}, {"--steps", "200000000000"}, {"--batch", "9000000000000000000"}} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			code, _, errs := call(append(command, size...)...)
			runtime.ReadMemStats(&after)
			if code != exitNotRun || !strings.Contains(errs, "made inputs") || !strings.Contains(errs, "budget") {
				t.Errorf("%q %q: exit code %d: %s", command, size, code, errs)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("%q %q: %d bytes were allocated", command, size, n)
			}
		}
	}
}

// What is kept of every step of both engines, to be compared, is bounded as well.
func TestStepsAreBounded(t *testing.T) {
	keepBudget(t)
	model, out := fixture.Dir(t, "seed_units1_keras3"), filepath.Join(t.TempDir(), "out")
	for batch, want := range map[string]int{"10": exitInStep, "1500": exitNotRun} {
		code, _, errs := call("golden", "record", model, "--engine", "native", "--trace", "-o", out, "--batch", batch, "--memory", "16MiB")
		if code != want || want == exitNotRun && !strings.Contains(errs, "the memory budget is 16 MiB") {
			t.Errorf("--batch %s: exit code %d, %s", batch, code, errs)
		}
	}
}

func TestMemoryFlag(t *testing.T) {
	keepBudget(t)
	model := fixture.Dir(t, "seed_units1_keras3")
	for text, want := range map[string]int64{"1": 1, "123B": 123, "1KiB": 1 << 10, "7MiB": 7 << 20, "8GiB": 8 << 30, "2TiB": 2 << 40} {
		if n, err := parseSize(text); n != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", text, n, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "many", "1KB", "1Ki", "1.5GiB", "GiB", "9000000000TiB", "1 GiB", "1BB", "99999999999999999999"} {
		if code, _, errs := call("inspect", model, "--memory", text); code != exitUsage || !strings.Contains(errs, "--memory: ") {
			t.Errorf("--memory %s: exit code %d, %s", text, code, errs)
		}
	}
	args := []string{"trace", model, "--engine", "native", "--batch", "20000"}
	if code, _, errs := call(append(args, "--memory", "1MiB")...); code != exitNotRun || !strings.Contains(errs, "the memory budget is 1 MiB") {
		t.Errorf("--memory 1MiB: exit code %d, %s", code, errs)
	}
	// The TensorFlow process goes by the same.
	if got := os.Getenv(memoryVariable); got != "1048576" {
		t.Errorf("%s is %q", memoryVariable, got)
	}
	t.Setenv(memoryVariable, "2MiB")
	if code, _, errs := call(args...); code != exitNotRun || !strings.Contains(errs, "the memory budget is 2 MiB") {
		t.Errorf("%s=2MiB: exit code %d, %s", memoryVariable, code, errs)
	}
	t.Setenv(memoryVariable, "x")
	if code, _, errs := call(args...); code != exitUsage || !strings.Contains(errs, memoryVariable+": ") {
		t.Errorf("%s=x: exit code %d, %s", memoryVariable, code, errs)
	}
}
