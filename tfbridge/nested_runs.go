//go:build tensorflow

package tfbridge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/recurrent"
)

// nestedRuns are the runs of a loop inside another one or a branch.
type nestedRuns struct {
	loop *nestedLoop
	all  []nestedRun
}

// nestedRun is one of them: at has the iterations of the loops around it.
type nestedRun struct {
	at            []int
	steps, batch  int
	x, mask       *lockstep.Tensor // (steps or more, batch, …)
	outputs       *lockstep.Tensor // as of begin
	before, after []*lockstep.Tensor
}

// errManyRuns is why the runs of a layer are not shown.
var errManyRuns = errors.New("its runs are more than a trace shows: trace fewer rows, or fewer steps")

// read reads what the loops noted, and adds the final states to the trace, or why
// a layer is not shown.
func (t *nestedTaps) read(fetched []*lockstep.Tensor, trace *lockstep.Trace) ([]*nestedRuns, error) {
	var all []*nestedRuns
	left := maxTrace
	for _, l := range t.loops {
		n := 2 + 4*len(l.watch.Tensors)
		runs, err := l.read(fetched[:n])
		fetched = fetched[n:]
		if err == nil && l.stepper != nil {
			size := 0
			for _, r := range runs.all {
				size += l.stepper.bytes(begin{steps: r.steps, batch: r.batch, x: r.x})
			}
			if left -= size; left < 0 {
				left, err = left+size, errManyRuns
			}
		}
		if err != nil {
			t.hide(trace, []*nestedLoop{l}, err.Error())
			continue
		}
		for _, r := range runs.all {
			i := 0
			for _, c := range l.r.Cells {
				for k := range c.States {
					trace.States[lockstep.StateName(lockstep.RunName(c.Name, r.at), "hc"[k:k+1])] = r.after[i]
					i++
				}
			}
		}
		all = append(all, runs)
	}
	return all, nil
}

// noted takes apart what the runs noted of one tensor.
type noted struct {
	dtype   lockstep.DType
	bytes   []byte // of the elements
	counts  []int64
	at, run int
}

func newNoted(pair []*lockstep.Tensor) (*noted, error) {
	n := &noted{dtype: pair[0].DType()}
	var err error
	if n.bytes, err = raw.Encode(pair[0]); err == nil {
		n.counts, err = lockstep.Data[int64](pair[1])
	}
	return n, err
}

// next returns what the next run noted.
func (n *noted) next() (*lockstep.Tensor, error) {
	if n.run >= len(n.counts) {
		return nil, fmt.Errorf("%d runs of a loop were noted, and no other", n.run)
	}
	size := n.dtype.Size()
	count := int(n.counts[n.run])
	end := n.at + count*size
	if count < 0 || end > len(n.bytes) {
		return nil, fmt.Errorf("run %d of a loop noted %d elements, beyond all of %d bytes", n.run, count, len(n.bytes))
	}
	out, err := raw.Decode(n.dtype, []int{count}, n.bytes[n.at:end])
	n.at, n.run = end, n.run+1
	return out, err
}

// read reads what a loop noted.
func (l *nestedLoop) read(fetched []*lockstep.Tensor) (*nestedRuns, error) {
	var lists []*noted
	for i := 0; i < len(fetched); i += 2 {
		n, err := newNoted(fetched[i : i+2])
		if err != nil {
			return nil, err
		}
		lists = append(lists, n)
	}
	tensors := len(l.watch.Tensors)
	out := &nestedRuns{loop: l}
	runs := len(lists[0].counts)
	if runs > recurrent.MaxRuns {
		return nil, errors.New(recurrent.TooMany())
	}
	for range runs {
		at, err := lists[0].next()
		if err != nil {
			return nil, err
		}
		path, err := lockstep.Data[int32](at)
		if err != nil {
			return nil, err
		}
		var r nestedRun
		for _, i := range path[1:] {
			r.at = append(r.at, int(i))
		}
		var all []*lockstep.Tensor
		for k := range tensors {
			t, err := shaped(lists[1+k], lists[1+tensors+k])
			if err != nil {
				return nil, err
			}
			all = append(all, t)
		}
		if err := r.set(l.r, all); err != nil {
			return nil, err
		}
		out.all = append(out.all, r)
	}
	return out, nil
}

// shaped is the tensor whose elements and shape a run noted.
func shaped(values, shapes *noted) (*lockstep.Tensor, error) {
	elements, err := values.next()
	if err != nil {
		return nil, err
	}
	dims, err := shapes.next()
	if err != nil {
		return nil, err
	}
	d, err := lockstep.Data[int32](dims)
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for _, n := range d {
		shape = append(shape, int(n))
	}
	n, err := lockstep.NumElements(shape)
	if err != nil {
		return nil, err
	}
	if n != elements.Len() {
		return nil, errManyRuns
	}
	b, err := raw.Encode(elements)
	if err != nil {
		return nil, err
	}
	return raw.Decode(elements.DType(), shape, b)
}

