package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/selftest"
	"github.com/lockstep-go/lockstep/native"
)

type selftestFlags struct {
	modelFlags
	toleranceFlags
	inputFlags
	write string
	rows  int
	all   bool
	least float64
}

func newSelftest() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use:   "selftest MODEL",
		Short: "plant known faults in a model and say which a check would catch",
		Long: `selftest plants every fault that engines and converters are known to have in the
native copy of the model, one after the other, and checks it against the sound
copy with the inputs and the tolerance given, as check would. So it says what a
passed check of this model means. It needs no TensorFlow.

Without --inputs it uses those that check makes. --write makes inputs that
catch more: they drive each gate of each unit low, linear and high, as far as a
search finds such inputs, and are tested too. Exit code 1 says that
fewer were caught than --at-least asks for.`,
		Example: `  lockstep selftest my_model --inputs in.npz --atol 1e-5
  lockstep selftest my_model --write better.npz --steps 20
  lockstep check my_model --inputs better.npz`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }),
	}
	f.modelFlags.add(cmd)
	f.inputFlags.add(cmd)
	f.toleranceFlags.add(cmd, "derived", "derived")
	cmd.Flags().StringVar(&f.write, "write", "", "make inputs that catch more, and write them to this .npz; those of one step beside it")
	cmd.Flags().IntVar(&f.rows, "rows", 64, "the most rows of inputs that are made by --write")
	cmd.Flags().Float64Var(&f.least, "at-least", 0, "the percentage of the faults that have an effect to be caught; exit code 1 if fewer are")
	cmd.Flags().BoolVar(&f.all, "all", false, "list every fault, not only those that were missed")
	return cmd
}

func (f *selftestFlags) run(cmd *cobra.Command, dir string) error {
	settings, err := f.settings(cmd)
	if err != nil {
		return err
	}
	if err := f.inputFlags.check(cmd); err != nil {
		return err
	}
	if f.least < 0 || f.least > 100 {
		return usagef("--at-least %v: want a percentage", f.least)
	}
	if f.rows < 1 {
		return usagef("--rows %d: want 1 or more", f.rows)
	}
	if f.write != "" && f.inputs != "" {
		return usagef("--write makes inputs, and cannot be combined with --inputs")
	}
	m, err := native.Load(dir, f.native()...)
	if err != nil {
		return err
	}
	inputs, made, err := f.inputsFor(cmd.Context(), modelIn(m, dir, f.modelFlags))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	share, err := f.test(cmd, m, inputs, made, settings)
	if err != nil {
		return err
	}
	if f.write != "" {
		fitted, err := f.make(cmd.Context(), modelIn(m, dir, f.modelFlags))
		if err != nil {
			return err
		}
		better, err := selftest.Inputs(cmd.Context(), m, selftest.InputOptions{
			Seed: f.seed, Steps: fitted.Sizes.Steps, Rows: f.rows, Like: fitted.Inputs, Fit: fitted.Fit,
		})
		if err != nil {
			return err
		}
		if err := writeInputs(f.write, better.Inputs); err != nil {
			return err
		}
		fmt.Fprintln(out)
		fmt.Fprintf(out, "wrote %s: %d rows: %s\n", f.write, len(better.Rows), summary(better.Rows))
		if better.One != nil {
			one := strings.TrimSuffix(f.write, filepath.Ext(f.write)) + "_one" + filepath.Ext(f.write)
			if err := writeInputs(one, better.One); err != nil {
				return err
			}
			fmt.Fprintf(out, "wrote %s: sequences of one step\n", one)
		}
		fmt.Fprintln(out)
		if share, err = f.test(cmd, m, better.Inputs, "inputs: "+f.write, settings); err != nil {
			return err
		}
	}
	if share < f.least {
		return exit{code: exitDiverged}
	}
	return nil
}

// test runs one self-test, writes what it found, and returns the percentage of
// the faults with an effect that were caught.
func (f *selftestFlags) test(cmd *cobra.Command, m *native.Model, inputs map[string]*lockstep.Tensor, made string, settings compare.Settings) (float64, error) {
	r, err := selftest.Run(cmd.Context(), m, inputs, selftest.Options{Settings: settings, Seed: f.seed})
	if err != nil {
		return 0, err
	}
	w := cmd.OutOrStdout()
	caught, missed, nothing := r.Count(selftest.Caught), r.Count(selftest.Missed), r.Count(selftest.Nothing)
	verdict := fmt.Sprintf("caught %d of %d faults that have an effect; %d change nothing with these inputs", caught, caught+missed, nothing)
	if fmt.Fprintln(w, verdict); lost(cmd) {
		complain(cmd.ErrOrStderr(), errors.New(verdict))
	}
	for _, s := range r.LeftOut {
		fmt.Fprintf(w, "  left out: %s\n", s)
	}
	tolerance := "derived, as check derives it"
	if settings.ReplaceTolerance() {
		tolerance = settings.Over(compare.Uniform(compare.Rule{}))("").String()
	}
	fmt.Fprintf(w, "  %s\n  tolerance: %s\n", made, tolerance)
	writeCoverage(w, r.Coverage)
	f.list(w, "missed", r, selftest.Missed)
	f.list(w, "change nothing with these inputs", r, selftest.Nothing)
	if f.all {
		f.list(w, "caught", r, selftest.Caught)
	}
	if len(r.Impossible) > 0 {
		fmt.Fprintf(w, "  not planted, since these inputs cannot have them: %d\n", len(r.Impossible))
		for _, i := range r.Impossible {
			fmt.Fprintf(w, "    %s\n", i)
		}
	}
	if caught+missed == 0 {
		return 0, nil // nothing was printed
	}
	return 100 * float64(caught) / float64(caught+missed), nil
}

func (f *selftestFlags) list(w io.Writer, title string, r *selftest.Result, o selftest.Outcome) {
	n := r.Count(o)
	if n == 0 {
		return
	}
	fmt.Fprintf(w, "  %s: %d\n", title, n)
	for _, p := range r.Planted {
		switch {
		case p.Outcome != o:
		case o == selftest.Nothing:
			fmt.Fprintf(w, "    %s\n", p.Fault)
		default:
			fmt.Fprintf(w, "    %s (margin %.2g)\n", p.Fault, p.Margin)
		}
	}
}

func writeCoverage(w io.Writer, c *selftest.Coverage) {
	if c.All == 0 {
		return
	}
	fmt.Fprintf(w, "  gates driven low, linear and high: %d of %d (%.0f %%)\n", c.Driven, c.All, 100*c.Share())
	for _, g := range c.Gates {
		fmt.Fprintf(w, "    %s %s: low %d, linear %d, high %d of %d units\n", g.Layer, g.Gate, g.Driven[selftest.Low], g.Driven[selftest.Linear], g.Driven[selftest.High], g.Units)
	}
}

// summary names the rows, those that were sought as a number.
func summary(rows []string) string {
	var named []string
	sought := 0
	for _, r := range rows {
		if strings.HasPrefix(r, "sought") {
			sought++
		} else {
			named = append(named, r)
		}
	}
	if sought > 0 {
		named = append(named, fmt.Sprintf("and %d that were sought", sought))
	}
	return strings.Join(named, "; ")
}

func writeInputs(path string, inputs map[string]*lockstep.Tensor) error {
	var all []lockstep.NamedTensor
	for name, t := range inputs {
		all = append(all, lockstep.NamedTensor{Name: name, Tensor: t})
	}
	slices.SortFunc(all, func(a, b lockstep.NamedTensor) int { return strings.Compare(a.Name, b.Name) })
	return npz.WriteFile(path, all)
}
