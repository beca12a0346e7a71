package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/bench"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// contenderCommand is what the program calls itself with to be timed: each
// engine, and each set of kernels, in a process of its own.
const contenderCommand = "bench-contender"

func newContender() *cobra.Command {
	var model modelFlags
	var in inputFlags
	var engine string
	cmd := &cobra.Command{
		Use:    contenderCommand + " MODEL",
		Hidden: true,
		Args:   wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			open, known := engines[engine]
			if !known {
				return usagef("--engine %q: want one of %q", engine, slices.Sorted(maps.Keys(engines)))
			}
			if err := in.check(cmd); err != nil {
				return err
			}
			c, err := open(cmd.Context(), args[0], model, in)
			if err != nil {
				return err
			}
			defer c.close()
			if err := c.call(); err != nil {
				return err
			}
			answer, err := c.answer()
			if err != nil {
				return err
			}
			if kernel := os.Getenv(kernelVariable); kernel != "" {
				c.versions = append(c.versions, "kernels "+kernel)
			}
			return bench.Serve(cmd.InOrStdin(), cmd.OutOrStdout(), c.versions, answer, c.call)
		}),
	}
	model.add(cmd)
	model.addThreads(cmd)
	in.add(cmd)
	cmd.Flags().StringVar(&engine, "engine", "", "what is to be timed")
	return cmd
}

// contender is a model that is ready to be timed.
type contender struct {
	call     func() error
	answer   func() ([]float64, error) // of the last call
	versions []string
	close    func() error
}

// engines are the ways in which this program runs a model.
var engines = map[string]func(context.Context, string, modelFlags, inputFlags) (*contender, error){
	// Model.Run, which allocates.
	"run": func(ctx context.Context, dir string, model modelFlags, in inputFlags) (*contender, error) {
		m, err := native.Load(dir, model.native()...)
		if err != nil {
			return nil, err
		}
		return overTensors(ctx, m, m.Signature(), in)
	},
	// A Runner, which does not.
	"runner": func(ctx context.Context, dir string, model modelFlags, in inputFlags) (*contender, error) {
		m, err := native.Load(dir, model.native()...)
		if err != nil {
			return nil, err
		}
		return overTensors(ctx, m.NewRunner(), m.Signature(), in)
	},
	"seq2seq":    openSeq2Seq,
	"tensorflow": openTensorFlow,
}

// openTensorFlow runs TensorFlow in this process: a child's pipe would be timed
// with it.
func openTensorFlow(ctx context.Context, dir string, model modelFlags, in inputFlags) (*contender, error) {
	m, err := tfbridge.Open(dir, tfbridge.WithTags(model.tags...), tfbridge.WithSignature(model.signature), tfbridge.WithThreads(model.threads))
	if err != nil {
		return nil, err
	}
	c, err := overTensors(ctx, m, m.Signature(), in)
	if err != nil {
		m.Close()
		return nil, err
	}
	c.versions, c.close = []string{"libtensorflow " + tfbridge.Version()}, m.Close
	return c, nil
}

// tensors is what computes tensors by name.
type tensors interface {
	Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)
}

func overTensors(ctx context.Context, e tensors, sig lockstep.Signature, in inputFlags) (*contender, error) {
	inputs, _, err := in.inputsFor(sig)
	if err != nil {
		return nil, err
	}
	var out map[string]*lockstep.Tensor
	return &contender{
		call: func() (err error) {
			out, err = e.Run(ctx, inputs)
			return err
		},
		answer: func() ([]float64, error) { return flat(out) },
		close:  func() error { return nil },
	}, nil
}

// flat puts tensors one after the other, in order of name.
func flat(out map[string]*lockstep.Tensor) ([]float64, error) {
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

func openSeq2Seq(_ context.Context, dir string, model modelFlags, in inputFlags) (*contender, error) {
	m, err := native.Load(dir, model.native()...)
	if err != nil {
		return nil, err
	}
	q, err := m.Seq2Seq()
	if err != nil {
		return nil, err
	}
	encoder, decoder, err := seq2seqInputs(m, in)
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
	call, out := encodeDecode(q, x, y, encoder.Shape()[0])
	return &contender{
		call: call,
		answer: func() ([]float64, error) {
			values := make([]float64, len(out))
			for i, v := range out {
				values[i] = float64(v)
			}
			return values, nil
		},
		close: func() error { return nil },
	}, nil
}

// seq2seqInputs returns what the encoder and the decoder read.
func seq2seqInputs(m *native.Model, in inputFlags) (encoder, decoder *lockstep.Tensor, err error) {
	encoderName, decoderName, err := m.Seq2SeqInputs()
	if err != nil {
		return nil, nil, err
	}
	inputs, _, err := in.inputsFor(m.Signature())
	if err != nil {
		return nil, nil, err
	}
	encoder, decoder = inputs[encoderName], inputs[decoderName]
	if encoder == nil || decoder == nil {
		return nil, nil, fmt.Errorf("the inputs lack %q or %q", encoderName, decoderName)
	}
	return encoder, decoder, nil
}

// encodeDecode runs the eight-tensor model, and writes its outputs to out.
func encodeDecode[F native.Float](q *native.Seq2Seq[F], x, y []F, batch int) (call func() error, out []F) {
	r := q.NewRunner(batch)
	out = make([]F, len(y)/q.DecoderFeatures*q.OutputFeatures)
	return func() error {
		if err := r.Encode(x, batch); err != nil {
			return err
		}
		return r.Decode(out, y)
	}, out
}
