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
// and why; package compare/render writes it. [KindOf] puts result and error into one
// of four: in step, diverged, wrong usage, could not run.
//
// [Engines] checks two engines that are open already, whatever they are. In a test,
// comparetest.Parity is shorter.
//
// # What is compared
//
// The weights that each engine runs with, bit for bit; the single steps of every
// recurrent layer and the tensors between layers, each from the reference's own
// values, by what rounding may do to them; outputs and final states. Options.Settings
// replace the tolerance of what they name. Options.Expected is a third party, such as
// what Keras predicted, and tells an exporter's mistake from an engine's.
//
// # Inputs
//
// Without Options.Inputs, inputs are made from a seed, such as the model's graph
// takes: indices within its tables, lengths that it fixes. The report says how.
//
// # Errors
//
// An error without a result means that there is no verdict. A *[lockstep.TensorError],
// a *[compare.SettingError] and a *[UsageError] are the caller's: tensors, settings or
// sizes that do not fit the model. Any other is of an engine or of a file, wrapped,
// so that errors.Is and errors.As find it. An error beside a result leaves the verdict
// as it is: what failed came after it.
//
// This package imports neither cgo nor TensorFlow.
package parity
