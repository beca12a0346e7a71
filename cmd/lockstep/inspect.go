package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/table"
	"github.com/lockstep-go/lockstep/native"
)

func newInspect() *cobra.Command {
	var model modelFlags
	var weights, format string
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "show signatures, recurrent layers and weights (no TensorFlow needed)",
		Long: `inspect shows every signature of a model, and the recurrent layers and weights of
one, whatever types they have and whether or not the native engine runs it; if
not, it says why. --weights writes the weights that numpy has a type for; if there
are others it names them, and the exit code is 3.`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("--format %q: want text or json", format)
			}
			d, err := native.Inspect(args[0], model.native()...)
			if err != nil {
				return err
			}
			var unwritten error // the description is shown all the same
			if weights != "" {
				fit, err := writable(d)
				if len(fit) == 0 && err != nil {
					return err // a damaged checkpoint, which has nothing to write
				}
				if unwritten = npz.WriteFile(weights, fit); unwritten == nil && err != nil {
					unwritten = fmt.Errorf("%s holds %d of the %d weights: %w", weights, len(fit), len(d.Weights), err)
				}
			}
			write := describe
			if format == "json" {
				write = describeJSON
			}
			return errors.Join(write(cmd.OutOrStdout(), args[0], d), unwritten)
		}),
	}
	model.add(cmd)
	cmd.Flags().StringVar(&weights, "weights", "", "write the weights to this .npz")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// writable returns the weights that can be written. If some cannot, the error
