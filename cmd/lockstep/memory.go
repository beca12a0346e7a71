package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/internal/memory"
)

// memoryVariable sets the memory budget of every command, and of the TensorFlow
// process that one starts.
const memoryVariable = "LOCKSTEP_MEMORY"

// addMemory adds the flag of the memory budget to every command.
func addMemory(root *cobra.Command) {
	size := root.PersistentFlags().String("memory", "", "how much memory tensors may take, as in 8GiB or 500MiB (default half of what the machine, its cgroup or GOMEMLIMIT allows)")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return budget(*size) }
}

// budget sets the memory budget from the flag, or else from the environment.
func budget(flag string) error {
	name, text := "--memory", flag
	if text == "" {
		name, text = memoryVariable, os.Getenv(memoryVariable)
	}
	if text == "" {
		if os.Getenv("GOMEMLIMIT") == "" {
			// The collector works harder before the system runs out of memory.
			debug.SetMemoryLimit(memory.Budget() / 5 * 9)
		}
		return nil
	}
	n, err := parseSize(text)
	if err != nil {
		return usagef("%s: %v", name, err)
	}
	memory.Set(n)
	return os.Setenv(memoryVariable, strconv.FormatInt(n, 10))
}

// parseSize reads a number of bytes as GOMEMLIMIT writes it.
func parseSize(text string) (int64, error) {
	digits, shift := strings.TrimSuffix(text, "B"), 0
	for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if rest, ok := strings.CutSuffix(digits, unit); ok && rest+unit+"B" == text {
			digits, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is no size: want a number of bytes, or one with KiB, MiB, GiB or TiB, as in 8GiB", text)
	}
	return n << shift, nil
}
