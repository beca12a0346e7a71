package source

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/op/text"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// What a column of a text file is, beside the number of one.
const (
	lineNumber = -1
	wholeLine  = -2
)

// textFile says how a table is filled from a file of a line for each key
// (TextFileLineIterator in tensorflow/core/kernels/lookup_util.cc).
type textFile struct {
	name              string
	key, value        int // columns
	keyType, valType  lockstep.DType
	lines             int // that are read, -1 for all
	delimiter         string
	offset            int64
	keyList, valueOut column
}

func newTextFile(n *savedmodel.Node, name string, keyType, valueType lockstep.DType) (*textFile, error) {
	f := &textFile{
		name: name, keyType: keyType, valType: valueType,
		key: op.IntOr(n, "key_index", 0), value: op.IntOr(n, "value_index", 0),
		lines: op.IntOr(n, "vocab_size", -1), delimiter: op.StringOr(n, "delimiter", "\t"), offset: int64(op.IntOr(n, "offset", 0)),
	}
	if len(f.delimiter) != 1 {
		return nil, op.NotSupported("delimiter", strconv.Quote(f.delimiter))
	}
	if f.lines < -1 {
		return nil, op.NotSupported("vocab_size", f.lines)
	}
	for _, c := range []struct {
		attr   string
		column int
		dtype  lockstep.DType
	}{{"key_index", f.key, keyType}, {"value_index", f.value, valueType}} {
		switch {
		case c.column < wholeLine,
			c.column == lineNumber && c.dtype != lockstep.Int64,
			c.column == wholeLine && c.dtype != lockstep.String && c.dtype != lockstep.Int32 && c.dtype != lockstep.Int64:
			return nil, fmt.Errorf("attribute %q is %d for %s, which is not supported", c.attr, c.column, c.dtype)
		}
	}
	var err error
	if f.keyList, err = newColumn(keyType); err == nil {
		f.valueOut, err = newColumn(valueType)
	}
	return f, err
}

// read reads the lines of a file.
func (f *textFile) read(content []byte) (keys, values *lockstep.Tensor, err error) {
	fail := func(line int, err error) (*lockstep.Tensor, *lockstep.Tensor, error) {
		return nil, nil, fmt.Errorf("asset %q, line %d: %w", f.name, line+1, err)
	}
	lines := bytes.Count(content, []byte("\n")) + 1
	if err := memory.Fits(lines, value.SizeOf(f.keyType)+value.SizeOf(f.valType)); err != nil {
		return nil, nil, fmt.Errorf("asset %q of %d lines: %w", f.name, lines, err)
	}
	number := 0
	for len(content) > 0 && number != f.lines {
		raw, rest, ended := bytes.Cut(content, []byte("\n"))
		content = rest
		line := strings.TrimSuffix(string(raw), "\r")
		if line == "" && !ended {
			break
		}
		if line == "" {
			return fail(number, errors.New("it is empty"))
		}
		if err := f.add(line, number); err != nil {
			return fail(number, err)
		}
		number++
	}
	switch {
	case f.lines >= 0 && number != f.lines:
		return nil, nil, fmt.Errorf("asset %q has %d lines, want %d", f.name, number, f.lines)
	case number == 0:
		return nil, nil, fmt.Errorf("asset %q has no lines", f.name)
	}
	if keys, err = f.keyList.tensor(); err != nil {
		return nil, nil, err
	}
	values, err = f.valueOut.tensor()
	return keys, values, err
}

// add adds the entry of a line.
func (f *textFile) add(line string, number int) error {
	var tokens []string
	if most := max(f.key, f.value); most >= 0 {
		if tokens = strings.Split(line, f.delimiter); len(tokens) <= most {
			return fmt.Errorf("%d columns, want %d", len(tokens), most+1)
		}
	}
	for _, c := range []struct {
		at int
		to column
	}{{f.key, f.keyList}, {f.value, f.valueOut}} {
		switch {
		case c.at == lineNumber:
			c.to.number(int64(number) + f.offset)
		case c.at == wholeLine:
			if err := c.to.text(line, f.offset); err != nil {
				return err
			}
		default:
			if err := c.to.text(tokens[c.at], f.offset); err != nil {
				return err
			}
		}
	}
	return nil
}

// column is the keys or the values so far.
type column interface {
	number(n int64)
	text(s string, offset int64) error
	tensor() (*lockstep.Tensor, error)
}

type list[E lockstep.Element] struct {
	all    []E
	whole  func(n int64) E
	parsed func(s string, offset int64) (E, error)
}

func (l *list[E]) number(n int64) { l.all = append(l.all, l.whole(n)) }

func (l *list[E]) text(s string, offset int64) error {
	v, err := l.parsed(s, offset)
	l.all = append(l.all, v)
	return err
}

func (l *list[E]) tensor() (*lockstep.Tensor, error) { return lockstep.New(l.all, len(l.all)) }

func newColumn(d lockstep.DType) (column, error) {
	switch d {
	case lockstep.String:
		return &list[string]{parsed: func(s string, _ int64) (string, error) { return s, nil }, whole: func(int64) string { return "" }}, nil
	case lockstep.Int64:
		return &list[int64]{whole: func(n int64) int64 { return n }, parsed: func(s string, _ int64) (int64, error) {
			return text.ParseInt(s, 64)
		}}, nil
	case lockstep.Int32: // of which TensorFlow adds the offset to what it reads, too
		return &list[int32]{whole: func(n int64) int32 { return int32(n) }, parsed: func(s string, offset int64) (int32, error) {
			n, err := text.ParseInt(s, 32)
			if n += offset; err == nil && (n > math.MaxInt32 || n < math.MinInt32) {
				err = fmt.Errorf("%d does not fit an int32", n)
			}
			return int32(n), err
		}}, nil
	case lockstep.Float32:
		return &list[float32]{whole: func(n int64) float32 { return float32(n) }, parsed: func(s string, _ int64) (float32, error) {
			v, err := text.ParseFloat(s, 32)
			return float32(v), err
		}}, nil
	case lockstep.Float64:
		return &list[float64]{whole: func(n int64) float64 { return float64(n) }, parsed: func(s string, _ int64) (float64, error) { return text.ParseFloat(s, 64) }}, nil
	}
	return nil, fmt.Errorf("a text file of %s, which is not supported", d)
}
