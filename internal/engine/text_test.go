package engine

import "testing"

func TestText(t *testing.T) { runCases(t, "ops_text") }
