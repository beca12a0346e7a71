package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var bitcastOps = Table{
	"Bitcast": {Build: buildBitcast, Float64: bitcastInFloat64, AnyType: true},
}

// bitcastInFloat64 refuses floats, whose bits are others in float64.
func bitcastInFloat64(n *savedmodel.Node) (Exec, error) {
	if n.Uses(lockstep.Float32) {
		return nil, errNoBound
	}
	return buildBitcast(n)
}

// buildBitcast reads the bits of elements as another type. Where the sizes
// differ, the last axis is the parts of the larger one, the lowest first.
func buildBitcast(n *savedmodel.Node) (Exec, error) {
	var types [2]lockstep.DType
	for i, attr := range []string{"T", "type"} {
		var err error
		if types[i], err = n.AttrType(attr); err != nil {
			return nil, err
		}
		if types[i] == lockstep.Bool || types[i].Size() == 0 {
			return nil, unsupported(attr, types[i])
		}
	}
	from, to := types[0].Size(), types[1].Size()
	return func(w *Call, in []Value) ([]Value, error) {
		t, err := tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].DType() != types[0] {
			return nil, fmt.Errorf("%s, want %s", t[0], types[0])
		}
		shape := slices.Clone(t[0].Shape())
		switch last := len(shape) - 1; {
		case from > to:
			shape = append(shape, from/to)
		case from < to:
			if last < 0 || shape[last] != to/from {
				return nil, fmt.Errorf("%s read as %s, want a last axis of %d", t[0], types[1], to/from)
			}
			shape = shape[:last]
		}
		if _, err := elements(shape); err != nil {
			return nil, err
		}
		bits, err := raw.Encode(t[0])
		if err != nil {
			return nil, err
		}
		return w.one(raw.Decode(types[1], shape, bits))
	}, nil
}
