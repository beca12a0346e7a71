package npz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// numpy's names of element types, without the byte order. For bfloat16, which
// numpy lacks, it is how ml_dtypes' arrays are saved.
var descrs = map[string]lockstep.DType{
	"f4": lockstep.Float32, "f8": lockstep.Float64, "f2": lockstep.Float16, "V2": lockstep.BFloat16,
	"i1": lockstep.Int8, "i2": lockstep.Int16, "i4": lockstep.Int32, "i8": lockstep.Int64,
	"u1": lockstep.Uint8, "u2": lockstep.Uint16, "u4": lockstep.Uint32, "u8": lockstep.Uint64, "b1": lockstep.Bool,
	"c8": lockstep.Complex64, "c16": lockstep.Complex128,
}

// stringBytes is the size of a string besides its characters.
const stringBytes = 16

// elementType returns the type of a header's elements, the bytes of each in the
// file, the bytes of one number, whose order may be reversed, and the bytes of
// an element in memory.
func (h header) elementType() (dtype lockstep.DType, each, number, memory int, err error) {
	if dtype, ok := descrs[h.kind+strconv.Itoa(h.size)]; ok {
		if dtype.IsComplex() { // each part is a number
			return dtype, h.size, h.size / 2, h.size, nil
		}
		return dtype, h.size, h.size, h.size, nil
	}
	switch h.kind {
	case "U":
		return lockstep.String, 4 * h.size, 4, 4*h.size + stringBytes, nil
	case "S":
		return lockstep.String, h.size, 1, h.size + stringBytes, nil
	case "O":
		return 0, 0, 0, 0, errors.New("it holds Python objects: save an array of numbers")
	}
	return 0, 0, 0, 0, fmt.Errorf("its elements have numpy's type %s%d, which is not supported: convert them, as with x.astype(\"float32\")", h.kind, h.size)
}

// readNPY reads an .npy file whose elements have at most limit bytes, and
// returns how many they have.
func readNPY(r io.Reader, limit int64) (t *lockstep.Tensor, used int64, err error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, 0, err
	}
	n, err := lockstep.NumElements(h.shape)
	if err != nil {
		return nil, 0, err
	}
	dtype, each, number, memory, err := h.elementType()
	if err != nil {
		return nil, 0, err
	}
	if int64(n) > limit/int64(memory) {
		return nil, 0, fmt.Errorf("%d elements of %d bytes are more than the %d bytes that are left of what a file may unpack to, its own size or 1 GiB, and at most half of the memory budget (--memory)", n, memory, limit)
	}
	if each == 0 && n > 1<<20 {
		return nil, 0, fmt.Errorf("%d empty strings, want at most %d: they take no space in the file", n, 1<<20)
	}
	// The size is only a claim: memory is allocated as data is read.
	var b bytes.Buffer
	want := int64(n) * int64(each)
	if got, err := io.Copy(&b, io.LimitReader(r, want)); err != nil {
		return nil, 0, err
	} else if got != want {
		return nil, 0, fmt.Errorf("it is cut short: %d bytes of elements, want %d for shape %s", got, want, lockstep.FormatShape(h.shape))
	}
	// The checksum of an archive's entry is checked at its end.
	if extra, err := io.ReadFull(r, make([]byte, 1)); extra > 0 {
		return nil, 0, fmt.Errorf("more bytes follow than the shape %s has elements", lockstep.FormatShape(h.shape))
	} else if err != io.EOF {
		return nil, 0, err
	}
	data := b.Bytes()
	if h.fortran && len(h.shape) > 1 {
		data = fromFortran(data, h.shape, each)
	}
	if h.order == ">" {
		swap(data, number)
	}
	if dtype == lockstep.String {
		t, err = readText(data, h, n, each)
	} else {
		t, err = raw.Decode(dtype, h.shape, data)
	}
	return t, int64(n) * int64(memory), err
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
			if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
				return nil, fmt.Errorf("%#x is no character", c)
			}
			s.WriteRune(rune(c))
		}
		out[i] = strings.TrimRight(s.String(), "\x00")
	}
	return lockstep.New(out, h.shape...)
}

// writeNPY writes what numpy.save writes of the tensor, byte for byte.
func writeNPY(w io.Writer, t *lockstep.Tensor) error {
	if t == nil {
		return errors.New("no tensor")
	}
	descr, data, err := elements(t)
	if err != nil {
		return err
	}
	head, err := headerBytes(descr, t.Shape())
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
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
		if dtype.Size() == 1 { // whose bytes have no order
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
		if strings.HasSuffix(s, "\x00") {
			return "", nil, fmt.Errorf("%.40q ends in a zero character, which numpy reads as padding", s)
		}
		length = max(length, utf8.RuneCountInString(s))
	}
	// Every string is stored with the length of the longest.
	if len(list) > 0 && length > maxBytes/4/len(list) {
		return "", nil, fmt.Errorf("%d strings of up to %d characters are more than %d bytes as numpy stores them", len(list), length, maxBytes)
	}
	data = make([]byte, 0, 4*length*len(list))
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
