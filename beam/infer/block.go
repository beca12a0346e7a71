package infer

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// Block is a number of rows, each with a key and a time; what a pipeline's
// elements should be, since one element a row costs more than the model. Beam
// encodes it as a row of a schema.
type Block struct {
	Keys    []string
	Times   []string // as the source has them; empty strings if rows have no time
	Columns []Column
}

// Column is one column of a Block: an input or an output of the model, of the
// same type and shape in every row.
type Column struct {
	Name  string
	DType string  // such as "float32"
	Shape []int64 // of one row: without the batch axis
	// Data are the elements of all rows, little-endian, row after row; of
	// strings, which Texts has, it is empty.
	Data  []byte
	Texts []string
}

// Failure is a row that has no prediction, and why.
type Failure struct {
	Key, Time string
	Reason    string
}

// Rows returns the number of rows.
func (b *Block) Rows() int { return len(b.Keys) }

// Tensor returns the column's tensors of n rows as one, with a batch axis in front.
func (c Column) Tensor(n int) (*lockstep.Tensor, error) {
	shape := []int{n}
	for _, d := range c.Shape {
		if d < 0 || int64(int(d)) != d {
			return nil, fmt.Errorf("infer: column %q has the shape %v, want lengths of 0 or more", c.Name, c.Shape)
		}
		shape = append(shape, int(d))
	}
	t, err := c.decode(shape)
	if err != nil {
		return nil, fmt.Errorf("infer: column %q of %d rows of shape %v: %w", c.Name, n, c.Shape, err)
	}
	return t, nil
}

func (c Column) decode(shape []int) (*lockstep.Tensor, error) {
	if c.DType == lockstep.String.String() {
		if len(c.Data) > 0 {
			return nil, fmt.Errorf("it is of strings and has bytes of other elements")
		}
		return lockstep.New(c.Texts, shape...)
	}
	dtype, err := parseDType(c.DType)
	if err != nil {
		return nil, err
	}
	if len(c.Texts) > 0 {
		return nil, fmt.Errorf("it is of %s and has strings", c.DType)
	}
	return raw.Decode(dtype, shape, c.Data)
}

// parseDType finds a type by its name.
func parseDType(name string) (lockstep.DType, error) {
	for _, d := range dtypes {
		if d.String() == name {
			return d, nil
		}
	}
	return lockstep.Invalid, fmt.Errorf("no type of tensors is called %q; such as float32 are", name)
}

var dtypes = []lockstep.DType{
	lockstep.Float32, lockstep.Float64, lockstep.Float16, lockstep.BFloat16, lockstep.Float8E4M3FN, lockstep.Float8E5M2, lockstep.Int8, lockstep.Int16, lockstep.Int32,
	lockstep.Int64, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64, lockstep.Complex64, lockstep.Complex128, lockstep.Bool,
}

// NewColumn makes a column of a tensor whose first axis is the batch.
func NewColumn(name string, t *lockstep.Tensor) (Column, error) {
	if t == nil || t.Rank() < 1 {
		return Column{}, fmt.Errorf("infer: %q is %s, want an axis of rows in front", name, t)
	}
	c := Column{Name: name, DType: t.DType().String(), Shape: []int64{}}
	for _, d := range t.Shape()[1:] {
		c.Shape = append(c.Shape, int64(d))
	}
	var err error
	if t.DType() == lockstep.String {
		c.Texts, err = lockstep.Data[string](t)
	} else {
		c.Data, err = raw.Encode(t)
	}
	if err != nil {
		return Column{}, fmt.Errorf("infer: %q: %w", name, err)
	}
	return c, nil
}

// like tells whether rows of both blocks can be in one.
func (b *Block) like(other *Block) bool {
	return slices.EqualFunc(b.Columns, other.Columns, func(c, d Column) bool {
		return c.Name == d.Name && c.DType == d.DType && slices.Equal(c.Shape, d.Shape)
	})
}

// add appends the other's rows.
func (b *Block) add(other *Block) {
	b.Keys = append(b.Keys, other.Keys...)
	b.Times = append(b.Times, other.Times...)
	for i, c := range other.Columns {
		b.Columns[i].Data = append(b.Columns[i].Data, c.Data...)
		b.Columns[i].Texts = append(b.Columns[i].Texts, c.Texts...)
	}
}

// cut returns the rows [from, to), which share memory with b. Its columns must be sound.
func (b *Block) cut(from, to int) *Block {
	n := b.Rows()
	out := &Block{Keys: b.Keys[from:to:to], Times: b.Times[from:to:to], Columns: slices.Clone(b.Columns)}
	for i := range out.Columns {
		c := &out.Columns[i]
		if n > 0 {
			size, texts := len(c.Data)/n, len(c.Texts)/n
			c.Data, c.Texts = c.Data[from*size:to*size:to*size], c.Texts[from*texts:to*texts:to*texts]
		}
	}
	return out
}

// check tells what is wrong with a block from elsewhere, and gives rows without times empty ones.
func (b *Block) check() error {
	if len(b.Times) == 0 {
		b.Times = make([]string, len(b.Keys))
	}
	if len(b.Times) != len(b.Keys) {
		return fmt.Errorf("infer: a block has %d keys and %d times, want as many or no times", len(b.Keys), len(b.Times))
	}
	names := map[string]bool{}
	for _, c := range b.Columns {
		if names[c.Name] {
			return fmt.Errorf("infer: a block has two columns %q", c.Name)
		}
		names[c.Name] = true
		if _, err := c.Tensor(len(b.Keys)); err != nil {
			return err
		}
	}
	return nil
}
