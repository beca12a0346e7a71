package compare

import (
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Options say how two sets of tensors are compared. The zero Options suit the
// activations of a Keras model.
type Options struct {
	// Order lists names in the order wanted, such as that in which layers run.
	// Names that no side has are skipped, names that it does not list follow
	// sorted.
	Order []string
	// Layout names the axes of a tensor. KerasLayout if nil.
	Layout func(name string, shape []int) Layout
}

// Measure compares the candidate's tensors with the reference's and returns one
// Difference for every name on either side; complex numbers are compared as their
// parts (lockstep.Tensor.RealParts). No tensors give no Differences,
// which a Comparison does not count as agreement.
func Measure(reference, candidate map[string]*lockstep.Tensor, o Options) []Difference {
	if o.Layout == nil {
		o.Layout = KerasLayout
	}
	var out []Difference
	for _, name := range names(reference, candidate, o.Order) {
		out = append(out, difference(name, reference[name].RealParts(), candidate[name].RealParts(), o.Layout))
	}
	return out
}

func difference(name string, reference, candidate *lockstep.Tensor, layout func(string, []int) Layout) Difference {
	d := Difference{Name: name, Reference: reference, Candidate: candidate, Layout: plain}
	if t := d.side(); t != nil {
		d.Layout = layout(name, t.Shape()).within(t.Rank())
	}
	d.measure()
	return d
}

// names returns every name of either side once: those of order first.
func names(a, b map[string]*lockstep.Tensor, order []string) []string {
	rest := make(map[string]bool, len(a))
	for name := range a {
		rest[name] = true
	}
	for name := range b {
		rest[name] = true
	}
	var out []string
	for _, name := range order {
		if rest[name] {
			delete(rest, name)
			out = append(out, name)
		}
	}
	return append(out, slices.Sorted(maps.Keys(rest))...)
}

func (d *Difference) measure() {
	ref, cand := d.Reference, d.Candidate
	switch {
	case ref == nil && cand == nil:
		d.Kind = Absent
	case cand == nil:
		d.Kind = Missing
	case ref == nil:
		d.Kind = Extra
	case ref.DType() == lockstep.Invalid || cand.DType() == lockstep.Invalid:
		d.Kind = Unreadable
	case ref.DType() != cand.DType():
		d.Kind = DTypeMismatch
	case !slices.Equal(ref.Shape(), cand.Shape()):
		d.Kind = ShapeMismatch
	case ref.Len() == 0:
		d.Kind = Empty
	default:
		d.measureElements()
	}
}

// begin says that the elements are compared.
func (d *Difference) begin() {
	d.Kind = Measured
	d.Elements = d.Reference.Len()
	if d.Layout.Time >= 0 {
		d.Steps = make([]Step, d.Reference.Shape()[d.Layout.Time])
	}
}

func (d *Difference) measureElements() {
	d.begin()
	if ref, ok := floatsOf(d.Reference); ok {
		cand, _ := floatsOf(d.Candidate)
		d.measureFloats(ref, cand)
		return
	}
	if same, ok := equalityOf(d.Reference, d.Candidate); ok {
		d.measureExact(same)
		return
	}
	*d = Difference{Name: d.Name, Kind: Unreadable, Reference: d.Reference, Candidate: d.Candidate, Layout: d.Layout}
}

// step is where a time step's figures are added: nowhere without a time axis.
func (d *Difference) step(s int) *Step {
	if d.Steps == nil {
		return new(Step)
	}
	return &d.Steps[s]
}
