package recurrent

// cell is a cell of a loop's step: its layer, its input and the h that it
// computes.
type cell struct {
	layer  *Layer
	input  *expr
	output *expr
}

// step is the states' update in a step.
type step struct {
	*evaluator
	next  map[int]*expr // each state after the step, by its loop variable
	state map[*expr]int // and the loop variable of each
}

// The gates of an LSTM in the order of its kernels' columns.
const (
	gateI = iota
	gateF
	gateC
	gateO
)

// lstm proves that a step updates loop variable h, and another, as Keras's LSTM
// cell does, gates in the order i, f, c, o along the last axis:
//
//	z = x·kernel + h·recurrent_kernel + bias
//	c' = rec(z_f)∘c + rec(z_i)∘act(z_c)
//	h' = rec(z_o)∘act(c')
//
// It returns no cell and no reason if they do not look like it.
func (s *step) lstm(h int) (*cell, string) {
	reason := ""
	isState := func(x *expr) bool { c, ok := s.state[x]; return ok && c != h }
	for _, out := range factors(s.next[h]) {
		for _, a := range s.activations(out[1], isState) {
			for _, o := range s.activations(out[0], bare) {
				for _, sum := range pair(a.of) {
					cell, why := s.lstmCell(h, s.state[a.of], a.function, o, sum[0], sum[1])
					if cell != nil {
						return cell, ""
					}
					if why != "" {
						reason = why
					}
				}
			}
		}
	}
	return nil, reason
}

// lstmCell reads c' = kept + added.
func (s *step) lstmCell(h, c int, act Activation, o applied, kept, added *expr) (*cell, string) {
	reason := ""
	for _, k := range factors(kept) {
		if k[1] != s.variable(opArg, c) {
			continue
		}
		for _, a := range factors(added) {
			for _, f := range s.activations(k[0], offset) {
				for _, i := range s.activations(a[0], bare) {
					for _, g := range s.activations(a[1], bare) {
						if i.function != o.function || f.function != o.function || g.function != act {
							continue
						}
						cell, why := s.lstmGates(h, c, [4]applied{gateI: i, gateF: f, gateC: g, gateO: o})
						if cell != nil {
							return cell, ""
						}
						reason = why
					}
				}
			}
		}
	}
	return nil, reason
}

func (s *step) lstmGates(h, c int, gates [4]applied) (*cell, string) {
	if isJoined(gates[gateI].of) {
		return s.lstmJoined(h, c, gates[:])
	}
	var r roles
	for number, g := range gates {
		rest, why := r.gate(g.of, gate{number: number, input: true, h: s.variable(opArg, h), rows: []int{0}})
		if why != "" {
			return nil, why
		}
		if len(rest) > 0 {
			return nil, "a gate's sum has a term that is neither a product nor the bias"
		}
	}
	layer, why := r.layer(LSTM, 4, 1)
	if layer == nil {
		return nil, why
	}
	layer.Activation, layer.RecurrentActivation = gates[gateC].function, gates[gateO].function
	layer.States = []int{h, c}
	layer.Gates = s.gates("ifgo", gates[:])
	return &cell{layer, r.input, s.next[h]}, ""
}
