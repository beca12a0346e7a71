package fault

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// aroundFaults are those of the operations around the recurrent layers, and of
// what is returned.
func aroundFaults(src *source.Source) []Fault {
	a := lookAround(src)
	var out []Fault
	layers := a.dense()
	for i, d := range layers {
		if d.bias != nil {
			out = append(out, Fault{Kind: BiasMissing, Variable: d.bias.Name})
		}
		out = append(out, Fault{Kind: HalfWeights, Variable: d.kernel.Name},
			Fault{Kind: Int8Weights, Variable: d.kernel.Name, Role: PerTensor}, Fault{Kind: Int8Weights, Variable: d.kernel.Name, Role: PerColumn})
		// The next layer of the same shape: all pairs of a deep network would be as
		// many as the square of its layers.
		if next := slices.IndexFunc(layers[i+1:], d.exchangeable); next >= 0 {
			out = append(out, Fault{Kind: KernelsSwapped, Variable: d.kernel.Name, Other: layers[i+1+next].kernel.Name})
		}
	}
	for _, v := range a.embeddings() {
		out = append(out, Fault{Kind: EmbeddingShifted, Variable: v.Name, Steps: 1}, Fault{Kind: EmbeddingShifted, Variable: v.Name, Steps: -1})
	}
	for _, b := range a.normalizations() {
		out = append(out, b.faults()...)
	}
	for _, c := range a.convolutions() {
		out = append(out, c.faults()...)
	}
	out = append(out, a.activationFaults()...)
	return append(out, a.returned()...)
}

func (d *dense) exchangeable(other *dense) bool {
	return other.product.Op == d.product.Op && other.kernel.DType == d.kernel.DType && slices.Equal(other.kernel.Shape, d.kernel.Shape)
}

// returned are the faults of what layers and the model return.
func (a *around) returned() []Fault {
	var out []Fault
	signature := a.src.Graph.Signature.Outputs
	for i, one := range signature {
		for _, other := range signature[i+1:] {
			if one.DType == other.DType && !one.UnknownRank && !other.UnknownRank && slices.EqualFunc(one.Shape, other.Shape, fits) {
				out = append(out, Fault{Kind: OutputsSwapped, Output: one.Name, Other: other.Name})
			}
		}
	}
	read := map[savedmodel.Ref]bool{}
	for r := range a.readers {
		read[r] = true
	}
	for _, r := range a.src.Graph.Outputs {
		read[r.Through()] = true
	}
	for _, l := range a.src.Found.Layers {
		if l.Kind == recurrent.LSTM {
			for i, name := range l.Kind.StateNames() {
				if read[l.FinalState[i].Through()] {
					out = append(out, Fault{Kind: StateReturned, Layer: l.Name, From: name, To: l.Kind.StateNames()[1-i]})
				}
			}
		}
		for _, other := range a.src.Found.Layers {
			if interchangeable(l, other) && read[l.Outputs.Through()] {
				out = append(out, Fault{Kind: LayerOutput, Layer: l.Name, Other: other.Name})
			}
		}
	}
	return out
}

// interchangeable tells whether the output of another layer can be read in the
// place of a layer's: of the same size, and not computed from it.
func interchangeable(l, other *recurrent.Layer) bool {
	if l.Loop == other.Loop || l.Outputs.Node == nil || other.Outputs.Node == nil || l.Units != other.Units || l.LastOnly != other.LastOnly {
		return false
	}
	before := map[*savedmodel.Node]bool{}
	reach(other.Loop, before, false)
	return !before[l.Loop]
}

// plantInVariable changes a variable around the recurrent layers.
func (f Fault) plantInVariable(src *source.Source) error {
	a := lookAround(src)
	if f.Kind == EmbeddingShifted {
		for _, v := range a.embeddings() {
			if v.Name == f.Variable {
				return changeVariable(src, v, func(d []float64) { shiftRows(d, v.Shape[1], f.Steps) })
			}
		}
		return fmt.Errorf("there is no embedding %q", f.Variable)
	}
	if f.Kind == Variance {
		for _, b := range a.normalizations() {
			if b.moving != nil && b.moving.Name == f.Variable {
				return changeVariable(src, b.moving, func(d []float64) {
					for i, v := range d {
						d[i] = v * v
					}
				})
			}
		}
		return fmt.Errorf("there is no moving variance %q", f.Variable)
	}
	var other *dense
	for _, d := range a.dense() {
		if d.kernel.Name == f.Other {
			other = d
		}
	}
	for _, d := range a.dense() {
		switch {
		case f.Kind == BiasMissing && d.bias != nil && d.bias.Name == f.Variable:
			return changeVariable(src, d.bias, func(d []float64) { clear(d) })
		case d.kernel.Name == f.Variable && f.Kind == KernelsSwapped && other != nil && d.exchangeable(other):
			return swapVariables(src, d.kernel, other.kernel)
		case d.kernel.Name == f.Variable && f.Kind == HalfWeights:
			if d.bias != nil {
				if err := changeVariable(src, d.bias, toHalves); err != nil {
					return err
				}
			}
			return changeVariable(src, d.kernel, toHalves)
		case d.kernel.Name == f.Variable && f.Kind == Int8Weights:
			columns := d.kernel.Shape[len(d.kernel.Shape)-1]
			return changeVariable(src, d.kernel, func(d []float64) { copy(d, toInt8(d, columns, f.Role)) })
		}
	}
	return fmt.Errorf("there is no such variable %q", f.Variable)
}

