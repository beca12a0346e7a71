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
			rules, sinks, err := f.read(cmd)
			if err != nil {
				return err
			}
			sides := make([][]lockstep.NamedTensor, 2)
			for i := range sides {
				if sides[i], err = npz.ReadFile(args[i]); err != nil {
					return err
				}
			}
			measured := compare.Measure(lockstep.ByName(sides[0]), lockstep.ByName(sides[1]), compare.Options{Order: lockstep.Names(sides[0]), Layout: compare.KerasLayout})
			report := &compare.Report{
				Model:       args[1],
				Comparisons: []compare.Comparison{{Reference: args[0], Candidate: args[1], Results: compare.Judge(measured, rules)}},
			}
			if err := writeOutcomes(cmd, sinks, []compare.Outcome{{Model: report.Model, Report: report}}); err != nil {
				return err
			}
			if report.Verdict() != compare.InStep {
				return exit{code: exitDiverged}
			}
			return nil
		}),
	}
	f.add(cmd)
	return cmd
}
