package compare

import (
	"context"
	"fmt"
	"maps"
	"math"

	"github.com/lockstep-go/lockstep"
)

// foreign returns the rules for what a third party computed: those chosen, or
// else derived ones.
func (c Check) foreign() (Rules, error) {
	rules := c.rules()
	if c.Rules != nil || c.Oracle == nil {
		return rules, nil
	}
	limits, err := c.limits()
	if err != nil {
		return nil, err
	}
	return rulesWithin(limits, c.Expected, rules)
}

// limits bound what rounding can do to each tensor on the way from the inputs.
func limits(ctx context.Context, oracle lockstep.Oracle, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	_, bound, unknown, err := oracle.Run(ctx, inputs, nil)
	if err != nil {
		return nil, err
	}
	bound = maps.Clone(bound)
	maps.DeleteFunc(bound, func(name string, _ *lockstep.Tensor) bool { return unknown[name] != nil })
	return bound, nil
}

// OracleRules are derived rules for values, by their names, that were computed
// from these inputs in steps that nobody knows: how far two engines may be apart
// by what rounding can do on the way from the inputs. A recurrence's bound on
// that grows with its steps. Where it is more than the default tolerance allows,
// that one is taken; for what the oracle has no bound of, otherwise.
func OracleRules(ctx context.Context, oracle lockstep.Oracle, inputs, values map[string]*lockstep.Tensor, otherwise Rules) (Rules, error) {
	bound, err := limits(ctx, oracle, inputs)
	if err != nil {
		return nil, err
	}
	return rulesWithin(bound, values, otherwise)
}

func rulesWithin(limits, values map[string]*lockstep.Tensor, otherwise Rules) (Rules, error) {
	derived := map[string]Rule{}
	for name, t := range limits {
		value := values[name]
		if value == nil || value.Len() != t.Len() {
			continue
		}
		each, err := t.Float64s()
		if err != nil {
			return nil, fmt.Errorf("compare: %s: %w", name, err)
		}
		numbers, err := value.Float64s()
		if err != nil {
			continue // no floats, which must be equal anyway
		}
		fixed := Fixed{DefaultAtol, DefaultRtol}
		tight := make([]float64, len(each))
		for i, e := range each {
			if tight[i] = 2 * e; !(tight[i] <= fixed.Bound(i, numbers[i])) && !math.IsNaN(numbers[i]) {
				tight[i] = fixed.Bound(i, numbers[i])
			}
		}
		derived[name] = Rule{
			Tolerance:      Bounds{Each: tight, Of: "what rounding may do from inputs to outputs, at most " + fixed.String()},
			AllowNonFinite: otherwise(name).AllowNonFinite,
		}
	}
	return func(name string) Rule {
		if rule, ok := derived[name]; ok {
			return rule
		}
		return otherwise(name)
	}, nil
}
