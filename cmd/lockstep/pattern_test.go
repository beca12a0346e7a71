package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// An existing name is a name, and so is the beginning of a pattern that exists.
func TestExpand(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{"a[1]", "a1", "m*", "mm", `b\c`, "d[x]/one", "d[x]/two", "dx/three", `e*\/one`, "e1/one", "[", "f*/[g]"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		"a[1]":     {"a[1]"},
		"a?":       {"a1"},
		"a*":       {"a1", "a[1]"},
		"m*":       {"m*"},
		"m?":       {"m*", "mm"},
		`b\c`:      {`b\c`},
		"d[x]/*":   {"d[x]/one", "d[x]/two"},
		"d?/*":     {"dx/three"},
		`e*\/o*`:   {`e*\/one`},
		"e*/o*":    {`e*\/one`, "e1/one"},
		"[":        {"["},
		"f*/[g]":   {"f*/[g]"},
		"f*/[g]/*": nil,
		"none":     {"none"},
		"none*":    nil,
		"none[":    nil,
	} {
		got, err := expand(filepath.Join(base, name))
		for i, path := range got {
			got[i], _ = filepath.Rel(base, path)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

// So it is in lockstep.yaml, and whatever the folder that it lies in is called.
func TestExpandInConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "of[team]*")
	for _, model := range []string{"a[", "models/b[1]", "models/c"} {
		if err := os.MkdirAll(filepath.Join(dir, model), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, configName)
	if err := os.WriteFile(file, []byte("models:\n  - model: 'a['\n  - model: models/*\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := c.jobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, j := range jobs {
		name, _ := filepath.Rel(dir, j.model)
		got = append(got, name)
	}
	if want := []string{"a[", "models/b[1]", "models/c"}; !slices.Equal(got, want) {
		t.Errorf("models %q, want %q", got, want)
	}
}
