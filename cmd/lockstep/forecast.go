package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/chart"
	"github.com/lockstep-go/lockstep/internal/forecast"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

type forecastFlags struct {
	oneEngine
	feed, output       string
	series, target     string
	at, given, horizon int
	row                int
}

func newForecast() *cobra.Command {
	var f forecastFlags
	cmd := &cobra.Command{
		Use:   "forecast MODEL",
		Short: "feed the decoder its own output, and say how it differs from teacher forcing",
		Long: `forecast runs a model's decoder on its own outputs, each step's output the next
step's input, as in use, and for comparison on the given inputs (teacher forcing).

--inputs has the signature's inputs; of the decoder's, the first step is fed in both
runs and the others are for teacher forcing (--given N feeds more). Or --series has
one series, .npy or .npz, (steps) or (steps, features): the model sees --steps of
its values from --at on, and forecasts those that follow, which are then the
truth that both are compared with. Without either, inputs are made from --seed.

The decoder's input is the one that has the type and features of an output, if
the model needs no later step for an earlier one: its states go on from
step to step. A model of one input counts as a decoder too, with half its steps given.
TensorFlow runs the whole model again for each step.`,
		Example: `  lockstep forecast my_model --series series.npy --horizon 30 --format html=forecast.html
  lockstep forecast my_model --inputs in.npz --target truth.npz --format npz=forecast.npz
  lockstep forecast my_model --inputs in.npz --format csv > forecast.csv`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }),
	}
	f.add(cmd, "native or tensorflow", formatHelp("csv", "npz", "png", "svg", "html"))
	cmd.Flags().Lookup("steps").Usage += ", and of a series how many the model sees"
	cmd.Flags().StringVar(&f.feed, "feed", "", "the input that the output is fed to (default the only one that can be)")
	cmd.Flags().StringVar(&f.output, "output", "", "the output that is fed back (default the only one that can be)")
	cmd.Flags().StringVar(&f.series, "series", "", "an .npy, or an .npz of one tensor, that a window is cut out of")
	cmd.Flags().IntVar(&f.at, "at", -1, "where the window of --series begins, counted from 0 (default the last that leaves the whole horizon)")
	cmd.Flags().StringVar(&f.target, "target", "", "an .npz with what the output, by its name, was to be")
	cmd.Flags().IntVar(&f.given, "given", 0, "how many steps of the input are fed before its own output (default 1, of a model of one input half)")
	cmd.Flags().IntVar(&f.horizon, "horizon", 0, "how many steps are forecast (default as many as there are inputs, of a series 30)")
	cmd.Flags().IntVar(&f.row, "row", 0, "the batch row whose values are shown, counted from 0")
	return cmd
}

func (f *forecastFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case (f.feed == "") != (f.output == ""):
		return usagef("--feed and --output belong together: give both or neither")
	case f.series != "" && (f.inputs != "" || f.target != "" || given("given") || given("seed") || given("batch")):
		return usagef("--series makes the inputs and the target, and cannot be combined with --inputs, --target, --given, --seed or --batch")
	case f.series == "" && given("at"):
		return usagef("--at is where the window of --series begins, and there is no --series")
	case given("at") && f.at < 0, f.row < 0:
		return usagef("--at %d and --row %d: want 0 or more", f.at, f.row)
	case given("horizon") && f.horizon < 1, given("given") && f.given < 1:
		return usagef("--horizon %d and --given %d: want 1 or more", f.horizon, f.given)
	}
	return nil
}

func (f *forecastFlags) run(cmd *cobra.Command, dir string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	e, sinks, closeEngine, err := f.begin(cmd, dir, "text", "csv", "npz", "html", "png", "svg")
	if err != nil {
		return err
	}
	defer closeEngine()
	p, made, err := f.problem(cmd.Context(), e, dir)
	if err != nil {
		return err
	}
	r, err := p.Run(cmd.Context())
	if err != nil {
		return err
	}
	if rows := r.Own.Shape()[0]; f.row >= rows {
		return usagef("--row %d: the batch has %d rows, counted from 0", f.row, rows)
	}
	shown := shownForecast{r, dir, made, f.row, notForecast(e.Signature(), p.Output)}
	return writeTo(cmd, sinks, func(w io.Writer, format string, _ bool) error {
		switch format {
		case "text":
			return shown.text(w)
		case "csv":
			return shown.csv(w)
		case "npz":
			return npz.Write(w, r.Tensors())
		}
		return chart.Write(w, format, shown.page(p.Inputs))
	})
}

