//go:build tensorflow

package tfbridge

import (
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
)

// walk is a loop in progress.
type walk struct {
	*stepper
	b     begin
	state []*lockstep.Tensor // before the next step
	names []string           // of the fetched tensors
	all   map[string]*series // by the names in a trace
	out   map[string]*lockstep.Tensor
	done  bool
}

// walk begins, and adds the first states to out; finish adds the steps.
func (s *stepper) walk(b begin, out map[string]*lockstep.Tensor) *walk {
	w := &walk{stepper: s, b: b, state: b.states, names: slices.Clone(s.names), all: map[string]*series{}, out: out}
	w.all[s.r.Cells[0].Name+"/x"] = newSeries(b)
	if s.masked {
		w.all[s.r.Cells[0].Name+"/mask"] = newSeries(b)
	}
	i := 0
	for _, l := range s.r.Cells {
		for j := range l.States {
			w.names = append(w.names, l.Name+"/"+"hc"[j:j+1])
			out[l.Name+"/initial_"+"hc"[j:j+1]] = b.states[i]
			i++
		}
	}
	for _, name := range w.names {
		w.all[name] = newSeries(b)
	}
	return w
}

// feed sets what a step reads.
func (w *walk) feed(feeds map[tf.Output]*lockstep.Tensor, t int) error {
	first := w.r.Cells[0].Name
	x, err := row(w.b.x, t)
	if err != nil {
		return err
	}
	for _, in := range w.x {
		feeds[in] = x
	}
	w.all[first+"/x"].add(t, x)
	if w.masked {
		mask, err := row(w.b.mask, t)
		if err != nil {
			return err
		}
		for _, in := range w.mask {
			feeds[in] = mask
		}
		w.all[first+"/mask"].add(t, mask)
	}
	for i, in := range w.states {
		feeds[in] = w.state[i]
	}
	return nil
}

// take keeps a step's results.
func (w *walk) take(t int, got []*lockstep.Tensor) {
	for i, name := range w.names {
		w.all[name].add(t, got[i])
	}
	w.state = got[len(got)-w.initial:]
}

// finish adds the steps.
func (w *walk) finish() error {
	b, first, out := w.b, w.r.Cells[0].Name, w.out
	for name, series := range w.all {
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
		if out[w.r.Cells[len(w.r.Cells)-1].Name+"/output"], err = left.tensor(); err != nil {
			return fmt.Errorf("outputs: %w", err)
		}
	}
	if mask := out[first+"/mask"]; mask != nil {
		for _, l := range w.r.Cells[1:] {
			out[l.Name+"/mask"] = mask
		}
	}
	return nil
}
