package rename

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Pairs are the candidate's names of inputs, outputs and layers by the
// reference's.
type Pairs map[string]string

// Check tells whether the names exist as inputs, outputs and layers of a model,
// and of the other that runs instead. The error, a *lockstep.TensorError, lists
// those that do not. layers are nil where they are not known; others are the
// other model's.
func (p Pairs) Check(model, other lockstep.Signature, layers, others []string) error {
	var errs []error
	for _, ours := range slices.Sorted(maps.Keys(p)) {
		known := slices.Concat(specNames(model.Inputs), specNames(model.Outputs), layers)
		if layers != nil && !slices.Contains(known, ours) {
			errs = append(errs, fmt.Errorf("rename: the model has no input, output or layer %q; it has %q%s", ours, known, lockstep.Nearest(ours, known)))
		}
		known = slices.Concat(specNames(other.Inputs), specNames(other.Outputs), others)
		if theirs := p[ours]; !slices.Contains(known, theirs) {
			errs = append(errs, fmt.Errorf("rename: the candidate has no input, output or layer %q; it has %q%s", theirs, known, lockstep.Nearest(theirs, known)))
		}
	}
	if len(errs) > 0 {
		return &lockstep.TensorError{Err: errors.Join(errs...)}
	}
	return nil
}

// among returns the pairs of which each side has its name; ours are nil where they
// are not known.
func (p Pairs) among(ours, theirs []string) map[string]string {
	out := map[string]string{}
	for name, own := range p {
		if (ours == nil || slices.Contains(ours, name)) && slices.Contains(theirs, own) {
			out[name] = own
		}
	}
	return out
}

// Match pairs the names of two signatures, and of two lists of layers. Inputs
// and outputs are paired by name, but for those that given pairs, and for the
// only input or output of both; layers by name or, if no names match, in order.
// It fails if an input or an output has no counterpart.
func Match(reference, candidate lockstep.Signature, layers, others []string, given Pairs) (Names, error) {
	inputs, err := matchSpecs("input", reference.Inputs, candidate.Inputs, given)
	if err != nil {
		return Names{}, err
	}
	outputs, err := matchSpecs("output", reference.Outputs, candidate.Outputs, given)
	if err != nil {
		return Names{}, err
	}
	out := Names{inputs, outputs, given.among(layers, others)}
	for i, l := range layers {
		if _, given := out.Layers[l]; !given && len(layers) == len(others) && !slices.Contains(others, l) && !slices.Contains(layers, others[i]) {
			out.Layers[l] = others[i]
		}
	}
	return out, nil
}

func matchSpecs(what string, want, have []lockstep.TensorSpec, given Pairs) (map[string]string, error) {
	left := map[string]bool{}
	for _, s := range have {
		left[s.Name] = true
	}
	out := given.among(specNames(want), specNames(have))
	if len(want) == 1 && len(have) == 1 && want[0].Name != have[0].Name && out[want[0].Name] == "" && want[0].DType == have[0].DType {
		out[want[0].Name] = have[0].Name // the only ones there are
	}
	for _, s := range want {
		own := theirs(out, s.Name)
		if !left[own] {
			return nil, fmt.Errorf("rename: the %s %q has no counterpart %q in the candidate, which has %q: pair them with --map theirs=ours", what, s.Name, own, specNames(have))
		}
		delete(left, own)
	}
	for name := range left {
		return nil, fmt.Errorf("rename: the candidate's %s %q has no counterpart: the reference has %q; pair them with --map theirs=ours", what, name, specNames(want))
	}
	return out, nil
}
