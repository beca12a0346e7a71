package diagnose

import (
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// pairs are the suppositions of two faults that may be made together: each has
// an effect, and they are not two values of one thing. Those that engines make
// more often come first.
func (s *answersSearch) pairs(singles [][]fault.Fault) [][]fault.Fault {
	var often, seldom []fault.Fault
	for _, faults := range singles {
		if len(faults) > 1 || s.idle[key(faults)] {
			continue
		}
		if common(faults[0]) {
			often = append(often, faults[0])
		} else {
			seldom = append(seldom, faults[0])
		}
	}
	var out [][]fault.Fault
	add := func(a, b fault.Fault) {
		if !exclusive(a, b) {
			out = append(out, []fault.Fault{a, b})
		}
	}
	for i, a := range often {
		for _, b := range often[i+1:] {
			add(a, b)
		}
	}
	for i, a := range seldom {
		for _, b := range often {
			add(a, b)
		}
		for _, b := range seldom[i+1:] {
			add(a, b)
		}
	}
	return out
}

// common tells whether engines and exporters are known to make a mistake again
// and again: orders of gates are those of frameworks.
func common(f fault.Fault) bool {
	switch f.Kind {
	case fault.GateOrder:
		return f.Tensor == "" && fault.Framework(f.Order) != ""
	case fault.InputScaled, fault.HalfWeights, fault.Int8Weights, fault.KernelsSwapped, fault.LayerOutput, fault.ForgetBias:
		return false
	}
	return true
}

// exclusive tells whether two faults are different values of one thing, so that
// the second would only replace the first.
func exclusive(a, b fault.Fault) bool {
	place := func(f fault.Fault) fault.Fault {
		return fault.Fault{Kind: f.Kind, Layer: f.Layer, Node: f.Node, Variable: f.Variable, Input: f.Input, Role: role(f)}
	}
	return place(a) == place(b)
}

// role is what an activation is of, which two faults may have different ones of.
func role(f fault.Fault) string {
	if f.Kind == fault.ActivationChanged {
		return f.Role
	}
	return ""
}

// work is how many multiplications the trials of pairs may take, about that many
// seconds on one core when divided by 3e8.
const work = 2e9

// affordable is how many pairs may be tried: it depends on the model and the
// inputs alone, so that a diagnosis is the same on every machine.
func (s *answersSearch) affordable() int {
	inputs := s.all.inputs
	if s.few != nil {
		inputs = s.few.inputs
	}
	rows, steps := 1, 1
	for _, t := range inputs {
		if t.Rank() > 1 {
			rows, steps = max(rows, t.Shape()[0]), max(steps, t.Shape()[1])
		}
	}
	one := 200_000. // to make the model
	for _, l := range s.Model.Source().Found.Layers {
		gates := map[recurrent.Kind]int{recurrent.LSTM: 4, recurrent.GRU: 3}[l.Kind]
		one += float64(rows*steps) * float64(max(gates, 1)*l.Units*(l.Units+l.Features))
	}
	return int(work / one)
}