func toHalves(d []float64) { copy(d, rounded(d, half)) }

// shiftRows moves the rows of a table: see EmbeddingShifted.
func shiftRows(d []float64, width, by int) {
	old := slices.Clone(d)
	rows := len(d) / width
	for i := range rows {
		from := min(i+by, rows-1)
		if from < 0 {
			from = rows - 1
		}
		copy(d[i*width:(i+1)*width], old[from*width:])
	}
}

// changeVariable gives a variable the value that change makes of its own.
func changeVariable(src *source.Source, v *savedmodel.Variable, change func(d []float64)) error {
	t, err := src.Value(v)
	if err != nil {
		return err
	}
	d, err := t.Float64s()
	if err != nil {
		return err
	}
	d = slices.Clone(d)
	change(d)
	if t, err = inType(d, v.DType, slices.Clone(v.Shape)); err != nil {
		return err
	}
	return src.SetVariable(v, t)
}

func swapVariables(src *source.Source, a, b *savedmodel.Variable) error {
	var values [2]*lockstep.Tensor
	for i, v := range []*savedmodel.Variable{a, b} {
		var err error
		if values[i], err = src.Value(v); err != nil {
			return err
		}
	}
	if err := src.SetVariable(a, values[1]); err != nil {
		return err
	}
	return src.SetVariable(b, values[0])
}

// plantInNode changes an operation around the recurrent layers.
func (f Fault) plantInNode(src *source.Source) error {
	a := lookAround(src)
	switch f.Kind {
	case Epsilon, BatchStatistics:
		for _, b := range a.normalizations() {
			if b.node.Name == f.Node {
				return f.plantInNormalization(src, b)
			}
		}
	case Padding:
		for _, c := range a.convolutions() {
			if c.node.Name == f.Node {
				return f.plantPadding(src, c)
			}
		}
	case ActivationChanged:
		for _, v := range a.activations() {
			if v.node.Name == f.Node {
				return f.plantActivation(src, v)
			}
		}
	}
	return fmt.Errorf("%q is no operation that can have it", f.Node)
}

// swapOutputs returns two outputs of the signature in each other's place.
func (f Fault) swapOutputs(src *source.Source) error {
	outputs := map[string]savedmodel.Ref{}
	for name, r := range src.Graph.Outputs {
		outputs[name] = r
	}
	if outputs[f.Output].Node == nil || outputs[f.Other].Node == nil {
		return fmt.Errorf("the signature has no outputs %q and %q", f.Output, f.Other)
	}
	outputs[f.Output], outputs[f.Other] = outputs[f.Other], outputs[f.Output]
	src.Graph = src.Graph.WithOutputs(outputs)
	return nil
}

// returnAnother has a layer's readers read another output or state.
func (f Fault) returnAnother(src *source.Source) error {
	l, _, err := src.Layer(f.Layer)
	if err != nil {
		return err
	}
	if f.Kind == LayerOutput {
		other, _, err := src.Layer(f.Other)
		if err != nil {
			return err
		}
		if !interchangeable(l, other) {
			return fmt.Errorf("the outputs of layers %q and %q have different sizes, or one is computed from the other", f.Layer, f.Other)
		}
		src.Instead[l.Outputs] = other.Outputs
		return nil
	}
	names := l.Kind.StateNames()
	from, to := slices.Index(names, f.From), slices.Index(names, f.To)
	if from < 0 || to < 0 {
		return fmt.Errorf("the layer has no states %q and %q", f.From, f.To)
	}
	src.Instead[l.FinalState[from]] = l.FinalState[to]
	return nil
}
