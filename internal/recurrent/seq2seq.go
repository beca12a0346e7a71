package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Seq2Seq is the sequence-to-sequence model: an encoder LSTM whose final states
// begin a decoder LSTM, whose outputs pass through one dense layer.
type Seq2Seq struct {
	Encoder, Decoder *Layer
	// DenseKernel (U, O) and DenseBias (O) are the head's variables; the bias
	// has no node where there is none.
	DenseKernel, DenseBias savedmodel.Ref
	// EncoderInput and DecoderInput are the signature's inputs that feed them,
	// Output its output that the head makes, each (N, T, features).
	EncoderInput, DecoderInput, Output string
}

// findSeq2Seq proves that the graph is that model, by following its edges, and
// finds its parts. Names and the order of variables do not matter.
func findSeq2Seq(sh *shapes, g *savedmodel.Graph, f *Findings) (*Seq2Seq, error) {
	no := func(format string, args ...any) (*Seq2Seq, error) {
		return nil, fmt.Errorf("%w: %w", lockstep.ErrNotSeq2Seq, fmt.Errorf(format, args...))
	}
	var lstms []*Layer
	for _, l := range f.Layers {
		if l.Kind == LSTM {
			lstms = append(lstms, l)
		}
	}
	if len(lstms) != 2 || len(f.Layers) != 2 {
		return no("found %s, want two LSTM layers", describe(f))
	}
	for _, l := range lstms {
		if l.Nested() {
			return no("the LSTM %q stands in %s", l.Name, l.Place)
		}
	}
	s := &Seq2Seq{Encoder: lstms[0], Decoder: lstms[1]}
	for _, r := range f.Recurrences {
		if len(r.Cells) > 1 || r.Mask != nil || r.Outputs < 0 {
			return no("the loop %q runs %d cells, or masks steps, or has no outputs, want a cell with outputs alone", r.Loop.Name, len(r.Cells))
		}
	}
	if feeds(s.Decoder, s.Encoder) {
		s.Encoder, s.Decoder = s.Decoder, s.Encoder
	}
	if !feeds(s.Encoder, s.Decoder) {
		return no("the final states of neither LSTM (%q, %q) are the other's initial states, h as h and c as c", lstms[0].Name, lstms[1].Name)
	}
	for _, l := range lstms {
		if l.ForgetBias != 0 || f.Joined[l.Kernel.Node] != nil {
			return no("the LSTM %q is a cell of TensorFlow 1: its weights are not those of Keras", l.Name)
		}
		if l.Activation != Tanh || l.RecurrentActivation != Sigmoid {
			return no("the LSTM %q has the activations %s and %s, want tanh and sigmoid", l.Name, l.Activation, l.RecurrentActivation)
		}
	}
	for i, state := range s.Encoder.InitialState {
		if !isZero(state) {
			return no("the encoder %q does not begin with zeros: its initial state_%c is %s", s.Encoder.Name, "hc"[i], state)
		}
	}
	if s.Decoder.LastOnly {
		return no("the decoder %q returns its last step alone (return_sequences=False)", s.Decoder.Name)
	}
	var err error
	if s.EncoderInput, err = inputOf(sh, g, s.Encoder); err != nil {
		return no("encoder %q: %w", s.Encoder.Name, err)
	}
	if s.DecoderInput, err = inputOf(sh, g, s.Decoder); err != nil {
		return no("decoder %q: %w", s.Decoder.Name, err)
	}
	if err := sh.stack(s.Decoder); err != nil {
		return no("decoder %q: %w", s.Decoder.Name, err)
	}
	for _, loop := range f.Slices {
		sh.unstacks(loop)
	}
	if err := s.findHead(sh, g); err != nil {
		if len(f.Slices) > 0 {
			return no("%w, and there is a loop that splits a tensor, as in Keras 3's TimeDistributed (%q)", err, f.Slices[0].Loop.Name)
		}
		if len(f.Rest) > 0 {
			return no("%w, and there is a loop that is no known layer (%q: %s)", err, f.Rest[0].Loop.Name, f.Rest[0].Reason)
		}
		return no("%w", err)
	}
	if err := s.checkVariables(sh, g); err != nil {
		return no("%w", err)
	}
	return s, nil
}

// feeds tells whether a's final states are b's initial states, in order.
func feeds(a, b *Layer) bool {
	return slices.EqualFunc(a.FinalState, b.InitialState, func(x, y savedmodel.Ref) bool { return x.Through() == y.Through() })
}

