package native

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
)

// Float is the type that a model computes in.
type Float interface{ float32 | float64 }

// Seq2Seq is the eight-tensor model: an encoder LSTM whose final states begin a
// decoder LSTM, whose outputs pass through one dense layer. It is immutable
// and safe for any number of goroutines; a Seq2SeqRunner runs it.
type Seq2Seq[F Float] struct {
	// EncoderFeatures, DecoderFeatures and OutputFeatures are the lengths of
	// the last axes of the inputs and of the output; Units is a state's.
	EncoderFeatures, DecoderFeatures, Units, OutputFeatures int

	encoder, decoder kernel.Cell[F]
	dense            *kernel.Dense[F]
	weights          lockstep.Weights
	workers          int // of its runners
}

// NewSeq2Seq makes the model from its weights, in float32. The weights have the
// names that lockstep.Weights lists; a bias may be missing, all others are
// required, and every shape must fit.
func NewSeq2Seq(weights lockstep.Weights) (*Seq2Seq[float32], error) {
	return newSeq2Seq[float32](weights)
}

// NewSeq2Seq64 makes the same model from the same float32 weights, computed in
// float64.
func NewSeq2Seq64(weights lockstep.Weights) (*Seq2Seq[float64], error) {
	return newSeq2Seq[float64](weights)
}

func newSeq2Seq[F Float](weights lockstep.Weights) (*Seq2Seq[F], error) {
	if err := checkKernels(); err != nil {
		return nil, err
	}
	w := picker[F]{weights: weights, used: map[string]bool{}}
	m := &Seq2Seq[F]{weights: slices.Clone(weights)}

	// The recurrent and dense kernels fix the sizes; the rest must fit them.
	encoderKernel := w.matrix("encoder/kernel", any1, any1)
	encoderRecurrent := w.matrix("encoder/recurrent_kernel", any1, any1)
	if w.err != nil {
		return nil, w.err
	}
	m.EncoderFeatures, m.Units = encoderKernel.rows, encoderRecurrent.rows
	u := m.Units
	w.want(encoderKernel, m.EncoderFeatures, 4*u)
	w.want(encoderRecurrent, u, 4*u)
	encoderBias := w.vector("encoder/bias", 4*u)

	decoderKernel := w.matrix("decoder/kernel", any1, 4*u)
	decoderRecurrent := w.matrix("decoder/recurrent_kernel", u, 4*u)
	decoderBias := w.vector("decoder/bias", 4*u)

	dense := w.matrix("dense/kernel", u, any1)
	denseBias := w.vector("dense/bias", dense.columns)
	if err := w.finish(); err != nil {
		return nil, err
	}
	m.DecoderFeatures, m.OutputFeatures = decoderKernel.rows, dense.columns
	m.encoder = kernel.NewLSTM(encoderKernel.data, encoderRecurrent.data, encoderBias, m.EncoderFeatures, u, kernel.TanhFunction, kernel.SigmoidFunction)
	m.decoder = kernel.NewLSTM(decoderKernel.data, decoderRecurrent.data, decoderBias, m.DecoderFeatures, u, kernel.TanhFunction, kernel.SigmoidFunction)
	m.dense = kernel.NewDense(dense.data, denseBias, u, m.OutputFeatures)
	return m, nil
}

// Weights returns the weights that the model was made from.
func (m *Seq2Seq[F]) Weights() lockstep.Weights { return slices.Clone(m.weights) }

// any1 means a length of 1 or more that is not fixed yet.
const any1 = -1

// picker takes weights out of a set by name; its first error sticks.
type picker[F Float] struct {
	weights lockstep.Weights
	used    map[string]bool
	err     error
}

type matrix[F Float] struct {
	name          string
	rows, columns int
	data          []F
}

func (p *picker[F]) matrix(name string, rows, columns int) matrix[F] {
	m := matrix[F]{name: name}
	t := p.take(name)
	if p.err != nil {
		return m
	}
	if t == nil {
		p.err = fmt.Errorf("native: no weight %q; there are %q", name, lockstep.Names(p.weights))
		return m
	}
	if t.Rank() != 2 || t.Len() == 0 {
		p.err = fmt.Errorf("native: weight %q has the shape %s, want two axes of 1 or more", name, lockstep.FormatShape(t.Shape()))
		return m
	}
	m.rows, m.columns, m.data = t.Shape()[0], t.Shape()[1], p.data(name, t)
	p.want(m, rows, columns)
	return m
}

func (p *picker[F]) want(m matrix[F], rows, columns int) {
	if p.err == nil && (rows != any1 && m.rows != rows || columns != any1 && m.columns != columns) {
		p.err = fmt.Errorf("native: weight %q has the shape %s, want %s beside the other weights", m.name,
			lockstep.FormatShape([]int{m.rows, m.columns}), lockstep.FormatShape([]int{rows, columns}))
	}
}

// vector returns a bias, nil if there is none.
func (p *picker[F]) vector(name string, length int) []F {
	t := p.take(name)
	if p.err != nil || t == nil {
		return nil
	}
	if t.Rank() != 1 || t.Len() != length {
		p.err = fmt.Errorf("native: weight %q has the shape %s, want %s beside the other weights", name,
			lockstep.FormatShape(t.Shape()), lockstep.FormatShape([]int{length}))
		return nil
	}
	return p.data(name, t)
}

func (p *picker[F]) take(name string) *lockstep.Tensor {
	p.used[name] = true
	return p.weights.Get(name)
}

func (p *picker[F]) data(name string, t *lockstep.Tensor) []F {
	single, err := lockstep.Data[float32](t)
	if err != nil {
		p.err = fmt.Errorf("native: weight %q is %s, want float32", name, t)
		return nil
	}
	out := make([]F, len(single))
	for i, v := range single {
		out[i] = F(v)
	}
	return out
}

// finish returns the first error, or names a weight that the model does not
// have.
func (p *picker[F]) finish() error {
	seen := map[string]bool{}
	for _, nt := range p.weights {
		if p.err != nil {
			break
		}
		switch {
		case !p.used[nt.Name]:
			p.err = fmt.Errorf("native: the model has no weight %q", nt.Name)
		case seen[nt.Name]:
			p.err = fmt.Errorf("native: the weight %q is there twice", nt.Name)
		}
		seen[nt.Name] = true
	}
	return p.err
}
