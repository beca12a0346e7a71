package image

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// resizing is the Spec of a method. Its results are float32 whatever the images are.
func resizing(m method) *op.Spec {
	return &op.Spec{
		Build: func(n *savedmodel.Node) (op.Exec, error) { return buildResize[float32](n, m) }, Float64: func(n *savedmodel.Node) (op.Exec, error) { return buildResize[float64](n, m) },
		Shape: op.InputsAt(1), Bound: resizeBound(m), Time: op.TimeOfRows,
	}
}

// float is the type of a result: float64 in the exact evaluation.
type float interface{ float32 | float64 }

func buildResize[E float](n *savedmodel.Node, m method) (op.Exec, error) {
	if err := wantNumbers(n); err != nil {
		return nil, err
	}
	a, err := readAlignment(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, from, to, err := resized(in, 2)
		if err != nil {
			return nil, err
		}
		rows, cols := a.scalers(from, to)
		if _, ok := m.(area); ok && (rows.scale == 0 || cols.scale == 0) {
			return nil, fmt.Errorf("%s, want more than one pixel along an axis whose corners are aligned", t[0])
		}
		mem := op.Room[memory[E]](w)
		if mem.from != from || mem.to != to {
			mem.plan = planOf(m, rows, cols, false)
			mem.from, mem.to = from, to
		}
		return w.One(mem.resize(t[0]))
	}, nil
}

// wantNumbers refuses images that are no numbers.
func wantNumbers(n *savedmodel.Node) error {
	d, err := n.AttrType("T")
	if err == nil && !d.IsFloat() && !d.IsInt() {
		err = op.NotSupported("T", d)
	}
	return err
}

// plan is how images of one size become images of another: the taps of each element
// of both axes.
type plan struct {
	rows, cols [][]tap
	linear     bool
	scale      float32
}

func planOf(m method, rows, cols scaler, contracted bool) plan {
	_, linear := m.(bilinear)
	return plan{lines(m, rows, contracted), lines(m, cols, contracted), linear, m.scale(rows, cols)}
}

func lines(m method, s scaler, contracted bool) [][]tap {
	out := make([][]tap, s.out)
	for i := range out {
		out[i] = m.taps(nil, s, i, contracted)
	}
	return out
}

// memory is the memory of an operation on images of one size.
type memory[E float] struct {
	op.ResultMemory[E]
	plan
	from, to    sizes
	images, row []E
}

// resize makes images by the plan.
func (m *memory[E]) resize(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	result, out, err := m.Get(m.to.shape()...)
	if err != nil || len(out) == 0 {
		return result, err
	}
	x, err := m.numbers(t)
	if err != nil {
		return nil, err
	}
	if m.linear && m.from == m.to {
		copy(out, x)
		return result, nil
	}
	if err := m.affordable(); err != nil {
		return nil, err
	}
	size, row := m.from.height*m.from.width*m.from.channels, m.to.width*m.to.channels
	for image := range m.from.batch {
		for y := range m.to.height {
			line := out[(image*m.to.height+y)*row:][:row]
			if m.linear {
				m.interpolate(line, x[image*size:][:size], y)
			} else {
				m.sum(line, x[image*size:][:size], y)
			}
		}
	}
	return result, nil
}

// affordable checks the work, which is that of the taps.
func (m *memory[E]) affordable() error {
	most := 0
	for _, line := range m.rows {
		most = max(most, len(line))
	}
	if err := op.Affordable(m.from.batch, m.to.height, m.from.width, m.from.channels, most); err != nil {
		return err
	}
	most = 0
	for _, line := range m.cols {
		most = max(most, len(line))
	}
	return op.Affordable(m.from.batch, m.to.height, m.to.width, m.from.channels, most)
}

// numbers are the elements of images.
func (m *memory[E]) numbers(t *lockstep.Tensor) ([]E, error) {
	if d, err := lockstep.Data[E](t); err == nil {
		return d, nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	m.images = slices.Grow(m.images[:0], len(d))[:len(d)]
	for i, v := range d {
		m.images[i] = E(v)
	}
	return m.images, nil
}

// interpolate makes row y of a result between two rows of an image: between its
// pixels first.
func (m *memory[E]) interpolate(out, x []E, y int) {
	c, width := m.from.channels, m.from.width*m.from.channels
	first, second := m.rows[y][0], m.rows[y][1]
	top, bottom, down := x[first.at*width:][:width], x[second.at*width:][:width], E(second.weight)
	for i, line := range m.cols {
		left, right, across := line[0].at*c, line[1].at*c, E(line[1].weight)
		for k := range c {
			above := top[left+k] + E((top[right+k]-top[left+k])*across)
			below := bottom[left+k] + E((bottom[right+k]-bottom[left+k])*across)
			out[i*c+k] = above + E((below-above)*down)
		}
	}
}

// sum makes row y of a result: a row of the image's width, and then the pixels
// along it.
func (m *memory[E]) sum(out, x []E, y int) {
	c, width := m.from.channels, m.from.width*m.from.channels
	m.row = slices.Grow(m.row[:0], width)[:width]
	for i, t := range m.rows[y] {
		for k, v := range x[t.at*width:][:width] {
			if i == 0 {
				m.row[k] = 0
			}
			m.row[k] += E(v * E(t.weight))
		}
	}
	if len(m.rows[y]) == 0 {
		clear(m.row)
	}
	for i, line := range m.cols {
		for k := range c {
			var s E
			for _, t := range line {
				s += E(m.row[t.at*c+k] * E(t.weight))
			}
			out[i*c+k] = s * E(m.scale)
		}
	}
}
