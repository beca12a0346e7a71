package infer

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// finite takes out the rows whose outputs are not finite.
func (p *Predictor) finite(rows []int, out []lockstep.NamedTensor) ([]Prediction, []RowError) {
	var keep []int
	var failed []RowError
	var specs []lockstep.TensorSpec
	for _, nt := range out {
		specs = append(specs, lockstep.TensorSpec{Name: nt.Name})
	}
	for i, err := range p.nonFinite(len(rows), lockstep.ByName(out), specs) {
		if err != nil {
			failed = append(failed, RowError{rows[i], fmt.Errorf("the result: %w", err)})
		} else {
			keep = append(keep, i)
		}
	}
	switch len(keep) {
	case 0:
		return nil, failed
	case len(rows):
		return []Prediction{{slices.Clone(rows), out}}, failed
	}
	var kept []int
	for _, i := range keep {
		kept = append(kept, rows[i])
	}
	for i := range out {
		var err error
		if out[i].Tensor, err = take(out[i].Tensor, keep); err != nil {
			return nil, failEach(rows, err)
		}
	}
	return []Prediction{{kept, out}}, failed
}

// nonFinite returns an error for each of n rows that has a NaN or an infinity.
func (p *Predictor) nonFinite(n int, tensors map[string]*lockstep.Tensor, specs []lockstep.TensorSpec) []error {
	errs := make([]error, n)
	if p.config.AllowNonFinite {
		return errs
	}
	for _, spec := range specs {
		t := tensors[spec.Name]
		if t == nil || n == 0 || t.RealParts() != t && t.Len() == 0 {
			continue
		}
		t = t.RealParts()
		if !t.DType().IsFloat() {
			continue
		}
		size := t.Len() / n
		at := firstNonFinite(t, 0)
		for at >= 0 {
			row := at / size
			if errs[row] == nil {
				errs[row] = fmt.Errorf("%q is %s at element %d, and not finite", spec.Name, formatAt(t, at), at%size)
			}
			at = firstNonFinite(t, (row+1)*size)
		}
	}
	return errs
}

// firstNonFinite is the first element from one on that is no number, or -1.
func firstNonFinite(t *lockstep.Tensor, from int) int {
	if d, err := lockstep.Data[float32](t); err == nil {
		for i := from; i < len(d); i++ {
			if d[i]-d[i] != 0 {
				return i
			}
		}
		return -1
	}
	d, err := t.Float64s()
	if err != nil {
		return -1
	}
	for i := from; i < len(d); i++ {
		if math.IsNaN(d[i]) || math.IsInf(d[i], 0) {
			return i
		}
	}
	return -1
}

func formatAt(t *lockstep.Tensor, at int) string {
	d, err := t.Float64s()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(d[at])
}

func takeAll(tensors map[string]*lockstep.Tensor, rows []int) (map[string]*lockstep.Tensor, error) {
	out := map[string]*lockstep.Tensor{}
	for name, t := range tensors {
		var err error
		if out[name], err = take(t, rows); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// take copies rows of a tensor.
func take(t *lockstep.Tensor, rows []int) (*lockstep.Tensor, error) {
	n := t.Shape()[0]
	shape := append([]int{len(rows)}, t.Shape()[1:]...)
	if d, err := lockstep.Data[string](t); err == nil {
		var out []string
		for _, row := range rows {
			out = append(out, d[row*len(d)/n:(row+1)*len(d)/n]...)
		}
		return lockstep.New(out, shape...)
	}
	b, err := raw.Encode(t)
	if err != nil {
		return nil, err
	}
	size := len(b) / n
	out := make([]byte, 0, size*len(rows))
	for _, row := range rows {
		out = append(out, b[row*size:(row+1)*size]...)
	}
	return raw.Decode(t.DType(), shape, out)
}
