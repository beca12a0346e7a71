package diagnose

import (
	"context"
	"fmt"
	"maps"
	"slices"

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
	var whole []trial // all but those of one weight
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
		if t.w == nil {
			whole = append(whole, t)
		}
	}
	for _, same := range inLayers(whole, func(t trial) fault.Fault { return t.fault }) { // in every layer that diverges
		c := Cause{Side: side, Before: before}
		under := map[string]float64{}
		for _, t := range same {
			c.Faults = append(c.Faults, t.fault)
			maps.Copy(under, t.under)
		}
		c.Margin = s.margin(side, under)
		out = append(out, c)
	}
	return out, nil
}

// inLayers groups what has the same fault in two layers or more, in the order of the
// first of each. A fault that is of two layers, or of none, is in no group.
func inLayers[T any](all []T, of func(T) fault.Fault) (groups [][]T) {
	at := map[fault.Fault]int{} // by the fault without its layer
	for _, t := range all {
		key := of(t)
		if key.Layer == "" || key.Other != "" {
			continue
		}
		key.Layer = ""
		i, ok := at[key]
		if !ok {
			i, at[key] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return slices.DeleteFunc(groups, func(same []T) bool { return len(same) < 2 })
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
