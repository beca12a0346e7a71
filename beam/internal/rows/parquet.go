package rows

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
)

// parquetReader reads columns of a Parquet file, row by row.
type parquetReader struct {
	in     *files.File
	file   *parquet.File
	part   Part
	next   int64 // the row that is read next
	key    *parquetColumn
	time   *parquetColumn
	values []*parquetColumn
}

// caught makes an error of a panic: the library panics on some damaged files.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}

func openParquet(f *files.File, p Part, c Columns) (r *parquetReader, err error) {
	defer caught(&err)
	r = &parquetReader{in: f, part: p, next: p.From}
	if p.Before >= 0 {
		r.next = p.Before
	}
	if r.file, err = parquet.OpenFile(f, f.Size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true)); err != nil {
		return nil, fmt.Errorf("it is no Parquet file, or damaged: %w", err)
	}
	for name, to := range map[string]**parquetColumn{c.Key: &r.key, c.Time: &r.time} {
		if name == "" {
			continue
		}
		if *to, err = r.column(name); err != nil {
			return nil, err
		}
		if (*to).repeats {
			return nil, fmt.Errorf("column %q is a list, want one value in each row", name)
		}
	}
	for i, name := range c.Values {
		column, err := r.column(name)
		if err != nil {
			return nil, err
		}
		if column.kind == "" || c.Specs == nil && (column.repeats || column.kind != infer.Floats && column.kind != infer.Ints) {
			return nil, fmt.Errorf("column %q is %s, want numbers", name, column.describe())
		}
		if c.Specs != nil {
			if want := kindOf(c.Specs[i].DType); column.kind != want && (want != infer.Floats || column.kind != infer.Ints) {
				return nil, fmt.Errorf("column %q is %s, want %s for the input %s", name, column.describe(), want, c.Specs[i])
			}
		}
		r.values = append(r.values, column)
	}
	return r, nil
}

// column finds a column by its name: one value a row, or a list.
func (r *parquetReader) column(name string) (*parquetColumn, error) {
	var has []string
	for _, field := range r.file.Root().Columns() {
		has = append(has, field.Name())
		if field.Name() != name {
			continue
		}
		leaf := field
		for !leaf.Leaf() {
			inner := leaf.Columns()
			if len(inner) != 1 {
				return nil, fmt.Errorf("column %q is a group of %d, want a value or a list of values", name, len(inner))
			}
			leaf = inner[0]
		}
		if leaf.MaxRepetitionLevel() > 1 {
			return nil, fmt.Errorf("column %q is a list of lists, want a list of values, flat", name)
		}
		c := &parquetColumn{name: name, leaf: leaf, repeats: leaf.MaxRepetitionLevel() > 0, file: r.file, at: r.next, group: -1}
		c.classify()
		return c, nil
	}
	return nil, missing(name, has)
}

func (r *parquetReader) Read(row *Row) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, io.EOF) {
			err = fmt.Errorf("%s: row %d: %w", r.part.File, row.Number, err)
		}
	}()
	defer caught(&err)
	*row = Row{Number: r.next, InPart: r.next >= r.part.From && r.next < r.part.To, HasKey: r.key == nil, Values: row.Values[:0]}
	if r.next >= r.file.NumRows() {
		return io.EOF
	}
	r.next++
	if r.key != nil {
		v, err := r.key.row()
		if err != nil {
			return err
		}
		if row.HasKey = len(v) == 1 && !v[0].IsNull(); row.HasKey {
			row.Key = r.key.same(v[0])
		} else {
			row.Bad = fmt.Errorf("row %d: the key is null", row.Number)
		}
	}
	if r.time != nil {
		v, err := r.time.row()
		if err != nil {
			return err
		}
		if err := r.readTime(row, v); err != nil && row.Bad == nil {
			row.Bad = fmt.Errorf("row %d: %w", row.Number, err)
		}
	}
	for _, c := range r.values { // all, so that all stand at the same row
		v, err := c.row()
		if err != nil {
			return err
		}
		value, err := c.read(v)
		if err != nil && row.Bad == nil {
			row.Bad = fmt.Errorf("row %d: %w", row.Number, err)
		}
		row.Values = append(row.Values, value)
	}
	return nil
}

func (r *parquetReader) readTime(row *Row, v []parquet.Value) (err error) {
	if len(v) != 1 || v[0].IsNull() {
		return fmt.Errorf("the time is null")
	}
	switch {
	case r.time.unit > 0:
		row.At, err = inUnit(integer(v[0]), r.time.unit)
	case r.time.kind == infer.Ints && r.time.bits == 0:
		row.At = Instant{kind: 'i', number: integer(v[0])}
	default:
		row.Time = r.time.text(v[0])
		row.At, err = parseInstant(row.Time)
	}
	return err
}

func (r *parquetReader) Close() error {
	for _, c := range append(slices.Clone(r.values), r.key, r.time) {
		if c != nil && c.pages != nil {
			c.pages.Close()
		}
	}
	return r.in.Close()
}

// parquetColumn reads one leaf column.
type parquetColumn struct {
	name    string
	leaf    *parquet.Column
	repeats bool
	kind    infer.Kind    // "" if it holds nothing that can be read
	unit    time.Duration // of a timestamp; a day for dates
	bits    int8          // of an integer without sign

	file   *parquet.File
	at     int64 // the row that is read first
	group  int
	pages  parquet.Pages
	values parquet.ValueReader
	buffer []parquet.Value
	have   []parquet.Value // what is left of buffer
	out    []parquet.Value
	value  infer.Value // of the row that was read last
	before string      // the last text
}

