package engine

import (
	"testing"
)

// The cases of families of operations that have a file of their own.
func TestFamilies(t *testing.T) {
	for _, file := range []string{"ops_volumes", "ops_signal", "ops_linalg"} {
		runCases(t, file)
	}
}

func TestFamiliesHostile(t *testing.T) {
	for _, file := range []string{"ops_volumes", "ops_signal", "ops_linalg"} {
		hostile(t, file, 1)
	}
}
