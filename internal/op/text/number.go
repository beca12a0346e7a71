package text

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Numbers as text.

var numberOps = op.Table{
	"StringToNumber": {Build: buildToNumber, KeepsShape: true, Shape: op.NoInput, Time: op.TimeOfFirst, Float64: op.OnlyFloat32},
	"AsString":       {Build: buildAsString, KeepsShape: true, Shape: op.NoInput, Time: op.TimeOfFirst, Float64: asStringInFloat64},
}

var errNoNumber = errors.New("is no number of the type")

// ParseInt reads an integer of some bits as TensorFlow does: between spaces.
func ParseInt(s string, size int) (int64, error) {
	text, _ := strip(s)
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "+"), "-")
	if digits == "" || len(digits) < len(text)-1 || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("%.40q %w", s, errNoNumber)
	}
	n, err := strconv.ParseInt(text, 10, size)
	if err != nil {
		return 0, fmt.Errorf("%.40q %w", s, errNoNumber)
	}
	return n, nil
}

// longest is how many bytes TensorFlow reads of a float.
const longest = 31

// ParseFloat reads a float of some bits as TensorFlow does: between spaces, also
// "inf" and "nan" in letters of any case. Hexadecimal numbers are refused.
func ParseFloat(s string, size int) (float64, error) {
	text, _ := strip(s)
	fail := fmt.Errorf("%.40q %w", s, errNoNumber)
	if len(s) > longest {
		return 0, fmt.Errorf("%.40q: a number of more than %d characters, which is not supported", s, longest)
	}
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "inf", "infinity", "nan":
		if strings.ToLower(strings.TrimLeft(text, "+-")) == "nan" {
			return math.NaN(), nil
		}
	default:
		if strings.Trim(text, "0123456789.eE+-") != "" {
			return 0, fail
		}
	}
	v, err := strconv.ParseFloat(text, size)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fail
	}
	return v, nil
}

func buildToNumber(n *savedmodel.Node) (op.Exec, error) {
	to, err := op.TypeOr(n, "out_type", lockstep.Float32)
	if err != nil {
		return nil, err
	}
	switch to {
	case lockstep.Float32:
		return parsed(func(s string) (float32, error) { v, err := ParseFloat(s, 32); return float32(v), err }), nil
	case lockstep.Float64:
		return parsed(func(s string) (float64, error) { return ParseFloat(s, 64) }), nil
	case lockstep.Int32:
		return parsed(func(s string) (int32, error) { v, err := ParseInt(s, 32); return int32(v), err }), nil
	case lockstep.Int64:
		return parsed(func(s string) (int64, error) { return ParseInt(s, 64) }), nil
	}
	return nil, op.NotSupported("out_type", to)
}

func parsed[E lockstep.Element](parse func(string) (E, error)) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[string](in, 1)
		if err != nil {
			return nil, err
		}
		out := make([]E, len(d[0]))
		for i, s := range d[0] {
			if out[i], err = parse(s); err != nil {
				return nil, err
			}
		}
		return w.One(lockstep.New(out, t[0].Shape()...))
	}
}

// asStringInFloat64 writes integers and bools; a float in a different precision is a different
// text.
func asStringInFloat64(n *savedmodel.Node) (op.Exec, error) {
	if d, err := n.AttrType("T"); err != nil || d.IsFloat() {
		return op.OnlyFloat32(n)
	}
	return buildAsString(n)
}

// buildAsString writes numbers as C's printf does.
func buildAsString(n *savedmodel.Node) (op.Exec, error) {
	from, err := n.AttrType("T")
	if err != nil {
		return nil, err
	}
	f := layout{
		precision: op.IntOr(n, "precision", -1), width: op.IntOr(n, "width", -1), fill: n.AttrString("fill"),
		verb: 'f',
	}
	scientific, shortest := n.AttrBool("scientific"), n.AttrBool("shortest")
	switch {
	case scientific && shortest:
		return nil, errors.New("attributes \"scientific\" and \"shortest\" together, which is not supported")
	case scientific:
		f.verb = 'e'
	case shortest:
		f.verb = 'g'
	}
	whole := !from.IsFloat()
	switch {
	case whole && (scientific || shortest || f.precision > -1 && from == lockstep.Bool), whole && f.precision > -1:
		return nil, fmt.Errorf("a precision or a notation of %s, which is not supported", from)
	case f.precision > maxPrecision || f.width > maxPrecision:
		return nil, op.NotSupported("precision or width", fmt.Sprint(f.precision, " ", f.width))
	case len(f.fill) > 1 || f.fill != "" && !strings.Contains(" 0-+", f.fill):
		return nil, op.NotSupported("fill", strconv.Quote(f.fill))
	}
	switch from {
	case lockstep.Float32:
		return written(func(v float32) string { return f.float(float64(v)) }), nil
	case lockstep.Float64:
		return written(f.float), nil
	case lockstep.Int32:
		return written(func(v int32) string { return f.pad(strconv.FormatInt(int64(v), 10)) }), nil
	case lockstep.Int64:
		return written(func(v int64) string { return f.pad(strconv.FormatInt(v, 10)) }), nil
	case lockstep.Bool:
		return written(strconv.FormatBool), nil
	case lockstep.String:
		if f.width > 0 || f.fill != "" {
			return nil, fmt.Errorf("a width of strings, which is not supported")
		}
		return written(func(s string) string { return s }), nil
	}
	return nil, op.NotSupported("T", from)
}

// maxPrecision bounds the digits of a number.
const maxPrecision = 100

func written[E lockstep.Element](write func(E) string) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[E](in, 1)
		if err != nil {
			return nil, err
		}
		out, err := newList(len(d[0]))
		if err != nil {
			return nil, err
		}
		for _, v := range d[0] {
			s := write(v)
			if err := out.allow(len(s)); err != nil {
				return nil, err
			}
			out.add(s)
		}
		return w.One(out.tensor(t[0].Shape()...))
	}
}

// layout is a conversion of printf.
type layout struct {
	precision, width int
	fill             string
	verb             byte
}

func (f layout) float(v float64) string {
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	switch {
	case math.IsNaN(v):
		return f.spaces("nan")
	case math.IsInf(v, 1):
		return f.spaces("inf")
	case math.IsInf(v, -1):
		return f.spaces("-inf")
	case f.verb == 'g' && precision == 0:
		precision = 1
	}
	return f.pad(strconv.FormatFloat(v, f.verb, precision, 64))
}

// spaces is pad for what has no digits.
func (f layout) spaces(s string) string {
	if f.fill == "0" {
		f.fill = ""
	}
	return f.pad(s)
}

// pad fills a number up to the width.
func (f layout) pad(s string) string {
	if f.fill != "" && f.fill != "0" && f.fill != "-" && s[0] != '-' {
		s = f.fill + s // a plus or a space in the place of the sign
	}
	missing := max(0, f.width-len(s))
	switch f.fill {
	case "-":
		return s + strings.Repeat(" ", missing)
	case "0":
		sign := ""
		if s[0] == '-' {
			sign, s = "-", s[1:]
		}
		return sign + strings.Repeat("0", missing) + s
	}
	return strings.Repeat(" ", missing) + s
}
