package recurrent

// simpleRNN proves that a step updates loop variable h as Keras's SimpleRNN
// cell does:
//
//	h' = act(x·kernel + h·recurrent_kernel + bias)
//
// It returns no cell and no reason if it does not look like it.
func (s *step) simpleRNN(h int) (*cell, string) {
	reason := ""
	for _, a := range s.activations(s.next[h], bare) {
		if isJoined(a.of) {
			sums, why := readAll([]applied{a}, s.variable(opArg, h))
			if why == "" {
				var c *cell
				if c, why = s.joinedCell(SimpleRNN, "g", h, sums, []applied{a}); c != nil {
					return c, ""
				}
			}
			reason = why
			continue
		}
		var r roles
		rest, why := r.gate(a.of, gate{input: true, h: s.variable(opArg, h), rows: []int{0}})
		if why == "" && len(rest) > 0 {
			why = "the sum has a term that is neither a product nor the bias"
		}
		if why != "" {
			reason = why
			continue
		}
		layer, why := r.layer(SimpleRNN, 1, 1)
		if layer == nil {
			reason = why
			continue
		}
		layer.Activation = a.function
		layer.States = []int{h}
		layer.Gates = s.gates("g", []applied{a})
		return &cell{layer, r.input, s.next[h]}, ""
	}
	return nil, reason
}
