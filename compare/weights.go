package compare

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// weightsTitle is the title of the comparison of weights.
const weightsTitle = "weights"

// readWeights returns the weights of both engines, none unless both show theirs.
func (c Check) readWeights() (weights [2]lockstep.Weights, err error) {
	reference, ok := c.Reference.(lockstep.Weigher)
	if !ok {
		return weights, nil
	}
	candidate, ok := c.Candidate.(lockstep.Weigher)
	if !ok {
		return weights, nil
	}
	if weights[0], err = reference.Weights(); err != nil {
		return weights, err
	}
	if weights[1], err = candidate.Weights(); err != nil {
		return weights, err
	}
	weights[0] = slices.Clone(weights[0])
	for i, w := range weights[0] { // so that one copy is held
		if own := weights[1].Get(w.Name); own != nil && own.BitEqual(w.Tensor) {
			weights[0][i].Tensor = own
		}
	}
	return weights, nil
}

// weights compares the weights, nil if there are none. Where the models are
// built differently, weights without a counterpart are not compared, and the
// notes name them.
func (c Check) weights(want, have lockstep.Weights, otherwise bool) *Comparison {
	if len(want) == 0 && len(have) == 0 {
		return nil // a model without weights
	}
	have = c.byVariable(want, have)
	k := Comparison{Title: weightsTitle, Reference: c.Reference.Name(), Candidate: c.Candidate.Name()}
	if otherwise {
		var lone [2][]string
		want, lone[0] = having(want, have)
		have, lone[1] = having(have, want)
		for i, name := range []string{k.Reference, k.Candidate} {
			if len(lone[i]) > 0 {
				k.Notes = append(k.Notes, fmt.Sprintf("weights of %s that are not compared, since the other model is built differently and has no weight of that name or variable: %s", name, some(lone[i])))
			}
		}
		if len(want) == 0 {
			return nil
		}
	}
	bits := Uniform(Rule{Bits: true, AllowNonFinite: c.Settings.AllowNonFinite()})
	d := Measure(lockstep.ByName(want), lockstep.ByName(have), Options{Order: lockstep.Names(want), Layout: PlainLayout})
	k.Results = Judge(d, bits)
	return &k
}

// byVariable renames the candidate's weights whose names the reference does not
// have to the reference's names of the same variables.
func (c Check) byVariable(want, have lockstep.Weights) lockstep.Weights {
	ours := map[string]string{} // by variable
	for _, w := range want {
		if v := c.Variables[0][w.Name]; v != "" && have.Get(w.Name) == nil {
			ours[v] = w.Name
		}
	}
	have = slices.Clone(have)
	for i, w := range have {
		v := c.Variables[1][w.Name]
		if name := ours[v]; v != "" && name != "" && want.Get(w.Name) == nil {
			have[i].Name = name
			delete(ours, v)
		}
	}
	return have
}

// having splits weights into those that have a counterpart and the names of the
// others.
func having(weights, others lockstep.Weights) (both lockstep.Weights, lone []string) {
	for _, w := range weights {
		if others.Get(w.Name) != nil {
			both = append(both, w)
		} else {
			lone = append(lone, w.Name)
		}
	}
	return both, lone
}
