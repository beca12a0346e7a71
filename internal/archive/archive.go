// Package archive reads a SavedModel in a zip file as a file system, as it was
// written by zip -r, shutil.make_archive or a browser's download.
//
// [Open] finds the model's folder and checks the whole archive before anything
// of it is unpacked: what it claims to hold must fit the memory budget, and an
// entry that could leave the folder, hide another one or grow out of proportion
// refuses the archive.
package archive

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// graphFile marks the folder that is a SavedModel.
const graphFile = "saved_model.pb"

const (
	// maxDirectoryBytes bounds what is read to find the entries, of which each
	// takes some 46 bytes and its name, and in memory a few times as much.
	maxDirectoryBytes = 4 << 20
	// An entry above plainBytes that unpacks to more than maxRatio times its
	// size is refused: weights do not shrink so far, and graphs that large
	// neither.
	maxRatio   = 200
	plainBytes = 16 << 20
)

// Open returns the files of the SavedModel in a zip file: those beside its
// saved_model.pb, which lies at the root or in one folder. The file is opened
// again for every read, so that there is nothing to close. What is no zip file is
// zip.ErrFormat, and a zip of anything else lockstep.ErrNotSavedModel.
func Open(name string) (fs.FS, error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(&onDisk{name: name, size: info.Size(), modified: info.ModTime()}, info.Size())
}

// Is tells whether a file is a zip with a SavedModel, sound or not.
func Is(name string) bool {
	_, err := Open(name)
	return err == nil || !errors.Is(err, zip.ErrFormat) && !errors.Is(err, lockstep.ErrNotSavedModel) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, regular.ErrNotRegular)
}

func read(from io.ReaderAt, size int64) (fs.FS, error) {
	limited := &limitedReaderAt{from: from, left: maxDirectoryBytes, limit: true}
	z, err := zip.NewReader(limited, size)
	// Names that a file system cannot have are an error of the archive below.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, err
	}
	limited.limit = false
	// The library reads 4 KiB at a time, each of which opens the file.
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(bufio.NewReaderSize(r, 1<<18)) })
	return Of(z)
}

// Of returns the files of the SavedModel in an opened zip, as Open does.
func Of(z *zip.Reader) (fs.FS, error) {
	folder, err := modelFolder(z)
	if err != nil {
		return nil, err
	}
	if err := check(z.File); err != nil {
		return nil, lockstep.Damaged(err)
	}
	if err := fits(z.File); err != nil {
		return nil, err
	}
	below, err := fs.Sub(z, folder)
	if err != nil {
		return nil, err
	}
	a := &files{all: map[string]*entry{}, tree: below}
	for _, f := range z.File {
		name := f.Name
		if folder != "." {
			if name, _ = strings.CutPrefix(f.Name, folder+"/"); name == f.Name {
				continue
			}
		}
		if !strings.HasSuffix(name, "/") {
			a.all[name] = &entry{file: f}
		}
	}
	return a, nil
}

// modelFolder returns the folder of saved_model.pb, "." for the root.
func modelFolder(z *zip.Reader) (string, error) {
	found, deep := map[string]bool{}, ""
	for _, f := range z.File {
		if path.Base(f.Name) != graphFile || strings.HasSuffix(f.Name, "/") {
			continue
		}
		if strings.Count(f.Name, "/") > 1 {
			deep = f.Name
			continue
		}
		found[path.Dir(f.Name)] = true
	}
	switch {
	case len(found) == 1:
		for folder := range found {
			return folder, nil
		}
	case len(found) > 1:
		return "", fmt.Errorf("the zip has several models, in %s: give a zip of one: %w", strings.Join(slices.Sorted(maps.Keys(found)), ", "), lockstep.ErrNotSavedModel)
	case deep != "":
		return "", fmt.Errorf("the zip has %.200q, want it at the root or in one folder: %w", deep, lockstep.ErrNotSavedModel)
	case slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "config.json" }):
		return "", fmt.Errorf("the zip has no %s: %w; it looks like a .keras archive: load it in Keras and model.export it", graphFile, lockstep.ErrNotSavedModel)
	}
	return "", fmt.Errorf("the zip has no %s, at its root or in one folder: %w", graphFile, lockstep.ErrNotSavedModel)
}

// fits tells whether all that the entries claim to hold fits the memory budget.
func fits(all []*zip.File) error {
	var total uint64
	for _, f := range all {
		if f.UncompressedSize64 > uint64(memory.Budget()) || total > uint64(memory.Budget()) {
			return fmt.Errorf("unpacking the zip: %w", lockstep.ErrMemory)
		}
		total += f.UncompressedSize64
	}
	if err := memory.Fits(int(min(total, uint64(maxInt))), 1); err != nil {
		return fmt.Errorf("unpacking the zip: %w", err)
	}
	return nil
}

const maxInt = int(^uint(0) >> 1)
