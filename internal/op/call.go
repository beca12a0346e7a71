package op

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Call is an operation's context besides its inputs.
type Call struct {
	// Out receives the results.
	Out []value.Value
	// Keep is the operation's own memory between calls on tensors of the same
	// shapes.
	Keep *any
	// Fixed has bit i set if input i is the same tensor, of the same elements, in
	// every call: what is made of it can be kept.
	Fixed uint64
}

// one is the result of an operation that makes one tensor.
func (w *Call) one(t *lockstep.Tensor, err error) ([]value.Value, error) {
	if err != nil {
		return nil, err
	}
	if len(w.Out) == 0 {
		return []value.Value{{Tensor: t}}, nil
	}
	w.Out[0] = value.Value{Tensor: t}
	return w.Out[:1], nil
}

// Room returns the operation's own memory of a type.
func Room[T any](w *Call) *T { return roomIn[T](w.Keep) }

func roomIn[T any](keep *any) *T {
	if m, ok := (*keep).(*T); ok {
		return m
	}
	m := new(T)
	*keep = m
	return m
}

// resultMemory is memory for a result: the last call's result, if it had the
// same shape. Its elements are arbitrary.
type resultMemory[E lockstep.Element] struct {
	t *lockstep.Tensor
	d []E
}

func (m *resultMemory[E]) get(shape ...int) (*lockstep.Tensor, []E, error) {
	if m.t != nil && slices.Equal(m.t.Shape(), shape) {
		return m.t, m.d, nil
	}
	n, err := value.AllowSized(shape, value.SizeFor[E]())
	if err != nil {
		return nil, nil, err
	}
	m.d = make([]E, n)
	m.t, err = lockstep.New(m.d, shape...)
	return m.t, m.d, err
}