// same is text, without a new string where it is that of the row before.
func (c *parquetColumn) same(v parquet.Value) string {
	if v.Kind() != parquet.ByteArray || c.before != string(v.ByteArray()) {
		c.before = c.text(v)
	}
	return c.before
}

// classify reads off the schema what the column holds.
func (c *parquetColumn) classify() {
	logical := c.leaf.Type().LogicalType()
	if logical != nil && logical.Value != nil {
		switch l := logical.Value.(type) {
		case *format.TimestampType:
			c.unit = l.Unit.Value.Duration()
		case *format.DateType:
			c.unit = 24 * time.Hour
		case *format.IntType:
			if !l.IsSigned {
				c.bits = l.BitWidth
			}
		case *format.StringType, *format.EnumType, *format.JsonType:
		default:
			return // decimals and others
		}
	}
	switch c.leaf.Type().Kind() {
	case parquet.Boolean:
		c.kind = infer.Bools
	case parquet.Int32, parquet.Int64:
		c.kind = infer.Ints
	case parquet.Float, parquet.Double:
		c.kind = infer.Floats
	case parquet.ByteArray:
		c.kind = infer.Texts
	}
}

func (c *parquetColumn) describe() string {
	s := c.leaf.Type().String()
	if c.repeats {
		s = "a list of " + s
	}
	return s
}

// row returns the values of the next row, which are valid until the next call.
func (c *parquetColumn) row() ([]parquet.Value, error) {
	if !c.repeats && len(c.have) > 0 {
		one := c.have[:1]
		c.have = c.have[1:]
		return one, nil
	}
	c.out = c.out[:0]
	for {
		if len(c.have) == 0 {
			if err := c.fill(); errors.Is(err, io.EOF) && len(c.out) > 0 {
				break
			} else if err != nil {
				return nil, fmt.Errorf("column %q: %w", c.name, err)
			}
		}
		if len(c.out) > 0 && c.have[0].RepetitionLevel() == 0 {
			break
		}
		c.out = append(c.out, c.have[0])
		c.have = c.have[1:]
		if !c.repeats {
			break
		}
	}
	return c.out, nil
}

// fill reads values, of the next page or row group where one has ended.
func (c *parquetColumn) fill() error {
	if c.buffer == nil {
		c.buffer = make([]parquet.Value, 1024)
	}
	for {
		if c.values != nil {
			n, err := c.values.ReadValues(c.buffer)
			if n > 0 {
				c.have = c.buffer[:n]
				return nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			c.values = nil
		}
		if c.pages != nil {
			page, err := c.pages.ReadPage()
			if err == nil {
				c.values = page.Values()
				continue
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
			c.pages.Close()
			c.pages = nil
		}
		if err := c.nextGroup(); err != nil {
			return err
		}
	}
}

// nextGroup opens the row group after the last, or at first that of the row to read.
func (c *parquetColumn) nextGroup() error {
	groups := c.file.RowGroups()
	skip := int64(0)
	if c.group < 0 {
		for skip = c.at; c.group+1 < len(groups) && skip >= groups[c.group+1].NumRows(); c.group++ {
			skip -= groups[c.group+1].NumRows()
		}
	}
	if c.group++; c.group >= len(groups) {
		return io.EOF
	}
	c.pages = groups[c.group].ColumnChunks()[c.leaf.Index()].Pages()
	if skip > 0 {
		return c.pages.SeekToRow(skip)
	}
	return nil
}

func integer(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

// text is a key or a time as text.
func (c *parquetColumn) text(v parquet.Value) string {
	switch {
	case c.unit == 24*time.Hour:
		return time.Unix(integer(v)*24*3600, 0).UTC().Format(time.DateOnly)
	case c.unit > 0:
		perSecond := int64(time.Second / c.unit)
		n := integer(v)
		seconds, rest := n/perSecond, n%perSecond
		return time.Unix(seconds, rest*int64(c.unit)).UTC().Format(time.RFC3339Nano)
	case c.kind == infer.Ints && c.bits == 64:
		return strconv.FormatUint(uint64(integer(v)), 10)
	case c.kind == infer.Ints && c.bits == 32:
		return strconv.FormatUint(uint64(uint32(integer(v))), 10)
	case c.kind == infer.Ints:
		return strconv.FormatInt(integer(v), 10)
	}
	return v.String()
}

// read makes a Value of a row's values, in the memory of the last one.
func (c *parquetColumn) read(values []parquet.Value) (infer.Value, error) {
	out := infer.Value{Kind: c.kind, Floats: c.value.Floats[:0], Ints: c.value.Ints[:0], Texts: c.value.Texts[:0]}
	for _, v := range values {
		if v.IsNull() {
			return out, fmt.Errorf("column %q is null", c.name)
		}
		switch v.Kind() {
		case parquet.Boolean:
			n := int64(0)
			if v.Boolean() {
				n = 1
			}
			out.Ints = append(out.Ints, n)
		case parquet.Int32, parquet.Int64:
			n := integer(v)
			if c.bits == 32 {
				n = int64(uint32(n))
			}
			if c.bits == 64 && n < 0 {
				return out, fmt.Errorf("column %q is %d, more than an int64 holds", c.name, uint64(n))
			}
			out.Ints = append(out.Ints, n)
		case parquet.Float:
			out.Floats = append(out.Floats, float64(v.Float()))
		case parquet.Double:
			out.Floats = append(out.Floats, v.Double())
		default:
			out.Texts = append(out.Texts, string(v.ByteArray()))
		}
	}
	c.value = out
	return out, nil
}
