package infer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Value is what one row has for one input, flat: one of the lists, as Kind says.
type Value struct {
	Kind   Kind
	Floats []float64
	Ints   []int64 // and bools, as 0 and 1
	Texts  []string
}

// Kind is the kind of a Value's elements.
type Kind string

// The kinds of elements.
const (
	Floats Kind = "floats"
	Ints   Kind = "integers"
	Bools  Kind = "bools"
	Texts  Kind = "strings"
)

// Len returns the number of elements.
func (v Value) Len() int { return len(v.Floats) + len(v.Ints) + len(v.Texts) }

// Builder makes tensors of rows of Values, for the inputs of a signature: floats
// are rounded once to the input's type; integers must fit it; nothing else changes its kind,
// but integers that are given for floats.
type Builder struct {
	columns []buildColumn
	rows    int
}

type buildColumn struct {
	spec   lockstep.TensorSpec
	shape  []int // of a row
	floats []float32
	wide   []float64
	ints   []int32
	longs  []int64
	bools  []bool
	texts  []string
}

// ErrOtherShape is the error of a row whose shapes differ from those of the rows before:
// it needs another call.
var ErrOtherShape = errors.New("the row has other shapes than those before")

// NewBuilder makes a Builder. It fails for inputs of types that Values cannot be.
func NewBuilder(specs []lockstep.TensorSpec) (*Builder, error) {
	b := &Builder{}
	for _, spec := range specs {
		switch spec.DType {
		case lockstep.Float32, lockstep.Float64, lockstep.Int32, lockstep.Int64, lockstep.Bool, lockstep.String:
		default:
			return nil, fmt.Errorf("infer: the input %s: columns can be float32, float64, int32, int64, bool and string", spec)
		}
		b.columns = append(b.columns, buildColumn{spec: spec})
	}
	return b, nil
}

// Rows returns the number of rows since the last Tensors.
func (b *Builder) Rows() int { return b.rows }

// Add adds a row, whose values are those of the signature's inputs in order. After
// ErrOtherShape or any other error the Builder is as it was.
func (b *Builder) Add(values []Value) error {
	if len(values) != len(b.columns) {
		return fmt.Errorf("infer: a row of %d values, want %d", len(values), len(b.columns))
	}
	shapes := make([][]int, len(values))
	for i, v := range values {
		c := &b.columns[i]
		shape, err := RowShape(c.spec, v.Len())
		if err == nil {
			err = c.fits(v)
		}
		if err != nil {
			return err
		}
		shapes[i] = shape
	}
	for i, shape := range shapes {
		if b.rows > 0 && !slices.Equal(shape, b.columns[i].shape) {
			return ErrOtherShape
		}
	}
	for i, v := range values {
		b.columns[i].shape = shapes[i]
		b.columns[i].add(v)
	}
	b.rows++
	return nil
}

// RowShape returns the shape of one row of an input that has n elements: an axis of
// any length, of which there may be one, has what is left.
func RowShape(spec lockstep.TensorSpec, n int) ([]int, error) {
	if spec.UnknownRank {
		return []int{n}, nil
	}
	shape := slices.Clone(spec.Shape[1:])
	open, product := -1, 1
	for i, d := range shape {
		switch {
		case d >= 0:
			product *= d
		case open >= 0:
			return nil, fmt.Errorf("infer: the input %s has more than one length that a row leaves open", spec)
		default:
			open = i
		}
	}
	switch {
	case open < 0 && n != product:
		return nil, fmt.Errorf("infer: %d elements for the input %s, want %d", n, spec, product)
	case open >= 0 && (product == 0 || n%product != 0):
		return nil, fmt.Errorf("infer: %d elements for the input %s, want a multiple of %d", n, spec, product)
	case open >= 0:
		shape[open] = n / product
	}
	return shape, nil
}

