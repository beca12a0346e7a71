package recurrent

import "github.com/lockstep-go/lockstep/native/savedmodel"

// Gate is a gate of a cell, or its candidate, as a tensor of the loop's body.
type Gate struct {
	// Name is i, f, g or o of an LSTM, whose candidate is g; z, r or g of a
	// GRU; g alone, which is the new h, of a SimpleRNN.
	Name string
	// Sum is what the activation is applied to. It has no node where no tensor
	// holds exactly that, as where a constant of the activation is added first.
	Sum savedmodel.Ref
	// Value is the activation's result.
	Value savedmodel.Ref
}

// gates names the gates of a cell, a letter each.
func (s *step) gates(names string, gates []applied) []Gate {
	out := make([]Gate, len(gates))
	for i, g := range gates {
		out[i] = Gate{names[i : i+1], s.tensorOf(g.of), s.tensorOf(g.is)}
	}
	return out
}

// tensorOf returns the first tensor of the body that equals e, or none.
func (s *step) tensorOf(e *expr) savedmodel.Ref {
	for _, n := range s.l.body.Nodes {
		for i := range n.NumOutputs {
			if r := (savedmodel.Ref{Node: n, Index: i}); s.found[r] == e {
				return r
			}
		}
	}
	return savedmodel.Ref{}
}

// Items returns the tensors of the loop's body that hold the step's element of
// a list: the loop variable of that index.
func Items(body *savedmodel.Function, list int) []savedmodel.Ref {
	var out []savedmodel.Ref
	for _, n := range body.Nodes {
		in, ok := operands(savedmodel.Ref{Node: n}, "TensorListGetItem", 3)
		if ok && in[0].Through().Node == body.Args[list] {
			out = append(out, savedmodel.Ref{Node: n})
		}
	}
	return out
}
