package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever lockstep.yaml contains, reading it ends in models or in an error.
func FuzzConfig(f *testing.F) {
	f.Add("models:\n  - model: a\n    tolerance: {atol: 1e-3}\n    tensors:\n      - {name: b/*, ulp: 4}\n")
	f.Add("models:\n  - &a {model: a}\n  - *a\n  - {<<: *a, golden: [b]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), configName)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(name)
		if (c == nil) == (err == nil) || c != nil && len(c.Models) == 0 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
