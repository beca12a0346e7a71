package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// roles are the parts of a cell's sums, as they are read one after the other:
// one input, one kernel, one recurrent kernel, and one bias or none, of which
// each gate has its own columns.
type roles struct {
	input                   *expr
	kernel, recurrent, bias *tensor
	units                   int
	read                    bool // a sum has been read, and bias says whether there is one
}

// gate is the required sum of a gate: x·kernel if input is set,
// h·recurrent_kernel if h is, and the given rows of the bias.
type gate struct {
	number int // its place among the columns
	input  bool
	h      *expr
	rows   []int
}

// gate reads a gate's sum and returns its terms that are neither matrix
// products nor the bias, or the reason why it does not fit.
func (r *roles) gate(p *expr, want gate) (rest []*expr, reason string) {
	var rows []int
	inputs, products := 0, 0
	for _, t := range p.terms {
		switch {
		case t.other != nil:
			rest = append(rest, t.other)
			continue
		case t.v == nil:
			rows = append(rows, t.w.top)
			reason = r.assign("bias", &r.bias, t.w, want.number)
		case t.v == want.h:
			products++
			reason = r.assign("recurrent kernel", &r.recurrent, t.w, want.number)
		default:
			if r.input == nil {
				r.input = t.v
			}
			if t.v != r.input {
				return nil, "its gates' sums have a product with something that is neither the step's input nor h"
			}
			inputs++
			reason = r.assign("kernel", &r.kernel, t.w, want.number)
		}
		if reason != "" {
			return nil, reason
		}
	}
	if want.input != (inputs == 1) || inputs > 1 || (want.h != nil) != (products == 1) || products > 1 {
		return nil, "a gate's sum lacks the product with the input or with h, or has one twice"
	}
	slices.Sort(rows)
	if len(rows) > 0 && !slices.Equal(rows, want.rows) {
		return nil, "a gate's sum has more than its bias"
	}
	if r.read && (len(rows) > 0) != (r.bias != nil) {
		return nil, "one gate has a bias and another has none"
	}
	r.read = true
	return rest, ""
}

// assign notes that a part of a tensor plays a role in a gate, or says why not.
func (r *roles) assign(name string, role **tensor, p part, number int) string {
	if *role == nil {
		*role = p.of
	}
	if *role != p.of {
		return fmt.Sprintf("its gates read two of a %s: %s and %s", name, (*role).ref, p.of.ref)
	}
	if r.units == 0 {
		r.units = p.to - p.from
	}
	if p.from != number*r.units || p.to != (number+1)*r.units {
		return fmt.Sprintf("gate %d reads the columns %d to %d of the %s, want %d to %d", number, p.from, p.to, name, number*r.units, (number+1)*r.units)
	}
	return ""
}

// layer returns a layer of the given number of gates with the weights in their
// roles, or says why their shapes do not fit.
func (r *roles) layer(kind Kind, gates, biases int) (*Layer, string) {
	columns := gates * r.units
	if k, h := r.kernel.shape, r.recurrent.shape; len(k) != 2 || len(h) != 2 || k[1] != columns || h[1] != columns || h[0] != r.units {
		return nil, fmt.Sprintf("its kernels have the shapes %s and %s, want %d columns for each of the %d units",
			lockstep.FormatShape(k), lockstep.FormatShape(h), gates, r.units)
	}
	l := &Layer{Kind: kind, Units: r.units, Features: r.kernel.shape[0], Kernel: r.kernel.ref, RecurrentKernel: r.recurrent.ref}
	if r.bias == nil {
		return l, ""
	}
	want := []int{biases, columns}
	if biases == 1 {
		want = want[1:]
	}
	if !slices.Equal(r.bias.shape, want) {
		return nil, fmt.Sprintf("its bias has the shape %s, want %s", lockstep.FormatShape(r.bias.shape), lockstep.FormatShape(want))
	}
	l.Bias = r.bias.ref
	return l, ""
}
