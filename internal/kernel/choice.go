package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Variable is the environment variable that chooses the kernels of the process
// by name; without it they are AVX-512's or AVX2's where the processor has it,
// and those in Go elsewhere.
const Variable = "LOCKSTEP_KERNEL"

// The names of the kernels: those in Go every machine has.
const (
	plain  = "go"
	avx2   = "avx2"
	avx512 = "avx512" // of the same bits as AVX2, which it uses for what does not fill a vector of 16
	neon   = "neon"   // of the same bits
)

// chosen is the name of the kernels for new layers. A layer keeps the kernels
// that it was made with.
var chosen, errChoice = choose(os.Getenv(Variable))

// Kernels are the names of the kernels that this processor runs, those in Go
// first.
func Kernels() []string { return append([]string{plain}, vectorised()...) }

// Chosen is the name of the kernels in use, and an error if the environment
// names unavailable ones.
func Chosen() (string, error) { return chosen, errChoice }

// Use chooses the kernels of the layers that are made from now on; it is for
// tests, and must not run concurrently with New…. It returns a function that
// undoes it.
func Use(name string) (undo func(), err error) {
	name, err = choose(name)
	if err != nil {
		return nil, err
	}
	before := chosen
	chosen = name
	return func() { chosen = before }, nil
}

func choose(name string) (string, error) {
	known := Kernels()
	switch {
	case name == "":
		return usual(), nil
	case slices.Contains(known, name):
		return name, nil
	}
	return plain, fmt.Errorf("kernel: %s=%q: this processor has %s", Variable, name, strings.Join(known, ", "))
}
