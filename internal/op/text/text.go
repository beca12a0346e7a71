// Package text has TensorFlow's operations on strings: what the text layers of
// Keras export, and the lookup tables of their vocabularies.
//
// A string is bytes, as in TensorFlow: it need not be UTF-8. Where an operation
// reads characters, its comment says what it makes of others.
package text

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations of this package.
var Ops = op.Join(caseOps, regexOps, splitOps, joinOps, substrOps, hashOps, unicodeOps, numberOps, formatOps, tableOps, crossOps)

// elementwise is the Spec of an operation with an element for each of its first
// input, and no other input that matters for the shape.
func elementwise(build op.Builder) *op.Spec {
	return &op.Spec{Build: build, KeepsShape: true, Shape: op.NoInput, Time: op.TimeOfFirst}
}

// grain is how many bytes of strings are made before the budget is asked again.
const grain = 1 << 20

// list collects strings, within the budget.
type list struct {
	all   []string
	bytes int
	asked int
}

// newList makes room for n strings.
func newList(n int) (*list, error) {
	if err := memory.Fits(n, value.SizeOf(lockstep.String)); err != nil {
		return nil, fmt.Errorf("%d strings: %w", n, err)
	}
	return &list{all: make([]string, 0, n)}, nil
}

// allow asks for n bytes more, before they are made.
func (l *list) allow(n int) error {
	l.bytes += n
	if l.bytes-l.asked < grain && n < grain {
		return nil
	}
	l.asked = l.bytes
	return fits(l.bytes)
}

func fits(n int) error {
	if err := memory.Fits(n, 1); err != nil {
		return fmt.Errorf("strings of %d bytes: %w", n, err)
	}
	return nil
}

// add appends a string whose bytes allow has counted, or that shares another's.
func (l *list) add(s string) { l.all = append(l.all, s) }

func (l *list) tensor(shape ...int) (*lockstep.Tensor, error) { return lockstep.New(l.all, shape...) }

// mapped runs a function on each string. The results may be longer than the
// strings by a factor.
func mapped(factor int, f func(string) (string, error)) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[string](in, 1)
		if err != nil {
			return nil, err
		}
		out, err := newList(len(d[0]))
		if err != nil {
			return nil, err
		}
		for _, s := range d[0] {
			if factor > 0 {
				if err := out.allow(factor * len(s)); err != nil {
					return nil, err
				}
			}
			made, err := f(s)
			if err != nil {
				return nil, err
			}
			out.add(made)
		}
		return w.One(out.tensor(t[0].Shape()...))
	}
}

// scalarText reads an input that is one string.
func scalarText(in []value.Value, i int, what string) (string, error) {
	t, d, err := op.Operand[string](in, i)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if err := op.WantScalar(what, t); err != nil {
		return "", err
	}
	return d[0], nil
}

// Units of a string's positions and lengths.
const (
	unitByte      = "BYTE"
	unitCharacter = "UTF8_CHAR"
)

// characters reads the attribute unit.
func characters(n *savedmodel.Node) (bool, error) {
	unit := op.StringOr(n, "unit", unitByte)
	if !slices.Contains([]string{unitByte, unitCharacter}, unit) {
		return false, op.NotSupported("unit", unit)
	}
	return unit == unitCharacter, nil
}

// follows tells whether a byte continues a character.
func follows(b byte) bool { return b&0xC0 == 0x80 }

// isSpace tells whether a byte is a space of ASCII.
func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }
