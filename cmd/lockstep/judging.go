package main

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
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
	cmd.Flags().StringArrayVar(&f.formats, "format", nil, formatHelp(outcomeFormats[1:]...))
}

// read reads the flags before any work is done.
func (f *judgeFlags) read(cmd *cobra.Command) (rules compare.Rules, sinks []sink, err error) {
	if rules, err = f.rules(cmd); err != nil {
		return nil, nil, err
	}
	sinks, err = sinksOf(f.formats, outcomeFormats...)
	return rules, sinks, err
}

// chosen tells whether a flag chooses the tolerance; check derives it otherwise.
func (f *judgeFlags) chosen(cmd *cobra.Command) bool {
	changed := cmd.Flags().Changed
	return changed("atol") || changed("rtol") || changed("ulp")
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
