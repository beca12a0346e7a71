// Package tables writes predictions as CSV, Parquet or npz: a row each, with its
// key, its time, its row in the input, and the model's outputs.
package tables

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// RowColumn is the name of the column that has a prediction's row in the input.
const RowColumn = "row"

// Columns are the names of the columns of key and time; "" for none.
type Columns struct {
	Key  string `json:"key,omitempty"`
	Time string `json:"time,omitempty"`
}

// Labels say what a number of predictions belong to.
type Labels struct {
	Keys, Times []string
	Rows        []int64
}

// Writer writes predictions, whose outputs all have the names, types and shapes of the first.
type Writer interface {
	// Fits tells why outputs cannot follow those that were written.
	Fits(outputs []lockstep.NamedTensor) error
	// Write writes predictions, whose outputs have a batch axis in front.
	Write(l Labels, outputs []lockstep.NamedTensor) error
	Close() error
}

// Check tells whether outputs can be written in a format: their types, and names that no other column has.
func Check(format string, c Columns, outputs []lockstep.TensorSpec) error {
	taken := []string{RowColumn, c.Key, c.Time}
	for _, spec := range outputs {
		if slices.Contains(taken, spec.Name) {
			return fmt.Errorf("the output %q has the name of another column of the predictions", spec.Name)
		}
		switch spec.DType {
		case lockstep.Float32, lockstep.Float64, lockstep.Int32, lockstep.Int64, lockstep.Bool, lockstep.String:
		default:
			if format != "npz" {
				return fmt.Errorf("the output %s: a %s has float32, float64, int32, int64, bool and string: use npz", spec, format)
			}
		}
	}
	return nil
}

// New returns a Writer of a format: csv, parquet or npz.
func New(w io.Writer, format string, c Columns) (Writer, error) {
	switch format {
	case "csv":
		return &csvWriter{out: csv.NewWriter(w), columns: c}, nil
	case "parquet":
		return &parquetWriter{out: w, columns: c}, nil
	case "npz":
		return &npzWriter{out: w, columns: c}, nil
	}
	return nil, fmt.Errorf("the format %q: want csv, parquet or npz", format)
}

// form is what all predictions of a file have in common.
type form struct {
	specs []lockstep.TensorSpec
}

// check compares outputs with the first.
func (f *form) check(outputs []lockstep.NamedTensor) (first bool, err error) {
	if f.specs == nil {
		for _, nt := range outputs {
			f.specs = append(f.specs, lockstep.TensorSpec{Name: nt.Name, DType: nt.Tensor.DType(), Shape: append([]int{-1}, nt.Tensor.Shape()[1:]...)})
		}
		return true, nil
	}
	if len(outputs) != len(f.specs) {
		return false, fmt.Errorf("%d outputs, and the first had %d", len(outputs), len(f.specs))
	}
	for i, spec := range f.specs {
		if outputs[i].Name != spec.Name {
			return false, fmt.Errorf("output %q, want %q", outputs[i].Name, spec.Name)
		}
		if err := spec.Check(outputs[i].Tensor); err != nil {
			return false, fmt.Errorf("the result differs in shape from the first of its file: %w", err)
		}
	}
	return false, nil
}

// Fits tells whether outputs could follow those that were written.
func (f *form) Fits(outputs []lockstep.NamedTensor) error {
	if f.specs == nil {
		return nil
	}
	_, err := f.check(outputs)
	return err
}

type csvWriter struct {
	form
	out     *csv.Writer
	columns Columns
	record  []string
}

func (w *csvWriter) Write(l Labels, outputs []lockstep.NamedTensor) error {
	first, err := w.check(outputs)
	if err != nil {
		return err
	}
	if first {
		if err := w.header(outputs); err != nil {
			return err
		}
	}
	texts := make([]func(i int) string, len(outputs))
	for i, nt := range outputs {
		if texts[i], err = formatter(nt.Tensor); err != nil {
			return fmt.Errorf("output %q: %w", nt.Name, err)
		}
	}
	for row := range l.Rows {
		w.record = w.record[:0]
		if w.columns.Key != "" {
			w.record = append(w.record, l.Keys[row])
		}
		if w.columns.Time != "" {
			w.record = append(w.record, l.Times[row])
		}
		w.record = append(w.record, strconv.FormatInt(l.Rows[row], 10))
		for i, nt := range outputs {
			size := nt.Tensor.Len() / len(l.Rows)
			for at := row * size; at < (row+1)*size; at++ {
				w.record = append(w.record, texts[i](at))
			}
		}
		if err := w.out.Write(w.record); err != nil {
			return err
		}
	}
	return nil
}

