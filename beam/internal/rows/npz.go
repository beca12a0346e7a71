package rows

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// npzReader reads the rows of arrays that were read as a whole.
type npzReader struct {
	in     *files.File
	part   Part
	n      int
	next   int
	key    *npzColumn
	time   *npzColumn
	values []*npzColumn
}

// npzColumn is an array whose first axis is the rows.
type npzColumn struct {
	name   string
	kind   infer.Kind
	size   int // elements of a row
	floats []float64
	ints   []int64
	texts  []string
}

func openNPZ(f *files.File, p Part, c Columns) (*npzReader, error) {
	arrays, err := npz.Read(f, f.Size)
	if err != nil {
		return nil, err
	}
	r := &npzReader{in: f, part: p, n: -1, next: int(p.From)}
	if p.Before >= 0 {
		r.next = int(p.Before)
	}
	for _, one := range []struct {
		name string
		to   **npzColumn
	}{{c.Key, &r.key}, {c.Time, &r.time}} {
		if one.name == "" {
			continue
		}
		if *one.to, err = r.column(arrays, one.name); err != nil {
			return nil, err
		}
		if (*one.to).size != 1 {
			return nil, fmt.Errorf("array %q has %d elements in each row, want one", one.name, (*one.to).size)
		}
	}
	for i, name := range c.Values {
		column, err := r.column(arrays, name)
		if err != nil {
			return nil, err
		}
		if err := checkNPZ(column, lockstep.ByName(arrays)[name], c, i); err != nil {
			return nil, err
		}
		r.values = append(r.values, column)
	}
	return r, nil
}

// checkNPZ tells whether an array is what its input wants, or one number a row.
func checkNPZ(column *npzColumn, t *lockstep.Tensor, c Columns, i int) error {
	if c.Specs == nil {
		if column.size != 1 || column.kind != infer.Floats && column.kind != infer.Ints {
			return fmt.Errorf("array %q is %s, want one number in each row", column.name, t)
		}
		return nil
	}
	spec := c.Specs[i]
	if want := kindOf(spec.DType); column.kind != want && (want != infer.Floats || column.kind != infer.Ints) {
		return fmt.Errorf("array %q is %s, want %s for the input %s", column.name, t, want, spec)
	}
	if spec.UnknownRank {
		return nil
	}
	wrong := len(spec.Shape) != t.Rank()
	for axis := 1; axis < len(spec.Shape) && !wrong; axis++ {
		wrong = spec.Shape[axis] >= 0 && spec.Shape[axis] != t.Shape()[axis]
	}
	if wrong {
		return fmt.Errorf("array %q is %s, want the input %s", column.name, t, spec)
	}
	return nil
}

func (r *npzReader) column(arrays []lockstep.NamedTensor, name string) (*npzColumn, error) {
	at := slices.IndexFunc(arrays, func(nt lockstep.NamedTensor) bool { return nt.Name == name })
	if at < 0 {
		return nil, missing(name, lockstep.Names(arrays))
	}
	t := arrays[at].Tensor
	if t.Rank() < 1 {
		return nil, fmt.Errorf("array %q is %s, want an axis of rows in front", name, t)
	}
	n := t.Shape()[0]
	if r.n >= 0 && n != r.n {
		return nil, fmt.Errorf("array %q has %d rows, and another one %d", name, n, r.n)
	}
	r.n = n
	c := &npzColumn{name: name, size: 1}
	for _, d := range t.Shape()[1:] {
		c.size *= d
	}
	return c, c.read(t)
}

func (c *npzColumn) read(t *lockstep.Tensor) (err error) {
	switch t.DType() {
	case lockstep.String:
		c.kind = infer.Texts
		c.texts, err = lockstep.Data[string](t)
	case lockstep.Int64:
		c.kind = infer.Ints
		c.ints, err = lockstep.Data[int64](t)
	case lockstep.Int8, lockstep.Int16, lockstep.Int32, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Bool:
		c.kind = infer.Ints
		if t.DType() == lockstep.Bool {
			c.kind = infer.Bools
		}
		var wide []float64
		wide, err = t.Float64s() // exact for at most 32 bits
		for _, x := range wide {
			c.ints = append(c.ints, int64(x))
		}
	case lockstep.Float32, lockstep.Float64, lockstep.Float16, lockstep.BFloat16:
		c.kind = infer.Floats
		c.floats, err = t.Float64s()
	default:
		return fmt.Errorf("array %q is %s, which no column can be", c.name, t)
	}
	return err
}

func (c *npzColumn) text(row int) string {
	switch c.kind {
	case infer.Texts:
		return c.texts[row]
	case infer.Floats:
		return strconv.FormatFloat(c.floats[row], 'g', -1, 64)
	}
	return strconv.FormatInt(c.ints[row], 10)
}

func (r *npzReader) Read(row *Row) (err error) {
	if r.next >= r.n {
		return io.EOF
	}
	i := r.next
	r.next++
	*row = Row{Number: int64(i), InPart: int64(i) >= r.part.From && int64(i) < r.part.To, HasKey: true, Values: row.Values[:0]}
	if r.key != nil {
		row.Key = r.key.text(i)
	}
	if r.time != nil {
		row.Time = r.time.text(i)
		if row.At, err = parseInstant(row.Time); err != nil {
			row.Bad = fmt.Errorf("row %d: %w", i, err)
		}
	}
	for _, c := range r.values {
		v := infer.Value{Kind: c.kind}
		from, to := i*c.size, (i+1)*c.size
		switch c.kind {
		case infer.Texts:
			v.Texts = c.texts[from:to]
		case infer.Floats:
			v.Floats = c.floats[from:to]
		default:
			v.Ints = c.ints[from:to]
		}
		row.Values = append(row.Values, v)
	}
	return nil
}

func (r *npzReader) Close() error { return r.in.Close() }
