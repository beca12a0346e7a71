package compare

import (
	"fmt"
	"path"
	"strings"
)

// Setting overrides parts of the rule that tensors would otherwise be judged
// by. A part that is nil stays as it is, and so does the rule of every tensor
// that the setting does not name.
type Setting struct {
	// Tensors is a name, or a pattern of names as in path.Match; "" stands for
	// all outputs and states.
	Tensors string `json:"-"`
	// Atol and Rtol judge by Fixed. Where one of them is nil it is what an
	// earlier setting gave, or else 0.
	Atol *float64 `json:"atol,omitempty"`
	Rtol *float64 `json:"rtol,omitempty"`
	// ULP judges by units in the last place, 0 being equality. With Atol or
	// Rtol, passing either is enough; without them earlier ones no longer
	// count, as an earlier ULP does not where only Atol or Rtol is given.
	ULP *uint64 `json:"ulp,omitempty"`
	// AllowNonFinite is as in Rule. It changes nothing else.
	AllowNonFinite *bool `json:"allow_nonfinite,omitempty"`
}

// Settings are applied one after the other, each to the result of the one
// before.
type Settings []Setting

// DefaultSetting is the setting that makes DefaultRule.
func DefaultSetting() Setting { return Setting{Atol: new(DefaultAtol), Rtol: new(DefaultRtol)} }

// Over returns base changed by the settings.
func (s Settings) Over(base Rules) Rules {
	return func(name string) Rule {
		rule, fixed := base(name), FixedTolerance{}
		for i := range s {
			if s[i].names(name) {
				fixed = s[i].apply(&rule, fixed)
			}
		}
		return rule
	}
}

// apply changes a rule. fixed holds the atol and rtol of earlier settings, and
// it returns them for the next one. Those of the base were not chosen by
// anyone, and are not kept.
func (s *Setting) apply(rule *Rule, fixed FixedTolerance) FixedTolerance {
	if s.AllowNonFinite != nil {
		rule.AllowNonFinite = *s.AllowNonFinite
	}
	if !s.tolerates() {
		return fixed
	}
	rule.Tolerance, rule.ULP, rule.Bits = nil, 0, false
	if s.ULP != nil {
		rule.ULP = *s.ULP
	}
	if s.Atol == nil && s.Rtol == nil {
		return FixedTolerance{}
	}
	if s.Atol != nil {
		fixed.Atol = *s.Atol
	}
	if s.Rtol != nil {
		fixed.Rtol = *s.Rtol
	}
	rule.Tolerance = fixed
	return fixed
}

// ReplaceTolerance tells whether a setting replaces the tolerance of all
// outputs and states, so that none needs to be derived.
func (s Settings) ReplaceTolerance() bool {
	for i := range s {
		if s[i].Tensors == "" && s[i].tolerates() {
			return true
		}
	}
	return false
}

// AllowNonFinite tells whether the settings for all tensors allow values that
// are not finite: in weights and steps too, which have no separate settings.
func (s Settings) AllowNonFinite() bool {
	allow := false
	for i := range s {
		if s[i].Tensors == "" && s[i].AllowNonFinite != nil {
			allow = *s[i].AllowNonFinite
		}
	}
	return allow
}

// tolerates tells whether s has a tolerance.
func (s *Setting) tolerates() bool { return s.Atol != nil || s.Rtol != nil || s.ULP != nil }

// tolerated tells whether a setting replaces the tolerance of a tensor.
func (s Settings) tolerated(name string) bool {
	for i := range s {
		if s[i].tolerates() && s[i].names(name) {
			return true
		}
	}
	return false
}

// names tells whether s is for the tensor of that name.
func (s *Setting) names(name string) bool {
	if s.Tensors == "" || s.Tensors == name {
		return true
	}
	ok, _ := path.Match(s.Tensors, name)
	return ok
}

// A SettingError is a setting that is empty or cannot be applied.
type SettingError struct {
	Setting Setting
	What    string // is wrong
}

// Error names the setting.
func (e *SettingError) Error() string {
	if e.Setting.Tensors == "" {
		return "compare: the setting for all tensors: " + e.What
	}
	return fmt.Sprintf("compare: the setting for %q: %s", e.Setting.Tensors, e.What)
}

// Valid returns a *SettingError for a setting that is empty, or whose numbers
// or pattern are invalid.
func (s Settings) Valid() error {
	for _, one := range s {
		if !one.tolerates() && one.AllowNonFinite == nil {
			return &SettingError{one, "it has no rule: give atol, rtol, ulp or allow_nonfinite"}
		}
		if _, err := path.Match(one.Tensors, ""); err != nil {
			return &SettingError{one, fmt.Sprintf("it is no pattern: %v", err)}
		}
		var fixed FixedTolerance
		if one.Atol != nil {
			fixed.Atol = *one.Atol
		}
		if one.Rtol != nil {
			fixed.Rtol = *one.Rtol
		}
		if err := fixed.valid(); err != nil {
			return &SettingError{one, strings.TrimPrefix(err.Error(), "compare: ")}
		}
	}
	return nil
}

// Match returns a *SettingError for a setting that is not Valid, or that
// matches none of these tensors.
func (s Settings) Match(tensors []string) error {
	if err := s.Valid(); err != nil {
		return err
	}
	for i := range s {
		if !s[i].matches(tensors) {
			return &SettingError{s[i], "it matches no tensor: " + suggestion(s[i].Tensors, tensors)}
		}
	}
	return nil
}

func (s *Setting) matches(tensors []string) bool {
	for _, name := range tensors {
		if s.names(name) {
			return true
		}
	}
	return s.Tensors == ""
}
