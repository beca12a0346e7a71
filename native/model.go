package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/layers"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Model is one signature of a SavedModel, ready to run. It is immutable and
// safe for any number of goroutines. So far the signature must be an LSTM
// sequence-to-sequence model in float32.
type Model struct {
	signature lockstep.Signature
	seq2seq   *Seq2Seq[float32]
	// The signature's names for what goes in, and what each output is: the
	// head's output, or a final state such as encoder/state_h.
	encoderInput, decoderInput string
	outputs                    map[string]string
	runners                    sync.Pool
}

// headOutput is what Model.outputs calls the output of the dense head.
const headOutput = "output"

type settings struct {
	tags      []string
	signature string
}

// Option changes how Load works.
type Option func(*settings)

// WithTags chooses the meta graph by its tags; without it, the tag is "serve".
func WithTags(tags ...string) Option {
	return func(s *settings) { s.tags = slices.Clone(tags) }
}

// WithSignature chooses the signature; without it, it is serving_default, else
// the only one that the model has.
func WithSignature(name string) Option {
	return func(s *settings) { s.signature = name }
}

// Load reads the SavedModel in dir.
func Load(dir string, options ...Option) (*Model, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

// LoadFS reads the SavedModel at the root of fsys, which may be embedded.
func LoadFS(fsys fs.FS, options ...Option) (*Model, error) {
	saved, err := savedmodel.OpenFS(fsys)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

// source is a signature of a SavedModel and what was recognised in it.
type source struct {
	meta  *savedmodel.MetaGraph
	graph *savedmodel.Graph
	found *layers.Found
}

// read chooses the signature and looks at its graph.
func read(saved *savedmodel.SavedModel, options []Option) (*source, error) {
	var s settings
	for _, o := range options {
		o(&s)
	}
	meta, err := saved.MetaGraph(s.tags...)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	graph, err := meta.Flatten(s.signature)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	found, err := layers.Find(meta, graph)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return &source{meta, graph, found}, nil
}

func load(saved *savedmodel.SavedModel, options []Option) (*Model, error) {
	src, err := read(saved, options)
	if err != nil {
		return nil, err
	}
	return src.model()
}

// model makes the model of a signature, if it is a supported one.
func (src *source) model() (*Model, error) {
	sig, seq2seq := src.graph.Signature, src.found.Seq2Seq
	if seq2seq == nil {
		return nil, fmt.Errorf("native: signature %q: %w", sig.Name, src.found.Not)
	}
	weights, err := readWeights(src.meta, seq2seq)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	m := &Model{signature: sig, encoderInput: seq2seq.EncoderInput, decoderInput: seq2seq.DecoderInput}
	if m.seq2seq, err = NewSeq2Seq(weights); err != nil {
		return nil, err
	}
	if m.outputs, err = nameOutputs(src.graph, src.found); err != nil {
		return nil, fmt.Errorf("native: signature %q: %w", sig.Name, err)
	}
	if err := m.checkSignature(); err != nil {
		return nil, fmt.Errorf("native: signature %q: %w", sig.Name, err)
	}
	return m, nil
}

// readWeights reads the model's weights from the checkpoint.
func readWeights(meta *savedmodel.MetaGraph, s *layers.Seq2Seq) (lockstep.Weights, error) {
	named, err := s.Weights(meta)
	if err != nil {
		return nil, err
	}
	out := make(lockstep.Weights, len(named))
	for i, w := range named {
		t, err := meta.Value(w.Variable)
		if err != nil {
			return nil, err
		}
		out[i] = lockstep.NamedTensor{Name: w.Name, Tensor: t}
	}
	return out, nil
}

// nameOutputs says what each output of the signature is.
func nameOutputs(graph *savedmodel.Graph, found *layers.Found) (map[string]string, error) {
	out := map[string]string{found.Seq2Seq.Output: headOutput}
	for name, r := range graph.Outputs {
		for _, l := range found.Layers {
			for i, state := range l.FinalState {
				if state.Through() == r.Through() {
					out[name] = l.Name + "/" + l.Kind.StateNames()[i]
				}
			}
		}
		if out[name] == "" {
			return nil, fmt.Errorf("output %q is neither the dense head's nor a final state: it comes from %s", name, r.Through())
		}
	}
	return out, nil
}

// checkSignature tells whether every input is what the model reads.
func (m *Model) checkSignature() error {
	for _, spec := range m.signature.Inputs {
		if spec.Name != m.encoderInput && spec.Name != m.decoderInput {
			return fmt.Errorf("nothing of the model reads the input %q", spec.Name)
		}
		if spec.DType != lockstep.Float32 {
			return fmt.Errorf("input %s: only float32 is supported so far", spec)
		}
	}
	return nil
}

// Name returns "native".
func (m *Model) Name() string { return "native" }

// Signature returns the signature that Run runs.
func (m *Model) Signature() lockstep.Signature { return m.signature }

// Weights returns the weights as they were read from the checkpoint.
func (m *Model) Weights() (lockstep.Weights, error) { return m.seq2seq.Weights(), nil }

// Seq2Seq returns the model behind the signature, for its Runner and Forecast.
func (m *Model) Seq2Seq() *Seq2Seq[float32] { return m.seq2seq }

// InputNames returns the signature's names of what the encoder and the decoder
// read, for those who go on with Seq2Seq.
func (m *Model) InputNames() (encoder, decoder string) { return m.encoderInput, m.decoderInput }

// Run computes the signature's outputs. The inputs must be exactly those of
// the signature in name, type, rank and fixed axes, and of one batch.
func (m *Model) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	t, err := m.Trace(ctx, inputs, lockstep.Outputs)
	if err != nil {
		return nil, err
	}
	return t.Outputs, nil
}

// Trace computes the outputs and what detail asks for.
func (m *Model) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	if err := m.signature.CheckInputs(inputs); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	s := m.seq2seq
	encoderInput, decoderInput := inputs[m.encoderInput], inputs[m.decoderInput]
	if err := errors.Join(wantFeatures(m.encoderInput, encoderInput, s.EncoderFeatures), wantFeatures(m.decoderInput, decoderInput, s.DecoderFeatures)); err != nil {
		return nil, err
	}
	batch, steps := decoderInput.Shape()[0], decoderInput.Shape()[1]
	if n := encoderInput.Shape()[0]; n != batch {
		return nil, fmt.Errorf("native: %q has a batch of %d and %q one of %d, want the same", m.encoderInput, n, m.decoderInput, batch)
	}
	x, err := lockstep.Data[float32](encoderInput)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	d, err := lockstep.Data[float32](decoderInput)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	y := make([]float32, batch*steps*s.OutputFeatures)
	// Every output but the head's is a state.
	var states map[string]*lockstep.Tensor
	if detail >= lockstep.States || len(m.outputs) > 1 {
		states = map[string]*lockstep.Tensor{}
	}

	r := m.runner(batch)
	defer m.runners.Put(r)
	if err := r.Encode(x, batch); err != nil {
		return nil, err
	}
	if err := keepStates(states, "encoder", r); err != nil {
		return nil, err
	}
	if err := r.Decode(y, d); err != nil {
		return nil, err
	}
	if err := keepStates(states, "decoder", r); err != nil {
		return nil, err
	}
	head, err := lockstep.New(y, batch, steps, s.OutputFeatures)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	t := &lockstep.Trace{Engine: m.Name(), Layers: []string{"encoder", "decoder"}, Outputs: map[string]*lockstep.Tensor{}}
	for name, what := range m.outputs {
		if t.Outputs[name] = head; what != headOutput {
			t.Outputs[name] = states[what]
		}
	}
	if detail >= lockstep.States {
		t.States = states
	}
	return t, nil
}

// runner returns a Runner that takes the batch: a used one if it is as large.
func (m *Model) runner(batch int) *Runner[float32] {
	if r, ok := m.runners.Get().(*Runner[float32]); ok && r.capacity() >= batch {
		return r
	}
	return m.seq2seq.NewRunner(batch)
}

// keepStates copies the runner's states into states, if that is not nil.
func keepStates(states map[string]*lockstep.Tensor, layer string, r *Runner[float32]) error {
	if states == nil {
		return nil
	}
	h, c := r.State()
	for name, values := range map[string][]float32{"/state_h": h, "/state_c": c} {
		t, err := lockstep.New(slices.Clone(values), r.batch, r.model.Units)
		if err != nil {
			return fmt.Errorf("native: %w", err)
		}
		states[layer+name] = t
	}
	return nil
}

// wantFeatures checks what the signature may leave open: rank and last axis.
func wantFeatures(name string, t *lockstep.Tensor, features int) error {
	if t.Rank() != 3 || t.Shape()[2] != features {
		return fmt.Errorf("native: %q has the shape %s, want (batch, steps, %d)", name, lockstep.FormatShape(t.Shape()), features)
	}
	return nil
}
