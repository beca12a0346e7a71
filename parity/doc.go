// Package parity checks that two engines compute the same from one Keras model:
// what the command lockstep check does, as a library.
//
// Use [Check] first. It runs a SavedModel in the native engine and in a reference that
// the caller opens, such as TensorFlow by package tfbridge:
//
//	reference := parity.Reference{Name: "tensorflow", Open: func(context.Context) (lockstep.Tracer, func() error, error) {
//		m, err := tfbridge.Open("my_model")
//		if err != nil {
//			return nil, nil, err
//		}
//		return m, m.Close, nil
//	}}
//	result, err := parity.Check(ctx, parity.Model{Dir: "my_model"}, reference, parity.Options{})
//
// The result's Report says whether they agree, and if not, where they first diverge
// and why; package compare/render writes it. [KindOf] classifies result and
// error: in step, diverged, wrong usage, could not run.
//
// [Engines] checks any two engines that are already open. In a test,
// comparetest.Parity is shorter.
//
// # What is compared
//
// The weights that each engine runs with, bit for bit; the single steps of every
// recurrent layer and the tensors between layers, each from the reference's own
// values, by what rounding may do to them; outputs and final states.
// Options.Settings replace the tolerance of the tensors that they name.
// Options.Expected is a third party, such as what Keras predicted, and
// distinguishes an exporter's mistake from an engine's.
//
// # Inputs
//
// Without Options.Inputs, inputs that the model's graph accepts are made from a
// seed: indices within its tables, lengths that it fixes. The report says how.
//
// # Errors
//
// An error without a result means that there is no verdict. A *[lockstep.TensorError],
// a *[compare.SettingError] and a *[UsageError] are the caller's: tensors, settings or
// sizes that do not fit the model. Any other is from an engine or a file,
// wrapped, so that errors.Is and errors.As find it. An error with a result does
// not change the verdict: what failed came after it.
//
// This package imports neither cgo nor TensorFlow.
package parity
