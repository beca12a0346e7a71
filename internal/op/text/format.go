package text

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var formatOps = op.Table{"StringFormat": {Build: buildFormat}}

// buildFormat puts tensors into the places of a text, as the message of an assertion
// is made: of integers, bools and strings.
func buildFormat(n *savedmodel.Node) (op.Exec, error) {
	template, hole := op.StringOr(n, "template", "%s"), op.StringOr(n, "placeholder", "%s")
	summarize := op.IntOr(n, "summarize", 3)
	if hole == "" {
		return nil, op.NotSupported("placeholder", strconv.Quote(hole))
	}
	parts := strings.Split(template, hole)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, len(parts)-1)
		if err != nil {
			return nil, fmt.Errorf("a text of %d places: %w", len(parts)-1, err)
		}
		var out strings.Builder
		for i, part := range parts {
			out.WriteString(part)
			if i == len(t) {
				break
			}
			s, err := summary(t[i], summarize)
			if err != nil {
				return nil, op.InputError(i, err)
			}
			if err := fits(out.Len() + len(s)); err != nil {
				return nil, err
			}
			out.WriteString(s)
		}
		return w.One(lockstep.New([]string{out.String()}))
	}, nil
}

// summary shows the first and the last elements along each axis.
func summary(t *lockstep.Tensor, most int) (string, error) {
	show, err := elementText(t)
	if err != nil {
		return "", err
	}
	if t.Len() == 0 && t.Shape()[0] > 0 {
		return "", fmt.Errorf("%s in a text, which is not supported", t)
	}
	var out strings.Builder
	shape := t.Shape()
	var write func(axis, at int)
	write = func(axis, at int) {
		if axis == len(shape) {
			out.WriteString(show(at))
			return
		}
		out.WriteByte('[')
		step := value.Product(shape[axis+1:])
		between := func(i int) {
			if i == 0 {
				return
			}
			if axis == len(shape)-1 {
				out.WriteByte(' ')
				return
			}
			out.WriteString(strings.Repeat("\n", len(shape)-1-axis) + strings.Repeat(" ", axis+1))
		}
		d := shape[axis]
		for i := range d {
			if most >= 0 && d > 2*most && i >= most && i < d-most {
				if i == most {
					between(i)
					out.WriteString("...")
				}
				continue
			}
			between(i)
			write(axis+1, at+i*step)
		}
		out.WriteByte(']')
	}
	if err := fits(4 * t.Len()); err != nil {
		return "", err
	}
	write(0, 0)
	return out.String(), nil
}

// elementText writes single elements of a tensor.
func elementText(t *lockstep.Tensor) (func(i int) string, error) {
	switch t.DType() {
	case lockstep.String:
		d, err := lockstep.Data[string](t)
		return func(i int) string { return `"` + escaped(d[i]) + `"` }, err
	case lockstep.Int32:
		d, err := lockstep.Data[int32](t)
		return func(i int) string { return strconv.Itoa(int(d[i])) }, err
	case lockstep.Int64:
		d, err := lockstep.Data[int64](t)
		return func(i int) string { return strconv.FormatInt(d[i], 10) }, err
	case lockstep.Bool:
		d, err := lockstep.Data[bool](t)
		return func(i int) string {
			if d[i] {
				return "1"
			}
			return "0"
		}, err
	}
	return nil, fmt.Errorf("%s in a text, which is not supported", t)
}

// escaped writes a string as absl::Utf8SafeCEscape does.
func escaped(s string) string {
	var out strings.Builder
	for i := range len(s) {
		switch b := s[i]; {
		case b == '\n':
			out.WriteString(`\n`)
		case b == '\r':
			out.WriteString(`\r`)
		case b == '\t':
			out.WriteString(`\t`)
		case b == '"' || b == '\'' || b == '\\':
			out.WriteByte('\\')
			out.WriteByte(b)
		case b < 0x20 || b == 0x7f:
			fmt.Fprintf(&out, `\%03o`, b)
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}
