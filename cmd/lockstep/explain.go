package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/chart"
	"github.com/lockstep-go/lockstep/internal/explain"
	"github.com/lockstep-go/lockstep/internal/inside"
	"github.com/lockstep-go/lockstep/native"
)

type explainFlags struct {
	oneEngine
	spike  float64
	follow int
}

func newExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain MODEL",
		Short: "what the gates do, how long a spike is remembered, how forecasts diverge",
		Long: `explain runs a model over a series and says in words and figures

  what each gate does: the share of the time that it is open (above 0.9), closed
  (below 0.1) or saturated (within 0.01 of an end), and the units that stand out;

  how long a spike is remembered: the half-life, in steps, of the difference that
  one spike makes to c and h, unit by unit in a single cell, and through the whole
  model, from an encoder into its decoder;

  what each attention looks at: how its weights are spread over the keys;

  how the decoder on its own outputs differs from teacher forcing (see lockstep help
  forecast).

It says what does not apply to the model, and why. docs/explain.md defines every
figure. Without --inputs the series is made from --seed: your own series says
more, since gates depend on their input.`,
		Example: `  lockstep explain my_model --inputs in.npz
  lockstep explain my_model --inputs in.npz --format text --format html=explain.html
  lockstep explain my_model --steps 500 --spike 10 --format json=explain.json`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }),
	}
	f.add(cmd, "native or tensorflow; single cells always run in the native engine", formatHelp("json", "png", "svg", "html"))
	f.sizes.Steps = 100
	cmd.Flags().Lookup("steps").DefValue = "100"
	cmd.Flags().Float64Var(&f.spike, "spike", explain.DefaultSpike, "the height of a spike, in standard deviations of what it is added to")
	cmd.Flags().IntVar(&f.follow, "follow", explain.DefaultFollow, "how many steps a single cell is followed after a spike")
	return cmd
}

func (f *explainFlags) run(cmd *cobra.Command, dir string) error {
	if !(f.spike > 0) || f.spike > 1e30 || f.follow < 1 || f.follow > 1e6 {
		return usagef("--spike %g and --follow %d: want a height above 0, and 1 to 1000000 steps", f.spike, f.follow)
	}
	e, sinks, closeEngine, err := f.begin(cmd, dir, "text", "json", "html", "png", "svg")
	if err != nil {
		return err
	}
	defer closeEngine()
	p := explain.Problem{Engine: e, Spike: f.spike, Follow: f.follow}
	m, ok := e.(*native.Model)
	if !ok {
		m, err = native.Load(dir, f.native()...)
	}
	if err == nil {
		p.Native, p.Layers = m, m.Layers()
	} else { // TensorFlow runs what the native engine refuses
		d, err := native.Inspect(dir, f.native()...)
		if err != nil {
			return err
		}
		p.Layers = d.Layers
	}
	var made string
	if p.Inputs, made, err = f.inputsFor(cmd.Context(), modelIn(e, dir, f.modelFlags)); err != nil {
		return err
	}
	p.Watch = func(ctx context.Context, in map[string]*lockstep.Tensor) (*inside.Result, error) {
		return watch(ctx, e, dir, f.modelFlags, in)
	}
	found, err := p.Run(cmd.Context())
	if err != nil {
		return err
	}
	return writeTo(cmd, sinks, func(w io.Writer, format string, _ bool) error {
		switch format {
		case "text":
			return explainText(w, found, dir, made)
		case "json":
			return found.JSON(w, dir, strings.TrimPrefix(made, "inputs: "))
		}
		return chart.Write(w, format, explainPage(found, dir, made))
	})
}

func explainText(w io.Writer, e *explain.Explanation, dir, made string) error {
	if _, err := fmt.Fprint(w, wrapped(0, 2, fmt.Sprintf("%s in %s; %s", dir, e.Engine, made))); err != nil {
		return err
	}
	for _, s := range e.Sections() {
		text := "\n" + s.Title + "\n"
		for _, words := range s.Words {
			text += wrapped(2, 2, words)
		}
		if s.Table != nil {
			text += "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		if s.Table != nil {
			if err := figures(s.Table.Head, s.Table.Rows...).Write(w); err != nil {
				return err
			}
		}
	}
	return nil
}
