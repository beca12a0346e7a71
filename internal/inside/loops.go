package inside

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loop is one that is no known layer.
type loop struct {
	name, reason string
	node         *savedmodel.Node
	variables    []int // that the body changes, and that are tensors
	results      []lockstep.InnerTensor
}

// findLoops finds the loops of the signature's graph that run operation by
// operation, and their variables.
func (w *watching) findLoops() error {
	for _, rest := range w.src.Found.Rest {
		name := w.name(rest.Loop.Name)
		if rest.Place != nil {
			w.leaveOut("loop %s: it stands in %s; of loops there nothing is shown", name, rest.Place)
			continue
		}
		body, err := w.src.Graph.Function(rest.Loop.AttrFunc("body"))
		if err != nil {
			return err
		}
		l := &loop{name: name, reason: rest.Reason, node: rest.Loop}
		for i, ret := range body.Rets {
			ret = ret.Through()
			switch _, err := rest.Loop.ElementType(i); {
			case slices.Contains(body.Args, ret.Node), counts(body.Args[i], ret): // it stays, is a different variable, or counts
			case err != nil && !rest.Loop.TakesResource(i):
				w.leaveOut("loop %s: its variable %d is a list of tensors, of which nothing is shown", name, i)
			case err == nil:
				l.variables = append(l.variables, i)
				l.results = append(l.results, lockstep.InnerTensor{Node: ret.Node.Name, Output: ret.Index})
			}
		}
		w.loops = append(w.loops, l)
	}
	return nil
}

// counts tells whether a variable is only counted up, by a constant.
func counts(arg *savedmodel.Node, ret savedmodel.Ref) bool {
	n := ret.Node
	if (n.Op != "AddV2" && n.Op != "Add") || len(n.Inputs) != 2 || n.Inputs[0].Through().Node != arg {
		return false
	}
	by, err := n.Inputs[1].Through().Node.Const()
	return err == nil && by.Rank() == 0 && by.DType().IsInt()
}

// probe runs the iterations in another engine.
func (l *loop) probe(ctx context.Context, e lockstep.LoopProber, inputs map[string]*lockstep.Tensor) (iterations [][]*lockstep.Tensor, cut bool, err error) {
	run, err := e.Loop(ctx, inputs, nil, lockstep.LoopTensors{Node: l.node.Name, Body: l.results})
	if err != nil {
		return nil, false, err
	}
	defer run.Close()
	for bytes := int64(0); ; {
		some, err := run.Next(ctx, maxBytes)
		if err != nil {
			return nil, false, err
		}
		for _, it := range some {
			if !it.Holds {
				return iterations, false, nil
			}
			for _, t := range it.Body {
				bytes += int64(t.Len()) * int64(max(t.DType().Size(), 1))
			}
			if bytes > maxBytes {
				return iterations, true, nil
			}
			iterations = append(iterations, it.Body)
		}
	}
}

// addLoop stacks each variable over the iterations.
func (w *watching) addLoop(l *loop, iterations [][]*lockstep.Tensor, cut bool) error {
	if cut {
		w.leaveOut("loop %s: the iterations from %d on, which are more than the %d MiB that are shown", l.name, len(iterations), maxBytes>>20)
	}
	if len(iterations) == 0 {
		w.leaveOut("loop %s: no iteration ran with these inputs, or the native engine runs it by other code", l.name)
		return nil
	}
	p := Part{Name: l.name, Kind: Loop}
	for k, variable := range l.variables {
		values, why, err := stacked(iterations, k)
		if err != nil {
			return fmt.Errorf("%s: variable %d: %w", l.name, variable, err)
		}
		if why != "" {
			w.leaveOut("loop %s: its variable %d: %s", l.name, variable, why)
			continue
		}
		p.Quantities = append(p.Quantities, Quantity{Name: fmt.Sprintf("variable%d", variable), Title: fmt.Sprintf("variable %d of the loop", variable), Values: values})
	}
	if len(p.Quantities) > 0 {
		w.result.Parts = append(w.result.Parts, p)
	}
	return nil
}

// stacked puts one variable of each iteration into (rows, iterations, units), or
// says why that cannot be.
func stacked(iterations [][]*lockstep.Tensor, k int) (out *lockstep.Tensor, why string, err error) {
	first := iterations[0][k]
	if first == nil {
		return nil, "it is no tensor", nil
	}
	if first.DType() == lockstep.String {
		return nil, "it holds strings", nil
	}
	rows := 1
	if first.Rank() > 0 {
		rows = first.Shape()[0]
	}
	if first.Len() == 0 {
		return nil, "it is empty", nil
	}
	units, steps := first.Len()/rows, len(iterations)
	all := make([]float64, first.Len()*steps)
	for s, it := range iterations {
		if it[k] == nil || !slices.Equal(it[k].Shape(), first.Shape()) {
			return nil, "its shape changes from iteration to iteration", nil
		}
		values, err := it[k].Float64s()
		if err != nil {
			return nil, "", err
		}
		for r := range rows {
			copy(all[(r*steps+s)*units:], values[r*units:][:units])
		}
	}
	out, err = floats(first, all, rows, steps, units)
	return out, "", err
}
