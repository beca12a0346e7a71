package compare

import (
	"context"
	"fmt"
	"maps"
	"math"

	"github.com/lockstep-go/lockstep"
)

// foreign returns the rules for what a third party computed, of which the
// outputs alone are known. Where the tolerance is derived it is what rounding
// may do on the way from the inputs to the outputs; a recurrence's bound on that
// grows with its steps, and where it is more than the default rule allows that
// one is taken.
func (c Check) foreign(ctx context.Context) (Rules, error) {
	rules := c.rules()
	if c.Rules != nil || c.Oracle == nil {
		return rules, nil
	}
	_, bound, unknown, err := c.Oracle.Run(ctx, c.Inputs, nil)
	if err != nil {
		return nil, err
	}
	bounds := maps.Clone(bound)
	maps.DeleteFunc(bounds, func(name string, _ *lockstep.Tensor) bool { return unknown[name] != nil })
	derived := map[string]Rule{}
	for name, t := range bounds {
		expected := c.Expected[name]
		if expected == nil || expected.Len() != t.Len() {
			continue
		}
		each, err := t.Float64s()
		if err != nil {
			return nil, fmt.Errorf("compare: %s: %w", name, err)
		}
		values, err := expected.Float64s()
		if err != nil {
			continue // no floats, which must be equal anyway
		}
		fixed := Fixed{DefaultAtol, DefaultRtol}
		tight := make([]float64, len(each))
		for i, e := range each {
			if tight[i] = 2 * e; !(tight[i] <= fixed.Bound(i, values[i])) && !math.IsNaN(values[i]) {
				tight[i] = fixed.Bound(i, values[i])
			}
		}
		derived[name] = Rule{Tolerance: Bounds{Each: tight, Of: "what rounding may do from inputs to outputs, at most " + fixed.String()}, AllowNonFinite: c.AllowNonFinite}
	}
	return func(name string) Rule {
		if rule, ok := derived[name]; ok {
			return rule
		}
		return rules(name)
	}, nil
}
