// Package native runs Keras recurrent models in pure Go: no TensorFlow, no
// cgo, no Python.
//
// There are two ways to get a model. Load reads the SavedModel directory that
// model.export or model.save wrote and returns a Model, whose inputs and
// outputs are tensors by the names of the model's signature:
//
//   - Model.Run computes a call, from any number of goroutines;
//   - a Runner does it in its own memory, and keeps the states of stateful
//     layers from call to call;
//   - a Stream is fed one time step at a time.
//
// NewSeq2Seq makes a Seq2Seq from the eight weight tensors of the
// encoder-decoder model, whose Seq2SeqRunner works on plain slices.
//
// A service that must not start with a changed model gives Load a function that
// verifies it: WithVerify, with golden.Verifier of package compare/golden.
//
// Models are immutable and safe for any number of goroutines; a Runner, a
// Stream and a Seq2SeqRunner belong to one.
//
// # Semantics
//
// They are the graph's, as TensorFlow's CPU kernels compute it, and so Keras's.
// An LSTM's gates are in the order i, f, c, o along the last axis of its
// weights:
//
//	z = x·kernel + h·recurrent_kernel + bias
//	i, f, o = σ(z_i), σ(z_f), σ(z_o);  g = tanh(z_c)
//	c' = f∘c + i∘g;  h' = o∘tanh(c')
//
// A SavedModel is understood from its graph, never from names. A loop that is
// proven to be a recurrent layer runs as a native cell, any other operation by
// operation (Model.Loops lists them). What is not supported is refused by Load,
// with every such operation named.
//
// # Kernels
//
// In float32 the loops of recurrent and dense layers are vectorised where the
// processor has AVX2 and FMA, with AVX-512 where it is available and found to
// compute the same bits; elsewhere, and in float64, they are plain Go. The
// environment variable LOCKSTEP_KERNEL, go, avx2, avx512 or neon, chooses;
// naming one that the processor does not have is an error of Load and
// NewSeq2Seq. neon, for arm64, is not chosen by default: so far only an
// emulator has run it. The results of one kernel are the same bits on every
// machine and in any batch; avx512 and neon compute those of avx2, and those of
// go are close.
package native

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/kernel"
)

// Kernels returns the name of the kernels in use, and the names of those that
// this processor runs, which LOCKSTEP_KERNEL may choose when a process starts.
func Kernels() (inUse string, all []string) {
	inUse, _ = kernel.Chosen()
	return inUse, kernel.Kernels()
}

// checkKernels fails if the environment names unavailable kernels.
func checkKernels() error {
	if _, err := kernel.Chosen(); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return nil
}
