package archive

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// encrypted is the flag of an entry that needs a password.
const encrypted = 1

// The longest name of an entry, and the folders above it.
const maxName, maxDepth = 1024, 32

// check refuses an archive with an entry that is not simply a file or folder
// below the root, of its own bytes.
func check(all []*zip.File) error {
	kinds := map[string]bool{} // whether it is a folder, by name
	for _, f := range all {
		name, folder := strings.CutSuffix(f.Name, "/")
		if err := checkEntry(f, name, folder); err != nil {
			return fmt.Errorf("zip entry %.200q: %w", f.Name, err)
		}
		if _, twice := kinds[name]; twice {
			return fmt.Errorf("zip entry %.200q is there twice", f.Name)
		}
		kinds[name] = folder
	}
	for name := range kinds {
		for i := range len(name) {
			if name[i] != '/' {
				continue
			}
			if folder, have := kinds[name[:i]]; have && !folder {
				return fmt.Errorf("zip entry %.200q lies in a file", name)
			}
		}
	}
	return checkOverlaps(all)
}

func checkEntry(f *zip.File, name string, folder bool) error {
	switch mode := f.Mode(); {
	case len(name) > maxName || strings.Count(name, "/") > maxDepth:
		return fmt.Errorf("its name has %d bytes and %d folders, want at most %d and %d", len(name), strings.Count(name, "/"), maxName, maxDepth)
	case !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00"):
		return errors.New("its name is not a path below the root, with / between folders")
	case folder != mode.IsDir() || !folder && !mode.IsRegular():
		return fmt.Errorf("its mode is %s, want a file or a folder", mode)
	case f.Flags&encrypted != 0:
		return errors.New("it is encrypted: make the zip again, without a password")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("it is compressed by method %d, want stored or deflated: make the zip again", f.Method)
	case f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64:
		return fmt.Errorf("it is stored, with %d bytes of %d", f.CompressedSize64, f.UncompressedSize64)
	case folder && f.UncompressedSize64 > 0:
		return fmt.Errorf("it is a folder, with %d bytes", f.UncompressedSize64)
	case f.UncompressedSize64 > plainBytes && f.UncompressedSize64/maxRatio > f.CompressedSize64:
		return fmt.Errorf("%d bytes unpack to %d, more than %d times as much: if that is right, unpack it and give the folder", f.CompressedSize64, f.UncompressedSize64, maxRatio)
	}
	return nil
}

// checkOverlaps refuses entries that share bytes, by which a small archive can
// hold much.
func checkOverlaps(all []*zip.File) error {
	type extent struct {
		from, to int64
		name     string
	}
	extents := make([]extent, 0, len(all))
	for _, f := range all {
		from, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("zip entry %.200q: %w", f.Name, err)
		}
		if from < 0 || int64(f.CompressedSize64) < 0 || from+int64(f.CompressedSize64) < from {
			return fmt.Errorf("zip entry %.200q: %d bytes at %d", f.Name, f.CompressedSize64, from)
		}
		if f.CompressedSize64 > 0 {
			extents = append(extents, extent{from, from + int64(f.CompressedSize64), f.Name})
		}
	}
	slices.SortFunc(extents, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(extents); i++ {
		if before := extents[i-1]; before.to > extents[i].from {
			return fmt.Errorf("zip entries %.200q and %.200q share bytes", before.name, extents[i].name)
		}
	}
	return nil
}
