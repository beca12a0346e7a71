// Package contender has the native engine ready to be timed: the parts of a
// contender of lockstep bench, whichever program runs it.
package contender

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/bench"
	"github.com/lockstep-go/lockstep/native"
)

// Contender is a model that is ready to be timed.
type Contender struct {
	Call     func() error
	Answer   func() ([]float64, error) // of the last call
	Versions []string
	Close    func() error
}

// Kernel is the environment variable that chooses the native engine's kernels when
// a process starts.
const Kernel = "LOCKSTEP_KERNEL"

// Serve makes this process a contender: it calls once, and then as often as
// requested (see bench.Serve).
func (c *Contender) Serve(in io.Reader, out io.Writer) error {
	if err := c.Call(); err != nil {
		return err
	}
	answer, err := c.Answer()
	if err != nil {
		return err
	}
	versions := c.Versions
	if kernel := os.Getenv(Kernel); kernel != "" {
		versions = append(versions, "kernels "+kernel)
	}
	return bench.Serve(in, out, versions, answer, c.Call)
}

// Inputs makes a signature's inputs.
type Inputs func(sig lockstep.Signature) (map[string]*lockstep.Tensor, error)

// Engines are the ways in which the native engine runs a model.
var Engines = map[string]func(ctx context.Context, dir string, in Inputs, options ...native.Option) (*Contender, error){
	// Model.Run, which allocates.
	"run": func(ctx context.Context, dir string, in Inputs, options ...native.Option) (*Contender, error) {
		m, err := native.Load(dir, options...)
		if err != nil {
			return nil, err
		}
		return OverTensors(ctx, m, m.Signature(), in)
	},
	// A Runner, which does not.
	"runner": func(ctx context.Context, dir string, in Inputs, options ...native.Option) (*Contender, error) {
		m, err := native.Load(dir, options...)
		if err != nil {
			return nil, err
		}
		return OverTensors(ctx, m.NewRunner(), m.Signature(), in)
	},
	"seq2seq": openSeq2Seq,
}

// Runner computes tensors by name.
type Runner interface {
	Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)
}

// OverTensors makes a contender from a function that computes tensors by name.
func OverTensors(ctx context.Context, e Runner, sig lockstep.Signature, in Inputs) (*Contender, error) {
	inputs, err := in(sig)
	if err != nil {
		return nil, err
	}
	var out map[string]*lockstep.Tensor
	return &Contender{
		Call: func() (err error) {
			out, err = e.Run(ctx, inputs)
			return err
		},
		Answer: func() ([]float64, error) { return Flat(out) },
		Close:  func() error { return nil },
	}, nil
}

// Flat puts tensors one after the other, in order of name.
func Flat(out map[string]*lockstep.Tensor) ([]float64, error) {
	var all []float64
	for _, name := range slices.Sorted(maps.Keys(out)) {
		values, err := out[name].Float64s()
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		all = append(all, values...)
	}
	return all, nil
}

func openSeq2Seq(_ context.Context, dir string, in Inputs, options ...native.Option) (*Contender, error) {
	m, err := native.Load(dir, options...)
	if err != nil {
		return nil, err
	}
	q, err := m.Seq2Seq()
	if err != nil {
		return nil, err
	}
	encoder, decoder, err := Seq2SeqInputs(m, in)
	if err != nil {
		return nil, err
	}
	x, err := lockstep.Data[float32](encoder)
	if err != nil {
		return nil, err
	}
	y, err := lockstep.Data[float32](decoder)
	if err != nil {
		return nil, err
	}
	call, out := EncodeDecode(q, x, y, encoder.Shape()[0])
	return &Contender{
		Call: call,
		Answer: func() ([]float64, error) {
			values := make([]float64, len(out))
			for i, v := range out {
				values[i] = float64(v)
			}
			return values, nil
		},
		Close: func() error { return nil },
	}, nil
}

// Seq2SeqInputs returns what the encoder and the decoder read.
func Seq2SeqInputs(m *native.Model, in Inputs) (encoder, decoder *lockstep.Tensor, err error) {
	encoderName, decoderName, err := m.Seq2SeqInputs()
	if err != nil {
		return nil, nil, err
	}
	inputs, err := in(m.Signature())
	if err != nil {
		return nil, nil, err
	}
	encoder, decoder = inputs[encoderName], inputs[decoderName]
	if encoder == nil || decoder == nil {
		return nil, nil, fmt.Errorf("the inputs lack %q or %q", encoderName, decoderName)
	}
	return encoder, decoder, nil
}

// EncodeDecode runs the eight-tensor model, and writes its outputs to out.
func EncodeDecode[F native.Float](q *native.Seq2Seq[F], x, y []F, batch int) (call func() error, out []F) {
	r := q.NewRunner(batch)
	out = make([]F, len(y)/q.DecoderFeatures*q.OutputFeatures)
	return func() error {
		if err := r.Encode(x, batch); err != nil {
			return err
		}
		return r.Decode(out, y)
	}, out
}
