package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lockstep-go/lockstep/internal/archive"
)

// isPattern tells whether a path is a pattern: what exists is a name, whatever
// characters it has.
func isPattern(path string) bool {
	_, err := os.Lstat(path)
	return err != nil && strings.ContainsAny(path, "*?[")
}

// expand returns the directories and zips of models that a pattern matches, or the name itself if
// it is none. The longest prefix of a pattern that exists is taken literally.
func expand(name string) ([]string, error) {
	if !isPattern(name) {
		return []string{name}, nil
	}
	pattern := name
	for i := len(name) - 1; i > 0; i-- {
		if _, err := os.Lstat(name[:i]); err == nil && os.IsPathSeparator(name[i]) {
			pattern = literally(name[:i]) + name[i:]
			break
		}
	}
	all, err := filepath.Glob(pattern)
	if err != nil {
		return nil, usagef("%q is no pattern: %v", name, err)
	}
	var out []string
	for _, path := range all {
		if isDir(path) || archive.Is(path) {
			out = append(out, path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no directory or zip of a model matches %s", name)
	}
	return out, nil
}

// literally returns the pattern that matches a name only. On Windows some names
// have no such pattern and stay as they are.
func literally(name string) string {
	if runtime.GOOS == "windows" {
		return name
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}
