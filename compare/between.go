package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// What the bounds of whole tensors are.
const (
	givenLayers = "the rounding of the tensors between layers, given each layer's results"
	finalStates = "the rounding of the last step, and its effect on the difference before it"
)

// between judges the tensors between and around the layers: what each engine
// computes from its own layers' results must be what the model computes from
// them, within the rounding of those operations alone. So a difference that
// grew inside a layer, which the steps have been judged for, does not count
// against the outputs, and nothing else is allowed.
type between struct {
	check                *Check
	reference, candidate *lockstep.Trace
	pairs                pairing
	fallback             fallbackRule
	// given is what exact arithmetic computes from each engine's own layers.
	given [2]map[string]exactTolerance
	// again is by how much the candidate is above the reference because one of
	// them computed its answers in a run other than that of the layers that it
	// shows, by their names in the report; notes say for which engine and how
	// much.
	again map[string][]float64
	notes []string
	// unknown says which tensors have no known bound, and why.
	unknown map[string]error
}

func (c Check) between(ctx context.Context, out *CheckResult) (*between, error) {
	b := &between{check: &c, reference: out.Reference, candidate: out.Candidate, pairs: out.pairs, fallback: c.fallback(out), unknown: map[string]error{}}
	if name, t, other := otherShape(out.Reference, out.Candidate, out.pairs); name != "" {
		// They diverge for that, and no rule can be derived for what follows.
		for output := range out.Reference.Outputs {
			b.unknown[output] = fmt.Errorf("%s is %s in %s, and %s in %s", name, t, out.Reference.Engine, other, out.Candidate.Engine)
		}
		return b, nil
	}
	own := map[string]string{}
	for _, other := range b.pairs.other {
		own[other] = other
	}
	var before map[string]*lockstep.Tensor // the results of the reference's layers
	for i, trace := range []*lockstep.Trace{out.Reference, out.Candidate} {
		given, err := layersOf(trace, []map[string]string{b.pairs.other, own}[i])
		if err != nil {
			return nil, fmt.Errorf("compare: %s: %w", trace.Engine, err)
		}
		if i == 1 && len(given)+len(before) == 0 {
			b.given[1] = b.given[0] // both lead from the inputs to the outputs
			continue
		}
		before = given
		exact, bound, unknown, err := c.Oracle.Run(ctx, c.Inputs, given)
		if err != nil {
			return nil, fmt.Errorf("compare: what the layers of %s lead to: %w", trace.Engine, err)
		}
		maps.Copy(b.unknown, unknown)
		b.given[i] = map[string]exactTolerance{}
		for name, t := range exact {
			if bound[name] == nil {
				continue
			}
			if b.given[i][name], err = exactlyOf(t, bound[name]); err != nil {
				return nil, fmt.Errorf("compare: %s: %w", name, err)
			}
		}
	}
	return b, b.consistent()
}

// rule returns the derived rule of one of the reference's tensors, by the
// oracle's name of it. ok is false if there is none.
func (b *between) rule(name string, value *lockstep.Tensor) (Rule, bool) {
	reference, ok := b.given[0][name]
	candidate, both := b.given[1][name]
	if !ok || !both || b.unknown[name] != nil {
		return Rule{}, false
	}
	rule := b.allowing(name, explained(reference, candidate, givenLayers), value)
	if bounds := rule.Tolerance.(BoundTolerance); bounds.Weak != "" {
		rule.Tolerance = b.tighter(name, bounds, value)
	}
	return rule, true
}

// cheapWork is the work of an evaluation that may come on top of a check in which
// single operations are compared: on a model of that size, typical bounds take about
// half a second of two processors, and TensorFlow's start several times that.
const cheapWork = 16_000_000

// tighter judges a tensor whose bound at worst proves nothing by what rounding
// typically does to it, where that can tell it from another one. Where single
// operations are compared as well, much work for that would show little.
func (b *between) tighter(name string, bounds BoundTolerance, value *lockstep.Tensor) BoundTolerance {
	evaluate := b.check.typical
	if b.check.SameGraph {
		evaluate = b.check.cheap
	}
	typical, err := evaluate()
	if err != nil {
		return bounds // which is no wrong one
	}
	each, ok, err := answerBounds(nil, typical.bound[name], value)
	if !ok || err != nil || each.against(value, b.fallback).Weak != "" {
		return bounds
	}
	for i, most := range bounds.Rounding {
		each.Each[i] = min(each.Each[i], most)
	}
	return each
}

