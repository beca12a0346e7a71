package fault

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Plant puts the fault into the edited copy of a source: see native.Model.Edit
// and source.Oracle.Edit. The copy may already have faults. An oracle's single
// steps do not show a fault that is OutsideSteps.
func (f Fault) Plant(src *source.Source) error {
	if err := f.plant(src); err != nil {
		return fmt.Errorf("fault: %s: %w", f, err)
	}
	return nil
}

func (f Fault) plant(src *source.Source) error {
	switch f.Kind {
	case InputsSwapped, InputShifted, InputScaled, OwnOutput:
		change, err := f.changeOf(src)
		if err != nil {
			return err
		}
		src.ChangeInputs = change.then(src.ChangeInputs)
		return nil
	case OutputsSwapped:
		return f.swapOutputs(src)
	case LayerOutput, StateReturned:
		return f.returnAnother(src)
	}
	switch {
	case f.Variable != "":
		return f.plantInVariable(src)
	case f.Node != "":
		return f.plantInNode(src)
	case f.Kind == ActivationChanged && f.Layer == "":
		return f.plantActivations(src)
	case f.Kind == HalfWeights && f.Layer == "":
		return src.ConvertWeights(toHalf)
	}
	l, r, err := src.EditLayer(f.Layer)
	if err != nil {
		return err
	}
	switch f.Kind {
	case StatesSwapped, StatesIgnored, Backwards:
		f.addLoopEdit(src, l, r)
		return nil
	case MaskIgnored, MaskZeroInputs, MaskZeroOutputs:
		if r.Mask == nil {
			return fmt.Errorf("the layer has no mask")
		}
		if f.Kind == MaskZeroOutputs {
			r.Mask.Previous = -1
		} else {
			f.addLoopEdit(src, l, r)
		}
		return nil
	}
	return f.plantInCell(src, l)
}

// plantInCell changes a layer's cell or its weights.
func (f Fault) plantInCell(src *source.Source, l *recurrent.Layer) error {
	switch f.Kind {
	case ActivationChanged:
		at := &l.Activation
		if f.Role == "recurrent_activation" && l.Kind != recurrent.SimpleRNN {
			at = &l.RecurrentActivation
		} else if f.Role != "activation" {
			return fmt.Errorf("the layer has no %q", f.Role)
		}
		to, ok := recurrent.ActivationNamed(f.To)
		if !ok {
			return fmt.Errorf("there is no activation %q", f.To)
		}
		*at = to
		return nil
	case KernelsSwapped:
		other, _, err := src.EditLayer(f.Other)
		if err != nil {
			return err
		}
		if other.Features != l.Features || len(gateLetters[other.Kind])*other.Units != len(gateLetters[l.Kind])*l.Units {
			return fmt.Errorf("layers %q and %q have kernels of different shapes", l.Name, other.Name)
		}
		l.Kernel, other.Kernel = other.Kernel, l.Kernel
		return nil
	case WeightsSwapped:
		other, _, err := src.EditLayer(f.Other)
		if err != nil {
			return err
		}
		if other.Kind != l.Kind || other.Units != l.Units || other.Features != l.Features {
			return fmt.Errorf("layers %q and %q have weights of different shapes", l.Name, other.Name)
		}
		l.Kernel, other.Kernel = other.Kernel, l.Kernel
		l.RecurrentKernel, other.RecurrentKernel = other.RecurrentKernel, l.RecurrentKernel
		l.Bias, other.Bias = other.Bias, l.Bias
		return nil
	case BiasMissing:
		l.Bias = savedmodel.Ref{}
		return nil
	}
	w, err := readMatrices(src, l)
	if err != nil {
		return err
	}
	if err := w.change(f, l); err != nil {
		return err
	}
	return w.put(src, l)
}
