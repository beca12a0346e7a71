package native

import (
	"slices"
	"testing"
)

func TestKernels(t *testing.T) {
	inUse, all := Kernels()
	if len(all) == 0 || all[0] != "go" || !slices.Contains(all, inUse) {
		t.Errorf("%q is in use of %q, want one of them, which begin with those in Go", inUse, all)
	}
}