func (w *csvWriter) header(outputs []lockstep.NamedTensor) error {
	var names []string
	for _, name := range []string{w.columns.Key, w.columns.Time} {
		if name != "" {
			names = append(names, name)
		}
	}
	names = append(names, RowColumn)
	for _, nt := range outputs {
		size := 1
		for _, d := range nt.Tensor.Shape()[1:] {
			size *= d
		}
		for i := range size {
			if size == 1 {
				names = append(names, nt.Name)
			} else {
				names = append(names, fmt.Sprintf("%s[%d]", nt.Name, i))
			}
		}
	}
	return w.out.Write(names)
}

// formatter returns a function that writes an element so that reading it gives the same bits.
func formatter(t *lockstep.Tensor) (func(i int) string, error) {
	switch t.DType() {
	case lockstep.Float32:
		d, err := lockstep.Data[float32](t)
		return func(i int) string { return strconv.FormatFloat(float64(d[i]), 'g', -1, 32) }, err
	case lockstep.Float64:
		d, err := lockstep.Data[float64](t)
		return func(i int) string { return strconv.FormatFloat(d[i], 'g', -1, 64) }, err
	case lockstep.Int32:
		d, err := lockstep.Data[int32](t)
		return func(i int) string { return strconv.Itoa(int(d[i])) }, err
	case lockstep.Int64:
		d, err := lockstep.Data[int64](t)
		return func(i int) string { return strconv.FormatInt(d[i], 10) }, err
	case lockstep.Bool:
		d, err := lockstep.Data[bool](t)
		return func(i int) string { return strconv.FormatBool(d[i]) }, err
	case lockstep.String:
		d, err := lockstep.Data[string](t)
		return func(i int) string { return d[i] }, err
	}
	return nil, fmt.Errorf("%s cannot be written in a CSV", t)
}

func (w *csvWriter) Close() error {
	w.out.Flush()
	return w.out.Error()
}

// npzWriter keeps all predictions until the end: an array has its length in front.
type npzWriter struct {
	form
	out     io.Writer
	columns Columns
	labels  Labels
	parts   [][]*lockstep.Tensor // of each output
}

func (w *npzWriter) Write(l Labels, outputs []lockstep.NamedTensor) error {
	if _, err := w.check(outputs); err != nil {
		return err
	}
	if w.parts == nil {
		w.parts = make([][]*lockstep.Tensor, len(outputs))
	}
	for i, nt := range outputs {
		w.parts[i] = append(w.parts[i], nt.Tensor)
	}
	w.labels.Keys, w.labels.Times = append(w.labels.Keys, l.Keys...), append(w.labels.Times, l.Times...)
	w.labels.Rows = append(w.labels.Rows, l.Rows...)
	return nil
}

func (w *npzWriter) Close() error {
	var all []lockstep.NamedTensor
	n := len(w.labels.Rows)
	for _, text := range []struct {
		name   string
		values []string
	}{{w.columns.Key, w.labels.Keys}, {w.columns.Time, w.labels.Times}} {
		if text.name == "" {
			continue
		}
		t, err := lockstep.New(text.values, n)
		if err != nil {
			return err
		}
		all = append(all, lockstep.NamedTensor{Name: text.name, Tensor: t})
	}
	rows, err := lockstep.New(w.labels.Rows, n)
	if err != nil {
		return err
	}
	all = append(all, lockstep.NamedTensor{Name: RowColumn, Tensor: rows})
	for i, spec := range w.specs {
		t, err := join(w.parts[i], n)
		if err != nil {
			return fmt.Errorf("output %q: %w", spec.Name, err)
		}
		all = append(all, lockstep.NamedTensor{Name: spec.Name, Tensor: t})
	}
	return npz.Write(w.out, all)
}
