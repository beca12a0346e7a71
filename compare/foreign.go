package compare

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-go/lockstep"
)

// foreign returns the rules for a third party's values, which are derived if
// settings do not replace them all.
func (c Check) foreign(fallback fallbackRule) (Rules, error) {
	rules := c.rules()
	if c.Settings.ReplaceTolerance() || c.Oracle == nil {
		return rules, nil
	}
	worst, err := c.limits()
	if err != nil {
		return nil, err
	}
	typical, err := c.typical()
	if err != nil {
		return nil, err
	}
	return answerRules(worst, typical, c.Expected, rules, fallback)
}

// limits bound what rounding can do to each tensor from the inputs on; unknown
// says why some have none.
type limits struct {
	bound   map[string]*lockstep.Tensor
	unknown map[string]error
}

// limitsOf are the limits of one engine, at worst.
func limitsOf(ctx context.Context, oracle lockstep.Oracle, inputs map[string]*lockstep.Tensor) (limits, error) {
	_, bound, unknown, err := oracle.Run(ctx, inputs, nil)
	return knownLimits(bound, unknown), err
}

// typicalOf are those of two engines, typically; work is as in lockstep.Oracle.
func typicalOf(ctx context.Context, oracle lockstep.Oracle, inputs map[string]*lockstep.Tensor, work int64) (limits, error) {
	_, bound, unknown, err := oracle.Typical(ctx, inputs, work)
	return knownLimits(bound, unknown), err
}

func knownLimits(bound map[string]*lockstep.Tensor, unknown map[string]error) limits {
	bound = maps.Clone(bound)
	maps.DeleteFunc(bound, func(name string, _ *lockstep.Tensor) bool { return unknown[name] != nil })
	return limits{bound, unknown}
}

// OracleRules are derived rules for values, by their names, that were computed
// from these inputs in unknown steps: how far two engines typically differ by
// rounding from the inputs on, at most by what it can do. Where that proves
// nothing, or is not known, the fallback is used. Tensors that are not among
// the values, or not floats, are judged by other rules.
func OracleRules(ctx context.Context, oracle lockstep.Oracle, inputs, values map[string]*lockstep.Tensor, otherwise Rules) (Rules, error) {
	worst, err := limitsOf(ctx, oracle, inputs)
	if err != nil {
		return nil, err
	}
	typical, err := typicalOf(ctx, oracle, inputs, 0)
	if err != nil {
		return nil, err
	}
	return answerRules(worst, typical, values, otherwise, fallbackOf(oracle, values))
}

// JudgeAnswers compares values, by their names, with what a model makes of the
// inputs without rounding, which is the reference: by how far an engine that
// rounds typically is from it, as OracleRules does without the cap of what
// rounding can do at worst. It fails where the model makes no value of some.
func JudgeAnswers(ctx context.Context, oracle lockstep.Oracle, inputs, values map[string]*lockstep.Tensor) ([]Result, error) {
	exact, bound, unknown, err := oracle.Typical(ctx, inputs, 0)
	if err != nil {
		return nil, err
	}
	want := map[string]*lockstep.Tensor{}
	for name := range values {
		if want[name] = exact[name]; want[name] == nil {
			return nil, fmt.Errorf("compare: %s has no value that no rounding changes: %w", name, unknown[name])
		}
	}
	rules, err := answerRules(limits{}, knownLimits(bound, unknown), values, Uniform(DefaultRule()), fallbackOf(oracle, values))
	if err != nil {
		return nil, err
	}
	return JudgeExpected(want, values, Options{Layout: KerasLayout}, rules)
}

// LargestDifference bounds how far a value may be from what JudgeAnswers compares
// it with and still agree, whatever the bounds of rounding are: by its range, as
// every bound is that counts. So a difference of more needs no bounds to be judged.
func LargestDifference(oracle lockstep.Oracle, value *lockstep.Tensor) Tolerance {
	numbers, floats := floatsOf(value)
	if !floats {
		return FixedTolerance{}
	}
	extent := extentOf(numbers, value.Len())
	fallback := fallbackOf(oracle, map[string]*lockstep.Tensor{"": value})
	out := fallback.fixed(extent.largest)
	out.Atol += fallback.telling() * extent.span
	return out
}

func answerRules(worst, typical limits, values map[string]*lockstep.Tensor, otherwise Rules, fallback fallbackRule) (Rules, error) {
	derived := map[string]Rule{}
	for name, value := range values {
		if value == nil || !value.DType().IsFloat() {
			continue
		}
		rule := Rule{AllowNonFinite: otherwise(name).AllowNonFinite}
		bounds, ok, err := answerBounds(worst.bound[name], typical.bound[name], value)
		if err != nil {
			return nil, fmt.Errorf("compare: %s: %w", name, err)
		}
		if rule.Tolerance = fallback.fixed(largestOf(value)); ok {
			rule.Tolerance = bounds.against(value, fallback)
		}
		derived[name] = rule
	}
	return func(name string) Rule {
		if rule, ok := derived[name]; ok {
			return rule
		}
		return otherwise(name)
	}, nil
}

// leastUnits is how many units in the last place two engines may always differ
// by: Monte Carlo arithmetic with few samples may find an element that
// rounding hardly moves.
const leastUnits = 4

// answerBounds are how far a value that one engine computed may be from
// another's: what rounding typically does, at most what it can do. ok is false if
// neither is known.
func answerBounds(worst, typical, value *lockstep.Tensor) (b BoundTolerance, ok bool, err error) {
	numbers, floats := floatsOf(value)
	var limit []float64
	if worst != nil && worst.Len() == value.Len() {
		if limit, err = worst.Float64s(); err != nil {
			return b, false, err
		}
	}
	for i := range limit {
		limit[i] *= 2 // one engine's bound each
	}
	if typical == nil || typical.Len() != value.Len() || !floats {
		return BoundTolerance{Each: limit, Of: "what rounding may do from inputs to outputs"}, limit != nil, nil
	}
	each, err := typical.Float64s()
	if err != nil {
		return b, false, err
	}
	for i := range each {
		if v := numbers.at(i); finite(v) {
			each[i] = max(each[i], leastUnits*unit(value.DType(), v))
		}
		if limit != nil && limit[i] < each[i] {
			each[i] = limit[i]
		}
	}
	return BoundTolerance{Each: each, Of: "what rounding typically does from inputs to outputs"}, true, nil
}
