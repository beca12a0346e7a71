package main

import (
	"fmt"
	"io"
	"math"
	"path"
	"path/filepath"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// configName is the file that check and golden verify read where they are given
// no models.
const configName = "lockstep.yaml"

// maxConfigBytes bounds the file: one that people write has a few kilobytes.
const maxConfigBytes = 1 << 20

// config is lockstep.yaml. Paths in it are relative to it.
type config struct {
	Models []configModel `yaml:"models"`
}

// configModel is one entry of models: one model, or all that a pattern matches.
type configModel struct {
	Model     string            `yaml:"model"`  // a directory, or a pattern of directories
	Golden    string            `yaml:"golden"` // a file, or a directory of NAME.golden; MODEL.golden by default
	Signature string            `yaml:"signature"`
	Tags      []string          `yaml:"tags"`
	Inputs    string            `yaml:"inputs"`   // for check: an .npz
	Expected  string            `yaml:"expected"` // for check: an .npz
	Tolerance *configTolerance  `yaml:"tolerance"`
	Tensors   []configTensor    `yaml:"tensors"`
	Drift     *float64          `yaml:"drift"`
	Earlier   string            `yaml:"earlier"` // golden
	Rename    map[string]string `yaml:"rename"`
}

type configTolerance struct {
	Atol           *float64 `yaml:"atol"`
	Rtol           *float64 `yaml:"rtol"`
	ULP            uint64   `yaml:"ulp"`
	AllowNonFinite bool     `yaml:"allow_nonfinite"`
}

// configTensor is the tolerance of the tensors that a pattern matches.
type configTensor struct {
	Name      string          `yaml:"name"`
	Tolerance configTolerance `yaml:",inline"`
}

// configError is a fault of the file, with its place.
type configError struct {
	file string
	line int
	key  string // such as models[0].tolerance.atol
	what string
}

func (e *configError) Error() string {
	if e.key == "" {
		return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.what)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.file, e.line, e.key, e.what)
}

// readConfig reads and checks the file.
func readConfig(name string) (*config, error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxConfigBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxConfigBytes)
	}
	var c config
	lines, err := decodeYAML(name, b, &c)
	if err != nil {
		return nil, err
	}
	at := func(key, format string, args ...any) error {
		return &configError{name, lines.of(key), key, fmt.Sprintf(format, args...)}
	}
	if len(c.Models) == 0 {
		return nil, &configError{name, 1, "models", "want a list of models"}
	}
	for i := range c.Models {
		if model := pathIn(filepath.Dir(name), c.Models[i].Model); isPattern(model) {
			if _, err := filepath.Match(c.Models[i].Model, ""); err != nil {
				return nil, at(fmt.Sprintf("models[%d].model", i), "%q is no pattern: %v", c.Models[i].Model, err)
			}
		}
		if err := c.Models[i].check(fmt.Sprintf("models[%d]", i), at); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// check finds what the types let pass.
func (m *configModel) check(key string, at func(key, format string, args ...any) error) error {
	if m.Model == "" {
		return at(key+".model", "it is missing: want a model's directory, or a pattern such as models/*")
	}
	if m.Expected != "" && m.Inputs == "" {
		return at(key+".expected", "predictions mean something only beside the inputs that they were made from: give inputs")
	}
	if m.Drift != nil && !(*m.Drift >= 0 && !math.IsInf(*m.Drift, 1)) {
		return at(key+".drift", "%v, want a number of 0 or more: 1 is all that the tolerance allows", *m.Drift)
	}
	if m.Earlier != "" && m.Drift == nil {
		return at(key+".earlier", "it is for drift, and there is none: give drift a budget")
	}
	if m.Tolerance != nil {
		if err := m.Tolerance.check(key+".tolerance", at); err != nil {
			return err
		}
	}
	for i := range m.Tensors {
		t, key := &m.Tensors[i], fmt.Sprintf("%s.tensors[%d]", key, i)
		if t.Name == "" {
			return at(key+".name", "it is missing: want a tensor's name, or a pattern such as encoder/*")
		}
		if _, err := path.Match(t.Name, ""); err != nil {
			return at(key+".name", "%q is no pattern: %v", t.Name, err)
		}
		if err := t.Tolerance.check(key, at); err != nil {
			return err
		}
	}
	return nil
}

func (t *configTolerance) check(key string, at func(key, format string, args ...any) error) error {
	for _, number := range []struct {
		name string
		v    *float64
	}{{"atol", t.Atol}, {"rtol", t.Rtol}} {
		if number.v != nil && !(*number.v >= 0 && !math.IsInf(*number.v, 1)) {
			return at(key+"."+number.name, "%v, want a number of 0 or more", *number.v)
		}
	}
	return nil
}

// rule returns the tolerance as the flags of the same names would make it.
func (t *configTolerance) rule() compare.Rule {
	rule := compare.Rule{ULP: t.ULP, AllowNonFinite: t.AllowNonFinite}
	if t.ULP == 0 || t.Atol != nil || t.Rtol != nil {
		fixed := compare.Fixed{Atol: compare.DefaultAtol, Rtol: compare.DefaultRtol}
		if t.Atol != nil {
			fixed.Atol = *t.Atol
		}
		if t.Rtol != nil {
			fixed.Rtol = *t.Rtol
		}
		rule.Tolerance = fixed
	}
	return rule
}

// rules returns what the entry says of tolerances, nil for nothing. The first
// pattern that a name matches counts.
func (m *configModel) rules() compare.Rules {
	if m.Tolerance == nil && m.Tensors == nil {
		return nil
	}
	general := compare.DefaultRule()
	if m.Tolerance != nil {
		general = m.Tolerance.rule()
	}
	return func(name string) compare.Rule {
		for i := range m.Tensors {
			if ok, _ := path.Match(m.Tensors[i].Name, name); ok {
				return m.Tensors[i].Tolerance.rule()
			}
		}
		return general
	}
}
