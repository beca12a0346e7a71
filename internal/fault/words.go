package fault

import (
	"fmt"
	"path"
	"strings"

	"github.com/lockstep-go/lockstep/internal/source"
)

// frameworks names those that store gates in another order.
var frameworks = map[string]string{
	"iofg": "ONNX",
	"igfo": "TensorFlow's BasicLSTMCell, CNTK, Haiku",
	"ifog": "Core ML, Caffe, Deeplearning4j",
	"gifo": "Chainer",
	"figo": "many papers",
	"rzg":  "PyTorch, cuDNN",
}

// String describes the fault.
func (f Fault) String() string {
	s := f.what()
	switch {
	case f.Kind == WeightsSwapped || f.Kind == KernelsSwapped || f.Kind == LayerOutput:
	case f.Layer != "" || f.Variable != "" || f.Node != "":
		s += " in layer " + f.Layers()[0]
	}
	return s
}

func (f Fault) what() string {
	switch f.Kind {
	case GateOrder:
		s := "gates"
		if f.Tensor != "" {
			s += " of the " + f.Tensor + " alone"
		}
		s += " read in the order " + strings.Join(strings.Split(f.Order, ""), ",")
		if by := frameworks[f.Order]; by != "" {
			s += " (" + by + ")"
		}
		if len(f.Order) == 4 {
			return s + " instead of i,f,g,o"
		}
		return s + " instead of z,r,g"
	case KernelTransposed:
		return "kernel transposed: read as if stored as (gates·units, features)"
	case RecurrentTransposed:
		return "recurrent kernel transposed: read as if stored as (gates·units, units)"
	case KernelBlocksTransposed:
		return "kernel transposed gate by gate: each gate's numbers read as if stored as (units, features)"
	case BiasRowMissing:
		return "half of the bias missing: the row for " + [...]string{"x", "h"}[min(max(f.Index, 0), 1)]
	case BiasTwice:
		return "bias added twice"
	case BiasRowsSwapped:
		return "bias split wrongly: the rows for x and for h swapped"
	case BiasRowsAdded:
		return "bias split wrongly: both rows added beside x, none beside h"
	case ForgetBias:
		return "the forget gate's bias of one added twice"
	case ActivationChanged:
		if f.Role == "" {
			return fmt.Sprintf("every %s computed as %s", f.From, f.To)
		}
		return fmt.Sprintf("%s %s instead of %s", f.Role, f.To, f.From)
	case ResetAfter:
		return fmt.Sprintf("reset_after=%s instead of %s", f.To, f.From)
	case WeightsSwapped:
		return fmt.Sprintf("the weights of layers %s and %s swapped", f.Layer, f.Other)
	case KernelsSwapped:
		return fmt.Sprintf("the kernels of layers %s swapped", strings.Join(f.Layers(), " and "))
	case HalfWeights:
		return "weights rounded to float16"
	case Int8Weights:
		return "kernels rounded to int8, with one scale for each " + f.Role
	case OneWeight:
		s := fmt.Sprintf("one weight: element %d of %s", f.Index, f.Tensor)
		switch {
		case f.ULP != 0:
			return s + fmt.Sprintf(" off by %d ulp", f.ULP)
		case f.Factor != 0:
			return s + fmt.Sprintf(" times %v", f.Factor)
		}
		return s + fmt.Sprintf(" is %v", f.Is)
	}
	return f.read()
}

// read describes the faults in what is read over a sequence.
func (f Fault) read() string {
	switch f.Kind {
	case StatesSwapped:
		return "h and c swapped in initial_state"
	case Backwards:
		if f.From == "backwards" {
			return "go_backwards ignored"
		}
		return "steps read backwards where the model has no go_backwards"
	case MaskZeroInputs:
		return "mask applied with zeros: masked steps taken with an input of zeros"
	case MaskZeroOutputs:
		return "mask applied with zeros: a masked step's output is zeros, not the one before it"
	case InputsSwapped:
		return fmt.Sprintf("inputs %s and %s swapped", f.Input, f.Other)
	case InputShifted:
		what := "every sequence input"
		if f.Input != "" {
			what = "input " + f.Input
		}
		if f.Steps < 0 {
			return fmt.Sprintf("%s off by one step: each step reads the next one's values", what)
		}
		return fmt.Sprintf("%s off by one step: each step reads the values of the one before it", what)
	case OwnOutput:
		return "the decoder fed with its own outputs, not with its inputs (no teacher forcing)"
	}
	return f.around()
}

// around describes the faults around the recurrent layers.
func (f Fault) around() string {
	switch f.Kind {
	case Epsilon:
		return fmt.Sprintf("epsilon %s instead of %s of a %s", f.To, f.From, f.Role)
	case BatchStatistics:
		return "normalized by the batch's own mean and variance, as in training"
	case Variance:
		return "the moving variance read as a standard deviation"
	case Padding:
		return fmt.Sprintf("padding %q instead of %q of a convolution", f.To, f.From)
	case EmbeddingShifted:
		if f.Steps < 0 {
			return "embedding rows off by one: index i gets the row of i-1, and 0 the last"
		}
		return "embedding rows off by one: index i gets the row of i+1, and the last its own"
	case InputScaled:
		s := fmt.Sprintf("input %s scaled: x·%.4g", f.Input, f.Factor)
		if f.Is != 0 {
			s += fmt.Sprintf(" %+.4g", f.Is)
		}
		return s + " instead of x"
	case OutputsSwapped:
		return fmt.Sprintf("outputs %s and %s swapped", f.Output, f.Other)
	case LayerOutput:
		return fmt.Sprintf("the output of layer %s read in the place of that of layer %s", f.Other, f.Layer)
	case StateReturned:
		return fmt.Sprintf("%s read where %s is meant", f.To, f.From)
	}
	return string(f.Kind)
}

// place is the layer of an operation as its name shows it, or else its name.
func place(node string) string {
	if layer := source.LayerOf(node); layer != "" {
		return layer
	}
	return path.Base(node)
}

// Layers are the layers that have the fault, none of one in the whole model.
func (f Fault) Layers() []string {
	var out []string
	switch {
	case f.Layer != "":
		out = append(out, f.Layer)
		if f.Other != "" {
			out = append(out, f.Other)
		}
	case f.Variable != "":
		out = append(out, path.Dir(f.Variable))
		if f.Other != "" {
			out = append(out, path.Dir(f.Other))
		}
	case f.Node != "":
		out = append(out, place(f.Node))
	}
	return out
}

// Framework names those who store gates in an order, "" for none.
func Framework(order string) string { return frameworks[order] }
