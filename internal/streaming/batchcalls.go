package streaming

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// borrow returns a BatchRunner that is to be given back.
func (b *Batches) borrow() *BatchRunner {
	if r, ok := b.runners.Get().(*BatchRunner); ok {
		return r
	}
	return b.NewRunner()
}

// Run computes the outputs as the program's Run does.
func (b *Batches) Run(ctx context.Context, inputs map[string]*lockstep.Tensor, wantExtra bool) (outputs, extra map[string]*lockstep.Tensor, err error) {
	r := b.borrow()
	defer b.runners.Put(r)
	s, d, err := r.divided(ctx, inputs)
	defer clear(r.given)
	if err != nil {
		return nil, nil, err
	}
	p := b.program
	begun := r.begin(s)
	if d != nil {
		maps := []map[string]*lockstep.Tensor{{}, {}}
		all := make([]*lockstep.Tensor, len(p.Out))
		for i, out := range p.Out {
			of := maps[0]
			if i >= p.Wanted {
				of = maps[1]
			}
			if i >= p.Wanted && !wantExtra {
				continue
			}
			if all[i], err = d.output(i, r.given[0].Shape()[0]); err != nil {
				return nil, nil, fmt.Errorf("output %q: %w", out.Name, err)
			}
			of[out.Name] = all[i]
		}
		if done, err := r.portions(ctx, d, all); done || err != nil {
			r.end(s, begun, err)
			if err != nil {
				return nil, nil, err
			}
			if !wantExtra {
				maps[1] = nil
			}
			return maps[0], maps[1], nil
		}
	}
	outputs, extra, err = p.Run(ctx, inputs, wantExtra)
	r.end(s, begun, err)
	return outputs, extra, err
}

// RunInto is Run into tensors of the caller's, one of the right type and shape for every
// output.
func (b *Batches) RunInto(ctx context.Context, inputs, outputs map[string]*lockstep.Tensor) error {
	r := b.borrow()
	defer b.runners.Put(r)
	s, d, err := r.divided(ctx, inputs)
	defer clear(r.given)
	if err != nil {
		return err
	}
	begun := r.begin(s)
	if d != nil {
		own, err := r.targets(d, outputs)
		if err != nil {
			return err
		}
		if own != nil {
			if done, err := r.portions(ctx, d, own); done || err != nil {
				r.end(s, begun, err)
				return err
			}
		}
	}
	err = b.program.RunInto(ctx, inputs, outputs)
	r.end(s, begun, err)
	return err
}

// targets are the caller's tensors in the program's order; nil if one is in the memory of an
// input, which other portions still read.
func (r *BatchRunner) targets(d *division, outputs map[string]*lockstep.Tensor) ([]*lockstep.Tensor, error) {
	p := r.batches.program
	r.into = append(r.into[:0], make([]*lockstep.Tensor, len(p.Out))...)
	for i, out := range p.Out[:p.Wanted] {
		to := outputs[out.Name]
		if !d.fits(i, r.given[0].Shape()[0], to) {
			return nil, fmt.Errorf("the output %q of %d rows has %s as its tensor, and for %d rows it is %s %s", out.Name, r.given[0].Shape()[0], to,
				d.portion.rows, d.portion.types[i], lockstep.FormatShape(d.portion.shapes[i]))
		}
		for _, in := range r.given {
			if value.Overlap(in, to) {
				return nil, nil
			}
		}
		r.into[i] = to
	}
	return r.into, nil
}

// fits tells whether a tensor can hold an output for a batch.
func (d *division) fits(i, batch int, t *lockstep.Tensor) bool {
	shape := d.portion.shapes[i]
	if t == nil || t.DType() != d.portion.types[i] || t.Rank() != len(shape) {
		return false
	}
	axis := d.outputs.outputs[i].axis
	for k, n := range t.Shape() {
		if k == axis && n != batch || k != axis && n != shape[k] {
			return false
		}
	}
	return true
}
