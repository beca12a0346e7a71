package worker

import (
	"fmt"
	"os"
)

// preferVictim makes a child the process that a system ends which runs out of
// memory, and not the one that can say so.
func preferVictim(pid int) {
	// It may not be allowed, and then the system chooses.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
}
