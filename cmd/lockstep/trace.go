package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/chart"
	"github.com/lockstep-go/lockstep/internal/inside"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

type traceFlags struct {
	oneEngine
	choice
}

func newTrace() *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:   "trace MODEL",
		Short: "the gates and states over time of one engine",
		Long: `trace runs one engine and writes what every recurrent layer reads and computes at
each step: its input, the gates before and after their activations, and the
states; what each attention weights its keys with, query by query; and of loops
that are no known layer their variables, iteration by iteration. Standard error
says what is left out, and why. csv, to standard output by default, has a line a value: layer, quantity,
row, step, unit, value. npz has tensors (rows, steps, units) by the names
LAYER/i and so on. html, png and svg draw one row: of the units that --unit
names, or of the four whose h moves most.`,
		Example: `  lockstep trace my_model --format html=trace.html
  lockstep trace my_model --inputs in.npz --engine tensorflow --layer encoder --format npz=trace.npz
  lockstep trace my_model --layer encoder --row 0 --unit 3,5 > trace.csv`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }),
	}
	f.add(cmd, "native or tensorflow", "csv, npz, html, png or svg, to standard output, or to a file as in html=FILE; may be repeated (default csv)")
	cmd.Flags().StringArrayVar(&f.layers, "layer", nil, "show this layer alone; may be repeated")
	cmd.Flags().IntSliceVar(&f.units, "unit", nil, "show these units alone, counted from 0, with commas between")
	cmd.Flags().IntVar(&f.row, "row", -1, "show this batch row alone, counted from 0 (default all, and 0 in a picture)")
	return cmd
}

func (f *traceFlags) run(cmd *cobra.Command, dir string) error {
	if cmd.Flags().Changed("row") && f.row < 0 {
		return usagef("--row %d: want 0 or more", f.row)
	}
	e, sinks, closeEngine, err := f.begin(cmd, dir, "csv", "npz", "html", "png", "svg")
	if err != nil {
		return err
	}
	defer closeEngine()
	inputs, made, err := f.inputsFor(cmd.Context(), modelIn(e, dir, f.modelFlags))
	if err != nil {
		return err
	}
	trace, err := e.Trace(cmd.Context(), inputs, lockstep.Steps)
	if err != nil {
		return err
	}
	seen, err := watch(cmd.Context(), e, dir, f.modelFlags, inputs)
	if err != nil {
		return err
	}
	chosen, err := f.choose(trace, seen.Parts)
	if err != nil {
		return err
	}
	leftOut := append(unshown(trace), seen.LeftOut...)
	for _, s := range leftOut {
		complain(cmd.ErrOrStderr(), fmt.Errorf("note: not shown: %s", s))
	}
	return writeTo(cmd, sinks, func(w io.Writer, format string, _ bool) error {
		switch format {
		case "csv":
			return writeTraceCSV(w, chosen)
		case "npz":
			return npz.Write(w, tensorsOf(chosen))
		}
		page := traceCharts(dir, trace.Engine, chosen, f.row, len(f.units) > 0)
		page.Words = append(page.Words, made)
		for _, s := range leftOut {
			page.Words = append(page.Words, "Not shown: "+s+".")
		}
		return chart.Write(w, format, page)
	})
}

// choice selects the part of a trace that is shown.
type choice struct {
	layers []string
	units  []int
	row    int // -1 for all
}

// shownLayer is the part of a layer that is shown.
type shownLayer struct {
	name        string
	rows, units []int // the ones shown
	quantities  []shownQuantity
}

// shownQuantity is a tensor (rows, steps, units) of the rows and units that are
// shown, or of those rows and all features.
type shownQuantity struct {
	name   string
	own    bool // its last axis is not the layer's units
	tensor *lockstep.Tensor
	// title and of are what a picture calls it and its units, "" for those that
	// every recurrent layer has.
	title, of string
}

// isOf tells whether a layer of a trace has a name, or is a run of that layer.
func isOf(layer, name string) bool { return layer == name || lockstep.LayerOf(layer) == name }

