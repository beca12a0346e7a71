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
	limits, err := c.limits()
	if err != nil {
		return nil, err
	}
	return limits.rules(c.Expected, rules, fallback)
}

// limits bound what rounding can do to each tensor from the inputs on; unknown
// says why some have none.
type limits struct {
	bound   map[string]*lockstep.Tensor
	unknown map[string]error
}

func limitsOf(ctx context.Context, oracle lockstep.Oracle, inputs map[string]*lockstep.Tensor) (limits, error) {
	_, bound, unknown, err := oracle.Run(ctx, inputs, nil)
	if err != nil {
		return limits{}, err
	}
	bound = maps.Clone(bound)
	maps.DeleteFunc(bound, func(name string, _ *lockstep.Tensor) bool { return unknown[name] != nil })
	return limits{bound, unknown}, nil
}

// OracleRules are derived rules for values, by their names, that were computed
// from these inputs in unknown steps: how far two engines may differ by
// rounding from the inputs on. A recurrence's bound grows with its steps. Where
// it is more than the fallback allows, or there is none, the fallback is used.
// Tensors that are not among the values, or not floats, are judged by other
// rules.
func OracleRules(ctx context.Context, oracle lockstep.Oracle, inputs, values map[string]*lockstep.Tensor, otherwise Rules) (Rules, error) {
	l, err := limitsOf(ctx, oracle, inputs)
	if err != nil {
		return nil, err
	}
	return l.rules(values, otherwise, fallbackOf(values))
}

func (l limits) rules(values map[string]*lockstep.Tensor, otherwise Rules, fallback fallbackRule) (Rules, error) {
	derived := map[string]Rule{}
	for name, value := range values {
		if value == nil || !value.DType().IsFloat() {
			continue
		}
		rule := Rule{AllowNonFinite: otherwise(name).AllowNonFinite}
		own := fallback.coarsened(l.unknown[name])
		if t := l.bound[name]; t != nil && t.Len() == value.Len() {
			bounds, err := wayBounds(t, value, own)
			if err != nil {
				return nil, fmt.Errorf("compare: %s: %w", name, err)
			}
			rule.Tolerance = bounds
		} else {
			rule.Tolerance = own.fixed(largestOf(value))
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

// wayBounds are what rounding may do to a value from the inputs on, at most
// what the fallback allows.
func wayBounds(bound, value *lockstep.Tensor, fallback fallbackRule) (BoundTolerance, error) {
	each, err := bound.Float64s()
	if err != nil {
		return BoundTolerance{}, err
	}
	for i := range each {
		each[i] *= 2 // one engine's bound each
	}
	b := BoundTolerance{Each: each, Of: "what rounding may do from inputs to outputs"}
	if b = b.against(value, fallback); b.Weak == "" {
		if numbers, ok := floatsOf(value); ok {
			b = b.capped(numbers, value.Len(), largestOf(value), fallback)
		}
	}
	return b, nil
}
