package compare

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// hideUnshown takes the runs of layers that one engine cannot show out of both
// traces, and returns what the report says of that: without their steps they are
// a part of the loop or the branch that they stand in.
func hideUnshown(traces ...*lockstep.Trace) (notes []string) {
	for _, t := range traces {
		for _, layer := range slices.Sorted(maps.Keys(t.Unshown)) {
			shown := false
			for _, other := range traces {
				shown = hideRuns(other, layer) || shown
			}
			note := fmt.Sprintf("the steps of the layer %s were not compared: %s shows none: %s", layer, t.Engine, t.Unshown[layer])
			if both := traces[0].Unshown[layer]; shown || t == traces[0] || both == "" {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// hideRuns takes all runs of a layer out of a trace, and tells whether there were
// some.
func hideRuns(t *lockstep.Trace, layer string) bool {
	hidden := func(run string) bool { return lockstep.LayerOf(run) == layer }
	before := len(t.Layers)
	t.Layers = slices.DeleteFunc(slices.Clone(t.Layers), hidden)
	t.States = without(t.States, func(name string) bool {
		l, _, ok := lockstep.CutStateName(name)
		return ok && hidden(l)
	})
	t.Steps = without(t.Steps, func(name string) bool {
		l, _ := lockstep.CutStepName(name)
		return hidden(l)
	})
	return len(t.Layers) < before
}

func without(tensors map[string]*lockstep.Tensor, hidden func(name string) bool) map[string]*lockstep.Tensor {
	out := maps.Clone(tensors)
	maps.DeleteFunc(out, func(name string, _ *lockstep.Tensor) bool { return hidden(name) })
	return out
}
