package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rename"
)

// Changed is a weight that differs between the two models' files.
type ChangedWeight struct {
	Name string // by the reference's names
	// Elements counts its elements and Differ those that differ; Index is the
	// first of these.
	Elements, Differing int
	Index               []int
	Original, Changed   float64
}

// String describes the difference.
func (c ChangedWeight) String() string {
	at := make([]string, len(c.Index))
	for i, n := range c.Index {
		at[i] = fmt.Sprint(n)
	}
	s := fmt.Sprintf("%s[%s] is %.9g instead of %.9g", c.Name, strings.Join(at, ", "), c.Changed, c.Original)
	if c.Differing > 1 {
		s += fmt.Sprintf(", and so are %d of its %d elements in all", c.Differing, c.Elements)
	}
	return s
}

// files compares the weights that the two models' files hold.
func (s *search) files() ([]ChangedWeight, error) {
	want, err := s.ReferenceModel.Weights()
	if err != nil {
		return nil, err
	}
	have, err := rename.Engine{Of: s.CandidateModel, Names: s.Names}.Weights()
	if err != nil {
		return nil, err
	}
	other := lockstep.ByName(have)
	var out []ChangedWeight
	for _, w := range want {
		t := other[w.Name]
		if t == nil || w.Tensor.BitEqual(t) || !slices.Equal(t.Shape(), w.Tensor.Shape()) || !t.DType().IsFloat() {
			continue // a tensor of another type or shape is shown by the comparison of weights
		}
		a, err := w.Tensor.Float64s()
		if err != nil {
			return nil, err
		}
		b, err := t.Float64s()
		if err != nil {
			return nil, err
		}
		c := ChangedWeight{Name: w.Name, Elements: len(a)}
		for i := range a {
			if math.Float64bits(a[i]) == math.Float64bits(b[i]) {
				continue
			}
			if c.Differing++; c.Differing == 1 {
				c.Original, c.Changed, c.Index = a[i], b[i], unravel(i, w.Tensor.Shape())
			}
		}
		if c.Differing > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// unravel returns the index along every axis of a row-major one.
func unravel(at int, shape []int) []int {
	out := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		out[axis], at = at%shape[axis], at/shape[axis]
	}
	return out
}
