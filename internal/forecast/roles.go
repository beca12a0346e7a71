package forecast

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

// Find returns the input of a native model that can be fed an output, and that
// output: those of the same type, rank and features, where the model is shown to
// need no later step for an earlier one. If there is none, the error wraps
// ErrNone and says why; if there are several, it names them.
func Find(ctx context.Context, m *native.Model, inputs map[string]*lockstep.Tensor) (Roles, error) {
	sig := m.Signature()
	if err := sig.CheckInputs(inputs); err != nil {
		return Roles{}, fmt.Errorf("forecast: %w", err)
	}
	all, err := Candidates(sig)
	if err != nil {
		return Roles{}, err
	}
	var found []Roles
	var errs []error
	for _, r := range all {
		given, err := valuesOf(inputs[r.Input])
		if err == nil {
			_, err = open(ctx, m, r, inputs, given)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("forecast: input %q: %w", r.Input, err))
			continue
		}
		found = append(found, r)
	}
	if len(found) == 0 {
		return Roles{}, errors.Join(errs...)
	}
	return Only(found)
}

// Only returns the only one of several roles.
func Only(all []Roles) (Roles, error) {
	if len(all) == 1 {
		return all[0], nil
	}
	var names []string
	for _, r := range all {
		names = append(names, fmt.Sprintf("%q from %q", r.Input, r.Output))
	}
	return Roles{}, fmt.Errorf("forecast: %w: %s", ErrSeveral, strings.Join(names, ", "))
}

// Candidates returns the inputs and outputs of a signature that match: floats
// (batch, steps, features) with the same features, the steps of both open or the
// same.
func Candidates(sig lockstep.Signature) ([]Roles, error) {
	var out []Roles
	sequences, fed := 0, false
	for _, in := range sig.Inputs {
		if !sequence(in) {
			continue
		}
		fed = true
		for _, y := range sig.Outputs {
			if !sequence(y) {
				continue
			}
			sequences++
			if in.DType == y.DType && in.Shape[2] == y.Shape[2] && in.Shape[1] == y.Shape[1] {
				out = append(out, Roles{in.Name, y.Name})
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	reason := "no output has as many features and steps as an input, in the same type"
	switch {
	case !fed:
		reason = "no input is float32 or float64 (batch, steps, features); what takes ids of tokens would have to choose one of its outputs first"
	case sequences == 0:
		reason = "no output is float32 or float64 (batch, steps, features)"
	}
	return nil, fmt.Errorf("forecast: %w: %s; inputs %s; outputs %s", ErrNone, reason, list(sig.Inputs), list(sig.Outputs))
}

func sequence(s lockstep.TensorSpec) bool {
	return !s.UnknownRank && len(s.Shape) == 3 && s.Shape[2] > 0 && (s.DType == lockstep.Float32 || s.DType == lockstep.Float64)
}

func list(specs []lockstep.TensorSpec) string {
	var out []string
	for _, s := range specs {
		out = append(out, s.String())
	}
	return strings.Join(out, ", ")
}
