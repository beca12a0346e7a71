package npz

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func rowTensors(t *testing.T, rows int) []lockstep.NamedTensor {
	t.Helper()
	a, err := lockstep.Zeros(lockstep.Float32, rows, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := lockstep.Data[float32](a)
	for i := range d {
		d[i] = float32(i) / 7
	}
	b, err := lockstep.Zeros(lockstep.Int64, rows)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := lockstep.Data[int64](b)
	for i := range n {
		n[i] = int64(i * i)
	}
	return []lockstep.NamedTensor{{Name: "a/x", Tensor: a}, {Name: "b", Tensor: b}}
}

// Rows that are read some at a time and written some at a time make the file that is
// written as a whole.
func TestRowsAreTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, rows := range []int{1, 7, 20_000} {
		for i, write := range []func(f *os.File, all []lockstep.NamedTensor) error{
			func(f *os.File, all []lockstep.NamedTensor) error { return Write(f, all) },
			func(f *os.File, all []lockstep.NamedTensor) error { return WriteCompressed(f, all) },
		} {
			all := rowTensors(t, rows)
			from, to := filepath.Join(dir, "in.npz"), filepath.Join(dir, "out.npz")
			f, err := os.Create(from)
			if err == nil {
				err = write(f, all)
			}
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := OpenRows(from)
			if err != nil {
				t.Fatal(err)
			}
			if r.Rows != rows || r.RowBytes() != 4*6+8 {
				t.Errorf("%d rows of %d bytes, want %d of 32", r.Rows, r.RowBytes(), rows)
			}
			err = WriteRows(to, func(put func([]lockstep.NamedTensor) error) error {
				for {
					part, err := r.Next(3000)
					if err != nil || part == nil {
						return err
					}
					if err := put(part); err != nil {
						return err
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := Write(&want, all); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%d rows, case %d: another file", rows, i)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file that is damaged or cut short is an error, whether at its end or before.
func TestDamagedRows(t *testing.T) {
	var whole bytes.Buffer
	if err := Write(&whole, rowTensors(t, 50)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in.npz")
	read := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenRows(path)
		if err != nil {
			return err
		}
		defer r.Close()
		for {
			if part, err := r.Next(7); err != nil || part == nil {
				return err
			}
		}
	}
	if err := read(whole.Bytes()); err != nil {
		t.Fatal(err)
	}
	for at := range whole.Len() {
		b := bytes.Clone(whole.Bytes())
		b[at] ^= 0x10
		read(b) // no panic
		if at >= 200 && at < 400 && read(b) == nil {
			t.Errorf("byte %d of the elements was changed: no error", at)
		}
		read(b[:at])
	}
	for name, tensors := range map[string][]lockstep.NamedTensor{
		"other rows": {rowTensors(t, 3)[0], rowTensors(t, 4)[1]},
		"no rows":    {rowTensors(t, 0)[0]},
	} {
		var b bytes.Buffer
		if err := Write(&b, tensors); err != nil {
			t.Fatal(err)
		}
		if err := read(b.Bytes()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Rows of other shapes or names do not follow.
func TestWriteRowsRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.npz")
	first := rowTensors(t, 2)
	for name, second := range map[string][]lockstep.NamedTensor{
		"fewer":      first[:1],
		"other name": {{Name: "c", Tensor: first[0].Tensor}, first[1]},
		"other row":  {{Name: "a/x", Tensor: first[1].Tensor}, first[1]},
	} {
		err := WriteRows(path, func(put func([]lockstep.NamedTensor) error) error {
			if err := put(first); err != nil {
				t.Fatal(err)
			}
			return put(second)
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file of a part is there", name)
		}
	}
}
