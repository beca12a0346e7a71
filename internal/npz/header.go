package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

const (
	npyMagic       = "\x93NUMPY"
	maxHeaderBytes = 1 << 20 // numpy's own are some 120 bytes
	headerAlign    = 64      // the elements begin at a multiple of it
	// numpy leaves room in the header for the first axis to grow to this many
	// digits, so that an array can be appended to in its file.
	growthDigits = 21
)

// header says what the elements of an .npy file are.
type header struct {
	order   string // of the bytes: "<", ">", "|"
	kind    string // the type's letter
	size    int    // and its number
	fortran bool   // the first axis runs fastest
	shape   []int
}

// readHeader reads the head of an .npy file, to where the elements begin.
func readHeader(r io.Reader) (header, error) {
	var h header
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != npyMagic {
		return h, errors.New("it is not a numpy array")
	}
	version := start[6]
	if version < 1 || version > 3 || start[7] != 0 {
		return h, fmt.Errorf("its format has the version %d.%d, want 1.0, 2.0 or 3.0", version, start[7])
	}
	var number [4]byte // the length, in version 1 of two bytes
	width := 4
	if version == 1 {
		width = 2
	}
	if _, err := io.ReadFull(r, number[:width]); err != nil {
		return h, errors.New("the header is cut short")
	}
	length := binary.LittleEndian.Uint32(number[:])
	if length > maxHeaderBytes {
		return h, fmt.Errorf("a header of %d bytes, want at most %d", length, maxHeaderBytes)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, errors.New("the header is cut short")
	}
	if err := h.parse(string(text)); err != nil {
		return h, fmt.Errorf("the header %.200q: %w", strings.TrimRight(string(text), " \n"), err)
	}
	return h, nil
}

// parse reads the header's text, a Python dictionary of descr, fortran_order
// and shape in any order. Nothing is skipped: a misread header gives wrong
// numbers, not an error.
func (h *header) parse(text string) error {
	text, ended := strings.CutSuffix(text, "\n")
	p := parser{rest: text}
	if !ended || !p.take("{") {
		return errors.New("it is not a dictionary in one line")
	}
	seen := map[string]bool{}
	for !p.take("}") {
		key, ok := p.quoted()
		if !ok || !p.take(":") {
			return errors.New("a key is unreadable")
		}
		if seen[key] {
			return fmt.Errorf("two values of %s", key)
		}
		seen[key] = true
		if err := h.value(key, &p); err != nil {
			return err
		}
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return fmt.Errorf("the value of %s does not end", key)
		}
	}
	if p.rest != "" {
		return errors.New("something follows the dictionary")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return fmt.Errorf("it has no %s", key)
		}
	}
	return nil
}

var descrText = regexp.MustCompile(`^([<>|=]?)([A-Za-z])(\d{0,6})$`)

func (h *header) value(key string, p *parser) error {
	switch key {
	case "descr":
		descr, ok := p.quoted()
		if !ok {
			return errors.New("an array of records, which is not supported")
		}
		m := descrText.FindStringSubmatch(descr)
		if m == nil {
			return fmt.Errorf("the type %q is not supported", descr)
		}
		h.order, h.kind = m[1], m[2]
		h.size, _ = strconv.Atoi(m[3]) // "" for Python objects
	case "fortran_order":
		if h.fortran = p.take("True"); !h.fortran && !p.take("False") {
			return errors.New("fortran_order is neither True nor False")
		}
	case "shape":
		var ok bool
		if h.shape, ok = p.tuple(); !ok {
			return errors.New("its shape is not a tuple of lengths")
		}
	default:
		return fmt.Errorf("it has a %q, which no array has", key)
	}
	return nil
}

// parser reads the little of Python that a header is written in.
type parser struct{ rest string }

// take skips a token and the spaces after it, if it is next.
func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

// quoted reads a string without escapes.
func (p *parser) quoted() (string, bool) {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", false
	}
	s, _, ok := strings.Cut(p.rest[1:], p.rest[:1])
	return s, ok && !strings.Contains(s, `\`) && p.take(p.rest[:len(s)+2])
}

// tuple reads lengths: (), (3,), (2, 3). Python 2 wrote 3L.
func (p *parser) tuple() ([]int, bool) {
	if !p.take("(") {
		return nil, false
	}
	shape, comma := []int{}, true
	for !p.take(")") {
		digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
		d, err := strconv.Atoi(digits)
		if err != nil || !comma || !p.take(digits) {
			return nil, false
		}
		p.take("L")
		comma = p.take(",")
		shape = append(shape, d)
	}
	return shape, comma || len(shape) > 1
}

// headerBytes writes a version 1.0 header as numpy does.
func headerBytes(descr string, shape []int) ([]byte, error) {
	axes := make([]string, len(shape))
	for i, d := range shape {
		axes[i] = strconv.Itoa(d)
	}
	comma := ""
	if len(shape) == 1 {
		comma = ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }", descr, strings.Join(axes, ", "), comma)
	if len(shape) > 0 {
		text += strings.Repeat(" ", growthDigits-len(axes[0]))
	}
	text += strings.Repeat(" ", headerAlign-(len(npyMagic)+4+len(text)+1)%headerAlign) + "\n"
	if len(text) > 1<<16-1 {
		return nil, fmt.Errorf("a shape of %d axes is more than the header holds", len(shape))
	}
	head := append([]byte(npyMagic+"\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(head, text...), nil
}
