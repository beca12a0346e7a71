package raw

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/lockstep-go/lockstep"
)

// some is a tensor of n elements of a type, of arbitrary bits.
func some(t *testing.T, d lockstep.DType, n int) (*lockstep.Tensor, []byte) {
	t.Helper()
	b := make([]byte, n*d.Size())
	for i := range b {
		b[i] = byte(i*7 + i/250)
		if d == lockstep.Bool {
			b[i] &= 1
		}
	}
	x, err := Decode(d, []int{n}, b)
	if err != nil {
		t.Fatal(err)
	}
	return x, b
}

// Tensors of all types and of more than a portion have the bytes that Encode gives,
// however they are read and written.
func TestStreams(t *testing.T) {
	for _, d := range lockstep.DTypes() {
		if d == lockstep.String {
			continue
		}
		for _, n := range []int{0, 1, 3, portion / d.Size(), portion/d.Size() + 1, 2*portion/d.Size() + 5} {
			x, want := some(t, d, n)
			var wrote bytes.Buffer
			if err := Write(&wrote, x); err != nil || !bytes.Equal(wrote.Bytes(), want) {
				t.Fatalf("Write of %s: %v, or other bytes", x, err)
			}
			for name, r := range map[string]io.Reader{"at once": NewReader(x), "byte by byte": iotest.OneByteReader(NewReader(x)), "halves": iotest.HalfReader(NewReader(x))} {
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("reading %s %s: %v, or other bytes", x, name, err)
				}
			}
			r := bytes.NewReader(append(want, 1, 2, 3))
			back, err := Read(iotest.HalfReader(r), d, x.Shape())
			if err != nil || !back.BitEqual(x) || r.Len() != 3 {
				t.Fatalf("Read of %s: %v, or another tensor; %d bytes are left", x, err, r.Len())
			}
		}
	}
}

func TestStreamsRefuse(t *testing.T) {
	x, b := some(t, lockstep.Float32, 9)
	if _, err := Read(bytes.NewReader(b[:35]), lockstep.Float32, x.Shape()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too few bytes: %v", err)
	}
	if _, err := Read(bytes.NewReader(b), lockstep.String, []int{1}); err == nil {
		t.Error("strings were read")
	}
	if _, err := Read(bytes.NewReader(b), lockstep.Float32, []int{-1}); err == nil {
		t.Error("a negative shape was read")
	}
	texts, err := lockstep.New([]string{"a"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(io.Discard, texts); err == nil {
		t.Error("strings were written")
	}
}
