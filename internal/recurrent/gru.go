package recurrent

// The gates of a GRU in the order of its kernels' columns.
const (
	gateZ = iota
	gateR
	gateH
)

// gru proves that a step updates loop variable h as Keras's GRU cell does,
// gates in the order z, r, h along the last axis:
//
//	z = rec(x·kernel_z + h·recurrent_kernel_z + bias_z)
//	r = rec(x·kernel_r + h·recurrent_kernel_r + bias_r)
//	g = act(x·kernel_h + (r∘h)·recurrent_kernel_h + bias_h)
//	h' = z∘h + (1-z)∘g
//
// or, with the reset after the product and two rows of biases,
//
//	g = act(x·kernel_h + bias_h + r∘(h·recurrent_kernel_h + recurrent_bias_h))
//
// It returns no cell and no reason if it does not look like it.
func (s *step) gru(h int) (*cell, string) {
	reason := ""
	for _, sum := range pair(s.next[h]) {
		for _, kept := range factors(sum[0]) {
			if kept[1] != s.variable(opArg, h) {
				continue
			}
			for _, added := range factors(sum[1]) {
				if added[0] != s.call("Sub", s.num(1, kept[0]), kept[0]) {
					continue
				}
				for _, z := range s.activations(kept[0], bare) {
					for _, g := range s.activations(added[1], bare) {
						cell, why := s.gruCell(h, z, g)
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

func (s *step) gruCell(h int, z, g applied) (*cell, string) {
	reason := "the sum of the new h is neither of the two that Keras has"
	old := s.variable(opArg, h)
	for _, t := range g.of.terms {
		reset := t.other // r∘(h·recurrent_kernel_h + recurrent_bias_h)
		after := reset != nil
		if !after {
			if reset = t.v; reset != nil && reset.op == opJoin {
				reset = reset.args[1]
			} // r∘h
		}
		if reset == nil {
			continue
		}
		for _, product := range factors(reset) {
			if !after && product[1] != old || after && !bare(product[1]) {
				continue
			}
			for _, r := range s.activations(product[0], bare) {
				if r.function != z.function {
					continue
				}
				cell, why := s.gruGates(h, [3]applied{gateZ: z, gateR: r, gateH: g}, reset, after, product[1])
				if cell != nil {
					return cell, ""
				}
				reason = why
			}
		}
	}
	return nil, reason
}

// gruGates reads the sums of a GRU whose reset is a term of the third, and
// multiplies inner, if after is set, or else is a factor of the third.
func (s *step) gruGates(h int, gates [3]applied, reset *expr, after bool, inner *expr) (*cell, string) {
	if isJoined(gates[gateZ].of) && !after {
		return s.gruJoined(h, gates[:], reset)
	}
	const extra = "a gate's sum has a term that is neither a product nor a bias"
	var r roles
	old := s.variable(opArg, h)
	rows, biases := []int{0}, 1
	if after {
		rows, biases = []int{0, 1}, 2
	}
	for number := gateZ; number <= gateR; number++ {
		rest, why := r.gate(gates[number].of, gate{number: number, input: true, h: old, rows: rows})
		if why != "" {
			return nil, why
		}
		if len(rest) > 0 {
			return nil, extra
		}
	}
	last := gate{number: gateH, input: true, h: reset, rows: []int{0}}
	if after {
		last.h = nil
		rest, why := r.gate(inner, gate{number: gateH, h: old, rows: []int{1}})
		if why != "" {
			return nil, why
		}
		if len(rest) > 0 {
			return nil, extra
		}
	}
	rest, why := r.gate(gates[gateH].of, last)
	if why != "" {
		return nil, why
	}
	if len(rest) > 0 && !(after && len(rest) == 1 && rest[0] == reset) {
		return nil, extra
	}
	layer, why := r.layer(GRU, 3, biases)
	if layer == nil {
		return nil, why
	}
	layer.Activation, layer.RecurrentActivation = gates[gateH].function, gates[gateZ].function
	layer.ResetAfter = after
	layer.States = []int{h}
	layer.Gates = s.gates("zrg", gates[:])
	return &cell{layer, r.input, s.next[h]}, ""
}
