package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

// rowBytes are what the inputs take that are read at once. Tests set it.
var rowBytes = 4 << 20

// runByRows runs a large file's rows some at a time, where the model treats them alone, so
// that neither inputs nor outputs are in memory as a whole. It is not done where that does
// not hold, or the file has to be read as a whole: that also says what is wrong with it.
func runByRows(ctx context.Context, m *native.Model, inputs, outputs string) (done bool, err error) {
	if filepath.Ext(outputs) == ".npy" {
		return false, nil
	}
	r, err := npz.OpenRows(inputs)
	if err != nil {
		return false, nil
	}
	defer r.Close()
	together := max(2, rowBytes/max(r.RowBytes(), 1))
	if r.Rows <= together {
		return false, nil
	}
	in, err := nextRows(r, together)
	if err != nil || m.Signature().CheckInputs(in) != nil || m.RowsAlone(ctx, in) != nil {
		return false, ctx.Err()
	}
	from := 0
	return true, npz.WriteRows(outputs, func(put func([]lockstep.NamedTensor) error) error {
		for len(in) > 0 {
			out, err := m.Run(ctx, in)
			if err != nil {
				return fmt.Errorf("from row %d of %d: %w", from, r.Rows, err)
			}
			var part []lockstep.NamedTensor
			for _, name := range slices.Sorted(maps.Keys(out)) {
				part = append(part, lockstep.NamedTensor{Name: name, Tensor: out[name]})
			}
			if err := put(part); err != nil {
				return err
			}
			from += together
			if in, err = nextRows(r, together); err != nil {
				return err
			}
		}
		return nil
	})
}

func nextRows(r *npz.RowReader, n int) (map[string]*lockstep.Tensor, error) {
	part, err := r.Next(n)
	in := map[string]*lockstep.Tensor{}
	for _, nt := range part {
		in[nt.Name] = nt.Tensor
	}
	return in, err
}
