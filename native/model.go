package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/internal/streaming"
)

// Model is one signature of a SavedModel, ready to run. It is immutable and
// safe for any number of goroutines.
//
// The first call with inputs of new shapes takes longer: what depends on the
// shapes alone is computed then, and kept.
type Model struct {
	signature lockstep.Signature
	program   *engine.Program
	batches   *streaming.Batches
	layers    []Layer
	loops     []Loop
	weights   lockstep.Weights
	files     fs.FS // the SavedModel
	source    *source.Source
}

// Name returns "native".
func (m *Model) Name() string { return "native" }

// Signature returns the signature that Run runs.
func (m *Model) Signature() lockstep.Signature { return m.signature }

// Files returns the SavedModel's files, which the model was loaded from.
func (m *Model) Files() fs.FS { return m.files }

// Layers returns the recurrent layers that run as native cells, in the order
// in which they run; a stack of cells in one RNN layer is as many layers here.
func (m *Model) Layers() []Layer { return slices.Clone(m.layers) }

// Loops returns the loops that were not recognised as a layer: they run
// operation by operation, which is slower and has the same result.
func (m *Model) Loops() []Loop { return slices.Clone(m.loops) }

// Weights returns the weights as they were read from the checkpoint. They must
// not be changed.
func (m *Model) Weights() (lockstep.Weights, error) { return slices.Clone(m.weights), nil }

// Oracle returns an oracle that computes the model's results in exact
// arithmetic, and for each value a bound on how far an engine in the model's
// own precision may be from it: in any order of summation, with or without
// fused multiply-add, with functions such as tanh as inexact as runtimes have
// them. It is made at the first call, and safe for any number of goroutines.
//
// The bounds are those of a running error analysis (Higham, Accuracy and Stability
// of Numerical Algorithms, 2nd ed., chapters 2 to 4) of the graph's own operations.
// They are guaranteed, and so larger than what rounding typically does; for a
// long recurrence they may grow without limit. A stateful layer begins with the
// states in the model's files.
func (m *Model) Oracle() (lockstep.Oracle, error) {
	if err := m.loaded(); err != nil {
		return nil, err
	}
	o, err := m.source.Oracle()
	if err != nil {
		return nil, err // and no nil pointer in an interface
	}
	return o, nil
}

// Source returns what the model was compiled from. It is for lockstep's own
// commands: its type is internal.
func (m *Model) Source() *source.Source { return m.source }

// Edit returns a copy of the model that is compiled from an edited copy of its
// source. It is for lockstep's own commands, which plant faults to see whether they
// are found. Weights still shows what the checkpoint holds; such a copy has no
// Stream, and no Seq2Seq.
func (m *Model) Edit(edit func(*source.Source) error) (*Model, error) {
	if err := m.loaded(); err != nil {
		return nil, err
	}
	src, err := m.source.Edit(edit)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	out, err := compile(src, m.weights)
	if err != nil {
		return nil, err
	}
	out.files = m.files
	return out, nil
}

// Run computes the signature's outputs. The inputs must be exactly those of
// the signature in name, type, rank and fixed axes.
//
// A stateful layer (stateful=True) begins with the states in the model's files
// at each call; a Runner keeps them from call to call.
func (m *Model) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if err := m.check(inputs); err != nil {
		return nil, err
	}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	out, _, err := m.batches.Run(ctx, inputs, false)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return out, nil
}

// RunInto computes the signature's outputs into the caller's tensors, one for
// every output, in its type and shape. It allocates nothing once a call with
// inputs of the same shapes has been made.
func (m *Model) RunInto(ctx context.Context, inputs, outputs map[string]*lockstep.Tensor) error {
	if err := m.check(inputs); err != nil {
		return err
	}
	inputs, err := m.source.Inputs(ctx, inputs)
	if err != nil {
		return fmt.Errorf("native: %w", err)
	}
	if err := m.batches.RunInto(ctx, inputs, outputs); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return nil
}

