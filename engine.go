package lockstep

import "context"

// Engine runs one signature of one model.
type Engine interface {
	// Name says which engine it is, as reports show it: "native", "tensorflow".
	Name() string
	// Signature says what Run takes and returns.
	Signature() Signature
	// Run computes the signature's outputs, by name. It checks the inputs
	// against the signature first.
	Run(ctx context.Context, inputs map[string]*Tensor) (map[string]*Tensor, error)
}

// Tracer is an engine that can show what it computes on the way.
type Tracer interface {
	Engine
	Trace(ctx context.Context, inputs map[string]*Tensor, detail Detail) (*Trace, error)
}

// Weigher is an engine that can show the weights it runs with.
type Weigher interface {
	Weights() (Weights, error)
}

// Detail is how much of a run a Trace keeps.
type Detail int

const (
	// Outputs keeps the signature's outputs alone.
	Outputs Detail = iota
	// States adds every recurrent layer's final states.
	States
	// Steps adds what every recurrent layer computes at each step: see
	// Trace.Steps.
	Steps
)
