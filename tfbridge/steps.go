//go:build tensorflow

package tfbridge

import (
	"fmt"
	"math"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/layers"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// steppers take the steps of the model's recurrent loops one by one, each in
// TensorFlow's own operations.
type steppers struct {
	loops []*stepper
	// around are the tensors of the graph that the loops begin with, in the
	// order of the loops.
	around []tf.Output
	err    error
}

// stepper takes the steps of one loop: its body, imported once, with
// placeholders for what changes from step to step. So a step is run as often as
// there are steps, and its memory does not grow with them.
type stepper struct {
	r *layers.Recurrence

	masked  bool
	initial int // the number of states
	bounds  []layers.Bound

	inputs map[string]tf.Output // of the signature that a step reads
	x      []tf.Output          // each place that is fed the step's input
	mask   []tf.Output
	states []tf.Output
	fetch  []tf.Output // quantities, then the next states
	names  []string    // of the quantities, such as encoder/i
}

// begin is what a loop begins with.
type begin struct {
	steps, batch int
	x, mask      *lockstep.Tensor // (steps, batch, …)
	states       []*lockstep.Tensor
}

// findSteppers imports a step of each recognised loop.
func (m *tfSession) findSteppers() steppers {
	var s steppers
	found, err := layers.Find(m.meta, m.graph)
	if err != nil {
		s.err = fmt.Errorf("tfbridge: %w", err)
		return s
	}
	for _, r := range found.Recurrences {
		loop, around, err := m.stepper(r)
		if err != nil {
			s.err = fmt.Errorf("tfbridge: the steps of layer %q: %w", r.Cells[0].Name, err)
			return s
		}
		s.loops, s.around = append(s.loops, loop), append(s.around, around...)
	}
	return s
}

func (m *tfSession) stepper(r *layers.Recurrence) (*stepper, []tf.Output, error) {
	body, err := m.graph.Function(r.Loop.AttrFunc("body"))
	if err != nil {
		return nil, nil, err
	}
	dtype, err := r.Loop.ElementType(r.Cells[0].States[0])
	if err != nil {
		return nil, nil, err
	}
	s := &stepper{r: r, masked: r.Mask != nil, inputs: map[string]tf.Output{}}
	var fed []savedmodel.Fed
	for _, item := range layers.Items(body, r.Steps) {
		fed = append(fed, savedmodel.Fed{Ref: item, DType: dtype})
	}
	items := len(fed)
	var want, next []savedmodel.Ref
	for i, l := range r.Cells {
		for _, at := range l.States {
			fed = append(fed, savedmodel.Fed{Ref: savedmodel.Ref{Node: body.Args[at]}, DType: dtype})
		}
		if i > 0 {
			s.names, want = append(s.names, l.Name+"/x"), append(want, l.Input)
		}
		for _, g := range l.Gates {
			if g.Sum.Node != nil {
				s.names, want = append(s.names, l.Name+"/sum_"+g.Name), append(want, g.Sum)
			}
			s.names, want = append(s.names, l.Name+"/"+g.Name), append(want, g.Value)
		}
		next = append(next, l.Next...)
	}
	s.initial = len(next)
	if s.masked {
		for _, item := range layers.Items(body, r.Mask.Steps) {
			fed = append(fed, savedmodel.Fed{Ref: item, DType: lockstep.Bool})
		}
	}
	step, err := m.graph.StepDef(r.Loop, body, fed, append(want, next...))
	if err != nil {
		return nil, nil, err
	}
	if err := m.importStep(s, step, items); err != nil {
		return nil, nil, err
	}
	around, err := m.loopInputs(s, r)
	return s, around, err
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

// loopInputs finds what a loop begins with: the steps, the masks, the states
// and the bounds.
func (m *tfSession) loopInputs(s *stepper, r *layers.Recurrence) ([]tf.Output, error) {
	lists := []savedmodel.Ref{r.Loop.Inputs[r.Steps].Through()}
	if s.masked {
		lists = append(lists, r.Loop.Inputs[r.Mask.Steps].Through())
	}
	refs := lists
	for _, l := range r.Cells {
		refs = append(refs, l.InitialState...)
	}
	for _, b := range r.Bounds {
		if b.Variable >= 0 {
			refs = append(refs, r.Loop.Inputs[b.Variable].Through())
		}
	}
	out, err := m.tap(refs)
	if err != nil {
		return nil, err
	}
	for i := range lists {
		dtype := lockstep.Bool
		if i == 0 {
			if dtype, err = r.Loop.ElementType(r.Cells[0].States[0]); err != nil {
				return nil, err
			}
		}
		if out[i], err = m.stack(out[i], dtype); err != nil {
			return nil, err
		}
	}
	return out, nil
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

// begin reads what loopInputs fetched, and returns the rest.
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
