//go:build tensorflow

package faults_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/native"
)

// population draws models of all structures, each family as often.
type population struct {
	folder    string
	families  [][]structure
	templates map[string]lockstep.Weights // by structure
}

func openPopulation(t *testing.T) *population {
	t.Helper()
	p := &population{folder: os.Getenv(structuresFolder), templates: map[string]lockstep.Weights{}}
	all := readStructures(t)
	for i, s := range all {
		if i == 0 || s.Family != all[i-1].Family {
			p.families = append(p.families, nil)
		}
		last := len(p.families) - 1
		p.families[last] = append(p.families[last], s)
	}
	if len(p.families) < 20 && !*alarmFamilies {
		t.Fatalf("%s has %d families", p.folder, len(p.families))
	}
	return p
}

func (p *population) structures() int {
	n := 0
	for _, family := range p.families {
		n += len(family)
	}
	return n
}

// drawn is a random model and inputs of it.
type drawn struct {
	structure    structure
	from         string // the structure's SavedModel
	steps, batch int
	gain         float64
	old, weights []*lockstep.Tensor
	in           map[string]*lockstep.Tensor
	refused      *lockstep.UnsupportedError // what the native engine does not compute
}

// draw draws the i-th model, which is the same in every process.
func (p *population) draw(t *testing.T, i int) *drawn {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, uint64(i)))
	family := p.families[i%len(p.families)]
	d := &drawn{structure: family[rng.IntN(len(family))], batch: 1 + rng.IntN(4), in: map[string]*lockstep.Tensor{}}
	s := &d.structure
	length := func() int {
		least, most := math.Log(float64(s.Steps[0])), math.Log(float64(s.Steps[1]))
		return int(math.Round(math.Exp(least + rng.Float64()*(most-least))))
	}
	d.from, d.steps, d.gain = filepath.Join(p.folder, s.Name), length(), 0.3*math.Exp(rng.Float64()*math.Log(s.Gain/0.3))
	m, err := native.Load(d.from)
	if errors.As(err, &d.refused) {
		return d
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.templates[s.Name] == nil {
		if p.templates[s.Name], err = m.Weights(); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range p.templates[s.Name] {
		if w.Tensor.DType().IsFloat() {
			d.old, d.weights = append(d.old, w.Tensor), append(d.weights, randomWeight(t, rng, w, d.gain))
		}
	}
	scale := 0.2 * math.Exp(rng.Float64()*math.Log(15))
	for k, x := range m.Signature().Inputs {
		shape := slices.Clone(x.Shape)
		shape[0] = d.batch
		if len(shape) > 1 && shape[1] < 0 {
			if shape[1] = d.steps; k > 0 {
				shape[1] = length()
			}
		}
		of := s.Inputs[x.Name]
		if of.High > 0 {
			d.in[x.Name] = tokens(t, rng, of.High, shape...)
			continue
		}
		d.in[x.Name] = normal(t, rng, x.DType, scale, shape...)
		if of.Masked {
			mask(t, rng, d.in[x.Name])
		}
	}
	return d
}

// save writes the model into a folder, as a SavedModel.
func (d *drawn) save(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(d.from)); err != nil {
		t.Fatal(err)
	}
	if err := fixture.ReplaceWeights(dir, d.old, d.weights); err != nil {
		t.Fatalf("%s: %v", d.structure.Name, err)
	}
}

// give writes the inputs and the weights, by the checksums of the structure's own,
// for predict.py.
func (d *drawn) give(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var weights []lockstep.NamedTensor
	for i, w := range d.old {
		b, err := raw.Encode(w)
		if err != nil {
			t.Fatal(err)
		}
		weights = append(weights, lockstep.NamedTensor{Name: fmt.Sprintf("%08x", crc32.ChecksumIEEE(b)), Tensor: d.weights[i]})
	}
	keep(t, filepath.Join(dir, "inputs.npz"), d.in)
	if err := npz.WriteFile(filepath.Join(dir, "weights.npz"), weights); err != nil {
		t.Fatal(err)
	}
}

// keep writes tensors into a file.
func keep(t *testing.T, file string, tensors map[string]*lockstep.Tensor) {
	t.Helper()
	var list []lockstep.NamedTensor
	for name, x := range tensors {
		list = append(list, lockstep.NamedTensor{Name: name, Tensor: x})
	}
	if err := npz.WriteFile(file, list); err != nil {
		t.Fatal(err)
	}
}

// tokens draws tokens; 0, which may be masked, is often among them.
func tokens(t *testing.T, rng *rand.Rand, high int, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]int32, n)
	for i := range d {
		if rng.IntN(4) > 0 {
			d[i] = int32(rng.IntN(high))
		}
	}
	return fixture.NewTensor(t, d, shape...)
}

// mask makes some steps of (batch, steps, features) zero.
func mask(t *testing.T, rng *rand.Rand, x *lockstep.Tensor) {
	t.Helper()
	k, width, zero := 0, x.Shape()[2], false
	each(t, x, func(v float64) float64 {
		if k%width == 0 {
			zero = rng.IntN(4) == 0
		}
		if k++; zero {
			return 0
		}
		return v
	})
}
