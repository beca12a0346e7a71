package infer

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/native"
)

// Config says which model a transform runs, and how. It travels to the workers as JSON.
type Config struct {
	// Model is the SavedModel's folder, or a zip of it, as every worker finds it.
	// It is not read where Files has the model.
	Model string
	// Files, if not empty, is a zip of the model that travels with the job: for
	// models of up to about two megabytes, which is as much as runners accept.
	Files []byte
	// Hash is that of the model's files, by Hash. A worker that finds other files
	// fails. Empty, nothing is verified.
	Hash string

	Signature string   // "": serving_default, else the only one
	Tags      []string // none: those of native.Load

	// Rows is how many rows a call has at most; 0 means 256.
	Rows int
	// Each runs every Block by itself, which keeps its event time and window. Else
	// small blocks are collected until there are Rows of them or the bundle ends,
	// and predictions are in the global window.
	Each bool
	// States adds the final states of recurrent layers, "<layer>/state_h", to the outputs.
	States bool
	// AllowNonFinite accepts NaN and infinities in inputs and outputs, which
	// otherwise make a row fail.
	AllowNonFinite bool
	// Forecast, if not nil, feeds the model its own output.
	Forecast *Forecast
}

// Forecast says how a model is fed its own output, as lockstep forecast does.
type Forecast struct {
	Input, Output string // "": the only ones that can be
	Given         int    // how many steps of Input are fed before: 0 means all of a model of one input, else 1
	Horizon       int    // how many outputs
}

const defaultRows = 256

// Hash returns the hash of a model's files and their names.
func Hash(files fs.FS) (string, error) {
	hashes, err := golden.HashFiles(files)
	if err != nil {
		return "", fmt.Errorf("infer: %w", err)
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		fmt.Fprintf(h, "%q %s\n", name, hashes[name])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Pack returns a zip of a model's files, for Config.Files.
func Pack(files fs.FS) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		to, err := z.Create(name)
		if err != nil {
			return err
		}
		from, err := files.Open(name)
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(to, from)
		return err
	})
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("infer: packing the model: %w", err)
	}
	return out.Bytes(), nil
}

// Load loads the model, and verifies that its files are those of c.Hash.
func (c Config) Load(options ...native.Option) (*native.Model, error) {
	if len(c.Tags) > 0 {
		options = append(options, native.WithTags(c.Tags...))
	}
	if c.Signature != "" {
		options = append(options, native.WithSignature(c.Signature))
	}
	if c.Hash != "" {
		options = append([]native.Option{native.WithVerify(c.verify)}, options...)
	}
	if len(c.Files) == 0 {
		return native.Load(c.Model, options...)
	}
	z, err := zip.NewReader(bytes.NewReader(c.Files), int64(len(c.Files)))
	if err != nil {
		return nil, fmt.Errorf("infer: the model that came with the job: %w", err)
	}
	return native.LoadFS(z, options...)
}

// verify compares the files of a loaded model with the hash.
func (c Config) verify(e lockstep.Engine) error {
	m, ok := e.(*native.Model)
	if !ok {
		return fmt.Errorf("infer: %s has no files to verify", e.Name())
	}
	got, err := Hash(m.Files())
	if err != nil {
		return err
	}
	if got != c.Hash {
		return fmt.Errorf("infer: the model here has the hash %.12s, and the job was started with %.12s: give every worker the same files", got, c.Hash)
	}
	return nil
}

// Open loads the model and makes a Predictor of it.
func Open(ctx context.Context, c Config) (*Predictor, error) {
	m, err := c.Load()
	if err != nil {
		return nil, err
	}
	return NewPredictor(ctx, m, c)
}
