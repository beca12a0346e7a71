package savedmodel

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Partitioned variables: a checkpoint has a tensor in slices, each under a key of
// its own, and a graph of TensorFlow 1 has a variable for each slice, which may be
// another one (tensorflow/core/util/tensor_slice_util.h, tensor_bundle/naming.h).

// extent is a range of an axis.
type extent struct{ start, length int }

// maxSliceAxes bounds the axes of a slice; TensorFlow's tensors have at most so many.
const maxSliceAxes = 254

// readSlice reads what RestoreV2 is told of a part of a tensor: the lengths of all
// axes, and of each axis which part, as in "10 4 0,5:-".
func readSlice(s string) ([]extent, error) {
	bad := func() ([]extent, error) {
		return nil, fmt.Errorf("the slice %.200q is not one of a tensor", s)
	}
	fields := strings.Split(s, " ")
	shape, spec := fields[:len(fields)-1], strings.Split(fields[len(fields)-1], ":")
	if len(shape) == 0 || len(shape) != len(spec) || len(shape) > maxSliceAxes {
		return bad()
	}
	var out []extent
	for i, axis := range spec {
		size, err := strconv.ParseInt(shape[i], 10, 32)
		if err != nil || size < 0 {
			return bad()
		}
		e := extent{0, int(size)}
		if axis != "-" {
			start, length, _ := strings.Cut(axis, ",")
			from, err := strconv.ParseInt(start, 10, 32)
			n, errLength := strconv.ParseInt(length, 10, 32)
			if err != nil || errLength != nil || from < 0 || n < 1 || n > size-from {
				return bad()
			}
			e = extent{int(from), int(n)}
		}
		out = append(out, e)
	}
	return out, nil
}

// inside tells whether a tensor of a shape has a part.
func inside(part []extent, shape []int) bool {
	if len(part) != len(shape) {
		return false
	}
	for i, e := range part {
		if e.start < 0 || e.length < 0 || e.start > shape[i] || e.length > shape[i]-e.start {
			return false
		}
	}
	return true
}

// lengthsOf is the shape of a part.
func lengthsOf(part []extent) []int {
	out := make([]int, len(part))
	for i, e := range part {
		out[i] = e.length
	}
	return out
}

// readPart reads a variable that is a part of an entry, or of which the entry is in
// slices.
func (b *bundle) readPart(v *Variable, key string, e *tfpb.BundleEntryProto) (*lockstep.Tensor, error) {
	fail := func(err error) (*lockstep.Tensor, error) {
		return nil, fmt.Errorf("savedmodel: %s: checkpoint entry %q of variable %q: %w", b.model, key, v.Name, err)
	}
	shape, _ := readTensorShape(e.GetShape())
	want := v.part
	if want == nil {
		want = whole(shape)
	}
	dtype, err := readDType(e.GetDtype())
	if err != nil {
		return fail(err)
	}
	if dtype == lockstep.String {
		return fail(fmt.Errorf("it is a part of a tensor of strings, which is not supported"))
	}
	n, err := lockstep.NumElements(lengthsOf(want))
	if err != nil {
		return fail(err)
	}
	if err := fits(int64(n) * int64(dtype.Size()+1)); err != nil {
		return fail(err)
	}
	j := &joining{want: want, size: dtype.Size(), out: make([]byte, n*dtype.Size()), filled: make([]bool, n)}
	if len(e.GetSlices()) == 0 {
		t, err := b.read(key, e)
		if err == nil {
			err = j.add(t, whole(shape))
		}
		if err != nil {
			return fail(err)
		}
	}
	for _, s := range e.GetSlices() {
		if err := b.joinSlice(j, key, e, s, shape); err != nil {
			return fail(err)
		}
	}
	if i := slices.Index(j.filled, false); i >= 0 {
		return fail(lockstep.Damaged(fmt.Errorf("no slice of the checkpoint has its element %d", i)))
	}
	t, err := raw.Decode(dtype, lengthsOf(want), j.out)
	if err != nil {
		return fail(err)
	}
	return t, nil
}

