package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// maxNesting bounds the loops and branches around a layer: in deeper ones none is
// looked for.
const maxNesting = 8

// Find looks at every loop of the graph, and at those inside loops that are no
// layer, and inside branches.
func Find(m *savedmodel.MetaGraph, g *savedmodel.Graph) (*Findings, error) {
	ts, err := newTensors(m, g)
	if err != nil {
		return nil, err
	}
	f := &finder{Findings: &Findings{Joined: ts.joined}, graph: g, tensors: ts, runs: map[string]int{}}
	if err := f.count(g.Nodes); err != nil {
		return nil, err
	}
	if err := f.nodes(g.Nodes, nil); err != nil {
		return nil, err
	}
	if err := nameLayers(m, f.Findings); err != nil {
		return nil, err
	}
	sh := newShapes(m, g)
	if f.Seq2Seq, f.NoSeq2Seq = findSeq2Seq(sh, g, f.Findings); f.Seq2Seq != nil {
		f.Seq2Seq.Encoder.Name, f.Seq2Seq.Decoder.Name = "encoder", "decoder"
	}
	return f.Findings, nil
}

// finder looks for layers, place by place.
type finder struct {
	*Findings
	graph   *savedmodel.Graph
	tensors *tensors
	runs    map[string]int // how many operations run each function
}

// count counts the operations that run each function, of all that are reached.
func (f *finder) count(nodes []*savedmodel.Node) error {
	for _, n := range nodes {
		names, _ := n.Functions()
		for _, name := range names {
			if f.runs[name]++; f.runs[name] > 1 {
				continue
			}
			body, err := f.graph.Function(name)
			if err != nil {
				return err
			}
			if err := f.count(body.Nodes); err != nil {
				return err
			}
		}
	}
	return nil
}

// nodes looks at the nodes of a place; a malformed loop inside another one is
// refused where it is compiled.
func (f *finder) nodes(nodes []*savedmodel.Node, place *savedmodel.Place) error {
	for _, n := range nodes {
		if n.IsLoop() {
			known, err := f.loop(n, place)
			if err != nil && place == nil {
				return fmt.Errorf("loop %q: %w", n.Name, err)
			}
			if err != nil {
				f.Rest = append(f.Rest, UnknownLoop{Loop: n, Place: place, Reason: err.Error()})
			}
			if known || err != nil {
				continue
			}
		}
		if err := f.inside(n, place); err != nil {
			return err
		}
	}
	return nil
}

// inside looks into the functions that a loop or a branch runs. What a function's
// arguments are is known where one operation alone runs it.
func (f *finder) inside(n *savedmodel.Node, place *savedmodel.Place) error {
	if place.Depth() >= maxNesting {
		return nil
	}
	names, _ := n.Functions()
	if slices.ContainsFunc(names, func(name string) bool { return f.runs[name] != 1 }) {
		return nil
	}
	places, err := f.graph.Places(n, place)
	if err != nil {
		return nil // it is refused where it is compiled
	}
	for _, p := range places {
		if err := f.nodes(p.Function.Nodes, p); err != nil {
			return err
		}
	}
	return nil
}

// loop classifies a loop; known tells whether it is a layer or slices.
func (f *finder) loop(n *savedmodel.Node, place *savedmodel.Place) (known bool, err error) {
	l, err := readLoop(f.graph, n, place)
	if err != nil {
		return false, err
	}
	reason, err := l.unfit(f.tensors.users)
	if err != nil {
		return false, err
	}
	if reason == "" {
		var r *Recurrence
		if r, reason = l.recurrence(f.tensors); reason == "" {
			f.Recurrences = append(f.Recurrences, r)
			f.Layers = append(f.Layers, r.Cells...)
			return true, nil
		}
		if s, ok := l.slices(); ok {
			if place == nil {
				f.Slices = append(f.Slices, s)
			}
			return true, nil
		}
	}
	f.Rest = append(f.Rest, UnknownLoop{Loop: n, Place: place, Reason: reason})
	return false, nil
}

// unfit says why a loop cannot be a known one, whatever it computes.
func (l *loop) unfit(u *userOf) (string, error) {
	if n := len(l.body.Rets); n > maxVariables {
		return fmt.Sprintf("it has %d loop variables, want at most %d", n, maxVariables), nil
	}
	n, err := l.changes(u)
	if n != nil {
		return fmt.Sprintf("a step may change what outlives it, by %q (%s)", n.Name, n.Op), nil
	}
	return "", err
}
