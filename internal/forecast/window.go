package forecast

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
)

// Span says where a series is cut.
type Span struct {
	At      int // the first value that the model sees; negative: the last place that leaves the whole horizon in the series
	Seen    int // how many it sees, where the signature leaves it open
	Horizon int // how many are forecast
}

// Window makes inputs for a forecast of a series, (steps, features) or of one
// feature (steps). A model that reads one sequence before it is fed by steps,
// as with an encoder, reads the seen values there; its decoder is fed the last
// of them, and for teacher forcing those that follow. A model without other
// inputs is fed the seen values and those that follow. The target of each step
// is the value after the one that is fed.
func Window(sig lockstep.Signature, r Roles, values *lockstep.Tensor, c Span) (Problem, error) {
	p, err := window(sig, r, values, c)
	if err != nil {
		return Problem{}, fmt.Errorf("forecast: %w", err)
	}
	return p, nil
}

func window(sig lockstep.Signature, r Roles, values *lockstep.Tensor, c Span) (Problem, error) {
	s, err := line(values)
	if err != nil {
		return Problem{}, err
	}
	fed, ok := sig.Input(r.Input)
	if !ok {
		return Problem{}, fmt.Errorf("the signature has no input %q", r.Input)
	}
	seen := c.Seen
	for _, spec := range sig.Inputs {
		if !sequence(spec) || spec.Shape[2] != s.features {
			return Problem{}, &lockstep.TensorError{Err: fmt.Errorf("the input %s cannot be cut out of a series of %d features", spec, s.features)}
		}
		if spec.Name != r.Input && spec.Shape[1] >= 0 {
			seen = spec.Shape[1]
		}
	}
	if len(sig.Inputs) > 2 {
		return Problem{}, fmt.Errorf("the signature has %d inputs, and a series makes two at most: one that is read before, and one that is fed", len(sig.Inputs))
	}
	if seen < 1 || c.Horizon < 1 {
		return Problem{}, fmt.Errorf("%d values are seen and %d forecast, want 1 or more of both", seen, c.Horizon)
	}
	at := c.At
	if at < 0 {
		at = max(0, s.steps-seen-c.Horizon)
	}
	if at > s.steps-seen { // at+seen may be too large for an int
		return Problem{}, fmt.Errorf("the series has %d values, too few for %d that are seen from value %d on", s.steps, seen, at)
	}
	p := Problem{Roles: r, Given: 1, Horizon: c.Horizon, Inputs: map[string]*lockstep.Tensor{}}
	from := at + seen - 1 // of what is fed
	if len(sig.Inputs) == 1 {
		from, p.Given = at, seen
	}
	to := s.steps
	if n := p.Given - 1 + c.Horizon; n < to-from {
		to = from + n
	}
	for _, spec := range sig.Inputs {
		a, b := from, to
		if spec.Name != fed.Name {
			a, b = at, at+seen
		}
		if p.Inputs[spec.Name], err = tensorOf(spec.DType, s.values[a*s.features:b*s.features], 1, b-a, s.features); err != nil {
			return Problem{}, err
		}
		if err := spec.Check(p.Inputs[spec.Name]); err != nil {
			return Problem{}, err
		}
	}
	if a, b := from+1, min(to+1, s.steps); a < b {
		p.Target, err = tensorOf(fed.DType, s.values[a*s.features:b*s.features], 1, b-a, s.features)
	}
	return p, err
}

// line reads a series of one row.
func line(t *lockstep.Tensor) (*series, error) {
	shape := t.Shape()
	switch {
	case len(shape) == 1:
		shape = []int{shape[0], 1}
	case len(shape) == 3 && shape[0] == 1:
		shape = shape[1:]
	case len(shape) != 2:
		return nil, &lockstep.TensorError{Err: fmt.Errorf("the series is %s, want (steps) or (steps, features)", t)}
	}
	values, err := t.Float64s()
	if err != nil || !t.DType().IsFloat() {
		return nil, &lockstep.TensorError{Err: fmt.Errorf("the series is %s, want floats", t)}
	}
	if shape[1] < 1 {
		return nil, &lockstep.TensorError{Err: fmt.Errorf("the series is %s, want a feature at least", t)}
	}
	return &series{t.DType(), 1, shape[0], shape[1], values}, nil
}
