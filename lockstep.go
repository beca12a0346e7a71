// Package lockstep is the vocabulary that the parts of lockstep share: what a
// tensor, a signature, a set of weights and a trace are, and what an engine
// that runs a model can be asked for.
//
// It belongs here if both engines and the comparison must mean the same thing
// by it. Nothing here computes: native/savedmodel reads models, native and
// tfbridge run them, and compare judges two runs.
//
// # Names
//
// Inputs and outputs go by the names of the SavedModel's SignatureDef. A
// recurrent layer's final states are called <layer>/state_h and
// <layer>/state_c, its weights <layer>/kernel, <layer>/recurrent_kernel and
// <layer>/bias, and what it computes at each step <layer>/i and so on, which
// Trace lists. In a sequence-to-sequence model <layer> is encoder or decoder;
// the dense head is dense.
package lockstep
