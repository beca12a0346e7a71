package engine

import "testing"

func TestRegroupOps(t *testing.T) { runCases(t, "ops_regroup") }
