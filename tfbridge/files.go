//go:build tensorflow

package tfbridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep/internal/plain"
	"github.com/lockstep-go/lockstep/internal/regular"
	"github.com/lockstep-go/lockstep/internal/trim"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loadFiles gives libtensorflow a directory, or what a zip holds in a temporary
// one, until release.
func loadFiles(path string, model *savedmodel.SavedModel, meta *savedmodel.MetaGraph, options *tf.SessionOptions) (*tf.SavedModel, func(), error) {
	if err := meta.CheckAssets(); err != nil {
		return nil, nil, err
	}
	dir, remove := path, func() {}
	if info, err := os.Stat(path); err != nil {
		return nil, nil, err
	} else if !info.IsDir() {
		if dir, remove, err = plain.Copy(model.Files()); err != nil {
			return nil, nil, fmt.Errorf("unpacking it: %w", err)
		}
	}
	err := checkFiles(dir, meta.Assets())
	if err == nil {
		m, release, loading := loadSavedModel(dir, model.GraphFile(), meta.Tags(), options)
		if loading == nil {
			return m, func() { release(); remove() }, nil
		}
		err = loading
	}
	remove()
	if dir != path {
		err = errors.New(strings.ReplaceAll(err.Error(), dir, path))
	}
	return nil, nil, err
}

// loadSavedModel gives libtensorflow a directory, by a path without the
// characters that it reads as a pattern, and without the functions that nothing
// calls. graph, if it is not nil, is what it is given instead of saved_model.pb.
func loadSavedModel(dir string, graph []byte, tags []string, options *tf.SessionOptions) (m *tf.SavedModel, release func(), err error) {
	path, release, err := trimmed(dir, graph)
	switch {
	case err == nil:
	case graph != nil:
		path, release, err = withGraph(dir, graph)
	default:
		path, release, err = plain.Dir(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	if m, err = tf.LoadSavedModel(path, tags, options); err != nil {
		release()
		if path != dir {
			err = errors.New(strings.ReplaceAll(err.Error(), path, dir))
		}
		return nil, nil, err
	}
	return m, release, nil
}

const graphFile = "saved_model.pb"

// worthTrimming is the share of a file that must be left out before another one
// is written.
const worthTrimming = 0.1

var errNothingToTrim = errors.New("tfbridge: every function is called")

// trimmed returns a path to the model without the functions that nothing calls.
// Where it fails, for whatever reason, the model can be loaded as it is. all, if it
// is not nil, is the graph instead of the file.
func trimmed(dir string, all []byte) (path string, release func(), err error) {
	if all == nil {
		if all, err = os.ReadFile(filepath.Join(dir, graphFile)); err != nil {
			return "", nil, err
		}
	}
	few, err := trim.Functions(all, cpuOnly())
	if err != nil {
		return "", nil, err
	}
	if float64(len(all)-len(few)) < worthTrimming*float64(len(all)) {
		return "", nil, errNothingToTrim
	}
	return withGraph(dir, few)
}

// withGraph returns a path to the model with another graph.
func withGraph(dir string, graph []byte) (path string, release func(), err error) {
	return plain.With(dir, graphFile, graph, "variables", "assets", "assets.extra")
}

// cpuOnly tells whether TensorFlow has no other devices.
var cpuOnly = sync.OnceValue(func() bool {
	s, err := tf.NewSession(tf.NewGraph(), nil)
	if err != nil {
		return false
	}
	defer s.Close()
	devices, err := s.ListDevices()
	return err == nil && !slices.ContainsFunc(devices, func(d tf.Device) bool { return d.Type != "CPU" })
})

// checkFiles checks what libtensorflow opens when it loads a model: it would
// wait for ever at a named pipe, and read a device without end.
func checkFiles(dir string, assets []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, "saved_model.") || name == "fingerprint.pb" {
			if err := checkFile(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for _, folder := range []string{"variables", "assets"} {
		// A folder that a link leads to is read as any other.
		err := filepath.WalkDir(filepath.Join(dir, folder)+string(filepath.Separator), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil || entry.IsDir():
				return err
			}
			return checkFile(path)
		})
		if err != nil {
			return err
		}
	}
	for _, name := range assets {
		if err := checkFile(filepath.Join(dir, "assets", name)); err != nil {
			return err
		}
	}
	return nil
}

// checkFile refuses what is neither a file nor a directory; libtensorflow
// reports what is missing.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.IsDir() {
		return err
	}
	return regular.Mode(path, info.Mode())
}