// choose selects what is to be shown from a trace and from what else was seen.
func (c choice) choose(t *lockstep.Trace, parts []inside.Part) ([]shownLayer, error) {
	names := slices.Clone(t.Layers)
	for _, p := range parts {
		names = append(names, p.Name)
	}
	for _, name := range c.layers {
		if !slices.ContainsFunc(names, func(l string) bool { return isOf(l, name) }) {
			return nil, usagef("--layer %q: the model has no such recurrent layer, attention or loop; it has %q", name, names)
		}
	}
	var out []shownLayer
	for _, layer := range t.Layers {
		chosen := slices.ContainsFunc(c.layers, func(name string) bool { return isOf(layer, name) })
		if len(c.layers) > 0 && !chosen {
			continue
		}
		h := t.Layer(layer).Step("h")
		if h == nil || h.Rank() != 3 {
			if chosen {
				return nil, fmt.Errorf("%s shows no steps of the layer %s: its loop is run operation by operation (see lockstep inspect)", t.Engine, layer)
			}
			continue
		}
		s, err := c.layer(t, layer, h.Shape())
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	for _, p := range parts {
		if len(c.layers) > 0 && !slices.Contains(c.layers, p.Name) {
			continue
		}
		of, err := c.part(p)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s shows no steps: the model has no recurrent layer that runs as one, no attention and no other loop (see lockstep inspect)", t.Engine)
	}
	return out, nil
}

func (c choice) layer(t *lockstep.Trace, name string, shape []int) (shownLayer, error) {
	s := shownLayer{name: name, units: c.units}
	if c.row >= shape[0] {
		return s, usagef("--row %d: the batch has %d rows, counted from 0", c.row, shape[0])
	}
	for _, u := range c.units {
		if u < 0 || u >= shape[2] {
			return s, usagef("--unit %d: the layer %s has %d units, counted from 0", u, name, shape[2])
		}
	}
	if len(s.units) == 0 {
		s.units = upTo(shape[2])
	}
	if s.rows = []int{c.row}; c.row < 0 {
		s.rows = upTo(shape[0])
	}
	for _, q := range slices.Concat([]string{"x"}, t.Quantities(name)) {
		tensor := t.Layer(name).Step(q)
		if tensor == nil || tensor.Rank() != 3 || tensor.Shape()[0] != shape[0] || tensor.Shape()[1] != shape[1] {
			continue
		}
		units := s.units
		if q == "x" {
			units = upTo(tensor.Shape()[2])
		}
		taken, err := take(tensor, s.rows, units)
		if err != nil {
			return s, fmt.Errorf("%s/%s: %w", name, q, err)
		}
		s.quantities = append(s.quantities, shownQuantity{name: q, own: q == "x", tensor: taken})
	}
	return s, nil
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// take takes rows and units out of a tensor (rows, steps, units) of floats.
func take(t *lockstep.Tensor, rows, units []int) (*lockstep.Tensor, error) {
	switch t.DType() {
	case lockstep.Float32:
		return takeOf[float32](t, rows, units)
	case lockstep.Float64:
		return takeOf[float64](t, rows, units)
	case lockstep.Float16:
		return takeOf[lockstep.Float16Bits](t, rows, units)
	case lockstep.BFloat16:
		return takeOf[lockstep.BFloat16Bits](t, rows, units)
	}
	return nil, fmt.Errorf("it is %s, want floats", t)
}

func takeOf[E lockstep.Element](t *lockstep.Tensor, rows, units []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	steps, width := t.Shape()[1], t.Shape()[2]
	out := make([]E, 0, len(rows)*steps*len(units))
	for _, r := range rows {
		for s := range steps {
			for _, u := range units {
				out = append(out, d[(r*steps+s)*width+u])
			}
		}
	}
	return lockstep.New(out, len(rows), steps, len(units))
}

// watch shows attentions and loops of a model that runs in an engine.
func watch(ctx context.Context, e lockstep.Engine, dir string, f modelFlags, in map[string]*lockstep.Tensor) (*inside.Result, error) {
	if m, ok := e.(*native.Model); ok {
		return inside.Watch(ctx, m.Source(), e, in)
	}
	src, err := source.Open(dir, source.Options{Tags: f.tags, Signature: f.signature})
	if err != nil {
		return nil, err
	}
	return inside.Watch(ctx, src, e, in)
}

// unshown says which recurrent layers a trace does not show, and why.
func unshown(t *lockstep.Trace) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Unshown)) {
		out = append(out, fmt.Sprintf("layer %s: %s", name, t.Unshown[name]))
	}
	for _, name := range t.Layers {
		if t.Layer(name).Step("h") == nil && t.Unshown[name] == "" {
			out = append(out, fmt.Sprintf("layer %s: with these inputs its loop is run operation by operation", name))
		}
	}
	return out
}

// part selects what is to be shown of an attention or a loop: a row of --row, and
// all units, since --unit means those of recurrent layers.
func (c choice) part(p inside.Part) ([]shownLayer, error) {
	of := map[inside.Kind]string{inside.Attention: "key", inside.Loop: "element"}[p.Kind]
	var out []shownLayer
	for _, q := range p.Quantities {
		shape := q.Values.Shape()
		rows := upTo(shape[0])
		if c.row >= 0 && shape[0] > 1 {
			if c.row >= shape[0] {
				return nil, usagef("--row %d: %s of %s has %d rows, counted from 0", c.row, q.Name, p.Name, shape[0])
			}
			rows = []int{c.row}
		}
		taken, err := take(q.Values, rows, upTo(shape[2]))
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", p.Name, q.Name, err)
		}
		shown := shownQuantity{name: q.Name, own: true, tensor: taken, title: q.Title, of: of}
		out = append(out, shownLayer{name: p.Name, rows: rows, units: upTo(shape[2]), quantities: []shownQuantity{shown}})
	}
	return out, nil
}
