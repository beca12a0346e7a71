package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/atomicfile"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/regular"
)

// Golden is one run of a model. Nobody may change what is in it.
type Golden struct {
	Header Header
	// The tensors of the file, each by its name without the folder.
	Inputs, Outputs, States, Expected, Candidate map[string]*lockstep.Tensor
	// Steps are as in lockstep.Trace, and Bounds belong to them: of a golden that
	// was recorded with Recording.Trace.
	Steps, Bounds map[string]*lockstep.Tensor
}

const headerKey = "golden"

// maxFileBytes bounds what is read into memory, since a file's size is only a
// claim.
const maxFileBytes = 1 << 30

// folders are the sets of tensors by the first part of their arrays' names.
func (g *Golden) folders() []folder {
	return []folder{
		{"inputs", &g.Inputs}, {"outputs", &g.Outputs}, {"states", &g.States}, {"expected", &g.Expected}, {"candidate", &g.Candidate},
		{"steps", &g.Steps}, {"bounds", &g.Bounds},
	}
}

type folder struct {
	name    string
	tensors *map[string]*lockstep.Tensor
}

// ReadFile reads a golden.
func ReadFile(path string) (*Golden, error) {
	if err := regular.Check(path); errors.Is(err, regular.ErrNotRegular) {
		return nil, fmt.Errorf("golden: %w: want the file that lockstep golden record wrote", err)
	}
	tensors, err := npz.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	return of(path, tensors)
}

// ReadFS reads a golden in a file system, which may be embedded.
func ReadFS(fsys fs.FS, name string) (*Golden, error) {
	f, err := regular.OpenFS(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("golden: reading %s: %w", name, err)
	}
	if len(b) > maxFileBytes {
		return nil, fmt.Errorf("golden: %s has more than %d bytes", name, maxFileBytes)
	}
	tensors, err := npz.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("golden: %s: %w", name, err)
	}
	return of(name, tensors)
}

// of sorts a file's arrays into a Golden.
func of(name string, tensors []lockstep.NamedTensor) (*Golden, error) {
	g := &Golden{Header: Header{Format: Format}}
	if err := g.fill(tensors); err != nil {
		return nil, fmt.Errorf("golden: %s: %w", name, err)
	}
	return g, nil
}

func (g *Golden) fill(tensors []lockstep.NamedTensor) error {
	for _, f := range g.folders() {
		*f.tensors = map[string]*lockstep.Tensor{}
	}
	for _, nt := range tensors {
		if nt.Name == headerKey {
			text, err := lockstep.Data[string](nt.Tensor)
			if err != nil || len(text) != 1 {
				return fmt.Errorf("its array %q is %s, want one string of JSON", headerKey, nt.Tensor)
			}
			if g.Header, err = parseHeader(text[0]); err != nil {
				return err
			}
			continue
		}
		first, rest, _ := strings.Cut(nt.Name, "/")
		at := slices.IndexFunc(g.folders(), func(f folder) bool { return f.name == first })
		if at < 0 || rest == "" {
			return fmt.Errorf("its array %q does not belong in a golden: want %q, inputs/NAME, outputs/NAME, states/NAME, expected/NAME, candidate/NAME, steps/NAME or bounds/NAME", nt.Name, headerKey)
		}
		(*g.folders()[at].tensors)[rest] = nt.Tensor
	}
	return g.check()
}

// check tells whether the golden is consistent.
func (g *Golden) check() error {
	if len(g.Outputs) == 0 {
		return errors.New("it has no outputs, in arrays called outputs/NAME, and so nothing to verify")
	}
	answers := g.answers()
	if len(answers) != len(g.Outputs)+len(g.States) {
		return errors.New("an output and a state of it have the same name")
	}
	for _, part := range []folder{{"expected", &g.Expected}, {"candidate", &g.Candidate}} {
		for name := range *part.tensors {
			if answers[name] == nil {
				return fmt.Errorf("its array %q belongs to no output and no state of it: it has %q", part.name+"/"+name, slices.Sorted(maps.Keys(answers)))
			}
		}
	}
	if err := g.checkSteps(); err != nil {
		return err
	}
	if g.Header.Signature == nil {
		return nil
	}
	sig, err := g.Header.Signature.signature()
	if err != nil {
		return err
	}
	if err := sig.CheckInputs(g.Inputs); err != nil {
		return fmt.Errorf("its inputs are not those of its signature: %w", err)
	}
	for _, spec := range sig.Outputs {
		if g.Outputs[spec.Name] == nil {
			return fmt.Errorf("it lacks the output %s of its signature", spec)
		}
	}
	if len(sig.Outputs) != len(g.Outputs) {
		return fmt.Errorf("it has the outputs %q, and its signature others", slices.Sorted(maps.Keys(g.Outputs)))
	}
	return nil
}

// answers are outputs and states in one map.
func (g *Golden) answers() map[string]*lockstep.Tensor {
	out := maps.Clone(g.Outputs)
	maps.Copy(out, g.States)
	return out
}

// Write writes the file.
func (g *Golden) Write(w io.Writer) error {
	if err := g.check(); err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	text, err := json.Marshal(g.Header)
	if err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	header, err := lockstep.New([]string{string(text)})
	if err != nil {
		return err
	}
	all := []lockstep.NamedTensor{{Name: headerKey, Tensor: header}}
	for _, f := range g.folders() {
		for _, name := range slices.Sorted(maps.Keys(*f.tensors)) {
			all = append(all, lockstep.NamedTensor{Name: f.name + "/" + name, Tensor: (*f.tensors)[name]})
		}
	}
	if err := npz.WriteCompressed(w, all); err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	return nil
}

// WriteFile writes the file completely or not at all.
func (g *Golden) WriteFile(path string) error {
	if err := atomicfile.WriteFile(path, g.Write); err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	return nil
}
