//go:build tensorflow

package tfbridge

import (
	"fmt"
	"slices"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// keeper gives a model whose calls change variables, such as the states of a
// stateful layer, the values that they had before, so that each call begins with
// those of the model's files, as the native engine's does. Otherwise the
// comparison would depend on how often the reference was run.
type keeper struct {
	mu    sync.Mutex // held while a call may change them
	saved []savedVariable
	read  bool // saved is filled, and a call may have changed its variables
}

// savedVariable is a variable that a call may change.
type savedVariable struct {
	variable *savedmodel.Variable
	value    *lockstep.Tensor
	feed     tf.Output
	assign   *tf.Operation
}

// beginCall begins a call: it waits for one that changes variables to end, and
// restores their values. done ends it.
func (m *tfSession) beginCall() (done func(), err error) {
	if len(m.graph.Effects) == 0 {
		return func() {}, nil
	}
	k := &m.keeper
	k.mu.Lock()
	if !k.read {
		if k.saved, err = m.keep(); err == nil {
			k.read = true
		}
	} else {
		err = m.restore(k.saved)
	}
	if err != nil {
		k.mu.Unlock()
		return nil, err
	}
	return k.mu.Unlock, nil
}

// keep reads the variables that a call may change.
func (m *tfSession) keep() ([]savedVariable, error) {
	var all []savedVariable
	var fetches []tf.Output
	for _, n := range m.graph.Nodes {
		if n.ReadsResources() {
			continue
		}
		for _, in := range n.Inputs {
			in = in.Through()
			if in.Node == nil || in.Node.Op != "VarHandleOp" {
				continue // such as a weight's value
			}
			v, _, err := m.meta.Variable(in)
			if err != nil {
				return nil, fmt.Errorf("tfbridge: %w", err)
			}
			if slices.ContainsFunc(all, func(k savedVariable) bool { return k.variable == v }) {
				continue
			}
			read, err := m.variable(v)
			if err != nil {
				return nil, err
			}
			all, fetches = append(all, savedVariable{variable: v}), append(fetches, read)
		}
	}
	values, err := m.fetch(nil, fetches)
	for i := range all {
		if err == nil {
			all[i].value, err = values[i], m.assigns(&all[i])
		}
	}
	return all, err
}

// assigns adds operations that set a variable to a fed value.
func (m *tfSession) assigns(k *savedVariable) error {
	handle, err := m.operation(k.variable.Node)
	if err != nil {
		return fmt.Errorf("tfbridge: variable %q: %w", k.variable.Name, err)
	}
	n, dtype := taps.Add(1), dtypes[k.variable.DType]
	return guard("setting variable "+k.variable.Name, func() error {
		value, err := m.saved.Graph.AddOperation(tf.OpSpec{
			Type: "Placeholder", Name: fmt.Sprintf("lockstep_kept_%d", n), Attrs: map[string]any{"dtype": dtype},
		})
		if err != nil {
			return err
		}
		k.feed = value.Output(0)
		k.assign, err = m.saved.Graph.AddOperation(tf.OpSpec{
			Type: "AssignVariableOp", Name: fmt.Sprintf("lockstep_assign_%d", n),
			Input: []tf.Input{handle, k.feed}, Attrs: map[string]any{"dtype": dtype},
		})
		return err
	})
}

// restore sets variables to their saved values.
func (m *tfSession) restore(all []savedVariable) error {
	if len(all) == 0 {
		return nil
	}
	return guard("setting variables of "+m.dir, func() error {
		feeds := make(map[tf.Output]*tf.Tensor, len(all))
		targets := make([]*tf.Operation, len(all))
		for i, k := range all {
			value, err := toTensorFlow(k.value)
			if err != nil {
				return fmt.Errorf("%q: %w", k.variable.Name, err)
			}
			feeds[k.feed], targets[i] = value, k.assign
		}
		_, err := m.saved.Session.Run(feeds, nil, targets)
		return err
	})
}
