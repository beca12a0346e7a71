package golden

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// renames map the golden's names to the model's.
type renames struct{ inputs, outputs names }

type names map[string]string

func (n names) to(golden string) string {
	if now, ok := n[golden]; ok {
		return now
	}
	return golden
}

func (n names) back(model string) string {
	for golden, now := range n {
		if now == model {
			return golden
		}
	}
	return model
}

// renames reads the requested renames.
func (g *Golden) renames(asked map[string]string) (renames, error) {
	out := renames{names{}, names{}}
	for from, to := range asked {
		if g.Inputs[from] == nil && g.Outputs[from] == nil {
			return out, fmt.Errorf("golden: nothing to rename: the golden has no input and no output %q", from)
		}
		if g.Inputs[from] != nil {
			out.inputs[from] = to
		}
		if g.Outputs[from] != nil {
			out.outputs[from] = to
		}
	}
	return out, nil
}

// signature notes differences in the model's signature, and adds the names
// under which the answers can still be compared.
func (r *Result) signature(now lockstep.Signature, names renames) {
	if r.Golden.Header.Signature == nil {
		return
	}
	then, err := r.Golden.Header.Signature.signature()
	if err != nil {
		return // which no golden that was read or recorded has
	}
	if then.Name != now.Name {
		r.Signature = append(r.Signature, fmt.Sprintf("the signature %q, in the golden %q", now.Name, then.Name))
	}
	r.specs("input", then.Inputs, now.Inputs, names.inputs)
	r.specs("output", then.Outputs, now.Outputs, names.outputs)
}

// outputs notes the outputs of a golden without a signature that the model lacks.
func (r *Result) outputs(now lockstep.Signature, names names) {
	var have []string
	for _, o := range now.Outputs {
		have = append(have, o.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Golden.Outputs)) {
		if !slices.Contains(have, names.to(name)) {
			r.Signature = append(r.Signature, fmt.Sprintf("the model has no output %q; it has %q", names.to(name), have))
		}
	}
}

// specs notes differences in inputs or in outputs. If a single one has a
// different name, it is compared under that.
func (r *Result) specs(what string, then, now []lockstep.TensorSpec, names names) {
	var gone, added []lockstep.TensorSpec
	for _, t := range then {
		at := slices.IndexFunc(now, func(n lockstep.TensorSpec) bool { return n.Name == names.to(t.Name) })
		switch {
		case at < 0:
			gone = append(gone, t)
		case !sameSpec(t, now[at]):
			r.Signature = append(r.Signature, fmt.Sprintf("the %s %s, in the golden %s", what, now[at], t))
		}
	}
	for _, n := range now {
		if !slices.ContainsFunc(then, func(t lockstep.TensorSpec) bool { return names.to(t.Name) == n.Name }) {
			added = append(added, n)
		}
	}
	if len(gone) == 1 && len(added) == 1 && sameSpec(gone[0], added[0]) {
		r.Signature = append(r.Signature, fmt.Sprintf("the %s %q is called %q now", what, gone[0].Name, added[0].Name))
		names[gone[0].Name] = added[0].Name
		return
	}
	for _, t := range gone {
		r.Signature = append(r.Signature, fmt.Sprintf("the %s %s is gone", what, t))
	}
	for _, n := range added {
		r.Signature = append(r.Signature, fmt.Sprintf("the %s %s is new", what, n))
	}
}

// sameSpec compares all but the names.
func sameSpec(a, b lockstep.TensorSpec) bool {
	return a.DType == b.DType && a.UnknownRank == b.UnknownRank && slices.Equal(a.Shape, b.Shape)
}

// weights notes differences in the weights.
func (r *Result) weights(e lockstep.Engine) error {
	then := r.Golden.Header.Weights
	if then == nil {
		return nil
	}
	now, err := readWeights(e)
	if now == nil || err != nil {
		return err
	}
	names := func(list []Weight) []string { return sorted(list, func(w Weight) string { return w.Name }) }
	if !slices.Equal(names(then), names(now)) {
		return r.renamed(then, now)
	}
	for _, t := range then {
		n := now[slices.IndexFunc(now, func(n Weight) bool { return n.Name == t.Name })]
		switch {
		case !sameLayout(t, n):
			r.Layout = append(r.Layout, fmt.Sprintf("%s, in the golden %s", n, t))
		case t.SHA256 != n.SHA256:
			r.Weights = append(r.Weights, n.String())
		}
	}
	return nil
}

// renamed compares weights whose names differ, by the number of each shape and
// of each content.
func (r *Result) renamed(then, now []Weight) error {
	layout := func(w Weight) string { return w.DType + " " + lockstep.FormatShape(w.Shape) }
	content := func(w Weight) string { return layout(w) + w.SHA256 }
	switch {
	case !slices.Equal(sorted(then, layout), sorted(now, layout)):
		r.Layout = append(r.Layout, fmt.Sprintf("the weights %s, in the golden %s", list(now), list(then)))
	case !slices.Equal(sorted(then, content), sorted(now, content)):
		for _, n := range now {
			if !slices.ContainsFunc(then, func(t Weight) bool { return content(t) == content(n) }) {
				r.Weights = append(r.Weights, n.String())
			}
		}
		if len(r.Weights) == 0 {
			r.Weights = append(r.Weights, "a weight of the golden occurs more often than in it")
		}
	default:
		r.Notes = append(r.Notes, "the same weights under other names: "+list(now))
	}
	return nil
}

func sameLayout(a, b Weight) bool { return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) }

// String describes w, as in "encoder/kernel float32 (1, 256)".
func (w Weight) String() string {
	return w.Name + " " + w.DType + " " + lockstep.FormatShape(w.Shape)
}

func list(weights []Weight) string {
	words := make([]string, len(weights))
	for i, w := range weights {
		words[i] = w.String()
	}
	return strings.Join(words, ", ")
}

func sorted(weights []Weight, key func(Weight) string) []string {
	out := make([]string, len(weights))
	for i, w := range weights {
		out[i] = key(w)
	}
	slices.Sort(out)
	return out
}
