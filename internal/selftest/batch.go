package selftest

import (
	"context"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

// row is one row of a batch.
type row struct {
	name   string
	inputs map[string]*lockstep.Tensor // (1, …) each
	drives gateRegions
}

// fixBatch finds the batch that the signature fixes, if it does.
func (g *generator) fixBatch() error {
	for _, s := range g.sig.Inputs {
		if s.UnknownRank || len(s.Shape) == 0 || s.Shape[0] >= 0 && g.batch > 0 && s.Shape[0] != g.batch || s.Shape[0] == 0 {
			return fmt.Errorf("selftest: input %s has no batch axis, so that no rows can be put into it", s)
		}
		if s.Shape[0] > 0 {
			g.batch = s.Shape[0]
		}
	}
	return nil
}

// accepted returns the rows that the model accepts, and a trace of some. Where
// it accepts no batch of them, the batch is fixed at that of o.Like.
func (g *generator) accepted(ctx context.Context, m *native.Model, all []row) ([]row, *lockstep.Trace, error) {
	t, err := g.drive(ctx, m, all)
	if err == nil {
		return all, t, nil
	}
	if some := g.alone(ctx, m, all); len(some) > 0 {
		if t, err = g.drive(ctx, m, some); err == nil {
			return some, t, nil
		}
	}
	if g.batch > 0 || g.o.Like == nil {
		return nil, nil, fmt.Errorf("selftest: the model accepts none of the series that were tried: %w", err)
	}
	for _, s := range g.sig.Inputs {
		n := g.o.Like[s.Name].Shape()[0]
		if g.batch > 0 && n != g.batch {
			return nil, nil, fmt.Errorf("selftest: the inputs have batches of %d and of %d, so that rows cannot be put together: %w", g.batch, n, err)
		}
		g.batch = n
	}
	return g.accepted(ctx, m, all)
}

// alone returns the rows that the model accepts one by one.
func (g *generator) alone(ctx context.Context, m *native.Model, all []row) []row {
	var out []row
	for i := range all {
		if _, err := g.drive(ctx, m, all[i:i+1]); err == nil {
			out = append(out, all[i])
		}
	}
	return out
}

// drive runs rows, and finds out which regions each drives: as one batch, or in
// batches of the fixed size, of which the last is filled up. It returns the
// trace of the last.
func (g *generator) drive(ctx context.Context, m *native.Model, rows []row) (t *lockstep.Trace, err error) {
	size := g.batch
	if size == 0 {
		size = len(rows)
	}
	for at := 0; at < len(rows); at += size {
		some := rows[at:min(at+size, len(rows))]
		batch := append([]row(nil), some...)
		for len(batch) < size {
			batch = append(batch, some[len(some)-1])
		}
		in, err := stack(batch)
		if err != nil {
			return nil, err
		}
		if t, err = m.Trace(ctx, in, lockstep.Steps); err != nil {
			return nil, err
		}
		for i, d := range byRow(t) {
			if i < len(some) {
				some[i].drives = d
			}
		}
	}
	return t, nil
}

// coverage is that of rows which were driven.
func coverage(rows []row, t *lockstep.Trace) *Coverage {
	c := &Coverage{hit: map[string][]bool{}}
	for _, r := range rows {
		c.add(r.drives)
	}
	c.count(t)
	return c
}

// fit makes elements that the model accepts.
func (g *generator) fit(inputs map[string]*lockstep.Tensor) error {
	if g.o.Fit == nil {
		return nil
	}
	for name, t := range inputs {
		if err := g.o.Fit(name, t); err != nil {
			return fmt.Errorf("selftest: input %q: %w", name, err)
		}
	}
	return nil
}

// length is the length of a row's axis other than the batch.
func (g *generator) length(s lockstep.TensorSpec, axis int) int {
	switch {
	case s.Shape[axis] >= 0:
		return s.Shape[axis]
	case g.o.Like != nil:
		return g.o.Like[s.Name].Shape()[axis]
	}
	return g.o.Steps
}
