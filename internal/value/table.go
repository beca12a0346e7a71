package value

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// LookupTable is TensorFlow's table of values by keys. It is immutable: a model
// that adds to one while it runs is not supported.
type LookupTable struct {
	at     positions
	values *lockstep.Tensor // by place
}

// positions are the places of values by their keys.
type positions interface {
	// of appends the place of each key, -1 where there is none.
	of(to []int, keys *lockstep.Tensor) ([]int, error)
	size() int
	dtype() lockstep.DType
}

// ErrOtherValue is of a table that is filled with two values for one key.
var ErrOtherValue = errors.New("a key has two values")

// NewLookupTable makes a table of a list of keys and the value of each. A key
// that comes twice has the same value each time, or, if replace is set, the last.
func NewLookupTable(keys, values *lockstep.Tensor, replace bool) (*LookupTable, error) {
	if keys.Len() != values.Len() || !slices.Equal(keys.Shape(), values.Shape()) {
		return nil, fmt.Errorf("a table of the keys %s and the values %s, want one value for each key", keys, values)
	}
	// An entry of a map takes about four words.
	if err := memory.Fits(keys.Len(), 4*WordBytes); err != nil {
		return nil, fmt.Errorf("a table of %d keys: %w", keys.Len(), err)
	}
	flat, err := Reshaped(values, []int{values.Len()})
	if err != nil {
		return nil, err
	}
	t := &LookupTable{values: flat}
	switch keys.DType() {
	case lockstep.String:
		t.at, err = placesOf[string](keys, flat, replace)
	case lockstep.Int32:
		t.at, err = placesOf[int32](keys, flat, replace)
	case lockstep.Int64:
		t.at, err = placesOf[int64](keys, flat, replace)
	default:
		return nil, fmt.Errorf("a table with keys of %s, which is not supported", keys.DType())
	}
	return t, err
}

// Size returns the number of keys.
func (t *LookupTable) Size() int { return t.at.size() }

// KeyType and ValueType are the types of the keys and of the values.
func (t *LookupTable) KeyType() lockstep.DType   { return t.at.dtype() }
func (t *LookupTable) ValueType() lockstep.DType { return t.values.DType() }

// Find returns the value of each key, and absent's one element for those that the
// table does not have.
func (t *LookupTable) Find(keys, absent *lockstep.Tensor) (*lockstep.Tensor, error) {
	if keys.DType() != t.KeyType() {
		return nil, fmt.Errorf("keys of %s for a table of %s", keys.DType(), t.KeyType())
	}
	if absent.DType() != t.ValueType() || absent.Len() != 1 {
		return nil, fmt.Errorf("%s where a key is missing, want one %s", absent, t.ValueType())
	}
	if _, err := AllowSized([]int{keys.Len()}, WordBytes+SizeOf(t.ValueType())); err != nil {
		return nil, err
	}
	at, err := t.at.of(make([]int, 0, keys.Len()), keys)
	if err != nil {
		return nil, err
	}
	found, err := Sample(t.values, [][]int{at}, absent)
	if err != nil {
		return nil, err
	}
	return Reshaped(found, keys.Shape())
}

// InFloat64 returns the table with values of float64, if they are float32.
func (t *LookupTable) InFloat64() (*LookupTable, error) {
	if t.ValueType() != lockstep.Float32 {
		return t, nil
	}
	d, err := t.values.Float64s()
	if err != nil {
		return nil, err
	}
	wide, err := lockstep.New(d, len(d))
	return &LookupTable{t.at, wide}, err
}

// Keys returns the keys that have a value, in the order in which they were given.
func (t *LookupTable) Keys() any {
	switch p := t.at.(type) {
	case places[string]:
		return p.list
	case places[int32]:
		return p.list
	case places[int64]:
		return p.list
	}
	return nil
}

type places[K string | int32 | int64] struct {
	by   map[K]int
	list []K
}

func placesOf[K string | int32 | int64](keys, values *lockstep.Tensor, replace bool) (positions, error) {
	list, err := lockstep.Data[K](keys)
	if err != nil {
		return nil, err
	}
	same, err := sameElements(values)
	if err != nil {
		return nil, err
	}
	p := places[K]{make(map[K]int, len(list)), list}
	for i, k := range list {
		before, twice := p.by[k]
		switch {
		case twice && replace || !twice:
			p.by[k] = i
		case !same(before, i):
			return nil, fmt.Errorf("%w: %v, at %d and at %d", ErrOtherValue, k, before, i)
		}
	}
	return p, nil
}

// sameElements compares two elements of a tensor.
func sameElements(t *lockstep.Tensor) (func(i, j int) bool, error) {
	if d, err := lockstep.Data[string](t); err == nil {
		return func(i, j int) bool { return d[i] == d[j] }, nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	if whole, err := lockstep.Data[int64](t); err == nil { // which a float64 may round
		return func(i, j int) bool { return whole[i] == whole[j] }, nil
	}
	return func(i, j int) bool { return d[i] == d[j] }, nil
}

func (p places[K]) size() int { return len(p.by) }

func (p places[K]) dtype() lockstep.DType {
	var k K
	switch any(k).(type) {
	case int32:
		return lockstep.Int32
	case int64:
		return lockstep.Int64
	}
	return lockstep.String
}

func (p places[K]) of(to []int, keys *lockstep.Tensor) ([]int, error) {
	d, err := lockstep.Data[K](keys)
	if err != nil {
		return nil, err
	}
	for _, k := range d {
		at, ok := p.by[k]
		if !ok {
			at = -1
		}
		to = append(to, at)
	}
	return to, nil
}
