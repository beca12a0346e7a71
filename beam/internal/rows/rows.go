// Package rows reads tables row by row: CSV, Parquet and npz, in parts that
// several workers read at the same time.
package rows

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
)

// Columns say which columns are read.
type Columns struct {
	Key  string `json:"key,omitempty"`  // "": rows have no key
	Time string `json:"time,omitempty"` // "": rows have no time
	// Values are what a row has, each of one column, or of the columns name[0], name[1] and so on of a CSV.
	Values []string `json:"values"`
	// Specs, if not empty, are the inputs that Values are, one each. Else each is one number.
	Specs []lockstep.TensorSpec `json:"-"`
}

// Part is a part of a file. A row belongs to the part in which it begins.
type Part struct {
	File     string `json:"file"`
	Size     int64  `json:"size"` // of the file
	From, To int64  // rows of a Parquet file or npz; bytes of a CSV
	Before   int64  `json:"before"` // where the row before the first begins; -1 if there is none
	Row      int64  `json:"row"`    // the number of the first row in the file
}

// Row is one row of a file.
type Row struct {
	Number int64 // in the file, counted from 0
	InPart bool  // it begins in the part, and not before or after it
	Key    string
	HasKey bool   // the key could be read, or there is no key column
	Time   string // as text, where the file has text; see TimeText
	At     Instant
	Values []infer.Value // valid until the next row is read
	Bad    error         // why the row cannot be used
}

// TimeText returns the time as text.
func (r *Row) TimeText() string {
	if r.Time != "" {
		return r.Time
	}
	return r.At.String()
}

// Reader reads the row before a part, if there is one, the part's rows, and those after it.
type Reader interface {
	// Read reads the next row. It returns io.EOF after the file's last.
	Read(r *Row) error
	Close() error
}

// Format returns a file's format by its name: csv, parquet or npz.
func Format(file string) (string, error) {
	switch ext := strings.ToLower(path.Ext(file)); ext {
	case ".csv", ".parquet", ".npz":
		return ext[1:], nil
	}
	return "", fmt.Errorf("%s: want a file that ends in .csv, .parquet or .npz", file)
}

// Open opens a part of a file.
func Open(ctx context.Context, p Part, c Columns) (Reader, error) {
	format, err := Format(p.File)
	if err != nil {
		return nil, err
	}
	f, err := files.Open(ctx, p.File)
	if err != nil {
		return nil, err
	}
	var r Reader
	switch {
	case f.Size != p.Size:
		err = fmt.Errorf("it has %d bytes and had %d when the job was planned: it has changed", f.Size, p.Size)
	case format == "csv":
		r, err = openCSV(f, p, c)
	case format == "parquet":
		r, err = openParquet(f, p, c)
	default:
		r, err = openNPZ(f, p, c)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", p.File, err)
	}
	return r, nil
}

// Input is a file that a job reads.
type Input struct {
	File string `json:"file"`
	files.Sum
	Rows int64 `json:"rows"`
}

// Plan reads a file, checks that it has the columns, and cuts it into parts of
// about the given number of rows.
func Plan(ctx context.Context, file string, c Columns, perPart int64) (Input, []Part, error) {
	in, parts, err := plan(ctx, file, c, perPart)
	if err != nil {
		return Input{}, nil, fmt.Errorf("%s: %w", file, err)
	}
	return in, parts, nil
}

func plan(ctx context.Context, file string, c Columns, perPart int64) (Input, []Part, error) {
	format, err := Format(file)
	if err != nil {
		return Input{}, nil, err
	}
	f, err := files.Open(ctx, file)
	if err != nil {
		return Input{}, nil, err
	}
	defer f.Close()
	in := Input{File: file}
	if in.Sum, err = files.SumOf(f); err != nil {
		return Input{}, nil, err
	}
	if f.Size == 0 {
		return Input{}, nil, fmt.Errorf("it is empty, want a %s with the columns %s", format, c.names())
	}
	var parts []Part
	if format == "csv" {
		in.Rows, parts, err = planCSV(f, c, perPart)
	} else {
		in.Rows, err = countRows(f, format, c)
		parts = cut(in.Rows, perPart, format == "npz")
	}
	for i := range parts {
		parts[i].File, parts[i].Size = file, f.Size
	}
	return in, parts, err
}

func (c *Columns) names() string {
	var all []string
	for _, name := range append([]string{c.Key, c.Time}, c.Values...) {
		if name != "" {
			all = append(all, fmt.Sprintf("%q", name))
		}
	}
	return strings.Join(all, ", ")
}

// countRows opens a Parquet file or an npz, which checks its columns.
func countRows(f *files.File, format string, c Columns) (int64, error) {
	all := Part{From: 0, To: 1 << 62, Before: -1}
	if format == "npz" {
		r, err := openNPZ(f, all, c)
		if err != nil {
			return 0, err
		}
		return int64(r.n), nil
	}
	r, err := openParquet(f, all, c)
	if err != nil {
		return 0, err
	}
	return r.file.NumRows(), nil
}

// cut cuts rows into parts; an npz is one, since it is read as a whole.
func cut(n, perPart int64, whole bool) []Part {
	if whole {
		perPart = n
	}
	var out []Part
	for from := int64(0); from < n; from += perPart {
		out = append(out, Part{From: from, To: min(from+perPart, n), Before: from - 1, Row: from})
	}
	return out
}

// missing is the error of a column that a file does not have.
func missing(name string, has []string) error {
	return fmt.Errorf("it has no column %q; it has %q%s", name, has, lockstep.Nearest(name, has))
}