// inputs compares what the layers start from: their inputs, masks and states.
func (b *between) inputs() Comparison {
	k := Comparison{Title: "between the layers", Reference: b.reference.Engine, Candidate: b.candidate.Engine}
	references, candidates := map[string]*lockstep.Tensor{}, map[string]*lockstep.Tensor{}
	rules := map[string]Rule{}
	var order []string
	for _, layer := range b.reference.Layers {
		other, ok := b.pairs.counterpart(layer)
		if !ok {
			continue
		}
		if b.reference.Layer(layer).X() == nil || b.candidate.Layer(other).X() == nil {
			continue // the steps' notes say which engine shows none
		}
		for _, q := range []string{"mask", "x", "initial_h", "initial_c"} {
			have, there := b.reference.Layer(layer).Step(q), b.candidate.Layer(other).Step(q)
			if have == nil && there == nil {
				continue
			}
			rule, ok := b.rule(lockstep.StepName(other, q), have)
			if !ok && q != "mask" {
				continue // such as the input of a stack's second cell, which is a state
			}
			name := lockstep.StepName(layer, q)
			order = append(order, name)
			if have != nil {
				references[name] = have
			}
			if there != nil {
				candidates[name] = there
			}
			rules[name] = rule
		}
	}
	d := Measure(references, candidates, Options{Order: order, Layout: KerasLayout})
	k.Results = Judge(d, func(name string) Rule { return rules[name] })
	return k
}

// rules judges outputs and final states. Tensors without a known bound are
// judged by the fallback, and the notes say so.
func (b *between) rules(free *Comparison) (rules Rules, notes []string) {
	derived := map[string]Rule{}
	for name, t := range b.reference.Outputs {
		if rule, ok := b.rule(name, t); ok {
			derived[name] = rule
			continue
		}
		why := b.unknown[name]
		derived[name] = b.unbounded(t)
		if b.check.Settings.tolerated(name) || why == nil && !t.DType().IsFloat() {
			continue // a setting judges it, or it must be equal and no rounding changes it
		} else if why == nil {
			why = errors.New("it is not among what the oracle computes")
		}
		notes = append(notes, fmt.Sprintf("no bound is known of %s, which is judged by %s: %v", name, b.fallback.words(largestOf(t)), why))
	}
	for _, layer := range b.reference.Layers {
		other, _ := b.pairs.counterpart(layer)
		for _, q := range []string{"h", "c"} {
			name := lockstep.StateName(layer, q)
			state := b.reference.States[name]
			if state == nil {
				continue
			}
			rule, ok := b.finalRule(layer, q, free)
			if !ok {
				rule, ok = b.rule(lockstep.StateName(other, q), state)
			}
			if !ok {
				rule = b.unbounded(state)
			}
			derived[name] = rule
		}
	}
	slices.Sort(notes)
	notes = append(notes, b.notes...)
	return func(name string) Rule {
		if rule, ok := derived[name]; ok {
			return rule
		}
		return b.unbounded(nil)
	}, notes
}

// unbounded is the rule of a tensor that no bound is known of.
func (b *between) unbounded(reference *lockstep.Tensor) Rule {
	return Rule{Tolerance: b.fallback.fixed(largestOf(reference)), AllowNonFinite: b.check.Settings.AllowNonFinite()}
}

// finalRule judges a final state by the layer's last step.
func (b *between) finalRule(layer, q string, free *Comparison) (Rule, bool) {
	i := slices.IndexFunc(free.Results, func(r Result) bool { return r.Name == lockstep.StepName(layer, q) && r.Kind == Measured })
	if i < 0 {
		return Rule{}, false
	}
	bounds, ok := free.Results[i].Rule.Tolerance.(BoundTolerance)
	shape := free.Results[i].Shape()
	if !ok || len(shape) != 3 || shape[1] == 0 {
		return Rule{}, false
	}
	if bounds.Rounding != nil { // the state has its own range
		bounds.Each = bounds.Rounding
	}
	out := BoundTolerance{Each: lastSteps(bounds.Each, shape), Offset: lastSteps(bounds.Offset, shape), Of: finalStates}
	name := lockstep.StateName(layer, q)
	return b.allowing(name, out, b.reference.States[name]), true
}

// allowing is the rule of bounds that allow for answers that were computed
// twice.
func (b *between) allowing(name string, bounds BoundTolerance, reference *lockstep.Tensor) Rule {
	for i, d := range b.again[name] {
		if i < len(bounds.Offset) {
			bounds.Offset[i] += d
		}
	}
	return Rule{Tolerance: bounds.against(reference, b.fallback), AllowNonFinite: b.check.Settings.AllowNonFinite()}
}

// lastSteps returns a copy of the last step of (batch, steps, units).
func lastSteps(d []float64, shape []int) []float64 {
	row := shape[1] * shape[2]
	var out []float64
	for i := range shape[0] {
		out = append(out, d[(i+1)*row-shape[2]:(i+1)*row]...)
	}
	return out
}
