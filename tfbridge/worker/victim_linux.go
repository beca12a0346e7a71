package worker

import (
	"fmt"
	"os"
)

// preferVictim makes the child the process that the system ends when it runs
// out of memory, instead of its parent, which can report it.
func preferVictim(pid int) {
	// It may not be allowed, and then the system chooses.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
}
