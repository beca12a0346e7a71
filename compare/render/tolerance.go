package render

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// smallestLine says what tolerance would let a whole comparison pass. Figures
// are rounded up, and pass as printed.
func smallestLine(c *compare.Comparison) string {
	s, ok := c.Smallest()
	switch {
	case ok:
		return "smallest tolerance that passes: " + smallestText(&s)
	case c.Verdict() == compare.InStep:
		return "smallest tolerance that passes: none is needed, there are no floats"
	}
	return "smallest tolerance that passes: " + smallestText(nil)
}

func smallestText(s *compare.Smallest) string {
	switch {
	case s == nil:
		return "none would"
	case s.ULP == 0:
		return "none is needed, all numbers are equal"
	}
	atol := func(x float64, beside string) string {
		if !isFinite(x) {
			return "no atol " + beside
		}
		return "atol " + format.RoundUp(x, 3) + " " + beside
	}
	parts := []string{atol(s.Atol, "with rtol "+format.Exact(s.Given.Rtol))}
	if isFinite(s.Rtol) {
		parts = append(parts, "rtol "+format.RoundUp(s.Rtol, 3)+" with atol "+format.Exact(s.Given.Atol))
	} else {
		parts = append(parts, "no rtol with atol "+format.Exact(s.Given.Atol))
	}
	if s.Given.Rtol != 0 {
		parts = append(parts, atol(s.AtolAlone, "with rtol 0"))
	}
	return strings.Join(parts, "; ") + "; or " + fmt.Sprint(s.ULP) + " ulp"
}

// ruleLine says by what rule floats were judged.
func ruleLine(c *compare.Comparison) string {
	rules, fixed := map[string]bool{}, true
	for i := range c.Results {
		rule := c.Results[i].Rule
		rules[rule.String()] = true
		if _, ok := rule.Tolerance.(compare.FixedTolerance); !ok || rule.Bits {
			fixed = false
		}
	}
	if len(rules) > 1 {
		return fmt.Sprintf("judged by %d rules, each tensor by its own", len(rules))
	}
	s := judged(c.Results[0].Rule)
	if fixed {
		s += fmt.Sprintf(": |a-b| <= atol + rtol*|b|, b of %s", format.Printable(c.Reference))
	}
	return s
}

// judged says in words how r judges.
func judged(r compare.Rule) string {
	if r.Bits {
		return "judged bit for bit"
	}
	return "judged by " + r.String()
}
