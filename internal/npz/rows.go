package npz

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/atomicfile"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// RowReader reads the rows of an .npz's tensors, all of which have as many, some at a
// time.
type RowReader struct {
	Rows    int // that the tensors have
	file    io.Closer
	entries []rowEntry
	at      int
}

type rowEntry struct {
	name  string
	r     io.ReadCloser
	dtype lockstep.DType
	row   []int // its shape
}

// errNotByRows is the error for a file that ReadFile may read, and a RowReader does not.
var errNotByRows = errors.New("its tensors are not read by rows")

// OpenRows opens an .npz. It refuses arrays of strings, of reversed bytes or in Fortran's
// order, and those that differ in the length of their first axis.
func OpenRows(path string) (*RowReader, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	r := &RowReader{file: f}
	info, err := f.Stat()
	if err == nil {
		err = r.open(f, info.Size())
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("npz: %s: %w", path, err)
	}
	return r, nil
}

func (r *RowReader) open(f io.ReaderAt, size int64) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return err
	}
	left := max(maxBytes, size)
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok || entry.Flags&1 != 0 || slices.ContainsFunc(r.entries, func(e rowEntry) bool { return e.name == name }) {
			return errNotByRows
		}
		content, err := entry.Open()
		if err != nil {
			return err
		}
		r.entries = append(r.entries, rowEntry{name: name, r: content})
		h, err := readHeader(content)
		if err != nil {
			return err
		}
		dtype, each, _, _, err := h.elementType()
		if err != nil || dtype == lockstep.String || h.order == ">" || h.fortran || len(h.shape) == 0 {
			return errors.Join(err, errNotByRows)
		}
		n, err := lockstep.NumElements(h.shape)
		if err != nil {
			return err
		}
		if int64(n) > left/int64(each) || n == 0 || len(r.entries) > 1 && h.shape[0] != r.Rows {
			return errNotByRows
		}
		left -= int64(n) * int64(each)
		last := &r.entries[len(r.entries)-1]
		last.dtype, last.row = dtype, h.shape[1:]
		r.Rows = h.shape[0]
	}
	return nil
}

// RowBytes returns the bytes of a row of all tensors.
func (r *RowReader) RowBytes() (n int) {
	for _, e := range r.entries {
		row := e.dtype.Size()
		for _, d := range e.row {
			row *= d
		}
		n += row
	}
	return n
}

// Next reads up to n more rows, none at the end. What it has read is right only once it
// has come to the end, where checksums are.
func (r *RowReader) Next(n int) ([]lockstep.NamedTensor, error) {
	n = min(n, r.Rows-r.at)
	if n == 0 || len(r.entries) == 0 {
		return nil, nil
	}
	if err := memory.Fits(n, r.RowBytes()); err != nil {
		return nil, fmt.Errorf("npz: %d rows: %w", n, err)
	}
	var out []lockstep.NamedTensor
	for _, e := range r.entries {
		t, err := raw.Read(e.r, e.dtype, append([]int{n}, e.row...))
		if err != nil {
			return nil, fmt.Errorf("npz: array %q, from row %d: %w", e.name, r.at, err)
		}
		out = append(out, lockstep.NamedTensor{Name: e.name, Tensor: t})
	}
	if r.at += n; r.at == r.Rows {
		for _, e := range r.entries {
			if extra, err := io.ReadFull(e.r, make([]byte, 1)); extra > 0 {
				return nil, fmt.Errorf("npz: array %q: more bytes follow than its shape has elements", e.name)
			} else if err != io.EOF {
				return nil, fmt.Errorf("npz: array %q: %w", e.name, err)
			}
		}
	}
	return out, nil
}

// Close closes the file.
func (r *RowReader) Close() error {
	for _, e := range r.entries {
		e.r.Close()
	}
	return r.file.Close()
}

// WriteRows writes an .npz of tensors whose rows write puts some at a time, each time with
// the same names. It keeps them in temporary files beside it, and like WriteFile's the
// file appears completely or not at all.
func WriteRows(path string, write func(put func([]lockstep.NamedTensor) error) error) error {
	var all []*spool
	defer func() {
		for _, s := range all {
			s.f.Close()
			os.Remove(s.f.Name())
		}
	}()
	put := func(parts []lockstep.NamedTensor) (err error) {
		if all == nil {
			if all, err = newSpools(path, parts); err != nil {
				return err
			}
		}
		if len(parts) != len(all) {
			return fmt.Errorf("%d tensors after %d", len(parts), len(all))
		}
		for i, p := range parts {
			if err := all[i].add(p); err != nil {
				return fmt.Errorf("%q: %w", p.Name, err)
			}
		}
		return nil
	}
	err := atomicfile.WriteFile(path, func(w io.Writer) error {
		if err := write(put); err != nil {
			return err
		}
		z := zip.NewWriter(w)
		for _, s := range all {
			if err := s.write(z); err != nil {
				return fmt.Errorf("%q: %w", s.name, err)
			}
		}
		return z.Close()
	})
	if err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}

// spool is a file of a tensor's elements so far.
type spool struct {
	name, descr string
	row         []int
	rows        int
	f           *os.File
}

func newSpools(path string, like []lockstep.NamedTensor) (all []*spool, err error) {
	for _, nt := range like {
		if nt.Tensor.Rank() == 0 || nt.Tensor.DType() == lockstep.String {
			return all, fmt.Errorf("%q is %s, which has no rows to write one after the other", nt.Name, nt.Tensor)
		}
		s := &spool{name: nt.Name, row: slices.Clone(nt.Tensor.Shape()[1:])}
		if s.f, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-rows-*"); err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *spool) add(p lockstep.NamedTensor) error {
	descr, data, err := elements(p.Tensor)
	switch {
	case err != nil:
		return err
	case p.Name != s.name || p.Tensor.Rank() == 0 || !slices.Equal(p.Tensor.Shape()[1:], s.row) || s.descr != "" && descr != s.descr:
		return fmt.Errorf("%s after rows of %q of shape %s", p.Tensor, s.name, lockstep.FormatShape(s.row))
	}
	s.descr, s.rows = descr, s.rows+p.Tensor.Shape()[0]
	_, err = s.f.Write(data)
	return err
}

func (s *spool) write(z *zip.Writer) error {
	entry, err := z.CreateHeader(&zip.FileHeader{Name: s.name + ".npy", Method: zip.Store})
	if err != nil {
		return err
	}
	head, err := headerBytes(s.descr, append([]int{s.rows}, s.row...))
	if err != nil {
		return err
	}
	if _, err := entry.Write(head); err != nil {
		return err
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(entry, s.f)
	return err
}
