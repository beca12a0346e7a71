package engine

import (
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
)

// Every operation that computes or moves elements has a case whose results are
// TensorFlow's. Control flow is held by the fixtures (TestModels).
func TestEveryOperationHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range graphtest.Files {
		cases, _ := graphtest.ReadCases(t, file)
		for _, c := range cases {
			if c.Error {
				continue
			}
			seen[c.Op] = true
			for _, name := range c.Ops() {
				seen[name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ops.Specs)) {
		if ops.Specs[name].Build != nil && ops.Specs[name].Control == op.Computes && !seen[name] {
			t.Errorf("operation %s has no case: write one in models/ and run make models", name)
		}
	}
}