// joinSlice adds a slice of an entry, if it has a part of what is wanted.
func (b *bundle) joinSlice(j *joining, name string, of *tfpb.BundleEntryProto, s *tfpb.TensorSliceProto, shape []int) error {
	if len(s.GetExtent()) != len(shape) {
		return lockstep.Damaged(fmt.Errorf("a slice of %d axes of a tensor of %d", len(s.GetExtent()), len(shape)))
	}
	part := whole(shape)
	for i, e := range s.GetExtent() {
		if _, some := e.GetHasLength().(*tfpb.TensorSliceProto_Extent_Length); some {
			start, length := e.GetStart(), e.GetLength()
			if start < 0 || length < 0 || start > int64(shape[i]) || length > int64(shape[i])-start {
				return lockstep.Damaged(fmt.Errorf("a slice of %d from %d along axis %d of %s", length, start, i, lockstep.FormatShape(shape)))
			}
			part[i] = extent{int(start), int(length)}
		}
	}
	if _, _, some := j.common(part); !some {
		return nil
	}
	key := sliceKey(name, s)
	encoded, ok := b.entries[key]
	if !ok {
		return lockstep.Damaged(fmt.Errorf("the checkpoint does not have the slice %v that it lists", part))
	}
	e, err := parseEntry(encoded)
	if err != nil {
		return err
	}
	has, known := readTensorShape(e.GetShape())
	if !known || e.GetDtype() != of.GetDtype() || !inside(part, shape) || lockstep.FormatShape(has) != lockstep.FormatShape(lengthsOf(part)) || len(e.GetSlices()) > 0 {
		return lockstep.Damaged(fmt.Errorf("the slice %v is %s %s", part, typeName(e.GetDtype()), lockstep.FormatShape(has)))
	}
	t, err := b.read(name+", slice "+fmt.Sprint(part), e)
	if err != nil {
		return err
	}
	return j.add(t, part)
}

func whole(shape []int) []extent {
	out := make([]extent, len(shape))
	for i, n := range shape {
		out[i] = extent{0, n}
	}
	return out
}

// joining puts a part of a tensor together from slices.
type joining struct {
	want   []extent
	size   int // of an element
	out    []byte
	filled []bool
}

// common returns what a slice has of what is wanted, as ranges of both.
func (j *joining) common(part []extent) (of, to []extent, some bool) {
	for i, w := range j.want {
		from, end := max(w.start, part[i].start), min(w.start+w.length, part[i].start+part[i].length)
		if end <= from {
			return nil, nil, false
		}
		of, to = append(of, extent{from - part[i].start, end - from}), append(to, extent{from - w.start, end - from})
	}
	return of, to, true
}

// add copies what a slice has.
func (j *joining) add(t *lockstep.Tensor, part []extent) error {
	of, to, some := j.common(part)
	if !some {
		return nil
	}
	b, err := raw.Encode(t)
	if err != nil {
		return err
	}
	source, target := lengthsOf(part), lengthsOf(j.want)
	var copyFrom func(axis, from, at int)
	copyFrom = func(axis, from, at int) {
		if axis == len(of) {
			copy(j.out[at*j.size:(at+1)*j.size], b[from*j.size:])
			j.filled[at] = true
			return
		}
		for i := range of[axis].length {
			copyFrom(axis+1, from*source[axis]+of[axis].start+i, at*target[axis]+to[axis].start+i)
		}
	}
	copyFrom(0, 0, 0)
	return nil
}

// sliceKey is the key of a slice: its name and its ranges in an encoding whose order
// is theirs (EncodeTensorNameSlice; tsl/lib/strings/ordered_code.cc).
func sliceKey(name string, s *tfpb.TensorSliceProto) string {
	b := appendNumber(nil, 0)
	b = append(b, strings.NewReplacer("\x00", "\x00\xff", "\xff", "\xff\x00").Replace(name)...)
	b = append(b, 0, 1)
	b = appendNumber(b, uint64(len(s.GetExtent())))
	for _, e := range s.GetExtent() {
		length := int64(-1) // all of the axis
		if _, some := e.GetHasLength().(*tfpb.TensorSliceProto_Extent_Length); some {
			length = e.GetLength()
		}
		b = appendSigned(appendSigned(b, e.GetStart()), length)
	}
	return string(b)
}

// appendNumber is OrderedCode::WriteNumIncreasing: how many bytes, then these.
func appendNumber(b []byte, n uint64) []byte {
	bytes := (bits.Len64(n) + 7) / 8
	b = append(b, byte(bytes))
	return append(b, binary.BigEndian.AppendUint64(nil, n)[8-bytes:]...)
}

// appendSigned is OrderedCode::WriteSignedNumIncreasing: as many bits set at the
// beginning as there are bytes, those of a negative number flipped.
func appendSigned(b []byte, n int64) []byte {
	x := uint64(n)
	if n < 0 {
		x = ^x
	}
	length := bits.Len64(x)/7 + 1
	var sign byte
	if n < 0 {
		sign = 0xff
	}
	all := append([]byte{sign, sign}, binary.BigEndian.AppendUint64(nil, uint64(n))...)
	code := all[len(all)-length:]
	for i := range length {
		code[i/8] ^= 0x80 >> (i % 8)
	}
	return append(b, code...)
}
