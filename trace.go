package lockstep

// Trace is what one engine computed in one run. The reference's and the
// candidate's traces of the same inputs are what compare sets side by side.
type Trace struct {
	// Engine is the name of the engine that ran.
	Engine string
	// Layers are the recurrent layers in the order in which they run.
	Layers []string
	// Outputs are the signature's outputs, by its names.
	Outputs map[string]*Tensor
	// States are the final states, each (batch, units), as <layer>/state_h
	// and <layer>/state_c.
	States map[string]*Tensor
}
