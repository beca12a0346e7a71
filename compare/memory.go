package compare

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/memory"
)

// stepBytes are about the measured bytes for an element of a recorded step
// until it is judged: in both engines' runs, exactly and with its bound, for
// single steps and the free run, partly in float64.
const stepBytes = 64

// room tells whether the memory budget has room for comparing what was recorded.
func room(out *CheckResult) error {
	n := 0
	for _, t := range out.Reference.Steps {
		n += t.Len()
	}
	if err := memory.Fits(n, stepBytes); err != nil {
		return fmt.Errorf("compare: %d numbers in the steps of the recurrent layers: give a smaller batch, or fewer steps: %w", n, err)
	}
	return nil
}
