// Package faults measures check and diagnose against TensorFlow: how often the
// first cause that a diagnosis names is the fault that was planted, and whether
// check ever raises a false alarm. It holds tests and what makes their models;
// RESULTS.md is what `make faults` and `make false-alarms` found.
package faults
