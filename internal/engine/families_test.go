package engine

import (
	"testing"
)

// The cases of families of operations that have a file of their own.
func TestFamilies(t *testing.T) {
	for _, file := range []string{"ops_volumes", "ops_signal"} {
		runCases(t, file)
	}
}

func TestFamiliesHostile(t *testing.T) {
	for _, file := range []string{"ops_volumes", "ops_signal"} {
		hostile(t, file, 1)
	}
}
