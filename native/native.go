// Package native runs Keras recurrent models in pure Go: no TensorFlow, no
// cgo, no Python.
//
// There are two ways in. Load reads the SavedModel directory that
// model.export or model.save wrote and gives a Model, which takes and returns
// tensors by the names of the model's signature. NewSeq2Seq takes the eight
// weight tensors of the encoder-decoder model and gives a Seq2Seq, whose
// Runner works on plain slices and allocates nothing.
//
// Models are immutable and safe for any number of goroutines; a Runner belongs
// to one.
//
// # Semantics
//
// They are Keras's. An LSTM's gates stand in the order i, f, c, o along the
// last axis of its weights:
//
//	z = x·kernel + h·recurrent_kernel + bias
//	i, f, o = σ(z_i), σ(z_f), σ(z_o);  g = tanh(z_c)
//	c' = f∘c + i∘g;  h' = o∘tanh(c')
//
// What a SavedModel says is read off its graph, never off a name. A model that
// is not proven to be supported is refused with an error that says what was
// found.
package native
