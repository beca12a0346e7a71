// Command mutate changes one token of a package at a time and looks whether the
// tests notice: it draws changes, runs the package's pure tests on each, then those
// of the other packages that depend on it, and prints what stayed alive.
//
//	go run ./internal/mutate -n 30 -seed 1 ./compare ./internal/op ./internal/engine
//
// The others are among the named packages and those of -also. They count because
// some packages are tested through others: the operations of internal/op by the
// cases that internal/engine runs.
// A change is given to go test by -overlay, so the checkout is never touched.
// Some changes are equivalent, and no test can notice them: look before you
// write one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 30, "how many changes to try")
	seed := flag.Uint64("seed", 1, "which changes are drawn")
	also := flag.String("also", "./native,./internal/inputs,./internal/streaming,./compare/render,./parity", "packages, with commas between them, whose tests run too on a change of what they depend on")
	timeout := flag.Duration("timeout", 2*time.Minute, "after which a test that does not end has noticed")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *n, *seed, *also, *timeout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// target is a named package: its files are changed, and its tests may notice a
// change of what it imports.
type target struct {
	path    string   // as go test takes it
	needs   []string // the packages that it depends on, or its tests import
	changes []change
}

func run(ctx context.Context, w io.Writer, n int, seed uint64, also string, timeout time.Duration, packages []string) error {
	targets, err := candidates(ctx, packages)
	if err != nil {
		return err
	}
	others, err := candidates(ctx, strings.FieldsFunc(also, func(r rune) bool { return r == ',' }))
	if err != nil {
		return err
	}
	others = slices.Concat(targets, others)
	drawn := slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return len(t.changes) == 0 })
	if len(drawn) == 0 {
		return errors.New("mutate: no package with anything to change: name some, such as ./compare")
	}
	if err := baseline(ctx, others, timeout); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	tried, noticed := 0, 0
	for failed := 0; tried < n; {
		t := drawn[rng.IntN(len(drawn))]
		c := t.changes[rng.IntN(len(t.changes))]
		result, err := try(ctx, c, testsOf(t, others), timeout)
		if err != nil {
			return err
		}
		switch result {
		case broken: // it does not compile, so it is no change that anybody makes unnoticed
			if failed++; failed > 10*n {
				return fmt.Errorf("mutate: %d of the drawn changes do not compile, want a package of which most do", failed)
			}
			continue
		case killed:
			noticed++
		case alive:
			fmt.Fprintf(w, "alive: %s\n", c)
		}
		tried++
	}
	fmt.Fprintf(w, "%d of %d changes were noticed (seed %d)\n", noticed, tried, seed)
	return nil
}

// testsOf lists the packages whose tests may notice a change of a target: its
// own first, as they are nearest, and then the others that depend on it.
func testsOf(t target, others []target) []string {
	paths := []string{t.path}
	for _, other := range others {
		if slices.Contains(other.needs, t.path) && !slices.Contains(paths, other.path) {
			paths = append(paths, other.path)
		}
	}
	return paths
}

// candidates lists what can be changed in the packages of patterns.
func candidates(ctx context.Context, patterns []string) ([]target, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	list := command(ctx, append([]string{"list", "-json=Dir,ImportPath,GoFiles,Deps,TestImports,XTestImports"}, patterns...)...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("mutate: go list %s: %w", strings.Join(patterns, " "), err)
	}
	var targets []target
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir, ImportPath                          string
			GoFiles, Deps, TestImports, XTestImports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return targets, nil
		} else if err != nil {
			return nil, fmt.Errorf("mutate: go list %s: %w", strings.Join(patterns, " "), err)
		}
		t := target{path: p.ImportPath, needs: slices.Concat(p.Deps, p.TestImports, p.XTestImports)}
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, fmt.Errorf("mutate: %w", err)
			}
			found, err := changesOf(filepath.Join(p.Dir, name), src)
			if err != nil {
				return nil, err
			}
			t.changes = append(t.changes, found...)
		}
		targets = append(targets, t)
	}
}

// baseline fails unless the tests pass on what is not changed: else they would
// notice everything.
func baseline(ctx context.Context, targets []target, timeout time.Duration) error {
	args := []string{"test", "-vet=off", "-timeout", timeout.String()}
	for _, t := range targets {
		args = append(args, t.path)
	}
	if out, err := command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mutate: the tests do not pass before anything is changed: %w\n%s", err, out)
	}
	return nil
}

type result int

const (
	killed result = iota
	alive
	broken
)

// try runs the tests of packages on a change of the first, until one notices.
func try(ctx context.Context, c change, packages []string, timeout time.Duration) (result, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 0, fmt.Errorf("mutate: %w", err)
	}
	defer os.RemoveAll(dir)
	overlay, err := c.overlay(dir)
	if err != nil {
		return 0, err
	}
	if command(ctx, "build", "-overlay", overlay, packages[0]).Run() != nil {
		return broken, ctx.Err()
	}
	for _, p := range packages {
		if err := command(ctx, "test", "-overlay", overlay, "-vet=off", "-timeout", timeout.String(), "-failfast", p).Run(); err != nil {
			return killed, ctx.Err()
		}
	}
	return alive, nil
}

// command is a command of go without cgo.
func command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "CI=")
	return c
}
