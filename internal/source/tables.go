package source

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Table returns the lookup table whose handle a node is, filled as it is when the
// model is loaded. Each is read once.
func (s *Source) Table(handle *savedmodel.Node) (*value.LookupTable, error) {
	t, err := s.meta.LookupTable(handle)
	if err != nil {
		return nil, err
	}
	s.read.mu.Lock()
	defer s.read.mu.Unlock()
	if filled := s.read.tables[t]; filled != nil {
		return filled, nil
	}
	filled, err := s.fillTable(handle, t)
	if err != nil {
		return nil, fmt.Errorf("the lookup table %q: %w", t.Name, err)
	}
	if len(t.Fills) > 0 {
		s.read.tables[t] = filled
	}
	return filled, nil
}

// fillTable fills a table. A table that can be filled again has what came last;
// another one is filled once, and TensorFlow accepts that again with as many keys.
func (s *Source) fillTable(handle *savedmodel.Node, t *savedmodel.LookupTable) (*value.LookupTable, error) {
	keyType, err := handle.AttrType("key_dtype")
	if err != nil {
		return nil, err
	}
	valueType, err := handle.AttrType("value_dtype")
	if err != nil {
		return nil, err
	}
	var out *value.LookupTable
	for _, n := range t.Fills {
		keys, values, err := s.entries(n, keyType, valueType)
		if err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", n.Name, n.Op, err)
		}
		if keys.DType() != keyType || values.DType() != valueType {
			return nil, fmt.Errorf("node %q (%s) fills it with %s and %s, want %s and %s", n.Name, n.Op, keys, values, keyType, valueType)
		}
		if out != nil && !handle.Mutable() {
			if keys.Len() != out.Size() {
				return nil, fmt.Errorf("node %q (%s) fills it again, with %d keys instead of %d", n.Name, n.Op, keys.Len(), out.Size())
			}
			continue
		}
		if err := s.tableRoom(keys, values); err != nil {
			return nil, err
		}
		if out, err = value.NewLookupTable(keys, values, handle.Mutable()); err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", n.Name, n.Op, err)
		}
	}
	switch {
	case out != nil:
		return out, nil
	case !handle.Mutable():
		return nil, errors.New("nothing fills it when the model is loaded, so that TensorFlow's own runtime has no table either")
	}
	keys, err := lockstep.Zeros(keyType, 0)
	if err != nil {
		return nil, err
	}
	values, err := lockstep.Zeros(valueType, 0)
	if err != nil {
		return nil, err
	}
	return value.NewLookupTable(keys, values, true)
}

// tableRoom counts the bytes of a table's entries among those that are kept.
func (s *Source) tableRoom(keys, values *lockstep.Tensor) error {
	limit := s.Options.Memory
	if limit == 0 {
		limit = memory.Budget()
	}
	const entry = 4 * value.WordBytes // of a map
	size := int64(keys.Len()) * int64(entry+value.SizeOf(keys.DType())+value.SizeOf(values.DType()))
	for _, t := range []*lockstep.Tensor{keys, values} {
		if d, err := lockstep.Data[string](t); err == nil {
			for _, text := range d {
				size += int64(len(text))
			}
		}
	}
	if s.read.bytes+size > limit {
		return fmt.Errorf("its %d entries, besides what was already read: %w", keys.Len(), &memory.Error{Want: float64(size), Held: s.read.bytes, Budget: limit})
	}
	s.read.bytes += size
	return nil
}

// entries returns the keys and the values that an operation fills a table with.
func (s *Source) entries(n *savedmodel.Node, keyType, valueType lockstep.DType) (keys, values *lockstep.Tensor, err error) {
	if n.Op == "InitializeTableFromTextFileV2" {
		content, name, ok, err := s.meta.Asset(n.Inputs[1])
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			return nil, nil, fmt.Errorf("it reads a file that is no asset of the model (%s): save the model again, with a vocabulary that is an asset or a list", n.Inputs[1])
		}
		f, err := newTextFile(n, name, keyType, valueType)
		if err != nil {
			return nil, nil, err
		}
		return f.read(content)
	}
	if len(n.Inputs) != 3 {
		return nil, nil, op.InputsError(len(n.Inputs))
	}
	c := computing{source: s, known: map[*savedmodel.Node][]value.Value{}}
	if keys, err = c.tensor(n.Inputs[1]); err != nil {
		return nil, nil, fmt.Errorf("its keys: %w", err)
	}
	if values, err = c.tensor(n.Inputs[2]); err != nil {
		return nil, nil, fmt.Errorf("its values: %w", err)
	}
	return keys, values, nil
}

// computing computes what loading a model computes from constants and from the
// checkpoint.
type computing struct {
	source *Source
	known  map[*savedmodel.Node][]value.Value
}

func (c *computing) tensor(r savedmodel.Ref) (*lockstep.Tensor, error) {
	if t, ok, err := c.source.meta.Restored(r.Through()); err != nil || ok {
		return t, err
	}
	v, err := c.value(r)
	if err != nil {
		return nil, err
	}
	if v.Tensor == nil {
		return nil, fmt.Errorf("%s is %s, want a tensor", r, v)
	}
	return v.Tensor, nil
}

func (c *computing) value(r savedmodel.Ref) (value.Value, error) {
	n := r.Node
	out, ok := c.known[n]
	if !ok {
		var err error
		if out, err = c.node(n); err != nil {
			return value.Value{}, fmt.Errorf("node %q (%s): %w", n.Name, n.Op, err)
		}
		c.known[n] = out
	}
	if r.Index >= len(out) {
		return value.Value{}, fmt.Errorf("node %q (%s) has %d results, want %d", n.Name, n.Op, len(out), r.Index+1)
	}
	return out[r.Index], nil
}

func (c *computing) node(n *savedmodel.Node) ([]value.Value, error) {
	spec, supported := ops.SpecOf(n)
	if err := spec.Takes(n); err != nil {
		return nil, err
	}
	if !supported || spec.Control != op.Computes && spec.Control != op.ConstantValue {
		return nil, errors.New("the operation is not supported where a table is filled")
	}
	run, err := spec.Build(n)
	if err != nil {
		return nil, err
	}
	in := make([]value.Value, len(n.Inputs))
	for i, r := range n.Inputs {
		if in[i], err = c.value(r); err != nil {
			return nil, err
		}
	}
	var keep any
	out, err := run(&op.Call{Out: make([]value.Value, n.NumOutputs), Keep: &keep}, in)
	return slices.Clone(out), err
}
