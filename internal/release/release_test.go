package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var root = filepath.Join("..", "..")

// A release is for the six usual platforms, in pure Go, with the licence in
// every archive.
func TestConfiguration(t *testing.T) {
	c, err := readConfig(filepath.Join(root, configFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Builds) != 1 || len(c.Archives) != 1 {
		t.Fatalf("%d builds and %d archives, want one of each", len(c.Builds), len(c.Archives))
	}
	b := c.Builds[0]
	want := "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"
	if got := strings.Trim(fmt.Sprint(b.platforms()), "[]"); got != want {
		t.Errorf("platforms are %s, want %s", got, want)
	}
	if !slices.Contains(b.Env, "CGO_ENABLED=0") || !slices.Contains(b.Flags, "-trimpath") {
		t.Errorf("env %q and flags %q lack CGO_ENABLED=0 or -trimpath", b.Env, b.Flags)
	}
	for _, name := range []string{"LICENSE", "NOTICE"} {
		if !slices.Contains(c.Archives[0].Files, name) {
			t.Errorf("an archive has %q, and not %s", c.Archives[0].Files, name)
		}
	}
	flags, err := release{"1.2.3", "abc"}.expand(strings.Join(b.Ldflags, " "))
	if want := "-s -w -X main.version=1.2.3 -X main.commit=abc"; flags != want || err != nil {
		t.Errorf("linked with %q, %v, want %q", flags, err, want)
	}
}

// What the check does not read, it does not let pass.
func TestUnknownIsRefused(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, configFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"    flags: ", "    tags: [tensorflow]\n    flags: "},
		{"version: 2", "version: 1"},
		{"archives:", "dockers: []\narchives:"},
	} {
		name := filepath.Join(t.TempDir(), configFile)
		text := strings.Replace(string(b), change[0], change[1], 1)
		if text == string(b) {
			t.Fatalf("%s has no %q", configFile, change[0])
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(name); err == nil {
			t.Errorf("%q instead of %q is read without an error", change[1], change[0])
		}
	}
	if text, err := (release{}).expand("{{ .Date }}"); err == nil {
		t.Errorf("a name that is not known became %q", text)
	}
}

// A program is told from one of another platform, one with other settings, and
// one that is cut short.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := build{Main: source, Binary: "x", Env: []string{"CGO_ENABLED=0"}, Flags: []string{"-trimpath"}}
	here := platform{runtime.GOOS, runtime.GOARCH}
	path, err := b.build(t.Context(), here, release{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := look(path, here); err != nil || size == 0 {
		t.Errorf("%d bytes, %v", size, err)
	}
	for _, other := range []platform{{"windows", "arm64"}, {"windows", "amd64"}, {"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}, {"plan9", "arm64"}} {
		if _, err := look(path, other); err == nil && other != here {
			t.Errorf("a program of %s counts as one of %s", here, other)
		}
	}
	b.Flags = nil
	other, err := b.build(t.Context(), here, release{}, filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := look(other, here); err == nil || !strings.Contains(err.Error(), "-trimpath") {
		t.Errorf("built without -trimpath: %v", err)
	}
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := look(path, here); err == nil {
		t.Error("the first 1000 bytes of a program count as one")
	}
}

// A program that says another version than it was linked with is found.
func TestAsk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program of this test is a shell script")
	}
	path := filepath.Join(t.TempDir(), "x")
	for text, right := range map[string]bool{
		`{"version": "1", "commit": "c", "tensorflow": false}`: true,
		`{"version": "2", "commit": "c", "tensorflow": false}`: false,
		`{"version": "1", "commit": "d", "tensorflow": false}`: false,
		`{"version": "1", "commit": "c", "tensorflow": true}`:  false,
		`none`: false,
	} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+text+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := ask(t.Context(), path, release{"1", "c"}); (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		}
	}
}
