//go:build tensorflow

package tfbridge

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// maxTrace bounds the bytes of what the steps of one trace show. Beside it
// stands as much again while the trace is handed over.
const maxTrace = 1 << 30

// steps takes the steps of every loop from what it begins with.
func (m *tfSession) steps(inputs map[string]*lockstep.Tensor, s steppers, fetched []*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	left := maxTrace
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
		if err := loop.run(m, inputs, b, out); err != nil {
			return nil, fmt.Errorf("tfbridge: layer %q: %w", name, err)
		}
	}
	return out, nil
}

// bytes is the size of what a loop's steps show.
func (s *stepper) bytes(b begin) int {
	columns := 0
	for _, l := range s.r.Cells {
		columns += l.Features + (2*len(l.Gates)+len(l.States))*l.Units
	}
	return b.steps * b.batch * columns * b.x.DType().Size()
}

// run takes the steps of a loop and adds what they show to out.
func (s *stepper) run(m *tfSession, inputs map[string]*lockstep.Tensor, b begin, out map[string]*lockstep.Tensor) error {
	first := s.r.Cells[0].Name
	all := map[string]*series{first + "/x": newSeries(b)}
	if s.masked {
		all[first+"/mask"] = newSeries(b)
	}
	var states []string
	i := 0
	for _, l := range s.r.Cells {
		for j := range l.States {
			states = append(states, l.Name+"/"+"hc"[j:j+1])
			out[l.Name+"/initial_"+"hc"[j:j+1]] = b.states[i]
			i++
		}
	}
	names := append(append([]string{}, s.names...), states...)
	for _, name := range names {
		all[name] = newSeries(b)
	}
	feeds := map[tf.Output]*lockstep.Tensor{}
	for name, in := range s.inputs {
		feeds[in] = inputs[name]
	}
	state := b.states
	for t := range b.steps {
		x, err := row(b.x, t)
		if err != nil {
			return err
		}
		for _, in := range s.x {
			feeds[in] = x
		}
		all[first+"/x"].add(t, x)
		if s.masked {
			mask, err := row(b.mask, t)
			if err != nil {
				return err
			}
			for _, in := range s.mask {
				feeds[in] = mask
			}
			all[first+"/mask"].add(t, mask)
		}
		for i, in := range s.states {
			feeds[in] = state[i]
		}
		got, err := m.fetchFed(feeds, s.fetch)
		if err != nil {
			return fmt.Errorf("step %d: %w", t, err)
		}
		for i, name := range names {
			all[name].add(t, got[i])
		}
		state = got[len(got)-s.initial:]
	}
	for name, series := range all {
		if b.steps == 0 {
			break
		}
		t, err := series.tensor()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out[name] = t
	}
	if b.outputs != nil && b.outputs.Rank() == 3 && b.outputs.Shape()[1] == b.batch && b.outputs.Len() > 0 {
		left := &series{steps: b.outputs.Shape()[0], batch: b.batch}
		for t := range left.steps {
			o, err := row(b.outputs, t)
			if err != nil {
				return err
			}
			left.add(t, o)
		}
		var err error
		if out[s.r.Cells[len(s.r.Cells)-1].Name+"/output"], err = left.tensor(); err != nil {
			return fmt.Errorf("outputs: %w", err)
		}
	}
	if mask := out[first+"/mask"]; mask != nil {
		for _, l := range s.r.Cells[1:] {
			out[l.Name+"/mask"] = mask
		}
	}
	return nil
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
	}
	return rowOf[bool](t, i, n, shape)
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
