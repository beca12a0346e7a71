package tables

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// join puts tensors of the same shape but for their rows together.
func join(parts []*lockstep.Tensor, n int) (*lockstep.Tensor, error) {
	shape := append([]int{n}, parts[0].Shape()[1:]...)
	if parts[0].DType() == lockstep.String {
		var all []string
		for _, t := range parts {
			d, err := lockstep.Data[string](t)
			if err != nil {
				return nil, err
			}
			all = append(all, d...)
		}
		return lockstep.New(all, shape...)
	}
	var all []byte
	for _, t := range parts {
		b, err := raw.Encode(t)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return raw.Decode(parts[0].DType(), shape, all)
}
