package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// Format is the version of the file's format.
const Format = 1

// Header describes a golden, as the JSON of its array "golden". All but Format
// may be left out; what is missing is not verified.
type Header struct {
	Format int `json:"format"`
	// Model is what the model was called, for a reader.
	Model string `json:"model,omitempty"`
	// Engine computed the outputs and states: "tensorflow", "native", "keras".
	Engine string `json:"engine,omitempty"`
	// Versions are those of the programs that made it: "tensorflow", "keras",
	// "lockstep"; "tensorflow_of_model" wrote the SavedModel.
	Versions map[string]string `json:"versions,omitempty"`
	Machine  *Machine          `json:"machine,omitempty"`
	// InputsFrom says where the inputs are from, for a reader.
	InputsFrom string     `json:"inputs_from,omitempty"`
	Tags       []string   `json:"tags,omitempty"` // of the meta graph
	Signature  *Signature `json:"signature,omitempty"`
	// Files are the SHA-256 of the SavedModel's files in hexadecimal digits, by
	// their paths with slashes.
	Files map[string]string `json:"files,omitempty"`
	// Layers are the recurrent layers in the order in which they run.
	Layers []string `json:"layers,omitempty"`
	// Weights are in the order of lockstep.Weights.
	Weights []Weight `json:"weights,omitempty"`
	// Rule is the tolerance that was chosen when the golden was recorded, for
	// all tensors: atol, rtol, ulp, allow_nonfinite. What it leaves out is
	// derived.
	Rule *compare.Setting `json:"rule,omitempty"`
}

// Machine is where a golden was recorded.
type Machine struct {
	Platform string   `json:"platform"` // such as linux/amd64
	CPU      []string `json:"cpu"`      // the processor's features
}

// Signature is a lockstep.Signature in JSON.
type Signature struct {
	Name    string       `json:"name"`
	Inputs  []TensorSpec `json:"inputs"`
	Outputs []TensorSpec `json:"outputs"`
}

// TensorSpec is a lockstep.TensorSpec in JSON.
type TensorSpec struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	// Shape has -1 for an axis of any length, and is null for an unknown rank.
	Shape []int `json:"shape"`
}

// Weight is one weight of the model: its SHA-256 is that of its elements in
// row-major order, little-endian.
type Weight struct {
	Name   string `json:"name"`
	DType  string `json:"dtype"`
	Shape  []int  `json:"shape"`
	SHA256 string `json:"sha256"`
}

// parseHeader reads the JSON of a header.
func parseHeader(text string) (h Header, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("its header is unreadable: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return h, errors.New("something follows its header's JSON")
	}
	if h.Format != Format {
		return h, fmt.Errorf("its header has the format %d, want %d: another version of lockstep wrote it", h.Format, Format)
	}
	if h.Rule != nil {
		if err := (compare.Settings{*h.Rule}).Valid(); err != nil {
			return h, fmt.Errorf("its header's rule: %w", err)
		}
	}
	for path, sum := range h.Files {
		if !isSHA256(sum) {
			return h, fmt.Errorf("its header's SHA-256 of the file %q is %.70q, want %d hexadecimal digits", path, sum, 2*sha256.Size)
		}
	}
	names := map[string]bool{}
	for _, w := range h.Weights {
		if !isSHA256(w.SHA256) || w.Name == "" || names[w.Name] {
			return h, fmt.Errorf("its header's weight %q: want a unique name and a SHA-256 of %d hexadecimal digits, got %.70q", w.Name, 2*sha256.Size, w.SHA256)
		}
		names[w.Name] = true
	}
	if h.Signature != nil {
		if _, err := h.Signature.signature(); err != nil {
			return h, fmt.Errorf("its header's signature: %w", err)
		}
	}
	return h, nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

func signatureOf(s lockstep.Signature) *Signature {
	specs := func(from []lockstep.TensorSpec) []TensorSpec {
		out := make([]TensorSpec, len(from))
		for i, t := range from {
			out[i] = TensorSpec{t.Name, t.DType.String(), t.Shape}
			if t.Shape == nil && !t.UnknownRank {
				out[i].Shape = []int{}
			}
		}
		return out
	}
	return &Signature{Name: s.Name, Inputs: specs(s.Inputs), Outputs: specs(s.Outputs)}
}

func (s *Signature) signature() (lockstep.Signature, error) {
	var bad error
	specs := func(from []TensorSpec) []lockstep.TensorSpec {
		out := make([]lockstep.TensorSpec, len(from))
		names := map[string]bool{}
		for i, t := range from {
			dtype, err := lockstep.ParseDType(t.DType)
			out[i] = lockstep.TensorSpec{Name: t.Name, DType: dtype, Shape: t.Shape, UnknownRank: t.Shape == nil}
			if err != nil || names[t.Name] {
				bad = fmt.Errorf("%q of the type %q: want a unique name and a type such as float32", t.Name, t.DType)
			}
			for _, d := range t.Shape {
				if d < -1 || d > math.MaxInt32 {
					bad = fmt.Errorf("%q has an axis of length %d", t.Name, d)
				}
			}
			names[t.Name] = true
		}
		return out
	}
	return lockstep.Signature{Name: s.Name, Inputs: specs(s.Inputs), Outputs: specs(s.Outputs)}, bad
}

// weightsOf hashes weights.
func weightsOf(weights lockstep.Weights) ([]Weight, error) {
	out := make([]Weight, len(weights))
	for i, w := range weights {
		sum, err := hashTensor(w.Tensor)
		if err != nil {
			return nil, fmt.Errorf("golden: weight %q: %w", w.Name, err)
		}
		out[i] = Weight{Name: w.Name, DType: w.Tensor.DType().String(), Shape: append([]int{}, w.Tensor.Shape()...), SHA256: sum}
	}
	return out, nil
}

func hashTensor(t *lockstep.Tensor) (string, error) {
	h := sha256.New()
	if t.DType() == lockstep.String { // of any length: each is hashed after its length
		list, err := lockstep.Data[string](t)
		if err != nil {
			return "", err
		}
		for _, s := range list {
			fmt.Fprintf(h, "%d:%s", len(s), s)
		}
	} else {
		b, err := raw.Encode(t)
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