// fits tells whether values can be elements of the column.
func (c *buildColumn) fits(v Value) error {
	want := Floats
	switch c.spec.DType {
	case lockstep.Int32, lockstep.Int64:
		want = Ints
	case lockstep.Bool:
		want = Bools
	case lockstep.String:
		want = Texts
	}
	if v.Kind != want && (want != Floats || v.Kind != Ints) {
		return fmt.Errorf("infer: %s for the input %s, want %s", v.Kind, c.spec, want)
	}
	if c.spec.DType == lockstep.Int32 {
		for _, n := range v.Ints {
			if int64(int32(n)) != n {
				return fmt.Errorf("infer: %d for the input %s, which holds at most %d", n, c.spec, math.MaxInt32)
			}
		}
	}
	return nil
}

func (c *buildColumn) add(v Value) {
	switch c.spec.DType {
	case lockstep.Float32:
		for _, x := range v.Floats {
			c.floats = append(c.floats, float32(x))
		}
		for _, x := range v.Ints {
			c.floats = append(c.floats, float32(x))
		}
	case lockstep.Float64:
		c.wide = append(c.wide, v.Floats...)
		for _, x := range v.Ints {
			c.wide = append(c.wide, float64(x))
		}
	case lockstep.Int32:
		for _, x := range v.Ints {
			c.ints = append(c.ints, int32(x))
		}
	case lockstep.Int64:
		c.longs = append(c.longs, v.Ints...)
	case lockstep.Bool:
		for _, x := range v.Ints {
			c.bools = append(c.bools, x != 0)
		}
	case lockstep.String:
		c.texts = append(c.texts, v.Texts...)
	}
}

// Tensors returns the rows as the inputs of a call, and begins again.
func (b *Builder) Tensors() (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for i := range b.columns {
		c := &b.columns[i]
		t, err := c.tensor(append([]int{b.rows}, c.shape...))
		if err != nil {
			return nil, fmt.Errorf("infer: the input %s: %w", c.spec, err)
		}
		out[c.spec.Name] = t
		*c = buildColumn{spec: c.spec}
	}
	b.rows = 0
	return out, nil
}

func (c *buildColumn) tensor(shape []int) (*lockstep.Tensor, error) {
	switch c.spec.DType {
	case lockstep.Float32:
		return lockstep.New(c.floats, shape...)
	case lockstep.Float64:
		return lockstep.New(c.wide, shape...)
	case lockstep.Int32:
		return lockstep.New(c.ints, shape...)
	case lockstep.Int64:
		return lockstep.New(c.longs, shape...)
	case lockstep.Bool:
		return lockstep.New(c.bools, shape...)
	}
	return lockstep.New(c.texts, shape...)
}

// Block returns the rows as a Block with these keys and times, and begins again.
func (b *Builder) Block(keys, times []string) (Block, error) {
	out := Block{Keys: keys, Times: times}
	tensors, err := b.Tensors()
	if err != nil {
		return Block{}, err
	}
	for _, c := range b.columns {
		column, err := NewColumn(c.spec.Name, tensors[c.spec.Name])
		if err != nil {
			return Block{}, err
		}
		out.Columns = append(out.Columns, column)
	}
	return out, nil
}

// packer packs rows into Blocks of at most defaultRows, each of rows of the same shapes.
type packer struct {
	builder     *Builder
	keys, times []string
}

func newPacker(specs []lockstep.TensorSpec) (p packer, err error) {
	p.builder, err = NewBuilder(specs)
	return p, err
}

// add adds a row; one that does not fit the inputs is a Failure.
func (p *packer) add(key, time string, values []Value, emit func(Block), fail func(Failure)) error {
	err := p.builder.Add(values)
	if errors.Is(err, ErrOtherShape) {
		if err := p.flush(emit); err != nil {
			return err
		}
		err = p.builder.Add(values)
	}
	if err != nil {
		fail(Failure{key, time, err.Error()})
		return nil
	}
	p.keys, p.times = append(p.keys, key), append(p.times, time)
	if p.builder.Rows() >= defaultRows {
		return p.flush(emit)
	}
	return nil
}

// flush emits the rows that were added since the last Block.
func (p *packer) flush(emit func(Block)) error {
	if p.builder.Rows() == 0 {
		return nil
	}
	b, err := p.builder.Block(p.keys, p.times)
	p.keys, p.times = nil, nil
	if err == nil {
		emit(b)
	}
	return err
}
