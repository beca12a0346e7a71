// Package npz reads and writes named tensors as numpy's .npz and .npy files,
// bit for bit.
//
// codeberg.org/sbinet/npyio, the one maintained library for the format, was
// tried first: it returns zeros for a truncated file, panics on a header
// without a line end, cannot write arrays whose rank is known only at run time,
// and depends on gonum. The format is small
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
package npz

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/atomicfile"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// maxBytes bounds what one file may unpack to, unless the file itself is
// larger: a few kilobytes of zip can claim, and hold, a terabyte.
const maxBytes = 1 << 30

// ReadFile reads an .npz, in the order of its entries, or an .npy, whose one
// tensor gets the file's name without the ending.
func ReadFile(path string) ([]lockstep.NamedTensor, error) {
	f, err := regular.Open(path)
	if errors.Is(err, regular.ErrNotRegular) {
		return nil, fmt.Errorf("npz: %w: want an .npz or .npy that numpy wrote", err)
	}
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	var magic [len(npyMagic)]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && string(magic[:]) == npyMagic {
		t, _, err := readNPY(bufio.NewReader(f), mostOf(maxBytes, info.Size()))
		if err != nil {
			return nil, fmt.Errorf("npz: %s: %w", path, err)
		}
		return []lockstep.NamedTensor{{Name: strings.TrimSuffix(filepath.Base(path), ".npy"), Tensor: t}}, nil
	}
	out, err := read(f, info.Size(), maxBytes)
	if err != nil {
		return nil, fmt.Errorf("npz: %s: %w", path, err)
	}
	return out, nil
}

// Read reads an .npz of size bytes, in the order of its entries.
func Read(r io.ReaderAt, size int64) ([]lockstep.NamedTensor, error) {
	out, err := read(r, size, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	return out, nil
}

// read reads an archive that unpacks to at most limit bytes, or its own size.
func read(r io.ReaderAt, size, limit int64) ([]lockstep.NamedTensor, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it is not an .npz: want what numpy.savez wrote: %w", err)
	}
	var out []lockstep.NamedTensor
	seen := map[string]bool{}
	left := mostOf(limit, size)
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("entry %q is not an array: its name does not end in .npy", entry.Name)
		}
		if seen[name] {
			return nil, fmt.Errorf("two arrays are called %q", name)
		}
		seen[name] = true
		t, used, err := readEntry(entry, left)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		left -= used
		out = append(out, lockstep.NamedTensor{Name: name, Tensor: t})
	}
	return out, nil
}

// mostOf returns how many bytes a file of a size may unpack to: limit, or its own
// size, and no more than half of the memory budget: reading takes copies.
func mostOf(limit, size int64) int64 { return min(max(limit, size), memory.Budget()/2) }

func readEntry(entry *zip.File, limit int64) (*lockstep.Tensor, int64, error) {
	if entry.Flags&1 != 0 {
		return nil, 0, errors.New("it is encrypted, which is not supported")
	}
	r, err := entry.Open()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	return readNPY(r, limit)
}

// WriteFile writes an .npz, or, if path ends in .npy, the one tensor of
// tensors. The file appears completely or not at all.
func WriteFile(path string, tensors []lockstep.NamedTensor) error {
	err := atomicfile.WriteFile(path, func(w io.Writer) error {
		switch {
		case filepath.Ext(path) != ".npy":
			return Write(w, tensors)
		case len(tensors) == 1:
			return writeNPY(w, tensors[0].Tensor)
		}
		return fmt.Errorf("an .npy holds one tensor and there are %d: give a name that ends in .npz", len(tensors))
	})
	if err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}

// Write writes an .npz whose bytes depend on the tensors alone: entries in the
// given order, not compressed, each as numpy.save writes it.
func Write(w io.Writer, tensors []lockstep.NamedTensor) error { return write(w, tensors, zip.Store) }

// WriteCompressed does the same in the way of numpy.savez_compressed.
func WriteCompressed(w io.Writer, tensors []lockstep.NamedTensor) error {
	return write(w, tensors, zip.Deflate)
}

func write(w io.Writer, tensors []lockstep.NamedTensor, method uint16) error {
	z := zip.NewWriter(w)
	seen := map[string]bool{}
	for _, nt := range tensors {
		if seen[nt.Name] {
			return fmt.Errorf("npz: two tensors are called %q", nt.Name)
		}
		seen[nt.Name] = true
		entry, err := z.CreateHeader(&zip.FileHeader{Name: nt.Name + ".npy", Method: method})
		if err != nil {
			return err
		}
		if err := writeNPY(entry, nt.Tensor); err != nil {
			return fmt.Errorf("npz: %q: %w", nt.Name, err)
		}
	}
	return z.Close()
}
