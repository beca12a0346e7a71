//go:build tensorflow

package tfbridge

import (
	"fmt"
	"slices"
	"sync/atomic"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// taps numbers what is imported into a session's graph.
var taps atomic.Int64

// tap makes inner tensors of the signature fetchable. A session can fetch only
// tensors of its main graph, and the model's layers are in functions; so the
// nodes that the tensors need are imported, reading the same placeholders and
// the same variables.
func (m *tfSession) tap(want []savedmodel.Ref) ([]tf.Output, error) {
	if len(want) == 0 {
		return nil, nil
	}
	def, main, err := m.graph.GraphDef(want)
	if err != nil {
		return nil, err
	}
	prefix, err := m.importDef(def, main)
	if err != nil {
		return nil, err
	}
	out := make([]tf.Output, len(want))
	for i, r := range want {
		if out[i], err = m.imported(prefix, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// imported finds a tensor of the signature's graph where importDef put it.
func (m *tfSession) imported(prefix string, r savedmodel.Ref) (tf.Output, error) {
	name := r.Node.Name
	if !r.Node.Main {
		name = prefix + "/" + name
	}
	out, err := m.operation(fmt.Sprintf("%s:%d", name, r.Index))
	if err != nil {
		return out, fmt.Errorf("tfbridge: an inner tensor: %w", err)
	}
	return out, nil
}

// importDef imports nodes into the session's graph, which already has those of
// main, and returns the prefix of their names there.
func (m *tfSession) importDef(def []byte, main []*savedmodel.Node) (prefix string, err error) {
	options := tf.GraphImportOptions{Prefix: fmt.Sprintf("lockstep_tap_%d", taps.Add(1))}
	for _, n := range main {
		op := m.saved.Graph.Operation(n.Name)
		if op == nil {
			return "", fmt.Errorf("tfbridge: libtensorflow's graph has no node %q", n.Name)
		}
		for i := range n.NumOutputs {
			options.AddInputMapping(n.Name, i, op.Output(i))
		}
	}
	return options.Prefix, guard("importing inner tensors of "+m.dir, func() error {
		return m.saved.Graph.ImportWithOptions(def, options)
	})
}

// weightTap is a weight and the tensor that reads it.
type weightTap struct {
	recurrent.Weight
	read tf.Output
}

// findWeights finds the model's weights and adds operations that read them.
// Variables of types that no tensor can have are left out, as in the native
// engine.
func (m *tfSession) findWeights() ([]weightTap, error) {
	named, err := recurrent.Weights(m.meta, m.graph)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	out := make([]weightTap, 0, len(named))
	for _, w := range named {
		if w.Variable.Err != nil {
			continue
		}
		read, err := m.variable(w.Variable)
		if err != nil {
			return nil, err
		}
		out = append(out, weightTap{w, read})
	}
	return out, nil
}

// weights reads the model's weights out of the session's own variables.
func (m *tfSession) weights() (lockstep.Weights, error) {
	taps, err := m.reading()
	if err != nil {
		return nil, err
	}
	done, err := m.beginCall() // of a stateful layer, the states of the files
	if err != nil {
		return nil, err
	}
	defer done()
	fetches := make([]tf.Output, len(taps))
	for i, t := range taps {
		fetches[i] = t.read
	}
	values, err := m.fetch(nil, fetches)
	if err != nil {
		return nil, err
	}
	out := make(lockstep.Weights, len(taps))
	for i, t := range taps {
		if want := t.Variable; values[i].DType() != want.DType || !slices.Equal(values[i].Shape(), want.Shape) {
			return nil, fmt.Errorf("tfbridge: %s is %s in libtensorflow, want %s %s", t.Name, values[i], want.DType, lockstep.FormatShape(want.Shape))
		}
		out[i] = lockstep.NamedTensor{Name: t.Name, Tensor: values[i]}
	}
	return out, nil
}

// variable adds an operation that reads a variable. A reference of TensorFlow 1 is
// read by any operation that wants a value.
func (m *tfSession) variable(v *savedmodel.Variable) (out tf.Output, err error) {
	handle, err := m.operation(v.Node)
	if err != nil {
		return out, fmt.Errorf("tfbridge: variable %q: %w", v.Name, err)
	}
	if v.Reference {
		return m.copyOf(handle)
	}
	err = guard("reading variable "+v.Name, func() error {
		op, err := m.saved.Graph.AddOperation(tf.OpSpec{
			Type:  "ReadVariableOp",
			Name:  fmt.Sprintf("lockstep_read_%d", taps.Add(1)),
			Input: []tf.Input{handle},
			Attrs: map[string]any{"dtype": dtypes[v.DType]},
		})
		if err == nil {
			out = op.Output(0)
		}
		return err
	})
	return out, err
}