func describe(f *Findings) string {
	found, rest := f.Layers, f.Rest
	if len(found)+len(rest) == 0 {
		return "no recurrent layer"
	}
	s := fmt.Sprintf("%d recurrent layers", len(found))
	for i, l := range found {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		s += fmt.Sprintf("%s%s %q", sep, l.Kind, l.Name)
	}
	if len(rest) > 0 {
		s += fmt.Sprintf(", and %d loops that are no known layer (%q: %s)", len(rest), rest[0].Loop.Name, rest[0].Reason)
	}
	return s
}

// IsZero tells whether the graph shows that r is a tensor of zeros.
func IsZero(r savedmodel.Ref) bool { return isZero(r) }

// isZero tells whether r is a tensor of zeros.
func isZero(r savedmodel.Ref) bool {
	r = r.Through()
	if r.Node == nil {
		return false
	}
	if r.Node.Op == "ZerosLike" {
		return true
	}
	rank := -1 // any
	if in, ok := operands(r, "Fill", 2); ok {
		r, rank = in[1].Through(), 0
	}
	if r.Node.Op != "Const" {
		return false
	}
	t, err := r.Node.Const()
	if err != nil || !t.DType().IsFloat() || rank >= 0 && t.Rank() != rank {
		return false
	}
	values, err := t.Float64s()
	return err == nil && !slices.ContainsFunc(values, func(v float64) bool { return v != 0 })
}

// inputOf returns the signature's input whose steps, all of them and in their
// own order, a layer reads: list of (transpose of the input by [1, 0, 2]).
func inputOf(sh *shapes, g *savedmodel.Graph, l *Layer) (string, error) {
	r, ok := batchMajor(l.Steps)
	if !ok {
		return "", fmt.Errorf("its steps are not those of a (batch, time, features) tensor in order: they come from %s (%s)", r, r.Node.Op)
	}
	for _, spec := range g.Signature.Inputs {
		if in := g.Inputs[spec.Name]; in.Node != nil && in == r {
			return spec.Name, sh.runsThrough(l, r)
		}
	}
	return "", fmt.Errorf("it reads %s (%s), which is no input of the signature", r, r.Node.Op)
}

// runsThrough tells whether a layer's loop runs once for every step of x, a
// (batch, time, features) tensor.
func (s *shapes) runsThrough(l *Layer, x savedmodel.Ref) error {
	in, ok := s.of(x)
	if !ok || len(in) != 3 {
		return fmt.Errorf("its input %s has no three axes in the signature", x)
	}
	if last := in[2]; last.open == "" && last != fixed(l.Features) {
		return fmt.Errorf("its input %s has %d features, and its kernel is for %d", x, last.n, l.Features)
	}
	for _, bound := range l.Bounds {
		if n, ok := s.int(bound); !ok || n != in[1] {
			return fmt.Errorf("its loop is bounded by %s (%s), which is not the number of steps of %s", bound, bound.Node.Op, x)
		}
	}
	return nil
}

// stack notes the shape of a layer's outputs stacked, (time, batch, units). It
// fails if the list has not one element for each step: TensorFlow fills what
// no step writes with zeros.
func (s *shapes) stack(l *Layer) error {
	x, _ := batchMajor(l.Steps)
	in, ok := s.of(x)
	if !ok || len(in) != 3 {
		return fmt.Errorf("its input %s has no three axes in the signature", x)
	}
	list := l.Loop.Inputs[l.Outputs.Index].Through()
	reserve, ok := operands(list, "TensorListReserve", 2)
	if !ok {
		return fmt.Errorf("its outputs are written into %s (%s), want an empty list", list, list.Node.Op)
	}
	if n, ok := s.int(reserve[1]); !ok || n != in[1] {
		return fmt.Errorf("its outputs are written into a list of %s elements, which is not the number of steps of %s", reserve[1].Through(), x)
	}
	s.lists[l.Outputs] = []dim{in[1], in[0], fixed(l.Units)}
	return nil
}

// batchMajor returns x of TensorListFromTensor(transpose(x, [1, 0, 2])).
func batchMajor(steps savedmodel.Ref) (savedmodel.Ref, bool) {
	in, ok := operands(steps, "TensorListFromTensor", 2)
	if !ok {
		return steps.Through(), false
	}
	x, ok := swapped(in[0])
	return x, ok
}

// swapped returns x of transpose(x, [1, 0, 2]).
func swapped(r savedmodel.Ref) (savedmodel.Ref, bool) {
	in, ok := operands(r, "Transpose", 2)
	if !ok || !isInts(in[1], 1, 0, 2) {
		return r.Through(), false
	}
	return in[0].Through(), true
}
