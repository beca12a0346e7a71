package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// pairing says which recurrent layer of the candidate is compared with which of
// the reference's, and why some have no counterpart.
type pairing struct {
	other map[string]string // the candidate's layer by the reference's
	alone []string          // what has no counterpart, and why, a clause each
	// loneReference and loneCandidate are the layers of either side that have no
	// counterpart.
	loneReference, loneCandidate []string
}

// Unpaired tells whether a recurrent layer of one engine has no counterpart in
// the other.
func (c *CheckResult) Unpaired() bool { return len(c.pairs.alone) > 0 }

// pairLayers pairs layers of the same name and the rest, if both sides have the
// same number, in order, if their kinds and sizes match: otherwise they have no
// steps that could be compared.
func pairLayers(reference, candidate *lockstep.Trace) pairing {
	p := pairing{other: map[string]string{}}
	var left, rest []string
	for _, l := range reference.Layers {
		if slices.Contains(candidate.Layers, l) {
			p.pair(reference, candidate, l, l)
		} else {
			left = append(left, l)
		}
	}
	for _, l := range candidate.Layers {
		if !slices.Contains(reference.Layers, l) {
			rest = append(rest, l)
		}
	}
	if len(left) == len(rest) {
		for i := range left {
			p.pair(reference, candidate, left[i], rest[i])
		}
		return p
	}
	for _, side := range []struct {
		names    []string
		lone     *[]string
		has, not *lockstep.Trace
	}{{left, &p.loneReference, reference, candidate}, {rest, &p.loneCandidate, candidate, reference}} {
		for _, l := range side.names {
			*side.lone = append(*side.lone, l)
			p.alone = append(p.alone, fmt.Sprintf("%s has the recurrent layer %s and %s has no counterpart: %s", side.has.Engine, l, side.not.Engine, layersIn(side.not)))
		}
	}
	return p
}

func layersIn(t *lockstep.Trace) string {
	if len(t.Layers) == 0 {
		return "it shows no recurrent layer"
	}
	return "its recurrent layers are " + strings.Join(t.Layers, ", ")
}

// pair pairs two layers if their steps can be compared.
func (p *pairing) pair(reference, candidate *lockstep.Trace, l, other string) {
	if a, b := formOf(reference, l), formOf(candidate, other); !a.fits(b) {
		p.loneReference, p.loneCandidate = append(p.loneReference, l), append(p.loneCandidate, other)
		p.alone = append(p.alone, fmt.Sprintf("the recurrent layer %s has %s in %s, and %s in %s", l, a, reference.Engine, b, candidate.Engine))
		return
	}
	p.other[l] = other
}

// form is the shape of a layer as a trace shows it; what it does not show is 0
// or "".
type form struct {
	states, gates   string
	units, features int
}

func formOf(t *lockstep.Trace, layer string) form {
	var f form
	width := func(x *lockstep.Tensor) int {
		if x == nil || x.Rank() == 0 {
			return 0
		}
		return x.Shape()[x.Rank()-1]
	}
	for _, q := range []string{"h", "c"} {
		state, step := t.Layer(layer).Final(q), t.Layer(layer).Step(q)
		if state != nil || step != nil {
			f.states += q
			f.units = max(f.units, width(state), width(step))
		}
	}
	f.features = width(t.Layer(layer).X())
	for _, q := range t.Quantities(layer) {
		if q != "h" && q != "c" && !strings.HasPrefix(q, "sum_") {
			f.gates += q
		}
	}
	return f
}

// fits tells whether two forms can belong to layers of the same kind and size.
func (f form) fits(g form) bool {
	same := func(a, b string) bool { return a == b || a == "" || b == "" }
	fits := func(a, b int) bool { return a == b || a == 0 || b == 0 }
	return same(f.states, g.states) && same(f.gates, g.gates) && fits(f.units, g.units) && fits(f.features, g.features)
}

// String says what a layer is, as in "states h, c of 3 units, gates i, f, g, o, 2 features".
func (f form) String() string {
	listed := func(s string) string { return strings.Join(strings.Split(s, ""), ", ") }
	out := fmt.Sprintf("states %s of %d units", listed(f.states), f.units)
	if f.gates != "" {
		out += ", gates " + listed(f.gates)
	}
	if f.features > 0 {
		out += fmt.Sprintf(", %d features", f.features)
	}
	return out
}

// counterpart names the candidate's layer for the reference's.
func (p pairing) counterpart(layer string) (string, bool) {
	other, ok := p.other[layer]
	return other, ok
}

// withoutLone returns tensors without the final states of layers that have no
// counterpart.
func withoutLone(tensors map[string]*lockstep.Tensor, lone []string) map[string]*lockstep.Tensor {
	out := maps.Clone(tensors)
	for _, l := range lone {
		delete(out, lockstep.StateName(l, "h"))
		delete(out, lockstep.StateName(l, "c"))
	}
	return out
}

// statesByReference gives the candidate's final states the names that the
// reference has for their layers.
func (p pairing) statesByReference(states map[string]*lockstep.Tensor) map[string]*lockstep.Tensor {
	ours := map[string]string{}
	for l, other := range p.other {
		ours[other] = l
	}
	out := make(map[string]*lockstep.Tensor, len(states))
	for name, t := range states {
		if layer, state, ok := lockstep.CutStateName(name); ok && ours[layer] != "" {
			name = lockstep.StateName(ours[layer], state)
		}
		out[name] = t
	}
	return out
}
