//go:build tensorflow

package tfbridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// stateTaps are the final states of every recurrent layer, of each cell of a
// stack its own. A loop that is no known layer has none in a trace: what its
// variables mean is not known, and inspect says why.
type stateTaps struct {
	layers  []recurrent.Run // those of the signature's graph
	names   []string
	outputs []tf.Output
	nested  nestedTaps
	err     error
}

// findStates finds the recurrent layers and taps their final states; nested says
// whether also those of layers inside loops and branches.
func (m *tfSession) findStates(nested bool) stateTaps {
	found, err := recurrent.Find(m.meta, m.graph)
	if err != nil {
		return stateTaps{err: fmt.Errorf("tfbridge: %w", err)}
	}
	t, refs := finalStates(found)
	if nested {
		t.nested = nestedLoopsOf(found)
	}
	if len(refs) > 0 || len(t.nested.loops) > 0 {
		t.outputs, t.err = m.tapWatched(refs, &t.nested)
	}
	return t
}

// finalStates lists the states, with nothing tapped yet.
func finalStates(found *recurrent.Findings) (t stateTaps, refs []savedmodel.Ref) {
	for _, l := range found.Layers {
		if l.Nested() {
			continue
		}
		t.layers = append(t.layers, recurrent.Run{Layer: l})
		for i, state := range l.FinalState {
			t.names = append(t.names, lockstep.StepName(l.Name, l.Kind.StateNames()[i]))
			refs = append(refs, state)
		}
	}
	return t, refs
}

func (m *tfSession) trace(inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	var states stateTaps
	var steps steppers
	find := func(kind int) error {
		switch {
		case detail >= lockstep.Steps:
			steps = m.stepping[kind]()
			states = steps.states
			return steps.err
		case detail >= lockstep.States:
			states = m.states[kind]()
			return states.err
		}
		return nil
	}
	if err := find(0); err != nil {
		return nil, err
	}
	trace, err := m.traceWith(inputs, detail, states, steps)
	if err != nil && len(states.nested.loops) > 0 {
		// What is inside loops is not needed for the rest.
		why, of := err, states.nested
		if err := find(1); err != nil {
			return nil, err
		}
		if trace, err = m.traceWith(inputs, detail, states, steps); err == nil {
			trace.Unshown = maps.Clone(of.unshown)
			of.hide(trace, of.loops, notFetched(why))
		}
	}
	if err != nil && detail >= lockstep.Steps {
		return m.traceOutputs(inputs, states, err)
	}
	return trace, err
}

func notFetched(why error) string {
	return "its steps could not be fetched: " + strings.Join(strings.Fields(why.Error()), " ")
}

// traceOutputs shows the signature's outputs alone where a graph that shows more
// cannot be run. On processors for which TensorFlow does not use oneDNN, it has
// grouped convolutions only if its optimizer does not fuse them, and those of
// channels first only if it turns them around, which is not so in every graph.
func (m *tfSession) traceOutputs(inputs map[string]*lockstep.Tensor, states stateTaps, why error) (*lockstep.Trace, error) {
	trace, err := m.traceWith(inputs, 0, stateTaps{}, steppers{})
	if err != nil {
		return nil, err
	}
	trace.Unshown = maps.Clone(states.nested.unshown)
	states.nested.hide(trace, states.nested.loops, notFetched(why))
	for _, r := range states.layers {
		if trace.Unshown == nil {
			trace.Unshown = map[string]string{}
		}
		trace.Unshown[r.Layer.Name] = notFetched(why)
	}
	return trace, nil
}

func (m *tfSession) traceWith(inputs map[string]*lockstep.Tensor, detail lockstep.Detail, states stateTaps, steps steppers) (*lockstep.Trace, error) {
	done, err := m.beginCall()
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := m.fetchBoth(inputs, slices.Concat(states.outputs, steps.around, states.nested.outputs))
	if err != nil {
		return nil, err
	}
	trace := &lockstep.Trace{Engine: "tensorflow", Outputs: map[string]*lockstep.Tensor{}, Unshown: maps.Clone(states.nested.unshown)}
	take := func(n int) []*lockstep.Tensor {
		taken := results[:n]
		results = results[n:]
		return taken
	}
	for i, t := range take(len(m.outputs)) {
		trace.Outputs[m.outputs[i]] = t
	}
	if detail < lockstep.States {
		return trace, nil
	}
	trace.States = map[string]*lockstep.Tensor{}
	for i, t := range take(len(states.names)) {
		trace.States[states.names[i]] = t
	}
	around := take(len(steps.around))
	nested, err := states.nested.read(results, trace)
	if err != nil {
		return nil, err
	}
	runs := slices.Clone(states.layers)
	for _, n := range nested {
		runs = append(runs, n.layers()...)
	}
	recurrent.SortRuns(m.graph, runs)
	for _, r := range runs {
		trace.Layers = append(trace.Layers, r.Name())
	}
	if detail >= lockstep.Steps {
		if trace.Steps, err = m.steps(inputs, steps, around, nested); err != nil {
			return nil, err
		}
		if steps.traced {
			trace.Traced = map[string]*lockstep.Tensor{}
			for i, name := range m.outputs {
				trace.Traced[name] = around[len(around)-len(m.outputs)+i]
			}
		}
	}
	return trace, nil
}

// fetchBoth returns the signature's outputs and the states of one call. One run
// fetches both, so that they belong together; unless the call changes
// variables, as a stateful layer does: whether the copies of its loops that make
// the states would read them before or after is open, so they go first, in a
// run that changes nothing.
func (m *tfSession) fetchBoth(inputs map[string]*lockstep.Tensor, states []tf.Output) ([]*lockstep.Tensor, error) {
	if len(m.graph.Effects) == 0 || len(states) == 0 {
		return m.fetch(inputs, slices.Concat(m.fetches, states))
	}
	before, err := m.fetch(inputs, states)
	if err != nil {
		return nil, err
	}
	outputs, err := m.fetch(inputs, m.fetches)
	return slices.Concat(outputs, before), err
}
