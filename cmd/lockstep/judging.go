package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/whole"
)

// judgeFlags choose the rule and how the report is written.
type judgeFlags struct {
	atol, rtol     float64
	ulp            uint64
	allowNonFinite bool
	formats        []string
}

func (f *judgeFlags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.atol, "atol", compare.DefaultAtol, "absolute tolerance: |a-b| <= atol + rtol*|b|, b the reference")
	cmd.Flags().Float64Var(&f.rtol, "rtol", compare.DefaultRtol, "relative tolerance")
	cmd.Flags().Uint64Var(&f.ulp, "ulp", 0, "units in the last place; alone, instead of atol and rtol")
	cmd.Flags().BoolVar(&f.allowNonFinite, "allow-nonfinite", false, "let NaN and infinities pass where both sides have the same")
	cmd.Flags().StringArrayVar(&f.formats, "format", nil, "text or json, to standard output, or to a file as in json=FILE; may be repeated (default text)")
}

// read reads the flags before any work is done.
func (f *judgeFlags) read(cmd *cobra.Command) (rules compare.Rules, sinks []sink, err error) {
	if rules, err = f.rules(cmd); err != nil {
		return nil, nil, err
	}
	sinks, err = f.sinks()
	return rules, sinks, err
}

// rules returns the rule that the flags ask for.
func (f *judgeFlags) rules(cmd *cobra.Command) (compare.Rules, error) {
	for name, v := range map[string]float64{"--atol": f.atol, "--rtol": f.rtol} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return nil, usagef("%s %v: want a number of 0 or more", name, v)
		}
	}
	rule := compare.Rule{ULP: f.ulp, AllowNonFinite: f.allowNonFinite}
	changed := cmd.Flags().Changed
	if !changed("ulp") || changed("atol") || changed("rtol") {
		rule.Tolerance = compare.Fixed{Atol: f.atol, Rtol: f.rtol}
	}
	return compare.Uniform(rule), nil
}

// sink is one place that the report goes to.
type sink struct {
	format string
	path   string // "" for standard output
}

// sinks reads --format.
func (f *judgeFlags) sinks() ([]sink, error) {
	if len(f.formats) == 0 {
		return []sink{{format: "text"}}, nil
	}
	var out []sink
	stdout := 0
	for _, v := range f.formats {
		format, path, toFile := strings.Cut(v, "=")
		if format != "text" && format != "json" {
			return nil, usagef("--format %q: want text or json", format)
		}
		if toFile && path == "" {
			return nil, usagef("--format %s= wants a file's name", format)
		}
		if !toFile {
			stdout++
		}
		out = append(out, sink{format, path})
	}
	if stdout > 1 {
		return nil, usagef("only one --format can go to standard output; give the others a file, as in json=FILE")
	}
	return out, nil
}

// write writes the reports to every sink.
func (f *judgeFlags) write(cmd *cobra.Command, sinks []sink, reports []*compare.Report) error {
	for _, s := range sinks {
		if err := s.write(cmd.OutOrStdout(), reports); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}

func (s sink) write(stdout io.Writer, reports []*compare.Report) error {
	if s.path == "" {
		return s.render(stdout, isTerminal(stdout) && os.Getenv("NO_COLOR") == "", reports)
	}
	return whole.WriteFile(s.path, func(w io.Writer) error { return s.render(w, false, reports) })
}

func (s sink) render(w io.Writer, color bool, reports []*compare.Report) error {
	if s.format == "json" {
		return compare.JSON(w, reports...)
	}
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := compare.Text(w, r, compare.TextOptions{Color: color}); err != nil {
			return err
		}
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
