//go:build tensorflow

package tfbridge

import (
	"fmt"
	"math"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// steppers take the steps of the model's recurrent loops one by one, each in
// TensorFlow's own operations.
type steppers struct {
	loops  []*stepper
	states stateTaps // of the copy of the model that around is of
	// around are the tensors of the graph that the loops begin with, in the
	// order of the loops, and their outputs; then, if traced, the signature's
	// outputs, computed from these.
	around []tf.Output
	traced bool
	err    error
}

// stepper takes the steps of one loop: its body, imported once, with
// placeholders for what changes from step to step. So a step is run as often as
// there are steps, and its memory does not grow with them.
type stepper struct {
	r *recurrent.Recurrence

	dtype   lockstep.DType // of the cells
	masked  bool
	outputs bool
	initial int // the number of states

	inputs map[string]tf.Output // of the signature that a step reads
	x      []tf.Output          // each place that is fed the step's input
	mask   []tf.Output
	states []tf.Output
	fetch  []tf.Output // quantities, then the next states
	names  []string    // of the quantities, such as encoder/i
}

// begin is what a loop starts from, and its outputs.
type begin struct {
	steps, batch int
	x, mask      *lockstep.Tensor // (steps, batch, …)
	states       []*lockstep.Tensor
	outputs      *lockstep.Tensor // what it leaves, (steps or 1, batch, units), nil without
}

// findSteppers imports a step of each recognised loop; nested says whether also of
// those inside loops and branches.
func (m *tfSession) findSteppers(nested bool) steppers {
	var s steppers
	found, err := recurrent.Find(m.meta, m.graph)
	if err != nil {
		s.err = fmt.Errorf("tfbridge: %w", err)
		return s
	}
	var around []savedmodel.Ref
	for _, r := range found.Recurrences {
		if r.Cells[0].Nested() {
			continue
		}
		loop, err := m.stepper(r)
		if err != nil {
			s.err = fmt.Errorf("tfbridge: the steps of layer %q: %w", r.Cells[0].Name, err)
			return s
		}
		if loop == nil {
			continue
		}
		s.loops, around = append(s.loops, loop), append(around, loop.around()...)
	}
	var states []savedmodel.Ref
	s.states, states = finalStates(found)
	if nested {
		s.states.nested = nestedLoopsOf(found)
		m.findNestedSteppers(&s.states.nested)
	}
	if len(found.Layers) > 0 { // else nothing is shown that outputs would follow from
		var outputs []savedmodel.Ref
		for _, name := range m.outputs {
			outputs = append(outputs, m.graph.Outputs[name])
		}
		if s.traced = !m.graph.Changes(outputs); s.traced {
			around = append(around, outputs...)
		}
	}
	tapped, err := m.tapWatched(slices.Concat(states, around), &s.states.nested)
	if err != nil {
		s.err = err
		return s
	}
	s.states.outputs, s.around = tapped[:len(states)], tapped[len(states):]
	rest := s.around
	for _, loop := range s.loops {
		n := len(loop.around())
		if err := m.stackLists(loop, rest[:n]); err != nil {
			s.err = fmt.Errorf("tfbridge: the steps of layer %q: %w", loop.r.Cells[0].Name, err)
			return s
		}
		rest = rest[n:]
	}
	return s
}

// stepper imports a loop's step. It returns nil for a loop in floats of 16 bits,
// whose steps nothing could be compared with.
func (m *tfSession) stepper(r *recurrent.Recurrence) (*stepper, error) {
	body, err := m.graph.Function(r.Loop.AttrFunc("body"))
	if err != nil {
		return nil, err
	}
	dtype, err := r.Loop.ElementType(r.Cells[0].States[0])
	if err != nil {
		return nil, err
	}
	if dtype != lockstep.Float32 && dtype != lockstep.Float64 {
		return nil, nil
	}
	s := &stepper{r: r, dtype: dtype, outputs: r.Outputs >= 0, masked: r.Mask != nil, inputs: map[string]tf.Output{}}
	var fed []savedmodel.FeedTensor
	for _, item := range recurrent.Items(body, r.Steps) {
		fed = append(fed, savedmodel.FeedTensor{Ref: item, DType: dtype})
	}
	items := len(fed)
	var want, next []savedmodel.Ref
	for i, l := range r.Cells {
		for _, at := range l.States {
			fed = append(fed, savedmodel.FeedTensor{Ref: savedmodel.Ref{Node: body.Args[at]}, DType: dtype})
		}
		if i > 0 {
			s.names, want = append(s.names, lockstep.StepName(l.Name, "x")), append(want, l.Input)
		}
		for _, g := range l.Gates {
			if g.Sum.Node != nil {
				s.names, want = append(s.names, lockstep.StepName(l.Name, "sum_"+g.Name)), append(want, g.Sum)
			}
			s.names, want = append(s.names, lockstep.StepName(l.Name, g.Name)), append(want, g.Value)
		}
		next = append(next, l.Next...)
	}
	s.initial = len(next)
	if s.masked {
		for _, item := range recurrent.Items(body, r.Mask.Steps) {
			fed = append(fed, savedmodel.FeedTensor{Ref: item, DType: lockstep.Bool})
		}
	}
	step, err := m.graph.StepDef(r.Loop, r.Cells[0].Place, body, fed, append(want, next...))
	if err != nil {
		return nil, err
	}
	return s, m.importStep(s, step, items)
}

// importStep imports a step and finds what is fed and fetched; the first items
// of what is fed are the step's input.
func (m *tfSession) importStep(s *stepper, step *savedmodel.StepDef, items int) error {
	prefix, err := m.importDef(step.Def, step.Main)
	if err != nil {
		return err
	}
	for _, n := range step.Main {
		for name, in := range m.inputs {
			if in.Op.Name() == n.Name {
				s.inputs[name] = in
			}
		}
	}
	var fed []tf.Output
	for _, name := range step.Fed {
		out, err := m.operation(prefix + "/" + name)
		if err != nil {
			return err
		}
		fed = append(fed, out)
	}
	s.x, s.states, s.mask = fed[:items], fed[items:items+s.initial], fed[items+s.initial:]
	for _, name := range step.Want {
		out, err := m.operation(prefix + "/" + name)
		if err != nil {
			return err
		}
		s.fetch = append(s.fetch, out)
	}
	return nil
}

// around lists the tensors of the graph around the loop: the lists of steps, of
// outputs and of masks, the states and the bounds.
func (s *stepper) around() []savedmodel.Ref {
	refs := []savedmodel.Ref{s.r.Loop.Inputs[s.r.Steps].Through()}
	if s.outputs {
		refs = append(refs, savedmodel.Ref{Node: s.r.Loop, Index: s.r.Outputs})
	}
	if s.masked {
		refs = append(refs, s.r.Loop.Inputs[s.r.Mask.Steps].Through())
	}
	for _, l := range s.r.Cells {
		refs = append(refs, l.InitialState...)
	}
	for _, b := range s.r.Bounds {
		if b.Variable >= 0 {
			refs = append(refs, s.r.Loop.Inputs[b.Variable].Through())
		}
	}
	return refs
}

// stackLists puts, instead of each list in what around lists, the tensor of
// its elements.
func (m *tfSession) stackLists(s *stepper, around []tf.Output) (err error) {
	dtypes := []lockstep.DType{s.dtype}
	if s.outputs {
		dtypes = append(dtypes, s.dtype)
	}
	if s.masked {
		dtypes = append(dtypes, lockstep.Bool)
	}
	for i, dtype := range dtypes {
		if around[i], err = m.stack(around[i], dtype); err != nil {
			return err
		}
	}
	return nil
}

// stack adds an operation that makes one tensor of a list's elements.
func (m *tfSession) stack(list tf.Output, dtype lockstep.DType) (out tf.Output, err error) {
	n := taps.Add(1)
	err = guard("stacking a list", func() error {
		shape, err := tf.NewTensor(int32(-1)) // of the elements: the list knows it
		if err != nil {
			return err
		}
		any, err := m.saved.Graph.AddOperation(tf.OpSpec{
			Type: "Const", Name: fmt.Sprintf("lockstep_shape_%d", n),
			Attrs: map[string]interface{}{"dtype": shape.DataType(), "value": shape},
		})
		if err != nil {
			return err
		}
		op, err := m.saved.Graph.AddOperation(tf.OpSpec{
			Type: "TensorListStack", Name: fmt.Sprintf("lockstep_stack_%d", n),
			Input: []tf.Input{list, any.Output(0)},
			Attrs: map[string]interface{}{"element_dtype": dtypes[dtype], "num_elements": int64(-1)},
		})
		if err == nil {
			out = op.Output(0)
		}
		return err
	})
	return out, err
}

// begin reads what was fetched of around, and returns the rest.
func (s *stepper) begin(fetched []*lockstep.Tensor) (begin, []*lockstep.Tensor, error) {
	take := func() *lockstep.Tensor {
		t := fetched[0]
		fetched = fetched[1:]
		return t
	}
	b := begin{x: take()}
	if b.x.Rank() != 3 || b.x.Shape()[2] != s.r.Cells[0].Features {
		return b, nil, fmt.Errorf("its steps are %s, want (steps, batch, %d)", b.x, s.r.Cells[0].Features)
	}
	b.batch = b.x.Shape()[1]
	if s.outputs {
		b.outputs = take()
	}
	if s.masked {
		b.mask = take()
		if n := b.mask.Len(); b.mask.Rank() < 2 || b.mask.Shape()[0] != b.x.Shape()[0] || n != b.x.Shape()[0]*b.batch {
			return b, nil, fmt.Errorf("its masks are %s, want one for each step and row of %s", b.mask, b.x)
		}
	}
	for _, l := range s.r.Cells {
		for range l.States {
			t := take()
			if t.Rank() != 2 || t.Shape()[0] != b.batch || t.Shape()[1] != l.Units {
				return b, nil, fmt.Errorf("it begins with a state %s, want (%d, %d)", t, b.batch, l.Units)
			}
			b.states = append(b.states, t)
		}
	}
	limit := math.Inf(1)
	for _, bound := range s.r.Bounds {
		n := float64(bound.Const)
		if bound.Variable >= 0 {
			values, err := scalarInt(take())
			if err != nil {
				return b, nil, err
			}
			n = float64(values)
		}
		limit = min(limit, n)
	}
	if limit < 0 || limit > float64(b.x.Shape()[0]) {
		return b, nil, fmt.Errorf("it takes %v steps of %d", limit, b.x.Shape()[0])
	}
	b.steps = int(limit)
	return b, fetched, nil
}

func scalarInt(t *lockstep.Tensor) (int64, error) {
	if d, err := lockstep.Data[int32](t); err == nil && len(d) == 1 {
		return int64(d[0]), nil
	}
	d, err := lockstep.Data[int64](t)
	if err != nil || len(d) != 1 {
		return 0, fmt.Errorf("a bound of its steps is %s, want an integer", t)
	}
	return d[0], nil
}
