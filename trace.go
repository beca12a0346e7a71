package lockstep

import (
	"slices"
	"strings"
)

// Trace is what one engine computed in one run. Package compare compares the
// reference's and the candidate's traces of the same inputs.
type Trace struct {
	// Engine is the name of the engine that ran.
	Engine string
	// Layers are the recurrent layers in the order in which they run. Of a layer
	// inside a loop of the model each run is one here, by RunName; of one inside a
	// branch there is none where the branch was not taken.
	Layers []string
	// Unshown says of recurrent layers that ran why Layers has no run of them.
	Unshown map[string]string
	// Outputs are the signature's outputs, by its names.
	Outputs map[string]*Tensor
	// States are the final states, each (batch, units), as <layer>/state_h
	// and <layer>/state_c.
	States map[string]*Tensor
	// Steps, in a trace of that detail, is what the recurrent layers read and
	// compute at each step, in the order in which their loops take the steps:
	// of a layer with go_backwards, the last one of the input first. All are
	// (batch, steps, units) but x and mask.
	//
	//	<layer>/x         what the cell reads, (batch, steps, features)
	//	<layer>/mask      whether a row has the step, bool (batch, steps); only
	//	                  of a layer that leaves out steps
	//	<layer>/sum_i     what the gate's activation is applied to
	//	<layer>/i         the gate
	//	<layer>/h         the states after the step, those of rows that do not
	//	<layer>/c         have it as before it; c of an LSTM alone
	//
	//	<layer>/output    the loop's outputs, (batch,
	//	                  steps, units), or if it keeps the last one alone
	//	                  (batch, 1, units); rows that do not have a step
	//	                  repeat an output or are zeros
	//
	// and the states before the first step, (batch, units):
	//
	//	<layer>/initial_h
	//	<layer>/initial_c
	//
	// The gates of an LSTM are i, f, g (the candidate, which Keras's formulas
	// call c~) and o; those of a GRU z, r and g; a SimpleRNN has g alone, which
	// is its h.
	Steps map[string]*Tensor
	// Traced, in a trace of steps, are the outputs computed from States and
	// Steps, where that is a different computation from that of Outputs: for a
	// copy of the model's loop, TensorFlow may choose other kernels, which
	// round differently. It is nil if it is the same computation, or if the
	// outputs could not be computed twice, as in a model whose outputs wait for
	// a change of its variables.
	Traced map[string]*Tensor
}

// gateOrder is the order of the gates in kernels, and c before h.
const gateOrder = "zrifgoch"

// Quantities lists the quantities in Steps for a layer by the names that follow
// <layer>/, in the order in which a step computes them: the gates' sums, the
// gates, the states. x, mask, output and the states before the first step are
// left out.
func (t *Trace) Quantities(layer string) []string {
	var sums, gates, states []string
	for name := range t.Steps {
		q, ok := strings.CutPrefix(name, layer+"/")
		switch {
		case !ok || q == "" || strings.Contains(q, "/") || strings.HasPrefix(q, "initial_") || q == "x" || q == "mask" || q == "output":
		case strings.HasPrefix(q, "sum_"):
			sums = append(sums, q)
		case q == "h" || q == "c":
			states = append(states, q)
		default:
			gates = append(gates, q)
		}
	}
	for _, list := range [][]string{sums, gates, states} {
		slices.SortFunc(list, func(a, b string) int {
			return strings.Index(gateOrder, a[len(a)-1:]) - strings.Index(gateOrder, b[len(b)-1:])
		})
	}
	return slices.Concat(sums, gates, states)
}
