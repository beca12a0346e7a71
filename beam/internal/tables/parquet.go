package tables

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/lockstep-go/lockstep"
)

// parquetWriter writes an output of one element as a column of its type, and any
// other as a list of its elements, row-major; the file's metadata has the shape
// of a row under "lockstep.shape." and its name.
type parquetWriter struct {
	form
	out     io.Writer
	columns Columns
	file    *parquet.GenericWriter[any]
	index   map[string]int // of a column's leaf
	rows    []parquet.Row
}

// rowsPerGroup bounds what the writer holds in memory.
const rowsPerGroup = 1 << 15

func (w *parquetWriter) Write(l Labels, outputs []lockstep.NamedTensor) error {
	first, err := w.check(outputs)
	if err != nil {
		return err
	}
	if first {
		if err := w.begin(outputs); err != nil {
			return err
		}
	}
	columns, err := w.leaves(l, outputs)
	if err != nil {
		return err
	}
	for len(w.rows) < len(l.Rows) {
		w.rows = append(w.rows, nil)
	}
	for row := range l.Rows {
		flat := w.rows[row][:0]
		for _, add := range columns {
			flat = add(flat, row)
		}
		w.rows[row] = flat
	}
	_, err = w.file.WriteRows(w.rows[:len(l.Rows)])
	return err
}

// leaves returns functions that append a row's values of each leaf, in the order of the schema.
func (w *parquetWriter) leaves(l Labels, outputs []lockstep.NamedTensor) ([]func(parquet.Row, int) parquet.Row, error) {
	all := make([]func(parquet.Row, int) parquet.Row, len(w.index))
	one := func(name string, value func(row int) parquet.Value) {
		at := w.index[name]
		all[at] = func(to parquet.Row, row int) parquet.Row { return append(to, value(row).Level(0, 0, at)) }
	}
	if w.columns.Key != "" {
		one(w.columns.Key, func(row int) parquet.Value { return parquet.ByteArrayValue([]byte(l.Keys[row])) })
	}
	if w.columns.Time != "" {
		one(w.columns.Time, func(row int) parquet.Value { return parquet.ByteArrayValue([]byte(l.Times[row])) })
	}
	one(RowColumn, func(row int) parquet.Value { return parquet.Int64Value(l.Rows[row]) })
	for i, nt := range outputs {
		value, err := valuer(nt.Tensor)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", nt.Name, err)
		}
		if w.scalar(i) {
			one(nt.Name, value)
			continue
		}
		at, size := w.index[nt.Name], nt.Tensor.Len()/len(l.Rows)
		all[at] = func(to parquet.Row, row int) parquet.Row {
			if size == 0 {
				return append(to, parquet.NullValue().Level(0, 0, at))
			}
			for j := range size {
				to = append(to, value(row*size+j).Level(min(j, 1), 1, at))
			}
			return to
		}
	}
	return all, nil
}

// scalar tells whether an output has one element a row, and no axis of its own but of length 1.
func (w *parquetWriter) scalar(i int) bool {
	shape := w.specs[i].Shape
	return len(shape) == 1 || len(shape) == 2 && shape[1] == 1
}

// begin makes the schema of the first outputs.
func (w *parquetWriter) begin(outputs []lockstep.NamedTensor) error {
	group := parquet.Group{RowColumn: parquet.Leaf(parquet.Int64Type)}
	for _, name := range []string{w.columns.Key, w.columns.Time} {
		if name != "" {
			group[name] = parquet.String()
		}
	}
	options := []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowsPerGroup), parquet.CreatedBy("lockstep", "", "")}
	for i, nt := range outputs {
		node, err := leaf(nt.Tensor.DType())
		if err != nil {
			return fmt.Errorf("output %q: %w", nt.Name, err)
		}
		if !w.scalar(i) {
			node = parquet.List(node)
		}
		group[nt.Name] = node
		options = append(options, parquet.KeyValueMetadata("lockstep.shape."+nt.Name, fmt.Sprint(nt.Tensor.Shape()[1:])))
	}
	schema := parquet.NewSchema("predictions", group)
	w.index = map[string]int{}
	for i, path := range schema.Columns() {
		w.index[path[0]] = i
	}
	w.file = parquet.NewGenericWriter[any](w.out, append([]parquet.WriterOption{schema}, options...)...)
	return nil
}

func leaf(d lockstep.DType) (parquet.Node, error) {
	switch d {
	case lockstep.Float32:
		return parquet.Leaf(parquet.FloatType), nil
	case lockstep.Float64:
		return parquet.Leaf(parquet.DoubleType), nil
	case lockstep.Int32:
		return parquet.Leaf(parquet.Int32Type), nil
	case lockstep.Int64:
		return parquet.Leaf(parquet.Int64Type), nil
	case lockstep.Bool:
		return parquet.Leaf(parquet.BooleanType), nil
	case lockstep.String:
		return parquet.String(), nil
	}
	return nil, fmt.Errorf("%s cannot be written in Parquet", d)
}

// valuer returns a function that makes a value of an element.
func valuer(t *lockstep.Tensor) (func(i int) parquet.Value, error) {
	switch t.DType() {
	case lockstep.Float32:
		d, err := lockstep.Data[float32](t)
		return func(i int) parquet.Value { return parquet.FloatValue(d[i]) }, err
	case lockstep.Float64:
		d, err := lockstep.Data[float64](t)
		return func(i int) parquet.Value { return parquet.DoubleValue(d[i]) }, err
	case lockstep.Int32:
		d, err := lockstep.Data[int32](t)
		return func(i int) parquet.Value { return parquet.Int32Value(d[i]) }, err
	case lockstep.Int64:
		d, err := lockstep.Data[int64](t)
		return func(i int) parquet.Value { return parquet.Int64Value(d[i]) }, err
	case lockstep.Bool:
		d, err := lockstep.Data[bool](t)
		return func(i int) parquet.Value { return parquet.BooleanValue(d[i]) }, err
	}
	d, err := lockstep.Data[string](t)
	return func(i int) parquet.Value { return parquet.ByteArrayValue([]byte(d[i])) }, err
}

func (w *parquetWriter) Close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}
