package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// twice looks at engines that computed their outputs another time than the
// layers that they show, maybe by kernels that round otherwise, and notes how
// far apart that took the outputs: nobody can blame the other engine for it.
// More than rounding may do on the whole way from the inputs is not let pass.
func (b *between) twice(ctx context.Context) error {
	var limits map[string]*lockstep.Tensor
	b.again = map[string][]float64{}
	for k, trace := range []*lockstep.Trace{b.reference, b.candidate} {
		for _, name := range slices.Sorted(maps.Keys(trace.Traced)) {
			shown, made := trace.Traced[name], trace.Outputs[name]
			if _, judged := b.given[0][name]; !judged || made == nil || shown.Len() != made.Len() || shown.BitEqual(made) {
				continue
			}
			if limits == nil {
				var err error
				if _, limits, _, err = b.check.Oracle.Run(ctx, b.check.Inputs, nil); err != nil {
					return err
				}
			}
			apart, most, err := apartWithin(shown, made, limits[name])
			if err != nil {
				return fmt.Errorf("compare: %s: output %q, computed twice: %w", trace.Engine, name, err)
			}
			if b.again[name] == nil {
				b.again[name] = make([]float64, len(apart))
			}
			for i, d := range apart {
				if b.again[name][i] += d; k == 0 {
					b.again[name][i] -= 2 * d
				}
			}
			if most > 0 {
				b.notes = append(b.notes, fmt.Sprintf("%s: %s computes it, and the layers that it shows, by kernels that round otherwise: they are %s apart at most, which is allowed for", name, trace.Engine, up(most, 2)))
			}
		}
	}
	return nil
}

// apartWithin returns by how much b is above a, 0 where they cannot both be
// within limit of the same number, and the most that they are apart.
func apartWithin(a, b, limit *lockstep.Tensor) (apart []float64, most float64, err error) {
	if limit == nil {
		return make([]float64, a.Len()), 0, nil
	}
	var d [3][]float64
	for i, t := range []*lockstep.Tensor{a, b, limit} {
		if d[i], err = t.Float64s(); err != nil {
			return nil, 0, err
		}
	}
	apart = make([]float64, len(d[0]))
	for i := range apart {
		if i >= len(d[1]) || i >= len(d[2]) {
			break
		}
		if one := d[1][i] - d[0][i]; abs(one) <= 2*d[2][i] {
			apart[i] = one
			most = max(most, abs(one))
		}
	}
	return apart, most, nil
}
