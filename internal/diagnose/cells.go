package diagnose

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/source"
)

// cells tries faults in the layers whose single steps diverge.
func (s *search) cells(ctx context.Context) ([]Cause, error) {
	var out []Cause
	for _, side := range []Side{InCandidate, InReference} {
		if s.margin(side, nil) <= 1 {
			continue // no step diverges on this side
		}
		causes, err := s.cellsOf(ctx, side)
		if err != nil {
			return nil, err
		}
		out = append(out, causes...)
	}
	return out, nil
}

// margin is the largest margin of the layers, of those in under, by the reference's
// names, as it says.
func (s *search) margin(side Side, under map[string]float64) float64 {
	most := 0.0
	for _, l := range s.layers {
		m, changed := under[l.name]
		if !changed {
			m = l.margin[side]
		}
		most = max(most, m)
	}
	return most
}

// named is the layer's name in the model in which the side's faults are tried.
func (l *layer) named(side Side) string {
	if side == InCandidate {
		return lockstep.LayerOf(l.name)
	}
	return lockstep.LayerOf(l.other)
}

// trial is a fault that was tried, and the margins of the layers it is in.
type trial struct {
	fault fault.Fault
	under map[string]float64
	w     *WeightFault
}

func (s *search) cellsOf(ctx context.Context, side Side) ([]Cause, error) {
	oracle, err := s.model(side).Source().Oracle()
	if err != nil {
		return nil, err
	}
	suppositions := make([]trial, 0, 64)
	for _, f := range fault.List(s.model(side).Source()) {
		suppositions = append(suppositions, trial{fault: f})
	}
	for _, l := range s.worst(side) {
		if l.margin[side] <= 1 {
			continue
		}
		w, err := s.oneWeight(l, side)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.name, err)
		}
		if w != nil {
			suppositions = append(suppositions, trial{fault: w.fault(), w: w})
		}
	}
	before := s.margin(side, nil)
	var out []Cause
	alike := map[fault.Fault][]trial{} // by the fault without its layer
	var order []fault.Fault
	for _, t := range suppositions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if t.under, err = s.under(oracle, side, t.fault); err != nil {
			return nil, fmt.Errorf("%s: %w", t.fault, err)
		}
		if len(t.under) == 0 {
			continue
		}
		s.found.Tried++
		out = append(out, Cause{Faults: []fault.Fault{t.fault}, Side: side, Before: before, Margin: s.margin(side, t.under), Weight: t.w})
		if key := t.fault; key.Layer != "" && key.Other == "" && t.w == nil {
			key.Layer = ""
			if alike[key] == nil {
				order = append(order, key)
			}
			alike[key] = append(alike[key], t)
		}
	}
	for _, key := range order { // the same fault in every layer that diverges
		if len(alike[key]) < 2 {
			continue
		}
		c := Cause{Side: side, Before: before}
		under := map[string]float64{}
		for _, t := range alike[key] {
			c.Faults = append(c.Faults, t.fault)
			maps.Copy(under, t.under)
		}
		c.Margin = s.margin(side, under)
		out = append(out, c)
	}
	return out, nil
}

// under returns the margins of the layers that a fault is in, none if it is in
// no layer whose steps diverge, or in no single steps at all.
func (s *search) under(oracle *source.Oracle, side Side, f fault.Fault) (map[string]float64, error) {
	if f.OutsideSteps() {
		return nil, nil
	}
	var in []*layer
	useful := false
	for _, l := range s.layers {
		if name := l.named(side); f.Layer == "" || f.Layer == name || f.Other == name {
			in = append(in, l)
			useful = useful || l.margin[side] > 1
		}
	}
	if !useful {
		return nil, nil
	}
	faulty, err := oracle.Edit(f.Plant)
	if err != nil {
		return nil, err
	}
	under, before := map[string]float64{}, s.margin(side, nil)
	for _, l := range in {
		for i, rows := range [][]int{l.some, l.few, l.rows} {
			m, err := l.suppose(faulty, side, rows)
			if err != nil {
				return nil, err
			}
			under[l.name] = m
			if m > 1 && (i > 0 || m*nearby > before) {
				break // as it stands for some, so for all; the nearest is found by a few
			}
		}
	}
	return under, nil
}

// suppose returns the largest margin of a side, in some rows, against an
// oracle's results.
func (l *layer) suppose(o stepper, side Side, rows []int) (float64, error) {
	from := map[string]*lockstep.Tensor{}
	for q, t := range l.from {
		var err error
		if from[q], err = pick(t, rows, len(rows), t.Shape()[1]); err != nil {
			return 0, err
		}
	}
	e, err := stepOf(o, l.named(side), from)
	if err != nil {
		return 0, err
	}
	return l.largestMargin(side, e, rows, nil), nil
}
