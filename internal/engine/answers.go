package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// answers are what stands in some slots after a call, by name.
type answers struct {
	ports  []port
	last   []*lockstep.Tensor // by port: most calls leave the same tensors
	byName map[string]*lockstep.Tensor
}

func answersAt(ports []port) answers {
	return answers{ports, make([]*lockstep.Tensor, len(ports)), map[string]*lockstep.Tensor{}}
}

// in returns those of a call, in a map that the next one writes over.
func (a *answers) in(slots []Value) (map[string]*lockstep.Tensor, error) {
	for i, port := range a.ports {
		t := slots[port.slot].Tensor
		if t == nil {
			return nil, fmt.Errorf("engine: output %q is %s, want a tensor", port.name, slots[port.slot])
		}
		if t != a.last[i] {
			a.byName[port.name], a.last[i] = t, t
		}
	}
	return a.byName, nil
}
