// Command release builds the programs of a release as .goreleaser.yaml says,
// for every platform that it names, and checks that each is a program of that
// platform, pure Go, and knows its version. It runs in a checkout's root (make
// release-check) and does not need GoReleaser.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	out := flag.String("out", filepath.Join("build", "release"), "the folder to build into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := check(ctx, configFile, *out); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// check builds and checks every program of a release.
func check(ctx context.Context, config, out string) error {
	c, err := readConfig(config)
	if err != nil {
		return err
	}
	for _, a := range c.Archives {
		for _, name := range a.Files {
			if _, err := os.Stat(name); err != nil {
				return fmt.Errorf("%s wants a file of an archive that is not there: %w", config, err)
			}
		}
	}
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("git rev-parse HEAD: %w: run it in a checkout", err)
	}
	r := release{Version: "0.0.0-check", FullCommit: strings.TrimSpace(string(commit))}
	for _, b := range c.Builds {
		for _, p := range b.platforms() {
			path, err := b.build(ctx, p, r, out)
			if err != nil {
				return err
			}
			size, err := look(path, p)
			if err != nil {
				return err
			}
			fmt.Printf("%-14s %5.1f MB  %s\n", p, float64(size)/1e6, path)
			if p == (platform{runtime.GOOS, runtime.GOARCH}) {
				if err := ask(ctx, path, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// build builds a program for a platform, as GoReleaser does, and returns its path.
func (b build) build(ctx context.Context, p platform, r release, out string) (string, error) {
	path := filepath.Join(out, p.os+"_"+p.arch, b.Binary)
	if p.os == "windows" {
		path += ".exe"
	}
	args := append([]string{"build"}, b.Flags...)
	flags, err := r.expand(strings.Join(b.Ldflags, " "))
	if err != nil {
		return "", err
	}
	args = append(args, "-ldflags", flags, "-o", path, b.Main)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(append(os.Environ(), b.Env...), "GOOS="+p.os, "GOARCH="+p.arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s for %s: %w\n%s", strings.Join(args, " "), p, err, text)
	}
	return path, nil
}

// ask runs a program of this platform, which must know its version and commit.
func ask(ctx context.Context, path string, r release) error {
	text, err := exec.CommandContext(ctx, path, "version", "--format", "json").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", path, err)
	}
	var said struct {
		Version, Commit string
		TensorFlow      bool
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return fmt.Errorf("%s version: %w", path, err)
	}
	if said.Version != r.Version || said.Commit != r.FullCommit || said.TensorFlow {
		return fmt.Errorf("%s says that it is version %q of %q, TensorFlow %v; want version %q of %q, without TensorFlow", path, said.Version, said.Commit, said.TensorFlow, r.Version, r.FullCommit)
	}
	return nil
}
