//go:build tensorflow

package tfbridge

import (
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// nestedTaps are the layers inside loops and branches of the model. What they read
// and leave at each run is noted by copies of these loops and branches, which
// compute what the model's own do: see savedmodel.Graph.WatchDef.
type nestedTaps struct {
	loops   []*nestedLoop
	outputs []tf.Output       // what the copies noted, in the order of loops
	unshown map[string]string // why others are not shown, by the layer
}

// nestedLoop is a recognised loop inside another one or a branch.
type nestedLoop struct {
	r       *recurrent.Recurrence
	dtype   lockstep.DType
	stepper *stepper // nil in a trace without steps
	watch   savedmodel.Watch
}

func (l *nestedLoop) name() string { return l.r.Cells[0].Name }

// nestedLoopsOf finds the loops and what is noted of each run: how many steps it
// takes, what list places names, and the states before and after it.
func nestedLoopsOf(found *recurrent.Findings) nestedTaps {
	var t nestedTaps
	for _, r := range found.Recurrences {
		first := r.Cells[0]
		if !first.Nested() {
			continue
		}
		l := &nestedLoop{r: r, watch: savedmodel.Watch{Place: first.Place}}
		if first.Place.InCondition() {
			t.hide(nil, []*nestedLoop{l}, "it stands in "+first.Place.String())
			continue
		}
		var err error
		if l.dtype, err = r.Loop.ElementType(first.States[0]); err != nil || l.dtype != lockstep.Float32 && l.dtype != lockstep.Float64 {
			t.hide(nil, []*nestedLoop{l}, "only steps in float32 and float64 are compared")
			continue
		}
		counter, err := r.Loop.ElementType(r.Counter)
		if err != nil {
			t.hide(nil, []*nestedLoop{l}, err.Error())
			continue
		}
		add := func(r savedmodel.Ref, dtype lockstep.DType, list bool) {
			l.watch.Tensors = append(l.watch.Tensors, savedmodel.WatchedTensor{Ref: r, DType: dtype, List: list})
		}
		add(savedmodel.Ref{Node: r.Loop, Index: r.Counter}, counter, false)
		add(r.Loop.Inputs[r.Steps], l.dtype, true)
		if r.Outputs >= 0 {
			add(savedmodel.Ref{Node: r.Loop, Index: r.Outputs}, l.dtype, true)
		}
		if r.Mask != nil {
			add(r.Loop.Inputs[r.Mask.Steps], lockstep.Bool, true)
		}
		for _, c := range r.Cells {
			for i := range c.States {
				add(c.InitialState[i], l.dtype, false)
				add(c.FinalState[i], l.dtype, false)
			}
		}
		t.loops = append(t.loops, l)
	}
	return t
}

// hide notes why layers are not shown, in t before a run, or in the trace of one.
func (t *nestedTaps) hide(trace *lockstep.Trace, loops []*nestedLoop, why string) {
	to := &t.unshown
	if trace != nil {
		to = &trace.Unshown
	}
	if *to == nil {
		*to = map[string]string{}
	}
	for _, l := range loops {
		for _, c := range l.r.Cells {
			(*to)[c.Name] = why
		}
	}
}

// findNestedSteppers imports a step of each of the loops.
func (m *tfSession) findNestedSteppers(t *nestedTaps) {
	t.loops = slices.DeleteFunc(t.loops, func(l *nestedLoop) bool {
		var err error
		if l.stepper, err = m.stepper(l.r); err != nil {
			t.hide(nil, []*nestedLoop{l}, err.Error())
		}
		return err != nil
	})
}

// tapWatched is tap that also makes fetchable what nested loops note, in one copy of
// the graph; without them if that copy cannot be made.
func (m *tfSession) tapWatched(want []savedmodel.Ref, t *nestedTaps) ([]tf.Output, error) {
	if len(t.loops) == 0 {
		return m.tap(want)
	}
	out, err := m.tapBoth(want, t)
	if err != nil {
		t.hide(nil, t.loops, err.Error())
		t.loops, t.outputs = nil, nil
		return m.tap(want)
	}
	return out, nil
}

func (m *tfSession) tapBoth(want []savedmodel.Ref, t *nestedTaps) ([]tf.Output, error) {
	var watches []savedmodel.Watch
	for _, l := range t.loops {
		watches = append(watches, l.watch)
	}
	const elements = maxTrace / 8
	def, err := m.graph.WatchDef(want, watches, elements, recurrent.MaxRuns)
	if err != nil {
		return nil, err
	}
	prefix, err := m.importDef(def.Def, def.Main)
	if err != nil {
		return nil, err
	}
	var out []tf.Output
	for _, r := range want {
		tensor, err := m.imported(prefix, r)
		if err != nil {
			return nil, err
		}
		out = append(out, tensor)
	}
	for _, notes := range def.Shown {
		for _, pair := range slices.Concat([][2]string{notes.At}, notes.Values, notes.Shapes) {
			for _, name := range pair {
				tensor, err := m.operation(prefix + "/" + name)
				if err != nil {
					return nil, fmt.Errorf("tfbridge: what a loop notes: %w", err)
				}
				t.outputs = append(t.outputs, tensor)
			}
		}
	}
	return out, nil
}
