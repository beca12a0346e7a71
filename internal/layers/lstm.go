package layers

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// lstm proves that the loop's body is Keras's LSTM cell, gates in the order
// i, f, c, o along the last axis:
//
//	z = x·kernel + h·recurrent_kernel + bias
//	c' = rec(z_f)∘c + rec(z_i)∘act(z_c)
//	h' = rec(z_o)∘act(c')
//
// and reads the roles off it; otherwise it says what is not so.
func (l *loop) lstm() (*Layer, string) {
	if n := len(l.body.Rets); n > maxVariables {
		return nil, fmt.Sprintf("it has %d loop variables, want at most %d", n, maxVariables)
	}
	if n := l.changes(); n != nil {
		return nil, fmt.Sprintf("a step may change what outlives it, by %q (%s)", n.Name, n.Op)
	}
	reason := "no loop variable becomes gate∘activation(cell state)"
	for h := range l.body.Rets {
		if l.invariant[h] || l.counts[h] {
			continue
		}
		for c := range l.body.Rets {
			if c == h || l.invariant[c] || l.counts[c] {
				continue
			}
			cell, ok := l.lstmCell(h, c)
			if !ok {
				continue
			}
			layer, why := l.lstmLayer(h, c, cell)
			if layer != nil {
				return layer, ""
			}
			reason = why
		}
	}
	return nil, reason
}

// lstmCell is what the equations of a cell say, before the sum z is looked at.
type lstmCell struct {
	z        savedmodel.Ref
	act, rec Activation
}

func (l *loop) lstmCell(h, c int) (cell lstmCell, ok bool) {
	newC := l.body.Rets[c]
	// h' = rec(z_o)∘act(c')
	ok = either(l.body.Rets[h], "Mul", func(gate, state savedmodel.Ref) bool {
		for _, a := range activations(state) {
			if !same(a.of, newC) {
				continue
			}
			for _, r := range activations(gate) {
				if z, isGate := gatePart(r.of, 3); isGate {
					cell = lstmCell{z: z, act: a.function, rec: r.function}
					return l.lstmCellState(c, cell)
				}
			}
		}
		return false
	})
	return cell, ok
}

// lstmCellState checks c' = rec(z_f)∘c + rec(z_i)∘act(z_c).
func (l *loop) lstmCellState(c int, cell lstmCell) bool {
	gate := func(r savedmodel.Ref, part int, want Activation) bool {
		for _, a := range activations(r) {
			if z, ok := gatePart(a.of, part); ok && a.function == want && same(z, cell.z) {
				return true
			}
		}
		return false
	}
	return either(l.body.Rets[c], "AddV2", func(kept, added savedmodel.Ref) bool {
		return either(kept, "Mul", func(f, old savedmodel.Ref) bool {
			i, isArg := l.arg(old)
			return isArg && i == c && gate(f, 1, cell.rec)
		}) && either(added, "Mul", func(i, g savedmodel.Ref) bool {
			return gate(i, 0, cell.rec) && gate(g, 2, cell.act)
		})
	})
}

// gatePart tells whether r is the given quarter of a split along the last of
// two axes, and of what.
func gatePart(r savedmodel.Ref, part int) (savedmodel.Ref, bool) {
	r = r.Through()
	in, ok := operands(r, "Split", 2)
	if !ok || r.Index != part || r.Node.AttrInt("num_split") != 4 || !isInt(in[0], 1) && !isInt(in[0], -1) {
		return savedmodel.Ref{}, false
	}
	return in[1].Through(), true
}

// lstmLayer looks at the sum z and at what stands around the cell.
func (l *loop) lstmLayer(h, c int, cell lstmCell) (layer *Layer, reason string) {
	layer = &Layer{
		Kind: LSTM, Loop: l.node,
		Activation: cell.act, RecurrentActivation: cell.rec,
		InitialState: []savedmodel.Ref{l.node.Inputs[h].Through(), l.node.Inputs[c].Through()},
		FinalState:   []savedmodel.Ref{l.out(h), l.out(c)},
	}
	step := -1
	sum, ok := terms(cell.z, 3)
	if !ok {
		return nil, "the gates' sum has more than three terms"
	}
	for _, term := range sum {
		a, b, isProduct := matMul(term)
		if !isProduct {
			bias, ok := l.outer(term)
			if !ok || layer.Bias.Node != nil {
				return nil, "the gates' sum has a term that is neither a product nor the one bias"
			}
			layer.Bias = bias
			continue
		}
		weight, ok := l.outer(b)
		if !ok {
			return nil, "the gates' sum has a product with something that changes from step to step"
		}
		if i, isArg := l.arg(a); isArg && i == h && layer.RecurrentKernel.Node == nil {
			layer.RecurrentKernel = weight
			continue
		}
		list, s, isInput := l.stepInput(a)
		if !isInput || layer.Kernel.Node != nil {
			return nil, "the gates' sum has a product with something that is neither the step's input nor h"
		}
		layer.Kernel, layer.Steps, step = weight, list, s
	}
	if layer.Kernel.Node == nil || layer.RecurrentKernel.Node == nil {
		return nil, "the gates' sum lacks the product with the input or with h"
	}
	var err error
	if layer.Bounds, err = l.bounds(step); err != nil {
		return nil, err.Error()
	}
	list, lastOnly, ok := l.written(l.body.Rets[h], step)
	if !ok {
		return nil, "h is not written to a list of outputs at each step"
	}
	layer.Outputs, layer.LastOnly = l.out(list), lastOnly
	return layer, ""
}

// measure sets the sizes of a layer by the shapes of its weights, or says why
// they are not a layer's: other shapes could be spread over the gates.
func (l *Layer) measure(sh *shapes) (reason string) {
	for _, weight := range []savedmodel.Ref{l.Kernel, l.RecurrentKernel, l.Bias} {
		if _, _, err := sh.m.Variable(weight); err != nil {
			return err.Error()
		}
	}
	kernel, known := sh.sizes(l.Kernel)
	recurrent, ok := sh.sizes(l.RecurrentKernel)
	if !known || !ok || len(kernel) != 2 || len(recurrent) != 2 {
		return fmt.Sprintf("its kernels are %s and %s, want variables or constants of two axes", l.Kernel, l.RecurrentKernel)
	}
	l.Features, l.Units = kernel[0], recurrent[0]
	gates := func(n int) bool { return n > 0 && n%4 == 0 && n/4 == l.Units }
	if !gates(kernel[1]) || !gates(recurrent[1]) {
		return fmt.Sprintf("its kernels have the shapes %s and %s, want four columns for each of the %d units",
			lockstep.FormatShape(kernel), lockstep.FormatShape(recurrent), l.Units)
	}
	if l.Bias.Node == nil {
		return ""
	}
	if bias, ok := sh.sizes(l.Bias); !ok || len(bias) != 1 || !gates(bias[0]) {
		return fmt.Sprintf("its bias is %s of the shape %s, want a variable or constant of %d elements", l.Bias, lockstep.FormatShape(bias), 4*l.Units)
	}
	return ""
}
