package main

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
)

// toleranceFlags change how tensors are judged; a flag that is not given
// changes nothing.
type toleranceFlags struct {
	atol, rtol     float64
	ulp            uint64
	allowNonFinite bool
}

// add adds the flags. atol and rtol are the defaults to print.
func (f *toleranceFlags) add(cmd *cobra.Command, atol, rtol string) {
	flags := cmd.Flags()
	flags.Float64Var(&f.atol, "atol", 0, "absolute tolerance: outputs and states are judged by |a-b| <= atol + rtol*|b|, b the reference")
	flags.Float64Var(&f.rtol, "rtol", 0, "relative tolerance; if only one of the two is given, the other is 0")
	flags.Lookup("atol").DefValue, flags.Lookup("rtol").DefValue = atol, rtol
	flags.Uint64Var(&f.ulp, "ulp", 0, "units in the last place, 0 for equality; with atol or rtol, passing either is enough")
	flags.BoolVar(&f.allowNonFinite, "allow-nonfinite", false, "let NaN and infinities pass where both sides have the same; nothing else changes")
}

// settings returns what the flags ask for, nil for nothing.
func (f *toleranceFlags) settings(cmd *cobra.Command) (compare.Settings, error) {
	for name, v := range map[string]float64{"--atol": f.atol, "--rtol": f.rtol} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return nil, usagef("%s %v: want a number of 0 or more", name, v)
		}
	}
	var s compare.Setting
	changed := cmd.Flags().Changed
	if changed("atol") {
		s.Atol = &f.atol
	}
	if changed("rtol") {
		s.Rtol = &f.rtol
	}
	if changed("ulp") {
		s.ULP = &f.ulp
	}
	if changed("allow-nonfinite") {
		s.AllowNonFinite = &f.allowNonFinite
	}
	if s == (compare.Setting{}) {
		return nil, nil
	}
	return compare.Settings{s}, nil
}

// judgeFlags choose how tensors are judged and how the report is written.
type judgeFlags struct {
	toleranceFlags
	formats []string
	verbose bool
}

func (f *judgeFlags) add(cmd *cobra.Command, atol, rtol string) {
	f.toleranceFlags.add(cmd, atol, rtol)
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "in the text, also show tables and tolerances of what agrees")
	cmd.Flags().StringArrayVar(&f.formats, "format", nil, formatHelp(outcomeFormats[1:]...))
}

// read reads the flags before any work is done.
func (f *judgeFlags) read(cmd *cobra.Command) (settings compare.Settings, sinks []sink, err error) {
	if settings, err = f.settings(cmd); err != nil {
		return nil, nil, err
	}
	sinks, err = sinksOf(f.formats, outcomeFormats...)
	return settings, sinks, err
}
