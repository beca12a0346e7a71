package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

var update = flag.Bool("update", false, "write docs/cli.md again")

// docs/cli.md shows the help of every command, as the command itself prints it.
func TestCommandLinePage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Command line\n\n" +
		"The help of every command, written by `go test ./cmd/lockstep -run CommandLinePage -update` and compared in `go test`.\n\n")
	writeHelp(t, &b, newRoot())
	path := fixture.Path("..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	have, want := strings.Split(string(old), "\n"), strings.Split(b.String(), "\n")
	for i := range want {
		if i >= len(have) || have[i] != want[i] {
			t.Fatalf("docs/cli.md is out of date at line %d, which should be\n\t%s\nrun go test ./cmd/lockstep -run CommandLinePage -update", i+1, want[i])
		}
	}
	if len(have) != len(want) {
		t.Fatalf("docs/cli.md has %d lines, want %d: run go test ./cmd/lockstep -run CommandLinePage -update", len(have), len(want))
	}
}

// writeHelp writes the help of a command, and then that of each subcommand.
func writeHelp(t *testing.T, b *strings.Builder, cmd *cobra.Command) {
	t.Helper()
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	path := strings.Fields(cmd.CommandPath())
	args := append(path[1:], "--help")
	code, help, errs := call(args...)
	if code != exitInStep || errs != "" {
		t.Fatalf("lockstep %s: exit code %d, %s", strings.Join(args, " "), code, errs)
	}
	fmt.Fprintf(b, "## %s\n\n```text\n%s\n```\n\n", cmd.CommandPath(), strings.TrimRight(help, "\n"))
	for _, c := range cmd.Commands() {
		writeHelp(t, b, c)
	}
}
