package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rename"
)

// Changed is a weight, whole, that the two models' files hold differently.
type Changed struct {
	Name string // by the reference's names
	// Of counts its elements and Differ those that are others; Index is the
	// first of these.
	Of, Differ int
	Index      []int
	Was, Is    float64
}

// String says what is different.
func (c Changed) String() string {
	at := make([]string, len(c.Index))
	for i, n := range c.Index {
		at[i] = fmt.Sprint(n)
	}
	s := fmt.Sprintf("%s[%s] is %.9g in place of %.9g", c.Name, strings.Join(at, ", "), c.Is, c.Was)
	if c.Differ > 1 {
		s += fmt.Sprintf(", and so are %d of its %d elements in all", c.Differ, c.Of)
	}
	return s
}

// files compares the weights that the two models' files hold.
func (s *search) files() ([]Changed, error) {
	want, err := s.Meant.Weights()
	if err != nil {
		return nil, err
	}
	have, err := rename.Engine{Of: s.Engine, Names: s.Names}.Weights()
	if err != nil {
		return nil, err
	}
	other := lockstep.ByName(have)
	var out []Changed
	for _, w := range want {
		t := other[w.Name]
		if t == nil || w.Tensor.BitEqual(t) || !slices.Equal(t.Shape(), w.Tensor.Shape()) || !t.DType().IsFloat() {
			continue // another tensor altogether is for the comparison of weights to show
		}
		a, err := w.Tensor.Float64s()
		if err != nil {
			return nil, err
		}
		b, err := t.Float64s()
		if err != nil {
			return nil, err
		}
		c := Changed{Name: w.Name, Of: len(a)}
		for i := range a {
			if math.Float64bits(a[i]) == math.Float64bits(b[i]) {
				continue
			}
			if c.Differ++; c.Differ == 1 {
				c.Was, c.Is, c.Index = a[i], b[i], unravel(i, w.Tensor.Shape())
			}
		}
		if c.Differ > 0 {
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
