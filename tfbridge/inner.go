//go:build tensorflow

package tfbridge

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// innerGraph is a copy of the signature's graph in which any tensor of those that
// were asked for can be fetched, or fed.
type innerGraph struct {
	nodes  map[string]*savedmodel.Node // of the signature's graph, by name
	prefix string

	mu     sync.Mutex
	copies map[lockstep.InnerTensor]tf.Output // what is fetched of those that were asked for
	loops  map[string]*loopGraph
}

// findInner imports all that the outputs need.
func (m *tfSession) findInner() (*innerGraph, error) {
	g := &innerGraph{nodes: map[string]*savedmodel.Node{}, copies: map[lockstep.InnerTensor]tf.Output{}, loops: map[string]*loopGraph{}}
	for _, n := range m.graph.Nodes {
		g.nodes[n.Name] = n
	}
	def, main, err := m.graph.GraphDef(slices.Collect(maps.Values(m.graph.Outputs)))
	if err != nil {
		return nil, err
	}
	g.prefix, err = m.importDef(def, main)
	return g, err
}

// output finds a tensor.
func (m *tfSession) output(g *innerGraph, t lockstep.InnerTensor) (tf.Output, error) {
	n := g.nodes[t.Node]
	if n == nil {
		return tf.Output{}, fmt.Errorf("tfbridge: the graph has no operation %q", t.Node)
	}
	return m.imported(g.prefix, savedmodel.Ref{Node: n, Index: t.Output})
}

// fetched finds what is fetched for a tensor: a list stacked, any other copied. The
// optimizer fuses an operation that nothing else reads, in some versions also if it
// is fetched (remapper.cc, Mish); with the copy, another one reads it.
func (m *tfSession) fetched(g *innerGraph, t lockstep.InnerTensor) (tf.Output, error) {
	key := t
	key.Bytes = 0
	g.mu.Lock()
	defer g.mu.Unlock()
	if out, ok := g.copies[key]; ok {
		return out, nil
	}
	out, err := m.output(g, t)
	if err == nil {
		out, err = m.shownOutput(out, t.List)
	}
	if err == nil {
		g.copies[key] = out
	}
	return out, err
}

func (m *tfSession) copyOf(t tf.Output) (out tf.Output, err error) {
	err = guard("copying a tensor", func() error {
		op, err := m.saved.Graph.AddOperation(tf.OpSpec{Type: "Identity", Name: fmt.Sprintf("lockstep_copy_%d", taps.Add(1)), Input: []tf.Input{t}})
		if err == nil {
			out = op.Output(0)
		}
		return err
	})
	return out, err
}

func (m *tfSession) inner(inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	g, err := m.probing()
	if err != nil {
		return nil, err
	}
	feeds, err := m.feeds(g, inputs, given)
	if err != nil {
		return nil, err
	}
	var fetches []tf.Output
	for _, t := range want {
		out, err := m.fetched(g, t)
		if err != nil {
			return nil, err
		}
		fetches = append(fetches, out)
	}
	all, err := m.runRaw(feeds, fetches)
	if err != nil {
		return nil, err
	}
	return fromAll(all)
}

// prepare adds what is fetched of some tensors: the session takes up additions to its
// graph at the next run, all of it again.
func (m *tfSession) prepare(want []lockstep.InnerTensor) error {
	g, err := m.probing()
	for _, t := range want {
		if err == nil {
			_, err = m.fetched(g, t)
		}
	}
	return err
}

// feeds are inputs and inner tensors for libtensorflow.
func (m *tfSession) feeds(g *innerGraph, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor) (map[tf.Output]*tf.Tensor, error) {
	feeds := map[tf.Output]*tf.Tensor{}
	feed := func(at tf.Output, t *lockstep.Tensor) (err error) {
		if feeds[at], err = toTensorFlow(t); err != nil {
			err = fmt.Errorf("tfbridge: %q: %w", at.Op.Name(), err)
		}
		return err
	}
	for name, t := range inputs {
		if err := feed(m.inputs[name], t); err != nil {
			return nil, err
		}
	}
	for _, t := range given {
		out, err := m.output(g, t.InnerTensor)
		if err == nil && t.List != lockstep.Invalid {
			feeds[out], err = m.listOf(t)
		} else if err == nil {
			err = feed(out, t.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	return feeds, nil
}

// listOf makes a list of tensors, which only libtensorflow can, of its elements.
func (m *tfSession) listOf(t lockstep.GivenTensor) (*tf.Tensor, error) {
	elements, err := toTensorFlow(t.Value)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %q: %w", t.Name(), err)
	}
	if t.Value.Rank() == 0 || t.Value.DType() != t.List {
		return nil, fmt.Errorf("tfbridge: %q is a list of %s, and given as %s", t.Name(), t.List, t.Value)
	}
	var fed, list tf.Output
	err = guard("making a list", func() error {
		n, dtype := taps.Add(1), dtypes[t.List]
		shape := make([]int32, t.Value.Rank()-1)
		for i, d := range t.Value.Shape()[1:] {
			shape[i] = int32(d)
		}
		of, err := tf.NewTensor(shape)
		if err != nil {
			return err
		}
		placeholder, err := m.saved.Graph.AddOperation(tf.OpSpec{Type: "Placeholder", Name: fmt.Sprintf("lockstep_elements_%d", n), Attrs: map[string]any{"dtype": dtype}})
		if err != nil {
			return err
		}
		known, err := m.saved.Graph.AddOperation(tf.OpSpec{Type: "Const", Name: fmt.Sprintf("lockstep_element_%d", n), Attrs: map[string]any{"dtype": of.DataType(), "value": of}})
		if err != nil {
			return err
		}
		made, err := m.saved.Graph.AddOperation(tf.OpSpec{
			Type: "TensorListFromTensor", Name: fmt.Sprintf("lockstep_list_%d", n),
			Input: []tf.Input{placeholder.Output(0), known.Output(0)}, Attrs: map[string]any{"element_dtype": dtype, "shape_type": of.DataType()},
		})
		if err == nil {
			fed, list = placeholder.Output(0), made.Output(0)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all, err := m.sessionRun(map[tf.Output]*tf.Tensor{fed: elements}, []tf.Output{list})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// runRaw runs the session on libtensorflow's own tensors, as a call of its own.
func (m *tfSession) runRaw(feeds map[tf.Output]*tf.Tensor, want []tf.Output) ([]*tf.Tensor, error) {
	done, err := m.beginCall()
	if err != nil {
		return nil, err
	}
	defer done()
	return m.sessionRun(feeds, want)
}

// fromAll converts tensors, which are dropped one by one.
func fromAll(all []*tf.Tensor) ([]*lockstep.Tensor, error) {
	out := make([]*lockstep.Tensor, len(all))
	for i, t := range all {
		var err error
		all[i] = nil
		if out[i], err = fromTensorFlow(t); err != nil {
			return nil, fmt.Errorf("tfbridge: %w", err)
		}
	}
	return out, nil
}
