package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Meter counts the bytes of a call's tensors. Each result is added as it is made;
// where the sum would be too much, what is still reachable is counted, since a
// loop drops what its steps made.
type Meter struct {
	Limit      int64 // 0 for memory.Budget
	kept, made int64 // what was reachable at the last count, and what was made since
	told       int64 // what memory.Hold was told
	// own is what the signature's operations keep for themselves; planned says
	// that kept includes it.
	own     int64
	planned bool
	bodies  [][]value.Value
	Exact   [][]op.BoundedValue // of an exact evaluation, instead of bodies
}

// grain is how many bytes are made before other calls are told: that takes
// longer than a small operation.
const grain = 1 << 20

// slack is how many bytes may be made before the reachable ones are counted
// again.
const slack = 64 << 20

// begin starts a call in which kept bytes are already in use, in slots among
// others.
func (m *Meter) begin(limit, kept int64, slots []value.Value) {
	*m = Meter{Limit: limit, kept: kept, bodies: append(m.bodies[:0], slots)}
}

// End ends the call.
func (m *Meter) End() {
	if m.told != 0 {
		memory.Release(m.told)
	}
	m.told = 0
	clear(m.bodies[:cap(m.bodies)])
}

// enter says that a function runs on slots, until leave.
func (m *Meter) enter(slots []value.Value) {
	if m != nil {
		m.bodies = append(m.bodies, slots)
	}
}

func (m *Meter) leave() {
	if m == nil {
		return
	}
	last := len(m.bodies) - 1
	m.bodies[last] = nil
	m.bodies = m.bodies[:last]
}

// add counts what a step has made.
func (m *Meter) add(results []value.Value) error {
	if m == nil {
		return nil // code that runs by itself, as when a model is inspected
	}
	for i := range results {
		m.made += bytesOf(&results[i])
	}
	return m.check()
}

// AddExact counts what a step of an exact evaluation has made.
func (m *Meter) AddExact(results []op.BoundedValue) error {
	for i := range results {
		m.made += bytesOf(&results[i].Value) + bytesOf(&results[i].Bound)
	}
	return m.check()
}

func (m *Meter) check() error {
	if m.kept+m.made < m.told+grain {
		return nil
	}
	return m.tell()
}

// room asks for the bytes of an operation's results, before they are allocated,
// and for those that it needs for itself, which are counted here.
func (m *Meter) room(results, own int64) error {
	if err := memory.Fits(int(results+own), 1); err != nil || m == nil {
		return err
	}
	if len(m.bodies) == 1 {
		if m.planned {
			return nil
		}
		m.own += own
	}
	m.made += own
	return m.tell()
}

// tell compares the count with the budget, and tells the other calls of it.
func (m *Meter) tell() error {
	limit := m.Limit
	if limit == 0 {
		limit = memory.Budget()
	}
	if m.kept+m.made > limit || m.made > max(m.kept, slack) {
		m.kept, m.made = m.own+m.count(), 0
		if m.kept > limit {
			return &memory.Error{Want: float64(m.kept), Budget: limit}
		}
	}
	now := m.kept + m.made
	memory.Hold(now - m.told)
	m.told = now
	return nil
}

// count returns the bytes of all that the call's steps can reach.
func (m *Meter) count() int64 {
	seen := map[any]bool{}
	n := int64(0)
	for _, slots := range m.bodies {
		n += bytesIn(slots, seen)
	}
	for _, slots := range m.Exact {
		for _, v := range slots {
			n += bytesIn([]value.Value{v.Value, v.Bound}, seen)
		}
	}
	return n
}

// bytesIn returns the bytes of values, each tensor's elements once.
func bytesIn(slots []value.Value, seen map[any]bool) int64 {
	n := int64(0)
	tensor := func(t *lockstep.Tensor) {
		if key := placeOf(t); key != nil && !seen[key] {
			seen[key] = true
			n += tensorBytes(t)
		}
	}
	for i := range slots {
		v := &slots[i]
		tensor(v.Tensor)
		if v.List == nil || seen[v.List] {
			continue
		}
		seen[v.List] = true
		n += bytesOf(v)
		tensor(v.List.Rows)
		for _, e := range v.List.Elements {
			tensor(e)
		}
	}
	return n
}

// placeOf identifies the elements of a tensor, nil for no tensor.
func placeOf(t *lockstep.Tensor) any {
	if t == nil {
		return nil
	}
	m, err := value.MoverOf(t)
	if err != nil {
		return t
	}
	return m.Place(t)
}

// bytesOf returns the bytes that a value itself takes: a tensor's elements; of a
// list its entries, since its elements are counted where they are made.
func bytesOf(v *value.Value) int64 {
	switch {
	case v.Tensor != nil:
		return tensorBytes(v.Tensor)
	case v.List != nil:
		return int64(len(v.List.Elements)) * value.WordBytes
	}
	return 0
}

func tensorBytes(t *lockstep.Tensor) int64 {
	n := int64(t.Len())*int64(value.SizeOf(t.DType())) + value.TensorOverhead
	if t.DType() == lockstep.String {
		d, _ := lockstep.Data[string](t)
		for _, s := range d {
			n += int64(len(s))
		}
	}
	return n
}