// set takes the tensors in the order of nestedLoopsOf.
func (r *nestedRun) set(loop *recurrent.Recurrence, all []*lockstep.Tensor) error {
	take := func() *lockstep.Tensor {
		t := all[0]
		all = all[1:]
		return t
	}
	steps, err := scalarInt(take())
	if err != nil {
		return err
	}
	r.x = take()
	if r.x.Rank() != 3 || r.x.Shape()[2] != loop.Cells[0].Features || steps < 0 || steps > int64(r.x.Shape()[0]) {
		return fmt.Errorf("it takes %d steps of %s, want (steps, batch, %d)", steps, r.x, loop.Cells[0].Features)
	}
	r.steps, r.batch = int(steps), r.x.Shape()[1]
	if loop.Outputs >= 0 {
		r.outputs = take()
	}
	if loop.Mask != nil {
		r.mask = take()
		if r.mask.Rank() < 2 || r.mask.Shape()[0] != r.x.Shape()[0] || r.mask.Len() != r.x.Shape()[0]*r.batch {
			return fmt.Errorf("its masks are %s, want one for each step and row of %s", r.mask, r.x)
		}
	}
	for _, c := range loop.Cells {
		for range c.States {
			before, after := take(), take()
			for _, t := range []*lockstep.Tensor{before, after} {
				if !slices.Equal(t.Shape(), []int{r.batch, c.Units}) {
					return fmt.Errorf("it has a state %s, want (%d, %d)", t, r.batch, c.Units)
				}
			}
			r.before, r.after = append(r.before, before), append(r.after, after)
		}
	}
	return nil
}

// layers lists the runs of every cell.
func (n *nestedRuns) layers() []recurrent.Run {
	var out []recurrent.Run
	for _, r := range n.all {
		for _, c := range n.loop.r.Cells {
			out = append(out, recurrent.Run{Layer: c, At: r.at})
		}
	}
	return out
}

// runGroup is runs of as many steps: they are taken together, as rows of one batch,
// since a row of a cell does not depend on the others.
type runGroup struct {
	loop *nestedLoop
	runs []nestedRun
	out  map[string]*lockstep.Tensor // the steps of all
}

func (n *nestedRuns) groups() []*runGroup {
	by := map[int]*runGroup{}
	var all []*runGroup
	for _, r := range n.all {
		g := by[r.steps]
		if g == nil {
			g = &runGroup{loop: n.loop, out: map[string]*lockstep.Tensor{}}
			by[r.steps] = g
			all = append(all, g)
		}
		g.runs = append(g.runs, r)
	}
	return all
}

// begin joins what the runs start from.
func (g *runGroup) begin() (begin, error) {
	var b begin
	b.steps = g.runs[0].steps
	var x, mask, outputs []*lockstep.Tensor
	states := make([][]*lockstep.Tensor, len(g.runs[0].before))
	for _, r := range g.runs {
		b.batch += r.batch
		x, mask, outputs = append(x, r.x), append(mask, r.mask), append(outputs, r.outputs)
		for i, t := range r.before {
			states[i] = append(states[i], t)
		}
	}
	var err error
	join := func(all []*lockstep.Tensor, axis, most int) (t *lockstep.Tensor) {
		if err == nil && all[0] != nil {
			t, err = joined(all, axis, most)
		}
		return t
	}
	b.x, b.mask, b.outputs = join(x, 1, b.steps), join(mask, 1, b.steps), join(outputs, 1, b.steps)
	for _, s := range states {
		b.states = append(b.states, join(s, 0, 0))
	}
	return b, err
}

// joined joins tensors along an axis, the first or the second; of those before it
// there are at most so many.
func joined(all []*lockstep.Tensor, axis, most int) (*lockstep.Tensor, error) {
	shape := slices.Clone(all[0].Shape())
	outer := 1
	if axis == 1 {
		outer = min(shape[0], most)
		shape[0] = outer
	}
	shape[axis] = 0
	var parts [][]byte
	var widths []int
	for _, t := range all {
		b, err := raw.Encode(t)
		if err != nil {
			return nil, err
		}
		rows := t.Shape()[:axis]
		n, err := lockstep.NumElements(t.Shape()[axis:])
		if err != nil {
			return nil, err
		}
		if axis == 1 && rows[0] < outer {
			return nil, fmt.Errorf("%s beside %s: want as many steps", t, all[0])
		}
		shape[axis] += t.Shape()[axis]
		parts, widths = append(parts, b), append(widths, n*t.DType().Size())
	}
	var out []byte
	for i := range outer {
		for k, b := range parts {
			out = append(out, b[i*widths[k]:(i+1)*widths[k]]...)
		}
	}
	return raw.Decode(all[0].DType(), shape, out)
}

// split gives each run its rows of the steps.
func (g *runGroup) split(out map[string]*lockstep.Tensor) error {
	for _, c := range g.loop.r.Cells {
		trace := lockstep.Trace{Steps: g.out}
		for _, q := range append(trace.Quantities(c.Name), "x", "mask", "output", "initial_h", "initial_c") {
			t := g.out[lockstep.StepName(c.Name, q)]
			if t == nil {
				continue
			}
			b, err := raw.Encode(t)
			if err != nil {
				return err
			}
			shape := slices.Clone(t.Shape())
			width := len(b) / max(1, shape[0])
			from := 0
			for _, r := range g.runs {
				shape := append([]int{r.batch}, shape[1:]...)
				if out[lockstep.StepName(lockstep.RunName(c.Name, r.at), q)], err = raw.Decode(t.DType(), shape, b[from*width:(from+r.batch)*width]); err != nil {
					return err
				}
				from += r.batch
			}
		}
	}
	return nil
}
