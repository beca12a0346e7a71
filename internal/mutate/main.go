// Command mutate changes one token of a package at a time and looks whether the
// tests notice: it draws changes, runs the package's pure tests and those of
// native on each, and prints what stayed alive.
//
//	go run ./internal/mutate -n 30 -seed 1 ./compare ./internal/engine
//
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
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 30, "how many changes to try")
	seed := flag.Uint64("seed", 1, "which changes are drawn")
	also := flag.String("also", "./native", "a package whose tests run too, where those of the changed one pass; empty for none")
	timeout := flag.Duration("timeout", 5*time.Minute, "after which a test that does not end has noticed")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *n, *seed, *also, *timeout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// target is a package whose files are changed.
type target struct {
	path    string // as go test takes it
	changes []change
}

func run(ctx context.Context, w io.Writer, n int, seed uint64, also string, timeout time.Duration, packages []string) error {
	var targets []target
	for _, p := range packages {
		found, err := candidates(ctx, p)
		if err != nil {
			return err
		}
		targets = append(targets, found...)
	}
	if len(targets) == 0 {
		return errors.New("mutate: no package with anything to change: name some, such as ./compare")
	}
	if err := baseline(ctx, targets, also, timeout); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	tried, noticed := 0, 0
	for failed := 0; tried < n; {
		t := targets[rng.IntN(len(targets))]
		c := t.changes[rng.IntN(len(t.changes))]
		result, err := try(ctx, t.path, c, also, timeout)
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

// candidates lists what can be changed in the packages of a pattern.
func candidates(ctx context.Context, pattern string) ([]target, error) {
	list := command(ctx, "list", "-json=Dir,ImportPath,GoFiles", pattern)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("mutate: go list %s: %w", pattern, err)
	}
	var targets []target
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir, ImportPath string
			GoFiles         []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return targets, nil
		} else if err != nil {
			return nil, fmt.Errorf("mutate: go list %s: %w", pattern, err)
		}
		t := target{path: p.ImportPath}
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
		if len(t.changes) > 0 {
			targets = append(targets, t)
		}
	}
}

// baseline fails unless the tests pass on what is not changed: else they would
// notice everything.
func baseline(ctx context.Context, targets []target, also string, timeout time.Duration) error {
	args := []string{"test", "-timeout", timeout.String()}
	for _, t := range targets {
		args = append(args, t.path)
	}
	if also != "" {
		args = append(args, also)
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

// try runs the tests on a change.
func try(ctx context.Context, path string, c change, also string, timeout time.Duration) (result, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 0, fmt.Errorf("mutate: %w", err)
	}
	defer os.RemoveAll(dir)
	overlay, err := c.overlay(dir)
	if err != nil {
		return 0, err
	}
	if command(ctx, "build", "-overlay", overlay, path).Run() != nil {
		return broken, ctx.Err()
	}
	for _, p := range []string{path, also} {
		if p == "" {
			continue
		}
		if err := command(ctx, "test", "-overlay", overlay, "-timeout", timeout.String(), "-failfast", p).Run(); err != nil {
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
