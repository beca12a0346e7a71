package compare

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// layersOf returns the results of an engine's layers, h and c at each step, as
// the loops themselves left them, in float64 under the candidate's layer names,
// to which named maps the engine's own.
func layersOf(trace *lockstep.Trace, named map[string]string) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for _, layer := range trace.Layers {
		name, ok := named[layer]
		if !ok {
			continue
		}
		for _, q := range []string{"h", "c"} {
			t := trace.Layer(layer).Step(q)
			if t == nil {
				continue
			}
			made, err := t.Float64s()
			if err == nil && q == "h" {
				err = leave(made, t, trace.Layer(layer).Output(), trace.Layer(layer).Mask())
			}
			if err == nil {
				err = end(made, t, trace.Layer(layer).Final(q))
			}
			if err == nil {
				out[lockstep.StepName(name, q)], err = lockstep.New(made, slices.Clone(t.Shape())...)
			}
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", layer, q, err)
			}
		}
	}
	return out, nil
}

// otherShape finds layer results whose shapes differ between the engines, and
// returns the first by the candidate's names, and both; "" if there is none.
func otherShape(reference, candidate *lockstep.Trace, pairs pairing) (first string, t, other *lockstep.Tensor) {
	for layer, theirs := range pairs.other {
		for _, q := range []string{"h", "c"} {
			name := lockstep.StepName(theirs, q)
			a, b := reference.Layer(layer).Step(q), candidate.Steps[name]
			if a != nil && b != nil && !slices.Equal(a.Shape(), b.Shape()) && (first == "" || name < first) {
				first, t, other = name, a, b
			}
		}
	}
	return first, t, other
}

// leave sets the elements of h (batch, steps, units) to the loop's outputs,
// except in rows without the step, by the mask.
func leave(made []float64, h, output, mask *lockstep.Tensor) error {
	if output == nil || !slices.Equal(output.Shape(), h.Shape()) || output.DType() != h.DType() {
		return nil
	}
	left, err := output.Float64s()
	if err != nil {
		return err
	}
	if mask == nil {
		copy(made, left)
		return nil
	}
	has, err := lockstep.Data[bool](mask)
	if err != nil {
		return err
	}
	shape := h.Shape()
	if len(has) != shape[0]*shape[1] {
		return fmt.Errorf("the mask is %s, want one value for each row and step of %s", mask, h)
	}
	units := shape[2]
	for i := range has {
		row := made[i*units : (i+1)*units]
		switch {
		case has[i]:
			copy(row, left[i*units:])
		case i%shape[1] > 0:
			copy(row, made[(i-1)*units:]) // the state before it
		}
	}
	return nil
}

// end replaces those of the last step of t (batch, steps, units) by the final
// states.
func end(made []float64, t, last *lockstep.Tensor) error {
	shape := t.Shape()
	if last == nil || t.Rank() != 3 || last.Len() != shape[0]*shape[2] || t.DType() != last.DType() || shape[1] == 0 {
		return nil
	}
	states, err := last.Float64s()
	if err != nil {
		return err
	}
	for i := range shape[0] {
		copy(made[((i+1)*shape[1]-1)*shape[2]:], states[i*shape[2]:(i+1)*shape[2]])
	}
	return nil
}
