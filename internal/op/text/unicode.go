package text

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var unicodeOps = op.Table{
	"UnicodeDecode":            {Build: buildDecode(false), TakesApart: true},
	"UnicodeDecodeWithOffsets": {Build: buildDecode(true), TakesApart: true},
	"UnicodeEncode":            {Build: buildEncode},
	"UnicodeTranscode":         elementwise(buildTranscode),
}

// policy is what is done with what is no character.
type policy struct {
	strict, ignore bool
	by             rune // what replaces it
	controls       bool // the control characters of ASCII are replaced too
}

func policyOf(n *savedmodel.Node) (policy, error) {
	p := policy{by: rune(op.IntOr(n, "replacement_char", utf8.RuneError)), controls: n.AttrBool("replace_control_characters")}
	switch errors := op.StringOr(n, "errors", "replace"); errors {
	case "strict":
		p.strict = true
	case "ignore":
		p.ignore = true
	case "replace":
	default:
		return p, op.NotSupported("errors", errors)
	}
	if p.by < 0 || p.by > utf8.MaxRune {
		return p, op.NotSupported("replacement_char", int(p.by))
	}
	return p, nil
}

// replaces tells whether a decoded character is replaced.
func (p policy) replaces(r rune, ok bool) bool { return !ok || p.controls && r <= 0x1F }

var errNoText = errors.New("a string that is no text in UTF-8, which the model does not accept")

// readsUTF8 refuses every encoding of a node's input but UTF-8.
func readsUTF8(n *savedmodel.Node) error {
	switch e := n.AttrString("input_encoding"); strings.ToUpper(e) {
	case "UTF-8", "UTF8":
		return nil
	default:
		return op.NotSupported("input_encoding", e)
	}
}

// next decodes the first character of a string. What is no UTF-8 is U+FFFD for each
// part that could begin a character, as long as it goes (Unicode Standard, section
// 3.9, U+FFFD Substitution of Maximal Subparts), and ok is false.
func next(s string) (r rune, n int, ok bool) {
	if r, n = utf8.DecodeRuneInString(s); r != utf8.RuneError || n != 1 {
		return r, n, true
	}
	low, high, long := byte(0x80), byte(0xBF), 0
	switch b := s[0]; {
	case b >= 0xC2 && b <= 0xDF:
		long = 2
	case b >= 0xE0 && b <= 0xEF:
		long = 3
	case b >= 0xF0 && b <= 0xF4:
		long = 4
	}
	switch s[0] {
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	n = 1
	if long > 2 && len(s) > 1 && s[1] >= low && s[1] <= high {
		if n = 2; long > 3 && len(s) > 2 && follows(s[2]) {
			n = 3
		}
	}
	return utf8.RuneError, n, false
}

// buildDecode decodes strings into the numbers of their characters, a row for each,
// with or without the places where they begin.
func buildDecode(offsets bool) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		if err := readsUTF8(n); err != nil {
			return nil, err
		}
		p, err := policyOf(n)
		if err != nil {
			return nil, err
		}
		splits, err := op.TypeOr(n, "Tsplits", lockstep.Int64)
		if err != nil {
			return nil, err
		}
		// With int32, TensorFlow's kernel of the places ends the process.
		if splits != lockstep.Int64 && (splits != lockstep.Int32 || offsets) {
			return nil, op.NotSupported("Tsplits", splits)
		}
		return func(w *op.Call, in []value.Value) ([]value.Value, error) {
			_, d, err := op.Operands[string](in, 1)
			if err != nil {
				return nil, err
			}
			made, err := decode(d[0], p)
			if err != nil {
				return nil, err
			}
			return made.results(splits, offsets)
		}, nil
	}
}

// decoded are the characters of strings.
type decoded struct {
	characters  []int32
	starts, end []int
}