// RowsAlone fails, and says why, unless it is shown that row i of every output depends on
// row i of the inputs alone, and not on how many rows there are, for inputs of these
// shapes: then a large batch may be run in parts.
func (m *Model) RowsAlone(ctx context.Context, inputs map[string]*lockstep.Tensor) error {
	if err := m.check(inputs); err != nil {
		return err
	}
	if m.source.ChangeInputs != nil {
		return errors.New("native: its inputs are replaced by an edit")
	}
	if err := m.batches.Alone(ctx, inputs); err != nil {
		return fmt.Errorf("native: signature %q may combine rows: %w", m.signature.Name, err)
	}
	return nil
}

// check tells whether inputs fit the signature.
func (m *Model) check(inputs map[string]*lockstep.Tensor) error {
	if err := m.loaded(); err != nil {
		return err
	}
	if err := m.signature.CheckInputs(inputs); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return m.sameBatch(inputs)
}

// sameBatch tells whether the inputs of the eight-tensor model have the same
// batch: the graph would broadcast a batch of one.
func (m *Model) sameBatch(inputs map[string]*lockstep.Tensor) error {
	s := m.source.Found.Seq2Seq
	if s == nil {
		return nil
	}
	encoder, decoder := inputs[s.EncoderInput], inputs[s.DecoderInput]
	if a, b := encoder.Shape()[0], decoder.Shape()[0]; a != b {
		return fmt.Errorf("native: %q has a batch of %d and %q one of %d, want the same", s.EncoderInput, a, s.DecoderInput, b)
	}
	return nil
}

// Seq2Seq returns the model as the eight-tensor one, for its Seq2SeqRunner and
// Forecast. It fails, and says why, if it is a different model, or not in float32.
// Its runners have the workers that Load was given.
func (m *Model) Seq2Seq() (*Seq2Seq[float32], error) {
	if err := m.loaded(); err != nil {
		return nil, err
	}
	if m.source.Found.Seq2Seq == nil {
		return nil, fmt.Errorf("native: signature %q: %w", m.signature.Name, m.source.Found.NoSeq2Seq)
	}
	if m.source.Edited() {
		return nil, errEdited
	}
	s, err := NewSeq2Seq(m.weights)
	if err == nil {
		s.workers = m.source.Options.Workers
	}
	return s, err
}

// Seq2SeqInputs returns the signature's names of the encoder's and the
// decoder's input in the eight-tensor model. It fails if this is a different model.
func (m *Model) Seq2SeqInputs() (encoder, decoder string, err error) {
	if err := m.loaded(); err != nil {
		return "", "", err
	}
	s := m.source.Found.Seq2Seq
	if s == nil {
		return "", "", fmt.Errorf("native: signature %q: %w", m.signature.Name, m.source.Found.NoSeq2Seq)
	}
	return s.EncoderInput, s.DecoderInput, nil
}

// errEdited is the error where a model's edits would be ignored.
var errEdited = errors.New("native: an edited model has neither a Stream nor a Seq2Seq")

// loaded fails for a Model that Load did not make.
func (m *Model) loaded() error {
	if m.source == nil {
		return errors.New("native: a Model is made by Load")
	}
	return nil
}

// errNoRunner is the error of a Runner that NewRunner did not make.
var errNoRunner = errors.New("native: a Runner is made by NewRunner")

// Runner runs a Model in its own memory, which it reuses: a call with inputs of
// shapes that it has seen allocates nothing. It belongs to one goroutine.
type Runner struct {
	model *Model
	run   *streaming.BatchRunner
}

// NewRunner makes a Runner. Its stateful layers begin with the states in the
// model's files.
func (m *Model) NewRunner() *Runner {
	if m.program == nil {
		return &Runner{} // of a Model that Load did not make
	}
	return &Runner{model: m, run: m.batches.NewRunner()}
}

// Run computes the signature's outputs. They are the Runner's own: the next
// call overwrites them, and the caller must not change them. A stateful layer
// (stateful=True) continues from the states of the last call.
func (r *Runner) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if r.model == nil {
		return nil, errNoRunner
	}
	if err := r.model.check(inputs); err != nil {
		return nil, err
	}
	inputs, err := r.model.source.Inputs(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	out, err := r.run.Run(ctx, inputs)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return out, nil
}

// Reset gives stateful layers the states in the model's files again.
func (r *Runner) Reset() {
	if r.model != nil {
		r.run.Reset()
	}
}
