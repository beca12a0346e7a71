package compare

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Check tells whether the names are those of inputs, outputs and layers of a model,
// and of another that runs instead. The error, a *lockstep.TensorError, lists those
// that are not. layers are nil where they are not known; others are the other's.
func (n Names) Check(model, other lockstep.Signature, layers, others []string) error {
	var errs []error
	for _, ours := range slices.Sorted(maps.Keys(n)) {
		known := slices.Concat(specNames(model.Inputs), specNames(model.Outputs), layers)
		if layers != nil && !slices.Contains(known, ours) {
			errs = append(errs, fmt.Errorf("compare: the model has no input, output or layer %q; it has %q%s", ours, known, lockstep.Nearest(ours, known)))
		}
		known = slices.Concat(specNames(other.Inputs), specNames(other.Outputs), others)
		if theirs := n[ours]; !slices.Contains(known, theirs) {
			errs = append(errs, fmt.Errorf("compare: the candidate has no input, output or layer %q; it has %q%s", theirs, known, lockstep.Nearest(theirs, known)))
		}
	}
	if len(errs) > 0 {
		return &lockstep.TensorError{Err: errors.Join(errs...)}
	}
	return nil
}
