package npz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

const (
	npyMagic       = "\x93NUMPY"
	maxHeaderBytes = 1 << 20 // numpy's own are some 120 bytes
)

// The names that numpy gives to element types, without the byte order. A
// bfloat16, which numpy has not, is what ml_dtypes' arrays are saved as.
var descrs = map[string]lockstep.DType{
	"f4": lockstep.Float32, "f8": lockstep.Float64, "f2": lockstep.Float16, "V2": lockstep.BFloat16,
	"i4": lockstep.Int32, "i8": lockstep.Int64, "b1": lockstep.Bool,
}

var (
	descrKey   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([<>|=]?)([A-Za-z])(\d*)['"]`)
	fortranKey = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapeKey   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([\d\s,L]*)\)`)
)

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
		return h, errors.New("it is no numpy array")
	}
	length, wide := 0, start[6] > 1
	var number [4]byte
	if _, err := io.ReadFull(r, number[:2]); err != nil {
		return h, errors.New("the header is cut short")
	}
	if wide {
		if _, err := io.ReadFull(r, number[2:]); err != nil {
			return h, errors.New("the header is cut short")
		}
	}
	if start[6] < 1 || start[6] > 3 {
		return h, fmt.Errorf("its format has the version %d, want 1, 2 or 3", start[6])
	}
	if n := binary.LittleEndian.Uint32(number[:]); n > maxHeaderBytes {
		return h, fmt.Errorf("a header of %d bytes, want at most %d", n, maxHeaderBytes)
	} else {
		length = int(n)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, errors.New("the header is cut short")
	}
	return h, h.parse(string(text))
}

func (h *header) parse(text string) error {
	descr, fortran, shape := descrKey.FindStringSubmatch(text), fortranKey.FindStringSubmatch(text), shapeKey.FindStringSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return fmt.Errorf("an array of records, or a header that is no dictionary of descr, fortran_order and shape: %.200q", text)
	}
	h.order, h.kind, h.fortran = descr[1], descr[2], fortran[1] == "True"
	if h.size, _ = strconv.Atoi(descr[3]); len(descr[3]) > 6 {
		return fmt.Errorf("elements of %s bytes", descr[3])
	}
	h.shape = []int{}
	for _, axis := range strings.Split(shape[1], ",") {
		if axis = strings.Trim(axis, " \tL"); axis == "" {
			continue
		}
		d, err := strconv.Atoi(axis)
		if err != nil {
			return fmt.Errorf("the shape (%s) is unreadable", shape[1])
		}
		h.shape = append(h.shape, d)
	}
	return nil
}

// readNPY reads an .npy file of at most limit bytes of elements.
func readNPY(r io.Reader, limit int64) (*lockstep.Tensor, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	n, err := lockstep.NumElements(h.shape)
	if err != nil {
		return nil, err
	}
	dtype, ok := descrs[h.kind+strconv.Itoa(h.size)]
	each := h.size
	switch {
	case ok:
	case h.kind == "U":
		dtype, each = lockstep.String, 4*h.size
	case h.kind == "S":
		dtype = lockstep.String
	case h.kind == "O":
		return nil, errors.New("it holds Python objects: save an array of numbers")
	default:
		return nil, fmt.Errorf("its elements have numpy's type %s%d, which is not supported: convert them, as with x.astype(\"float32\")", h.kind, h.size)
	}
	if each > 0 && int64(n) > limit/int64(each) {
		return nil, fmt.Errorf("%d elements of %d bytes are more than the %d bytes that a file may hold", n, each, limit)
	}
	if each == 0 && n > 1<<20 {
		return nil, fmt.Errorf("%d empty strings, want at most %d", n, 1<<20)
	}
	// The size is only a claim: what is read decides how much memory is taken.
	var b bytes.Buffer
	want := int64(n) * int64(each)
	if got, err := io.Copy(&b, io.LimitReader(r, want)); err != nil {
		return nil, err
	} else if got != want {
		return nil, fmt.Errorf("it is cut short: %d bytes of elements, want %d for shape %s", got, want, lockstep.FormatShape(h.shape))
	}
	if extra, _ := io.ReadFull(r, make([]byte, 1)); extra > 0 {
		return nil, fmt.Errorf("more bytes follow than the shape %s has elements", lockstep.FormatShape(h.shape))
	}
	data := b.Bytes()
	if h.fortran && len(h.shape) > 1 {
		data = fromFortran(data, h.shape, each)
	}
	if h.order == ">" {
		swap(data, max(1, each/max(1, lengthOf(h))))
	}
	if dtype == lockstep.String {
		return readText(data, h, n, each)
	}
	return raw.Decode(dtype, h.shape, data)
}

// lengthOf is how many numbers an element is made of: characters in a text.
func lengthOf(h header) int {
	if h.kind == "U" {
		return h.size
	}
	return 1
}

func swap(data []byte, size int) {
	for i := 0; i+size <= len(data); i += size {
		slices.Reverse(data[i : i+size])
	}
}

// fromFortran puts elements whose first axis runs fastest into row-major order.
func fromFortran(data []byte, shape []int, each int) []byte {
	out := make([]byte, 0, len(data))
	strides := make([]int, len(shape))
	for i, stride := 0, each; i < len(shape); i++ {
		strides[i], stride = stride, stride*shape[i]
	}
	index := make([]int, len(shape))
	for at := 0; len(out) < len(data); {
		out = append(out, data[at:at+each]...)
		for axis := len(shape) - 1; axis >= 0; axis-- {
			index[axis]++
			at += strides[axis]
			if index[axis] < shape[axis] {
				break
			}
			at -= strides[axis] * index[axis]
			index[axis] = 0
		}
	}
	return out
}

// readText reads strings of fixed length, padded with zeros: bytes, or
// characters of four bytes.
func readText(data []byte, h header, n, each int) (*lockstep.Tensor, error) {
	out := make([]string, n)
	for i := range out {
		element := data[i*each : (i+1)*each]
		if h.kind == "S" {
			out[i] = strings.TrimRight(string(element), "\x00")
			continue
		}
		var s strings.Builder
		for j := 0; j < len(element); j += 4 {
			c := binary.LittleEndian.Uint32(element[j:])
			if c > utf8.MaxRune {
				return nil, fmt.Errorf("%#x is no character", c)
			}
			s.WriteRune(rune(c))
		}
		out[i] = strings.TrimRight(s.String(), "\x00")
	}
	return lockstep.New(out, h.shape...)
}

// writeNPY writes a version 1.0 file, as numpy.save does.
func writeNPY(w io.Writer, t *lockstep.Tensor) error {
	if t == nil {
		return errors.New("no tensor")
	}
	descr, data, err := elements(t)
	if err != nil {
		return err
	}
	shape := make([]string, len(t.Shape()))
	for i, d := range t.Shape() {
		shape[i] = strconv.Itoa(d)
	}
	comma := ""
	if len(shape) == 1 {
		comma = ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }", descr, strings.Join(shape, ", "), comma)
	// The elements begin at a multiple of 64 bytes, after a line end.
	pad := 64 - (len(npyMagic)+4+len(text)+1)%64
	text += strings.Repeat(" ", pad%64) + "\n"
	head := append([]byte(npyMagic+"\x01\x00"), byte(len(text)), byte(len(text)>>8))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func elements(t *lockstep.Tensor) (descr string, data []byte, err error) {
	if t.DType() == lockstep.String {
		return encodeText(t)
	}
	for name, dtype := range descrs {
		if dtype != t.DType() {
			continue
		}
		order := "<"
		if dtype == lockstep.Bool {
			order = "|"
		}
		data, err = raw.Encode(t)
		return order + name, data, err
	}
	return "", nil, fmt.Errorf("numpy has no type for %s", t.DType())
}

func encodeText(t *lockstep.Tensor) (descr string, data []byte, err error) {
	list, err := lockstep.Data[string](t)
	if err != nil {
		return "", nil, err
	}
	length := 1
	for _, s := range list {
		if !utf8.ValidString(s) {
			return "", nil, fmt.Errorf("%.40q is no text in UTF-8, which numpy's strings are made of", s)
		}
		length = max(length, utf8.RuneCountInString(s))
	}
	for _, s := range list {
		n := 0
		for _, c := range s {
			data = binary.LittleEndian.AppendUint32(data, uint32(c))
			n++
		}
		data = append(data, make([]byte, 4*(length-n))...)
	}
	return fmt.Sprintf("<U%d", length), data, nil
}
