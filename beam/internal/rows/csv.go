package rows

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
)

// csvReader reads a CSV with a header.
type csvReader struct {
	file    *files.File
	records *csv.Reader
	start   int64 // where records began to read
	part    Part
	number  int64
	fields  int
	key     int // the column, or -1
	time    int
	values  [][]int
	read    []infer.Value // of the last row
	before  string        // the last key
}

func openCSV(f *files.File, p Part, c Columns) (*csvReader, error) {
	header, first, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	p.From = max(p.From, first) // of a part that is the whole file
	r := &csvReader{file: f, part: p, fields: len(header), start: p.From, number: p.Row}
	if p.Before >= 0 {
		r.start, r.number = p.Before, p.Row-1
	}
	if err := r.find(header, c); err != nil {
		return nil, err
	}
	for i := range c.Values {
		v := infer.Value{Kind: infer.Floats}
		if c.Specs != nil {
			v.Kind = kindOf(c.Specs[i].DType)
		}
		r.read = append(r.read, v)
	}
	r.records = csv.NewReader(bufio.NewReaderSize(io.NewSectionReader(f, r.start, f.Size-r.start), 1<<16))
	r.records.FieldsPerRecord, r.records.ReuseRecord = -1, true
	return r, nil
}

// mostHeader bounds the first line of a CSV.
const mostHeader = 1 << 20

// readHeader returns the names of the columns, and where the rows begin.
func readHeader(f *files.File) ([]string, int64, error) {
	records := csv.NewReader(io.NewSectionReader(f, 0, min(f.Size, mostHeader)))
	header, err := records.Read()
	if err != nil {
		return nil, 0, fmt.Errorf("it has no header: want names of columns in the first line: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return nil, 0, fmt.Errorf("two columns are called %q", name)
		}
	}
	return header, records.InputOffset(), nil
}

// find finds the columns in the header.
func (r *csvReader) find(header []string, c Columns) error {
	r.key, r.time = slices.Index(header, c.Key), slices.Index(header, c.Time)
	for i, name := range []string{c.Key, c.Time} {
		if at := []int{r.key, r.time}[i]; name != "" && at < 0 {
			return missing(name, header)
		}
	}
	if c.Key == "" {
		r.key = -1
	}
	if c.Time == "" {
		r.time = -1
	}
	for _, name := range c.Values {
		if at := slices.Index(header, name); at >= 0 {
			r.values = append(r.values, []int{at})
			continue
		}
		var all []int
		for at := 0; at >= 0; {
			if at = slices.Index(header, fmt.Sprintf("%s[%d]", name, len(all))); at >= 0 {
				all = append(all, at)
			}
		}
		if len(all) == 0 {
			return missing(name, header)
		}
		r.values = append(r.values, all)
	}
	return nil
}

func (r *csvReader) Read(row *Row) error {
	begin := r.start + r.records.InputOffset()
	record, err := r.records.Read()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	*row = Row{Number: r.number, InPart: begin >= r.part.From && begin < r.part.To, HasKey: r.key < 0, Values: row.Values[:0]}
	r.number++
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		row.Bad = fmt.Errorf("row %d: %w", row.Number, wrong.Err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: row %d: %w", r.part.File, row.Number, err)
	}
	row.Bad = r.parse(row, record)
	if row.Bad != nil {
		row.Bad = fmt.Errorf("row %d: %w", row.Number, row.Bad)
	}
	return nil
}

func (r *csvReader) parse(row *Row, record []string) (err error) {
	if len(record) != r.fields {
		return fmt.Errorf("it has %d fields, and the header %d", len(record), r.fields)
	}
	if r.key >= 0 {
		if r.before != record[r.key] {
			r.before = strings.Clone(record[r.key])
		}
		row.Key, row.HasKey = r.before, true
	}
	if r.time >= 0 {
		row.Time = strings.Clone(record[r.time])
		if row.At, err = parseInstant(row.Time); err != nil {
			return err
		}
	}
	for i, columns := range r.values {
		v := r.read[i]
		v.Floats, v.Ints, v.Texts = v.Floats[:0], v.Ints[:0], v.Texts[:0]
		for _, at := range columns {
			if err := parseField(&v, record[at]); err != nil {
				return err
			}
		}
		r.read[i] = v
		row.Values = append(row.Values, v)
	}
	return nil
}

func kindOf(d lockstep.DType) infer.Kind {
	switch d {
	case lockstep.Int32, lockstep.Int64:
		return infer.Ints
	case lockstep.Bool:
		return infer.Bools
	case lockstep.String:
		return infer.Texts
	}
	return infer.Floats
}

// parseField reads a field as what its column is to be.
func parseField(v *infer.Value, text string) error {
	switch v.Kind {
	case infer.Texts:
		v.Texts = append(v.Texts, strings.Clone(text))
		return nil
	case infer.Ints:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.Ints = append(v.Ints, n)
		return nil
	case infer.Bools:
		switch strings.ToLower(text) {
		case "true", "1":
			v.Ints = append(v.Ints, 1)
		case "false", "0":
			v.Ints = append(v.Ints, 0)
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
		return nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%q is no number", text)
	}
	v.Floats = append(v.Floats, x)
	return nil
}

func (r *csvReader) Close() error { return r.file.Close() }

// planCSV finds where rows begin, so that parts do; quoted fields may have line ends in them.
func planCSV(f *files.File, c Columns, perPart int64) (rows int64, parts []Part, err error) {
	header, from, err := readHeader(f)
	if err != nil {
		return 0, nil, err
	}
	if err := new(csvReader).find(header, c); err != nil {
		return 0, nil, err
	}
	s := scanner{in: bufio.NewReaderSize(io.NewSectionReader(f, from, f.Size-from), 1<<18), at: from}
	part := Part{From: from, Before: -1}
	for {
		begin := s.at
		ok, err := s.record()
		if err != nil {
			return 0, nil, err
		}
		if !ok {
			break
		}
		rows++
		if rows-part.Row >= perPart {
			part.To = s.at
			parts = append(parts, part)
			part = Part{From: s.at, Before: begin, Row: rows}
		}
	}
	if rows > part.Row {
		part.To = f.Size
		parts = append(parts, part)
	}
	return rows, parts, nil
}

// scanner finds the ends of records as encoding/csv does.
type scanner struct {
	in *bufio.Reader
	at int64
}

// record skips blank lines and one record.
func (s *scanner) record() (bool, error) {
	begin := s.at
	blank, fieldStart, quoted, closing := true, true, false, false
	for {
		b, err := s.in.ReadByte()
		if errors.Is(err, io.EOF) {
			if quoted && !closing {
				return false, fmt.Errorf("the quoted field of the record at byte %d never ends", begin)
			}
			return !blank, nil
		}
		if err != nil {
			return false, err
		}
		s.at++
		if closing && b != '"' { // the quote before ended the field
			quoted, closing = false, false
		}
		switch {
		case quoted && b == '"':
			closing = !closing
		case quoted:
		case b == '\n':
			if !blank {
				return true, nil
			}
			begin, fieldStart = s.at, true
		case b == '\r':
			fieldStart = false
		default:
			quoted = fieldStart && b == '"'
			blank, fieldStart = false, b == ','
		}
	}
}
