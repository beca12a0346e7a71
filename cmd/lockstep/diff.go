package main

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/npz"
)

func newDiff() *cobra.Command {
	var f judgeFlags
	cmd := &cobra.Command{
		Use:   "diff REFERENCE.npz CANDIDATE.npz",
		Short: "compare two sets of tensors",
		Args:  wantArgs("two .npz files", 2, 2),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			settings, sinks, err := f.read(cmd)
			if err != nil {
				return err
			}
			sides := make([][]lockstep.NamedTensor, 2)
			for i := range sides {
				if sides[i], err = npz.ReadFile(args[i]); err != nil {
					return err
				}
			}
			// The default is the rule itself here and does not stand for a bound that
			// is unknown: --atol alone keeps its rtol.
			rules := append(compare.Settings{compare.DefaultSetting()}, settings...).Over(compare.Uniform(compare.Rule{}))
			measured := compare.Measure(lockstep.ByName(sides[0]), lockstep.ByName(sides[1]), compare.Options{Order: lockstep.Names(sides[0]), Layout: compare.KerasLayout})
			report := &compare.Report{
				Model:       args[1],
				Comparisons: []compare.Comparison{{Reference: args[0], Candidate: args[1], Results: compare.Judge(measured, rules)}},
			}
			code := exitInStep
			if report.Verdict() != compare.InStep {
				code = exitDiverged
			}
			return ended(code, writeOutcomes(cmd, sinks, f.verbose, []compare.Outcome{{Model: report.Model, Report: report}}))
		}),
	}
	f.add(cmd, "1e-05", "0.0001")
	cmd.Flags().Lookup("rtol").Usage = "relative tolerance"
	return cmd
}