func decode(texts []string, p policy) (*decoded, error) {
	total := 0
	for _, s := range texts {
		total += len(s)
	}
	if err := memory.Fits(total+len(texts), 4*value.WordBytes); err != nil {
		return nil, fmt.Errorf("the characters of %d bytes: %w", total, err)
	}
	out := &decoded{end: []int{0}}
	for _, s := range texts {
		for at := 0; at < len(s); {
			r, n, ok := next(s[at:])
			if !ok && p.strict {
				return nil, errNoText
			}
			replaced := p.replaces(r, ok)
			if replaced {
				r = p.by
			}
			if !replaced || !p.ignore {
				out.characters, out.starts = append(out.characters, r), append(out.starts, at)
			}
			at += n
		}
		out.end = append(out.end, len(out.characters))
	}
	return out, nil
}

func (d *decoded) results(splits lockstep.DType, offsets bool) ([]value.Value, error) {
	ends, err := value.IntTensor(d.end, splits, len(d.end))
	if err != nil {
		return nil, err
	}
	characters, err := lockstep.New(d.characters, len(d.characters))
	if err != nil || !offsets {
		return []value.Value{{Tensor: ends}, {Tensor: characters}}, err
	}
	starts, err := value.IntTensor(d.starts, lockstep.Int64, len(d.starts))
	return []value.Value{{Tensor: ends}, {Tensor: characters}, {Tensor: starts}}, err
}

// encoder appends a character in some encoding.
type encoder func(to []byte, r rune) []byte

func encoderOf(n *savedmodel.Node) (encoder, error) {
	switch e := n.AttrString("output_encoding"); e {
	case "UTF-8":
		return utf8.AppendRune, nil
	case "UTF-16-BE":
		return func(to []byte, r rune) []byte {
			for _, u := range utf16.AppendRune(nil, r) {
				to = binary.BigEndian.AppendUint16(to, u)
			}
			return to
		}, nil
	case "UTF-32-BE":
		return func(to []byte, r rune) []byte { return binary.BigEndian.AppendUint32(to, uint32(r)) }, nil
	default:
		return nil, op.NotSupported("output_encoding", e)
	}
}

// buildEncode makes a string of each row of a ragged list of characters.
func buildEncode(n *savedmodel.Node) (op.Exec, error) {
	encode, err := encoderOf(n)
	if err != nil {
		return nil, err
	}
	p, err := policyOf(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		_, characters, err := op.Operand[int32](in, 0)
		if err != nil {
			return nil, err
		}
		ends, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the splits: %w", err)
		}
		if t[1].Rank() != 1 || len(ends) == 0 {
			return nil, fmt.Errorf("the splits are %s, want a list of one at least", t[1])
		}
		if err := checkSplits(ends, len(characters)); err != nil {
			return nil, err
		}
		out, err := newList(len(ends) - 1)
		if err != nil {
			return nil, err
		}
		var made []byte
		for i := 1; i < len(ends); i++ {
			if err := out.allow(4 * (ends[i] - ends[i-1])); err != nil {
				return nil, err
			}
			made = made[:0]
			for _, r := range characters[ends[i-1]:ends[i]] {
				if !utf8.ValidRune(r) {
					if p.strict {
						return nil, fmt.Errorf("%d is no character", r)
					}
					if p.ignore {
						continue
					}
					r = p.by
				}
				made = encode(made, r)
			}
			out.add(string(made))
		}
		return w.One(out.tensor(len(ends) - 1))
	}, nil
}

// buildTranscode writes strings in another encoding.
func buildTranscode(n *savedmodel.Node) (op.Exec, error) {
	if err := readsUTF8(n); err != nil {
		return nil, err
	}
	p, err := policyOf(n)
	if err != nil {
		return nil, err
	}
	encode, err := encoderOf(n)
	if err != nil {
		return nil, err
	}
	return mapped(4, func(s string) (string, error) {
		var made []byte
		for len(s) > 0 {
			r, n, ok := next(s)
			s = s[n:]
			if p.replaces(r, ok) {
				if p.strict {
					return "", errNoText
				}
				if p.ignore {
					continue
				}
				r = p.by
			}
			made = encode(made, r)
		}
		return string(made), nil
	}), nil
}