// problem reads or makes the inputs, and finds the input that is fed.
func (f *forecastFlags) problem(ctx context.Context, e lockstep.Tracer, dir string) (p forecast.Problem, made string, err error) {
	if f.series != "" {
		return f.window(ctx, e, dir)
	}
	p = forecast.Problem{Engine: e, Given: f.given, Horizon: f.horizon}
	if p.Inputs, made, err = f.inputsFor(ctx, modelIn(e, dir, f.modelFlags)); err != nil {
		return p, "", err
	}
	if p.Roles, err = f.roles(ctx, e, dir, p.Inputs); err != nil {
		return p, "", err
	}
	if f.target == "" {
		return p, made, nil
	}
	tensors, err := npz.ReadFile(f.target)
	if err != nil {
		return p, "", err
	}
	if p.Target = lockstep.ByName(tensors)[p.Output]; p.Target == nil {
		names := lockstep.Names(tensors)
		return p, "", usagef("%s has no tensor %q, the output that is fed back; it has %q%s", f.target, p.Output, names, lockstep.Nearest(p.Output, names))
	}
	return p, made + "; target: " + f.target, nil
}

// window cuts the inputs out of a series.
func (f *forecastFlags) window(ctx context.Context, e lockstep.Tracer, dir string) (p forecast.Problem, made string, err error) {
	tensors, err := npz.ReadFile(f.series)
	if err != nil {
		return p, "", err
	}
	if len(tensors) != 1 {
		return p, "", usagef("%s has %d tensors %q, want one, the series", f.series, len(tensors), lockstep.Names(tensors))
	}
	cut := forecast.Span{At: f.at, Seen: f.sizes.Steps, Horizon: f.horizon}
	if cut.Horizon == 0 {
		cut.Horizon = 30
	}
	one := inputFlags{seed: 1, sizes: random.Sizes{Batch: 1, Steps: 2}, fixedBatch: true}
	like, err := one.make(ctx, modelIn(e, dir, f.modelFlags))
	if wrong := (*inputs.SizeError)(nil); errors.As(err, &wrong) {
		return p, "", usagef("--series is one row, and the model's graph takes a batch of %d: give --inputs", wrong.Fits.Batch)
	}
	if err != nil {
		return p, "", err
	}
	roles, err := f.roles(ctx, e, dir, like.Inputs)
	if err != nil {
		return p, "", err
	}
	if p, err = forecast.Window(e.Signature(), roles, tensors[0].Tensor, cut); err != nil {
		return p, "", err
	}
	p.Engine = e
	return p, fmt.Sprintf("inputs: %s, of which %d values are seen", f.series, seen(p)), nil
}

// seen is how many values of a series a model sees before it forecasts.
func seen(p forecast.Problem) int {
	for name, t := range p.Inputs {
		if name != p.Input {
			return t.Shape()[1]
		}
	}
	return p.Given
}

// roles are the named ones, or those that the native engine proves.
func (f *forecastFlags) roles(ctx context.Context, e lockstep.Tracer, dir string, inputs map[string]*lockstep.Tensor) (forecast.Roles, error) {
	if f.feed != "" {
		return forecast.Roles{Input: f.feed, Output: f.output}, nil
	}
	m, ok := e.(*native.Model)
	if !ok {
		var err error
		if m, err = native.Load(dir, f.native()...); err != nil { // TensorFlow runs what the native engine refuses
			all, err := forecast.Candidates(e.Signature())
			if err != nil {
				return forecast.Roles{}, err
			}
			r, err := forecast.Only(all)
			return r, hinted(err)
		}
	}
	r, err := forecast.Find(ctx, m, inputs)
	return r, hinted(err)
}

// hinted adds how to choose one of several.
func hinted(err error) error {
	if errors.Is(err, forecast.ErrSeveral) {
		return fmt.Errorf("%w: choose with --feed and --output", err)
	}
	return err
}
