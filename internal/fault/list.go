package fault

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// gateLetters are the gates of each kind in Keras's order.
var gateLetters = map[recurrent.Kind]string{recurrent.LSTM: "ifgo", recurrent.GRU: "zrg", recurrent.SimpleRNN: "g"}

// List returns every fault that a model can have, but OneWeight, of which there
// are as many as weights. Some may change nothing, such as a bias that is missing
// where it is zeros.
//
// Layers whose loop is interpreted, or that are unrolled in the graph, have no
// faults of their own.
func List(src *source.Source) []Fault {
	var out []Fault
	for _, r := range src.Found.Recurrences {
		for _, l := range r.Cells {
			out = append(out, cellFaults(l)...)
			out = append(out, stateFaults(l)...)
		}
		first := r.Cells[0]
		way := Fault{Kind: Backwards, Layer: first.Name, From: "forwards", To: "backwards"}
		if goesBackwards(first) {
			way.From, way.To = way.To, way.From
		}
		out = append(out, way)
		if r.Mask != nil {
			out = append(out, Fault{Kind: MaskIgnored, Layer: first.Name}, Fault{Kind: MaskZeroInputs, Layer: first.Name})
			if r.Mask.Previous >= 0 && r.Outputs >= 0 {
				out = append(out, Fault{Kind: MaskZeroOutputs, Layer: first.Name})
			}
		}
	}
	out = append(out, weightSwaps(src.Found.Layers)...)
	out = append(out, inputFaults(src)...)
	out = append(out, Fault{Kind: HalfWeights})
	return append(out, aroundFaults(src)...)
}

// cellFaults are those of a layer's cell and weights.
func cellFaults(l *recurrent.Layer) []Fault {
	var out []Fault
	add := func(kinds ...Kind) {
		for _, k := range kinds {
			out = append(out, Fault{Kind: k, Layer: l.Name})
		}
	}
	own := gateLetters[l.Kind]
	for _, order := range permutations(own) {
		if order != own {
			for _, tensor := range []string{"", "kernel", "recurrent_kernel"} {
				out = append(out, Fault{Kind: GateOrder, Layer: l.Name, Order: order, Tensor: tensor})
			}
		}
	}
	if l.Features > 1 {
		add(KernelTransposed)
	}
	if l.Features > 1 && l.Units > 1 && len(own) > 1 { // of one gate it is the fault above
		add(KernelBlocksTransposed)
	}
	if l.Features == l.Units {
		add(KernelsExchanged)
	}
	if len(own) > 1 && l.Units > 1 {
		add(RecurrentTransposed)
	}
	if l.Units > 1 {
		add(RecurrentBlocksTransposed)
	}
	if l.Bias.Node != nil {
		add(BiasMissing, BiasTwice)
		if l.ResetAfter {
			add(BiasRowsSwapped, BiasRowsAdded)
			out = append(out, Fault{Kind: BiasRowMissing, Layer: l.Name}, Fault{Kind: BiasRowMissing, Layer: l.Name, Index: 1})
		}
	}
	if l.Kind == recurrent.LSTM {
		add(ForgetBias)
	}
	add(HalfWeights)
	out = append(out, Fault{Kind: Int8Weights, Layer: l.Name, Role: PerTensor}, Fault{Kind: Int8Weights, Layer: l.Name, Role: PerColumn})
	out = append(out, activationFaults(l.Name, "activation", l.Activation)...)
	if l.Kind != recurrent.SimpleRNN {
		out = append(out, activationFaults(l.Name, "recurrent_activation", l.RecurrentActivation)...)
	}
	if l.Kind == recurrent.GRU {
		f := Fault{Kind: ResetAfter, Layer: l.Name, From: "False", To: "True"}
		if l.ResetAfter {
			f.From, f.To = f.To, f.From
		}
		out = append(out, f)
	}
	return out
}

// mistaken are the activations that an activation is mistaken for, or computed as.
var mistaken = map[recurrent.Activation][]recurrent.Activation{
	recurrent.Sigmoid:      {recurrent.HardSigmoid2, recurrent.HardSigmoid3},
	recurrent.HardSigmoid2: {recurrent.Sigmoid, recurrent.HardSigmoid3},
	recurrent.HardSigmoid3: {recurrent.Sigmoid, recurrent.HardSigmoid2},
	recurrent.Tanh:         {recurrent.Relu, recurrent.RationalTanh, recurrent.HardTanh},
	recurrent.Relu:         {recurrent.Tanh},
	recurrent.Gelu:         {recurrent.GeluTanh},
	recurrent.GeluTanh:     {recurrent.Gelu},
}

func activationFaults(layer, role string, from recurrent.Activation) []Fault {
	var out []Fault
	for _, to := range mistaken[from] {
		out = append(out, Fault{Kind: ActivationChanged, Layer: layer, Role: role, From: from.String(), To: to.String()})
	}
	return out
}

