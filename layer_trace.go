package lockstep

import (
	"fmt"
	"strconv"
	"strings"
)

// StepName is the name in Steps of a quantity of a layer, such as x, sum_i, i or h.
func StepName(layer, quantity string) string { return layer + "/" + quantity }

// CutStepName is the reverse of StepName.
func CutStepName(name string) (layer, quantity string) {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)], name[i+1:]
}

// InitialName is the name in Steps of a layer's state before the first step, and
// StateName that in States of the one after the last: state is h or c.
func InitialName(layer, state string) string { return layer + "/initial_" + state }

// StateName: see InitialName.
func StateName(layer, state string) string { return layer + "/state_" + state }

// CutStateName is the reverse of StateName.
func CutStateName(name string) (layer, state string, ok bool) { return strings.Cut(name, "/state_") }

// RunName is the name in a Trace of one run of a layer that a loop of the model
// runs again and again: at says in which iteration, of each of the loops around the
// layer, the outermost first, counted from 0. It is the layer's own name where
// there is no loop.
func RunName(layer string, at []int) string {
	for i, n := range at {
		if i == 0 {
			layer += "/iteration"
		} else {
			layer += "."
		}
		layer += strconv.Itoa(n)
	}
	return layer
}

// CutRun is the reverse of RunName; ok is false for a layer's own name.
func CutRun(name string) (layer string, at []int, ok bool) {
	i := strings.LastIndex(name, "/iteration")
	if i < 0 {
		return name, nil, false
	}
	for _, number := range strings.Split(name[i+len("/iteration"):], ".") {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return name, nil, false
		}
		at = append(at, n)
	}
	return name[:i], at, true
}

// LayerOf is the layer that a run is of, or the name itself.
func LayerOf(run string) string {
	layer, _, _ := CutRun(run)
	return layer
}

// LayerTrace is the part of a trace for one recurrent layer; what it lacks is
// nil.
type LayerTrace struct {
	Name  string
	trace *Trace
}

// Layer returns what the trace shows of a layer.
func (t *Trace) Layer(name string) LayerTrace { return LayerTrace{name, t} }

// Step returns a quantity at each step: sum_i, i, h and so on, as Steps lists them.
func (l LayerTrace) Step(quantity string) *Tensor { return l.trace.Steps[StepName(l.Name, quantity)] }

// X is what the cell reads, Mask which rows have a step, and Output the loop's
// outputs.
func (l LayerTrace) X() *Tensor { return l.Step("x") }

// Mask: see X.
func (l LayerTrace) Mask() *Tensor { return l.Step("mask") }

// Output: see X.
func (l LayerTrace) Output() *Tensor { return l.Step("output") }

// Initial is a state, h or c, before the first step, and Final the one after the
// last.
func (l LayerTrace) Initial(state string) *Tensor { return l.trace.Steps[InitialName(l.Name, state)] }

// Final: see Initial.
func (l LayerTrace) Final(state string) *Tensor { return l.trace.States[StateName(l.Name, state)] }

// Before returns what the cell reads at each step: x, and the states before it,
// h and of an LSTM c, each (batch, steps, …), as a Stepper takes them. It returns
// nil if the trace does not show the layer's steps.
func (l LayerTrace) Before() (map[string]*Tensor, error) {
	x := l.X()
	if x == nil || x.Rank() != 3 {
		return nil, nil
	}
	out := map[string]*Tensor{"x": x}
	for _, state := range []string{"h", "c"} {
		after, initial := l.Step(state), l.Initial(state)
		if after == nil || initial == nil {
			continue
		}
		var err error
		if after.DType() == Float64 {
			out[state], err = shifted[float64](after, initial)
		} else {
			out[state], err = shifted[float32](after, initial)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", state, err)
		}
	}
	if out["h"] == nil {
		return nil, nil
	}
	return out, nil
}

// shifted returns the states before each step, from those after each (batch,
// steps, units) and those before the first (batch, units).
func shifted[F float32 | float64](after, initial *Tensor) (*Tensor, error) {
	d, err := Data[F](after)
	if err != nil {
		return nil, err
	}
	first, err := Data[F](initial)
	if err != nil {
		return nil, err
	}
	shape := after.Shape()
	if after.Rank() != 3 || len(first) != shape[0]*shape[2] {
		return nil, fmt.Errorf("the states are %s and begin as %s", after, initial)
	}
	out := make([]F, len(d))
	row := shape[1] * shape[2]
	for i := range shape[0] {
		if row > 0 {
			n := copy(out[i*row:], first[i*shape[2]:(i+1)*shape[2]])
			copy(out[i*row+n:(i+1)*row], d[i*row:])
		}
	}
	return New(out, shape...)
}
