package main

import (
	"errors"
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
	Drift     *yamlNumber       `yaml:"drift"`
	Earlier   string            `yaml:"earlier"` // golden
	Rename    map[string]string `yaml:"rename"`
}

// configTolerance is a compare.Setting: what is nil was not given.
type configTolerance struct {
	Atol           *yamlNumber `yaml:"atol"`
	Rtol           *yamlNumber `yaml:"rtol"`
	ULP            *yamlCount  `yaml:"ulp"`
	AllowNonFinite *yamlBool   `yaml:"allow_nonfinite"`
}

// configTensor is the tolerance of the tensors that a pattern matches.
type configTensor struct {
	Name      string          `yaml:"name"`
	Tolerance configTolerance `yaml:",inline"`
	at        string          // the file and its line
}

// configError is a fault of the file, with its place.
type configError struct {
	file string
	line int
	key  string // such as models[0].tolerance.atol
	what string
}

func (e *configError) Error() string { return e.Place() + ": " + e.what }

// Place is the file, the line and the key.
func (e *configError) Place() string {
	place := fmt.Sprintf("%s:%d", e.file, e.line)
	if e.key == "" {
		return place
	}
	return place + ": " + e.key
}

// readConfig reads the file.
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
	return parseConfig(name, b)
}

// parseConfig reads and checks the file's content.
func parseConfig(name string, b []byte) (*config, error) {
	var c config
	places, err := decodeYAML(name, b, &c)
	if err != nil {
		return nil, err
	}
	at := func(key, format string, args ...any) *configError {
		return &configError{name, places.of(key), key, fmt.Sprintf(format, args...)}
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

// check finds what the types do not rule out.
func (m *configModel) check(key string, at func(key, format string, args ...any) *configError) error {
	if m.Model == "" {
		return at(key+".model", "it is missing: want a model's directory, or a pattern such as models/*")
	}
	if m.Expected != "" && m.Inputs == "" {
		return at(key+".expected", "predictions can only be compared for the inputs that they were made from: give inputs")
	}
	if m.Drift != nil && !m.Drift.valid() {
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
	if _, empty := m.Rename[""]; empty {
		return at(key+".rename", "a name is empty: want names and what they are called now, as in dense: output_0")
	}
	named := map[string]bool{}
	for i := range m.Tensors {
		t, key := &m.Tensors[i], fmt.Sprintf("%s.tensors[%d]", key, i)
		if t.Name == "" {
			return at(key+".name", "it is missing: want a tensor's name, or a pattern such as encoder/*")
		}
		if _, err := path.Match(t.Name, ""); err != nil {
			return at(key+".name", "%q is no pattern: %v", t.Name, err)
		}
		if named[t.Name] {
			return at(key+".name", "%q is listed twice: give all of its rule in one place", t.Name)
		}
		named[t.Name] = true
		if err := t.Tolerance.check(key, at); err != nil {
			return err
		}
		t.at = at(key+".name", "").Place()
	}
	return nil
}

// valid tells whether a number is finite and not negative.
func (v *yamlNumber) valid() bool { return *v >= 0 && !math.IsInf(float64(*v), 1) }

func (t *configTolerance) check(key string, at func(key, format string, args ...any) *configError) error {
	for _, number := range []struct {
		name string
		v    *yamlNumber
	}{{"atol", t.Atol}, {"rtol", t.Rtol}} {
		if number.v != nil && !number.v.valid() {
			return at(key+"."+number.name, "%v, want a number of 0 or more", *number.v)
		}
	}
	if *t == (configTolerance{}) {
		return at(key, "it has no rule: give atol, rtol, ulp or allow_nonfinite")
	}
	return nil
}

func (t *configTolerance) setting(tensors string) compare.Setting {
	return compare.Setting{Tensors: tensors, Atol: (*float64)(t.Atol), Rtol: (*float64)(t.Rtol), ULP: (*uint64)(t.ULP), AllowNonFinite: (*bool)(t.AllowNonFinite)}
}

// settings returns the entry's tolerances. Of several patterns that a name
// matches, the first decides, part by part.
func (m *configModel) settings() compare.Settings {
	var out compare.Settings
	if m.Tolerance != nil {
		out = append(out, m.Tolerance.setting(""))
	}
	for i := len(m.Tensors) - 1; i >= 0; i-- {
		out = append(out, m.Tensors[i].Tolerance.setting(m.Tensors[i].Name))
	}
	return out
}

// withPlace adds the file and the line of a setting that is wrong.
func (m *configModel) withPlace(err error) error {
	var fault *compare.SettingError
	if !errors.As(err, &fault) || m == nil {
		return err
	}
	for i := range m.Tensors {
		if t := &m.Tensors[i]; t.Name == fault.Setting.Tensors {
			return fmt.Errorf("%s: %w", t.at, err)
		}
	}
	return err
}
