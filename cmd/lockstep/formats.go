package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lockstep-go/lockstep/internal/atomicfile"
)

// sink is one destination of a report.
type sink struct {
	format string
	path   string // "" for standard output
}

// formatHelp explains --format where text and the others are known.
func formatHelp(others ...string) string {
	return fmt.Sprintf("%s, to standard output, or to a file as in %s=FILE; may be repeated (default text)", alternatives(append([]string{"text"}, others...)), others[len(others)-1])
}

func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// sinksOf reads the values of --format.
func sinksOf(values []string, known ...string) ([]sink, error) {
	if len(values) == 0 {
		return []sink{{format: known[0]}}, nil
	}
	var out []sink
	stdout := 0
	for _, v := range values {
		format, path, toFile := strings.Cut(v, "=")
		if !slices.Contains(known, format) {
			return nil, usagef("--format %q: want %s", format, alternatives(known))
		}
		if toFile && path == "" {
			return nil, usagef("--format %s= needs a file's name", format)
		}
		if !toFile {
			stdout++
		}
		out = append(out, sink{format, path})
	}
	if stdout > 1 {
		return nil, usagef("only one --format can go to standard output; give the others a file, as in %s=FILE", known[1])
	}
	return out, nil
}

// writer writes a report in a format.
type writer func(w io.Writer, format string, terminal bool) error

// writeTo writes a report to every sink, even if one fails.
func writeTo(cmd *cobra.Command, sinks []sink, write writer) error {
	var failed []error
	for _, s := range sinks {
		failed = append(failed, s.write(cmd, write))
	}
	return errors.Join(failed...)
}

func (s sink) write(cmd *cobra.Command, write writer) error {
	var err error
	if out := cmd.OutOrStdout(); s.path == "" {
		err = write(out, s.format, isTerminal(out))
	} else {
		err = atomicfile.WriteFile(s.path, func(w io.Writer) error { return write(w, s.format, false) })
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	if a, ok := w.(*answer); ok {
		w = a.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
