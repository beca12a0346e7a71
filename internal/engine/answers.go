package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Answers are the values of some slots after a call, by name.
type Answers struct {
	ports  []Port
	last   []*lockstep.Tensor // by port: most calls leave the same tensors
	byName map[string]*lockstep.Tensor
}

func AnswersAt(ports []Port) Answers {
	return Answers{ports, make([]*lockstep.Tensor, len(ports)), map[string]*lockstep.Tensor{}}
}

// Of returns those of a call, in a map that the next one writes over.
func (a *Answers) Of(slots []value.Value) (map[string]*lockstep.Tensor, error) {
	for i, port := range a.ports {
		t := slots[port.Slot].Tensor
		if t == nil {
			return nil, fmt.Errorf("output %q is %s, want a tensor", port.Name, slots[port.Slot])
		}
		if t != a.last[i] {
			a.byName[port.Name], a.last[i] = t, t
		}
	}
	return a.byName, nil
}
