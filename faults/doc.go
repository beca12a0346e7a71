// Package faults measures check and diagnose against TensorFlow: how often the
// first cause that a diagnosis names is the fault that was planted, and whether
// check ever raises a false alarm. It holds tests and the code that makes their
// models; RESULTS.md has the results of `make faults` and `make false-alarms`.
package faults