// stateFaults are those of a layer's initial states.
func stateFaults(l *recurrent.Layer) []Fault {
	if !slices.ContainsFunc(l.InitialState, func(r savedmodel.Ref) bool { return !recurrent.IsZero(r) }) {
		return nil
	}
	out := []Fault{{Kind: StatesIgnored, Layer: l.Name}}
	if l.Kind == recurrent.LSTM {
		out = append(out, Fault{Kind: StatesSwapped, Layer: l.Name})
	}
	return out
}

// weightSwaps are those of pairs of layers whose weights have the same shapes.
func weightSwaps(layers []*recurrent.Layer) []Fault {
	var out []Fault
	for i, a := range layers {
		for _, b := range layers[i+1:] {
			if len(gateLetters[a.Kind])*a.Units == len(gateLetters[b.Kind])*b.Units && a.Features == b.Features && a.Kernel.Through() != b.Kernel.Through() {
				out = append(out, Fault{Kind: KernelsSwapped, Layer: a.Name, Other: b.Name})
			}
			if a.Kind == b.Kind && a.Units == b.Units && a.Features == b.Features && a.ResetAfter == b.ResetAfter &&
				(a.Bias.Node == nil) == (b.Bias.Node == nil) && a.Kernel.Through() != b.Kernel.Through() {
				out = append(out, Fault{Kind: WeightsSwapped, Layer: a.Name, Other: b.Name})
			}
		}
	}
	return out
}

// scalings are the factors and the summands that inputs are mistakenly scaled by:
// bytes to 0 to 1 and -1 to 1, 0 to 1 to -1 to 1, and back.
var scalings = [][2]float64{{1. / 255, 0}, {255, 0}, {2, -1}, {0.5, 0.5}, {2. / 255, -1}, {127.5, 127.5}}

// inputFaults are those of the signature's inputs.
func inputFaults(src *source.Source) []Fault {
	var out []Fault
	in := src.Graph.Signature.Inputs
	sequences := 0
	for i, a := range in {
		for _, b := range in[i+1:] {
			if a.DType == b.DType && !a.UnknownRank && !b.UnknownRank && slices.EqualFunc(a.Shape, b.Shape, fits) {
				out = append(out, Fault{Kind: InputsSwapped, Input: a.Name, Other: b.Name})
			}
		}
		if a.DType == lockstep.Float32 || a.DType == lockstep.Float64 {
			for _, by := range scalings {
				out = append(out, Fault{Kind: InputScaled, Input: a.Name, Factor: by[0], Is: by[1]})
			}
		}
		if isSequence(a) {
			sequences++
			out = append(out, Fault{Kind: InputShifted, Input: a.Name, Steps: 1}, Fault{Kind: InputShifted, Input: a.Name, Steps: -1})
		}
	}
	if sequences > 1 {
		out = append(out, Fault{Kind: InputShifted, Steps: 1}, Fault{Kind: InputShifted, Steps: -1})
	}
	if s := src.Found.Seq2Seq; s != nil {
		decoder, _ := src.Graph.Signature.Input(s.DecoderInput)
		output, _ := src.Graph.Signature.Output(s.Output)
		if len(decoder.Shape) == 3 && len(output.Shape) == 3 && decoder.Shape[2] == output.Shape[2] {
			out = append(out, Fault{Kind: OwnOutput})
		}
	}
	return out
}

// fits tells whether an axis can be as long as another, where -1 is any length.
func fits(a, b int) bool { return a == b || a < 0 || b < 0 }

// isSequence tells whether an input has time steps along axis 1: numbers of
// (batch, steps, features), or integers of (batch, steps).
func isSequence(s lockstep.TensorSpec) bool {
	if s.UnknownRank || len(s.Shape) < 2 || s.Shape[1] == 1 {
		return false
	}
	return len(s.Shape) == 3 || len(s.Shape) == 2 && s.DType.IsInt()
}

// goesBackwards tells whether a layer reads its input from the last step.
func goesBackwards(l *recurrent.Layer) bool {
	r := l.Steps.Through()
	for range 8 { // list of a transposed or reversed tensor, through the operations between
		if r.Node == nil || len(r.Node.Inputs) == 0 {
			return false
		}
		switch r.Node.Op {
		case "ReverseV2":
			return true
		case "TensorListFromTensor", "Transpose", "Identity", "Reshape":
			r = r.Node.Inputs[0].Through()
		default:
			return false
		}
	}
	return false
}

// permutations lists every order of letters.
func permutations(letters string) []string {
	if len(letters) < 2 {
		return []string{letters}
	}
	var out []string
	for i := range letters {
		for _, rest := range permutations(letters[:i] + letters[i+1:]) {
			out = append(out, letters[i:i+1]+rest)
		}
	}
	return out
}

// checkOrder tells whether an order is one of the gates of a kind.
func checkOrder(kind recurrent.Kind, order string) error {
	own := gateLetters[kind]
	if len(order) != len(own) {
		return fmt.Errorf("an order of gates %q, want the letters %q", order, own)
	}
	for _, c := range own {
		if strings.Count(order, string(c)) != 1 {
			return fmt.Errorf("an order of gates %q, want the letters %q", order, own)
		}
	}
	return nil
}