// names them all; if none can, as in a damaged checkpoint, it names the first.
func writable(d *native.Description) (lockstep.Weights, error) {
	all, err := d.ReadWeights()
	var fit lockstep.Weights
	for _, w := range all {
		if bad := npz.Write(io.Discard, []lockstep.NamedTensor{w}); bad != nil { // numpy's strings cannot hold arbitrary bytes
			err = errors.Join(err, bad)
			continue
		}
		fit = append(fit, w)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(fit) == 0 {
		err = joined.Unwrap()[0]
	}
	return fit, err
}

func describe(out io.Writer, name string, d *native.Description) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, written by TensorFlow %s\n", name, d.TensorFlow)
	for _, s := range d.Signatures {
		mark := ""
		if s.Name == d.Signature {
			mark = " (described here)"
		}
		t := table.Table{Indent: 2}
		for _, spec := range s.Inputs {
			t.Add("input", spec.Name, spec.TypeName(), shapeOf(spec))
		}
		for _, spec := range s.Outputs {
			t.Add("output", spec.Name, spec.TypeName(), shapeOf(spec))
		}
		section(&b, "signature "+s.Name+mark, &t)
	}
	section(&b, "recurrent layers of "+d.Signature, layersOf(d))
	t := table.Table{Indent: 2}
	for _, v := range d.Weights {
		spec, from := lockstep.TensorSpec{Shape: v.Shape, UnknownRank: v.Shape == nil}, "checkpoint key "+v.Key
		if v.Reason != nil {
			from = "cannot be read: " + v.Reason.Error()
		}
		t.Add(v.Name, v.Type, shapeOf(spec), "variable "+v.Variable, from)
	}
	section(&b, "weights", &t)
	if d.Reason == nil {
		fmt.Fprintf(&b, "\nThe native engine runs this signature.\n")
	} else {
		fmt.Fprintf(&b, "\nThe native engine does not run this signature: %v\n", d.Reason)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// section writes a table below its title.
func section(b *strings.Builder, title string, t *table.Table) {
	b.WriteString("\n" + title + "\n")
	t.Write(b)
}

// layersOf has a row for each loop of the graph.
func layersOf(d *native.Description) *table.Table {
	t := &table.Table{Indent: 2}
	for _, l := range d.Layers {
		t.Add(l.Name, l.Kind, fmt.Sprintf("%d units of %d features", l.Units, l.Features), optionsOf(l), loopAt(l.Loop, l.Within))
	}
	for _, loop := range d.Slices {
		t.Add("-", "TimeDistributed", "", "all slices at once", "loop "+loop)
	}
	for _, u := range d.Unrecognised {
		t.Add("?", "no known layer", "", "run operation by operation: "+u.Reason, loopAt(u.Node, u.Within))
	}
	if len(d.Layers)+len(d.Unrecognised)+len(d.Slices) == 0 {
		t.Add("none")
	}
	return t
}

// loopAt names a loop, and the loops and branches that it is inside of.
func loopAt(node, within string) string {
	if within == "" {
		return "loop " + node
	}
	return "loop " + node + " in " + within
}

// optionsOf lists the layer's options that change what it computes.
func optionsOf(l native.Layer) string {
	out := []string{l.Activation}
	if l.RecurrentActivation != "" {
		out = append(out, "recurrent "+l.RecurrentActivation)
	}
	if l.Kind == "GRU" {
		out = append(out, fmt.Sprintf("reset_after=%v", l.ResetAfter))
	}
	if l.Masked {
		out = append(out, "masked")
	}
	if l.Cells > 1 {
		out = append(out, fmt.Sprintf("cell %d of %d", l.Cell+1, l.Cells))
	}
	return strings.Join(out, ", ")
}

func shapeOf(spec lockstep.TensorSpec) string {
	if spec.UnknownRank {
		return "any shape"
	}
	return lockstep.FormatShape(spec.Shape)
}

// The JSON of inspect; a field keeps its name and meaning within schema 1. An
// axis of any length is null, a shape of any rank as well.
type (
	inspection struct {
		Schema       int             `json:"schema"`
		Model        string          `json:"model"`
		TensorFlow   string          `json:"tensorflow"`
		Signature    string          `json:"signature"`
		Signatures   []jsonSignature `json:"signatures"`
		Layers       []jsonLayer     `json:"layers"`
		Slices       []string        `json:"slice_loops"`
		Unrecognised []jsonLoop      `json:"unrecognised_loops"`
		Weights      []jsonWeight    `json:"weights"`
		Native       bool            `json:"native"`
		Reason       string          `json:"native_reason,omitempty"`
	}
	jsonSignature struct {
		Name    string     `json:"name"`
		Inputs  []jsonSpec `json:"inputs"`
		Outputs []jsonSpec `json:"outputs"`
	}
	jsonSpec struct {
		Name  string `json:"name"`
		DType string `json:"dtype"`
		Shape []*int `json:"shape"`
	}
	jsonLayer struct {
		Name                string `json:"name"`
		Kind                string `json:"kind"`
		Units               int    `json:"units"`
		Features            int    `json:"features"`
		Activation          string `json:"activation"`
		RecurrentActivation string `json:"recurrent_activation"`
		ResetAfter          bool   `json:"reset_after"`
		Masked              bool   `json:"masked"`
		Loop                string `json:"loop"`
		Within              string `json:"within,omitempty"`
		Cell                int    `json:"cell"`
		Cells               int    `json:"cells"`
	}
	jsonLoop struct {
		Node   string `json:"loop"`
		Reason string `json:"reason"`
		Within string `json:"within,omitempty"`
	}
	jsonWeight struct {
		Name     string `json:"name"`
		DType    string `json:"dtype"`
		Shape    []int  `json:"shape"`
		Variable string `json:"variable"`
		Key      string `json:"checkpoint_key"`
		Reason   string `json:"unreadable,omitempty"`
	}
)

func describeJSON(out io.Writer, name string, d *native.Description) error {
	doc := inspection{
		Schema: 1, Model: name, TensorFlow: d.TensorFlow, Signature: d.Signature, Native: d.Reason == nil,
		Signatures: []jsonSignature{}, Layers: []jsonLayer{}, Slices: append([]string{}, d.Slices...), Unrecognised: []jsonLoop{}, Weights: []jsonWeight{},
	}
	if d.Reason != nil {
		doc.Reason = d.Reason.Error()
	}
	for _, s := range d.Signatures {
		doc.Signatures = append(doc.Signatures, jsonSignature{s.Name, jsonSpecs(s.Inputs), jsonSpecs(s.Outputs)})
	}
	for _, l := range d.Layers {
		doc.Layers = append(doc.Layers, jsonLayer(l))
	}
	for _, u := range d.Unrecognised {
		doc.Unrecognised = append(doc.Unrecognised, jsonLoop(u))
	}
	for _, w := range d.Weights {
		out := jsonWeight{Name: w.Name, DType: w.Type, Shape: w.Shape, Variable: w.Variable, Key: w.Key}
		if w.Reason != nil {
			out.Reason = w.Reason.Error()
		}
		doc.Weights = append(doc.Weights, out)
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func jsonSpecs(specs []lockstep.TensorSpec) []jsonSpec {
	out := []jsonSpec{}
	for _, s := range specs {
		j := jsonSpec{Name: s.Name, DType: s.TypeName()}
		if !s.UnknownRank {
			j.Shape = make([]*int, len(s.Shape))
			for i, d := range s.Shape {
				if d >= 0 {
					j.Shape[i] = &d
				}
			}
		}
		out = append(out, j)
	}
	return out
}
