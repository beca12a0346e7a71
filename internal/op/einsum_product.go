package op

import (
	"slices"

	"github.com/lockstep-go/lockstep/internal/kernel"
)

// asProduct is a contraction as products of matrices (rows, inner)·(inner, columns),
// one for each place of the axes that both operands have and the result keeps.
type asProduct struct {
	of                          [2]int // the operand whose axes the rows are, and that of the columns
	batch, rows, inner, columns int
	left, right                 *walk // the operands' elements in that order, nil where they are so
	turned                      bool  // the right one is (columns, inner)
	result                      *walk // the result's elements, nil where they are in that order
}

// asProduct returns nil for a contraction that is no product of matrices: one that
// sums an operand's own axis.
func (c *contraction) asProduct() *asProduct {
	var batch, inner []axis
	var own [2][]axis
	last := 1 // the operand that has the result's last own axis
	for _, a := range c.out {
		switch {
		case a.length == 1:
		case a.steps[0] != 0 && a.steps[1] != 0:
			batch = append(batch, a)
		default:
			if last = 0; a.steps[1] != 0 {
				last = 1
			}
			own[last] = append(own[last], a)
		}
	}
	for _, a := range c.sum {
		switch {
		case a.length == 1:
		case a.steps[0] == 0 || a.steps[1] == 0:
			return nil
		default:
			inner = append(inner, a)
		}
	}
	p := &asProduct{of: [2]int{1 - last, last}}
	rows, columns := own[1-last], own[last]
	p.batch, p.rows, p.inner, p.columns = product(batch), product(rows), product(inner), product(columns)
	p.left = walkOver(p.of[0], batch, rows, inner)
	if p.right = walkOver(p.of[1], batch, inner, columns); p.right != nil {
		if p.turned = walkOver(p.of[1], batch, columns, inner) == nil; p.turned {
			p.right = nil
		}
	}
	// Where each of the result's axes is in the products.
	made := slices.Concat(batch, rows, columns)
	stride := 1
	at := map[axis]int{}
	for i := len(made) - 1; i >= 0; i-- {
		at[made[i]] = stride
		stride *= made[i].length
	}
	var order []axis
	for _, a := range c.out {
		if a.length != 1 {
			order = append(order, axis{a.length, [2]int{at[a], 0}})
		}
	}
	p.result = walkOver(0, order)
	return p
}

func product(axes []axis) int {
	n := 1
	for _, a := range axes {
		n *= a.length
	}
	return n
}

// walkOver goes over an operand's elements along axes, the last the fastest; nil if
// that is their order.
func walkOver(operand int, axes ...[]axis) *walk {
	all := slices.Concat(axes...)
	w := &walk{n: product(all)}
	for i := len(all) - 1; i >= 0; i-- {
		w.add(all[i].length, []int{all[i].steps[operand]})
	}
	w.close(1)
	if len(w.lens) == 1 && (w.steps[0][0] == 1 || w.lens[0] == 1) {
		return nil
	}
	return w
}

// arranged returns elements in a walk's order, in memory that it may use.
func arranged[E number](memory *[]E, x []E, w *walk) []E {
	if w == nil {
		return x
	}
	*memory = slices.Grow((*memory)[:0], w.n)[:w.n]
	arrangeTo(*memory, x, w)
	return *memory
}

func arrangeTo[E number](out, x []E, w *walk) {
	step := w.steps[len(w.steps)-1][0]
	w.each(func(o int, at []int) {
		to := out[o : o+w.run()]
		if step == 1 {
			copy(to, x[at[0]:])
			return
		}
		for i := range to {
			to[i] = x[at[0]+i*step]
		}
	})
}

// multiplyAxes computes a contraction's products of matrices.
func multiplyAxes[F float](w *Call, m *einsumMemory[F], packed *packing[F], out []F, d [2][]F) {
	p := m.product
	x := arranged(&m.left, d[p.of[0]], p.left)
	made := out
	if p.result != nil {
		m.made = slices.Grow(m.made[:0], len(out))[:len(out)]
		made = m.made
	}
	pack := func(a *kernel.Matrix[F], y []F, b int) {
		n := p.inner * p.columns
		a.PackPanels(y[b*n:(b+1)*n], p.inner, p.columns, p.turned)
	}
	right := func() []F { return arranged(&m.right, d[p.of[1]], p.right) }
	own := roomIn[packedTensor[F]](&m.packed)
	if fixed := w.Fixed>>p.of[1]&1 != 0; p.batch == 1 {
		packed.of(m.tensors[p.of[1]], fixed, own, func(a *packedTensor[F]) { pack(a.one(), right(), 0) }).one().Multiply(made, x, p.rows)
	} else {
		y, a := right(), own.one()
		for b := range p.batch {
			pack(a, y, b)
			a.Multiply(made[b*p.rows*p.columns:][:p.rows*p.columns], x[b*p.rows*p.inner:][:p.rows*p.inner], p.rows)
		}
	}
	if p.result != nil {
		arrangeTo(out, made, p.result)
	}
}
