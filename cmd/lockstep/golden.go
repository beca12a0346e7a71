package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func newGolden() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "golden",
		Short: "record a run in a file; verify a model against it, without TensorFlow",
		Long: `golden record keeps one run of a model in a file; golden verify compares the
model, or the next version of it, with that file. The file is an .npz that numpy
reads and can write: go doc github.com/lockstep-go/lockstep/compare/golden.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("golden wants record or verify: see lockstep help golden")
			}
			return usagef("no command golden %q: want record or verify", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newGoldenRecord(), newGoldenVerify())
	return cmd
}

type recordFlags struct {
	modelFlags
	inputFlags
	toleranceFlags
	out, engine, expected string
	trace                 bool
}

func newGoldenRecord() *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record MODEL -o FILE",
		Short: "run the reference and keep inputs, answers, weights' and files' sums",
		Long: `record runs MODEL, the directory that model.export or model.save wrote, in
TensorFlow and writes a golden: inputs, outputs, final states, the SHA-256 of
every file and weight, the signature, versions and the processor's features.
The native engine runs too, and what Keras predicted can be given: if they do
not agree, nothing is recorded, and the exit code is 1.

verify judges by --atol, --rtol, --ulp and --allow-nonfinite too, if they are given,
and otherwise by what rounding can do.

With --trace it keeps every gate and state of every step of the recurrent layers,
judged by the rounding of a step, and the bounds of that.

With --engine native it needs no TensorFlow; the file says so.`,
		Example: `  lockstep golden record my_model -o my_model.golden
  lockstep golden record my_model -o my_model.golden --trace
  lockstep golden record my_model -o my_model.golden --inputs in.npz --expected keras.npz`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }),
	}
	f.modelFlags.add(cmd)
	f.addThreads(cmd)
	f.inputFlags.add(cmd)
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the golden to write")
	cmd.Flags().StringVar(&f.engine, "engine", "tensorflow", "who computes the answers: tensorflow or native")
	cmd.Flags().StringVar(&f.expected, "expected", "", "an .npz of what Keras itself predicted for the same inputs")
	cmd.Flags().BoolVar(&f.trace, "trace", false, "keep every gate and state of every step too, with the bounds of their rounding: verify then names the step and gate where a layer first diverges")
	f.toleranceFlags.add(cmd, "derived", "derived")
	return cmd
}

func (f *recordFlags) run(cmd *cobra.Command, model string) error {
	if f.out == "" {
		return usagef("golden record wants -o FILE, the golden to write, such as %s.golden", filepath.Base(model))
	}
	if f.engine != "native" && f.engine != "tensorflow" {
		return usagef("--engine %q: want native or tensorflow", f.engine)
	}
	if f.expected != "" && f.inputs == "" {
		return usagef("--expected needs --inputs: predictions can only be compared for the inputs that they were made from")
	}
	if err := f.modelFlags.check(); err != nil {
		return err
	}
	if err := f.inputFlags.check(cmd); err != nil {
		return err
	}
	settings, err := f.settings(cmd)
	if err != nil {
		return err
	}
	var rule *compare.Setting // verify uses it too
	if len(settings) > 0 {
		rule = &settings[0]
	}
	g, err := f.record(cmd, model, rule)
	if d := (*golden.Disagreement)(nil); errors.As(err, &d) {
		complain(cmd.ErrOrStderr(), fmt.Errorf("%s: %w; lockstep check shows all of it", model, err))
		return exit{code: exitDiverged}
	}
	if err != nil {
		return err
	}
	if err := g.WriteFile(f.out); err != nil {
		return err
	}
	info, err := os.Stat(f.out)
	if err != nil {
		return err
	}
	steps := ""
	if f.trace {
		steps = fmt.Sprintf("%d quantities of steps, ", len(g.Steps))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "recorded: %s, %d inputs, %d outputs, %d states, %s%d weights, %d files of %s, by %s: %d bytes\n",
		f.out, len(g.Inputs), len(g.Outputs), len(g.States), steps, len(g.Header.Weights), len(g.Header.Files), model, by(g), info.Size())
	return nil
}

func by(g *golden.Golden) string {
	if v := g.Header.Versions[g.Header.Engine]; v != "" {
		return g.Header.Engine + " " + v
	}
	return g.Header.Engine
}

// record runs the engines.
func (f *recordFlags) record(cmd *cobra.Command, model string, rule *compare.Setting) (*golden.Golden, error) {
	e, closeEngine, err := open(cmd, f.engine, model, f.modelFlags)
	if err != nil {
		return nil, err
	}
	defer closeEngine()
	files, err := savedmodel.FS(model)
	if err != nil {
		return nil, err
	}
	r := golden.Recording{Model: filepath.Base(filepath.Clean(model)), Tags: f.tags, Files: files, Versions: versionsOf(model, files), Rule: rule, Trace: f.trace}
	if r.Inputs, r.InputsFrom, err = f.inputsFor(cmd.Context(), modelIn(e, model, f.modelFlags)); err != nil {
		return nil, err
	}
	if r.Expected, err = readTensors(f.expected); err != nil {
		return nil, err
	}
	if f.engine != "native" {
		if candidate, err := native.Load(model, f.native()...); err != nil {
			complain(cmd.ErrOrStderr(), fmt.Errorf("note: the native engine cannot run this model and verify it: %w", err))
		} else {
			r.Candidate = candidate
		}
	}
	return golden.Record(cmd.Context(), e, r)
}

// maxMetadataBytes bounds what is searched for Keras's version, which is near
// the beginning.
const maxMetadataBytes = 1 << 20

var kerasVersion = regexp.MustCompile(`"keras_version": ?"([\w.+-]{1,40})"`)

// versionsOf returns the versions of what wrote a SavedModel: Keras 2 has its
// version in a separate file, Keras 3 nowhere.
func versionsOf(model string, files fs.FS) map[string]string {
	out := map[string]string{}
	if d, err := native.Inspect(model); err == nil && d.TensorFlow != "" {
		out["tensorflow_of_model"] = d.TensorFlow
	}
	f, err := regular.OpenFS(files, "keras_metadata.pb")
	if err != nil {
		return out
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMetadataBytes))
	if m := kerasVersion.FindSubmatch(b); err == nil && m != nil {
		out["keras"] = string(m[1])
	}
	return out
}
