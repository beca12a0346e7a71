package inside

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// attention is a softmax whose result weights the rows of a product.
type attention struct {
	name    string
	weights savedmodel.Ref
}

// The operations that multiply by weights, and those that only pass them on.
var (
	products = []string{"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
	passing  = []string{"Identity", "Cast", "Reshape", "Transpose", "ExpandDims", "Squeeze"}
)

// findAttentions finds them in the signature's graph.
func (w *watching) findAttentions() {
	readers := map[*savedmodel.Node][]*savedmodel.Node{}
	for _, n := range w.src.Graph.Nodes {
		for _, in := range n.Inputs {
			readers[in.Node] = append(readers[in.Node], n)
		}
	}
	for _, n := range w.src.Graph.Nodes {
		if n.Op != "Softmax" || !multiplies(readers, n, len(passing)) {
			continue
		}
		if len(w.attentions) == maxParts {
			w.leaveOut("attention %s and those after it: %d are shown", w.name(n.Name), maxParts)
			return
		}
		w.attentions = append(w.attentions, attention{w.name(n.Name), savedmodel.Ref{Node: n}})
	}
}

// multiplies tells whether a product reads what n computes, within some steps.
func multiplies(readers map[*savedmodel.Node][]*savedmodel.Node, n *savedmodel.Node, steps int) bool {
	return slices.ContainsFunc(readers[n], func(r *savedmodel.Node) bool {
		return slices.Contains(products, r.Op) || steps > 0 && slices.Contains(passing, r.Op) && multiplies(readers, r, steps-1)
	})
}

// addAttention takes the weights (batch, heads …, queries, keys) apart by heads.
func (w *watching) addAttention(a attention, t *lockstep.Tensor) error {
	if t == nil || t.Rank() < 3 || t.Len() == 0 {
		w.leaveOut("attention %s: its weights are %v, want (batch, queries, keys), heads between them or not", a.name, t)
		return nil
	}
	shape := t.Shape()
	rows, queries, keys := shape[0], shape[t.Rank()-2], shape[t.Rank()-1]
	heads := t.Len() / (rows * queries * keys)
	if t.Len() > maxBytes/8 {
		w.leaveOut("attention %s: its weights %s are more than the %d MiB that are shown", a.name, lockstep.FormatShape(shape), maxBytes>>20)
		return nil
	}
	all, err := t.Float64s()
	if err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	p := Part{Name: a.name, Kind: Attention}
	each := queries * keys
	for h := range heads {
		values := make([]float64, 0, rows*each)
		for r := range rows {
			values = append(values, all[(r*heads+h)*each:][:each]...)
		}
		q := Quantity{Name: fmt.Sprintf("head%d", h), Title: fmt.Sprintf("weights of head %d", h)}
		if heads == 1 {
			q.Title = "weights"
		}
		if q.Values, err = floats(t, values, rows, queries, keys); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		p.Quantities = append(p.Quantities, q)
	}
	w.result.Parts = append(w.result.Parts, p)
	return nil
}
