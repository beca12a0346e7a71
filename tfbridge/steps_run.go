//go:build tensorflow

package tfbridge

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// maxTrace bounds the bytes of a trace's steps. As much again is used while the
// trace is converted.
const maxTrace = 1 << 30

// steps runs the steps of every loop from its start. Loops with the same number
// of steps run together: TensorFlow optimizes a separate graph for each set of
// fetched tensors, which takes longer than the steps.
func (m *tfSession) steps(inputs map[string]*lockstep.Tensor, s steppers, fetched []*lockstep.Tensor, nested []*nestedRuns) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	left := maxTrace
	var walks []*walk
	for _, loop := range s.loops {
		name := loop.r.Cells[0].Name
		b, rest, err := loop.begin(fetched)
		if err != nil {
			return nil, fmt.Errorf("tfbridge: layer %q: %w", name, err)
		}
		fetched = rest
		if left -= loop.bytes(b); left < 0 {
			return nil, fmt.Errorf("tfbridge: layer %q: %d steps of %d rows are more than a trace shows (%d MiB in all): trace fewer rows, or fewer steps", name, b.steps, b.batch, maxTrace>>20)
		}
		walks = append(walks, loop.walk(b, out))
	}
	var groups []*runGroup
	for _, n := range nested {
		for _, g := range n.groups() {
			b, err := g.begin()
			if err != nil {
				return nil, fmt.Errorf("tfbridge: layer %q: %w", n.loop.name(), err)
			}
			walks, groups = append(walks, n.loop.stepper.walk(b, g.out)), append(groups, g)
		}
	}
	if err := m.walkAll(inputs, walks); err != nil {
		return nil, err
	}
	for _, g := range groups {
		if err := g.split(out); err != nil {
			return nil, fmt.Errorf("tfbridge: layer %q: %w", g.loop.name(), err)
		}
	}
	return out, nil
}

// walkAll runs the steps of loops, those of the same number together.
func (m *tfSession) walkAll(inputs map[string]*lockstep.Tensor, walks []*walk) error {
	for i, w := range walks {
		if w.done {
			continue
		}
		group := []*walk{w}
		for _, other := range walks[i+1:] {
			if !other.done && other.b.steps == w.b.steps {
				group = append(group, other)
			}
		}
		if err := m.walk(inputs, group); err != nil {
			return err
		}
	}
	for _, w := range walks {
		if err := w.finish(); err != nil {
			return fmt.Errorf("tfbridge: layer %q: %w", w.r.Cells[0].Name, err)
		}
	}
	return nil
}

// walk runs the steps of loops that have the same number.
func (m *tfSession) walk(inputs map[string]*lockstep.Tensor, group []*walk) error {
	feeds := map[tf.Output]*lockstep.Tensor{}
	var fetch []tf.Output
	var names []string
	for _, w := range group {
		for name, in := range w.inputs {
			feeds[in] = inputs[name]
		}
		fetch = append(fetch, w.fetch...)
		names = append(names, w.r.Cells[0].Name)
		w.done = true
	}
	for t := range group[0].b.steps {
		for i, w := range group {
			if err := w.feed(feeds, t); err != nil {
				return fmt.Errorf("tfbridge: layer %q: step %d: %w", names[i], t, err)
			}
		}
		got, err := m.fetchFed(feeds, fetch)
		if err != nil {
			return fmt.Errorf("tfbridge: layers %q: step %d: %w", names, t, err)
		}
		for _, w := range group {
			w.take(t, got[:len(w.fetch)])
			got = got[len(w.fetch):]
		}
	}
	return nil
}

// bytes is the size of a loop's steps in a trace.
func (s *stepper) bytes(b begin) int {
	columns := 0
	for _, l := range s.r.Cells {
		columns += l.Features + (2*len(l.Gates)+len(l.States))*l.Units
	}
	return b.steps * b.batch * columns * b.x.DType().Size()
}

// row is t[i].
func row(t *lockstep.Tensor, i int) (*lockstep.Tensor, error) {
	shape := t.Shape()[1:]
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, err
	}
	switch t.DType() {
	case lockstep.Float32:
		return rowOf[float32](t, i, n, shape)
	case lockstep.Float64:
		return rowOf[float64](t, i, n, shape)
	case lockstep.Bool:
		return rowOf[bool](t, i, n, shape)
	}
	return nil, fmt.Errorf("%s, want floats or a mask", t)
}

func rowOf[E lockstep.Element](t *lockstep.Tensor, i, n int, shape []int) (*lockstep.Tensor, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return lockstep.New(d[i*n:(i+1)*n], shape...)
}

// series gathers the rows (batch, …) of steps as (batch, steps, …).
type series struct {
	steps, batch int
	dtype        lockstep.DType
	width        int // bytes of a row
	shape        []int
	bytes        []byte
	err          error
}

func newSeries(b begin) *series { return &series{steps: b.steps, batch: b.batch} }

func (s *series) add(t int, x *lockstep.Tensor) {
	b, err := raw.Encode(x)
	if err != nil || x.Rank() < 1 || x.Shape()[0] != s.batch {
		s.err = fmt.Errorf("step %d is %s, want a row for each of %d: %w", t, x, s.batch, err)
		return
	}
	if s.bytes == nil {
		s.dtype, s.width = x.DType(), len(b)/max(s.batch, 1)
		s.shape = append([]int{s.batch, s.steps}, x.Shape()[1:]...)
		s.bytes = make([]byte, s.steps*len(b))
	}
	if len(b) != s.width*s.batch {
		s.err = fmt.Errorf("step %d is %s, and the first was %d bytes a row", t, x, s.width)
		return
	}
	for i := range s.batch {
		copy(s.bytes[(i*s.steps+t)*s.width:], b[i*s.width:(i+1)*s.width])
	}
}

func (s *series) tensor() (*lockstep.Tensor, error) {
	if s.err != nil {
		return nil, s.err
	}
	shape := s.shape
	if s.dtype == lockstep.Bool {
		shape = shape[:2] // a mask of (batch, 1) is one of (batch)
	}
	return raw.Decode(s.dtype, shape, s.bytes)
}
