package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that put a frame around a tensor.
var padOps = Table{
	"Pad":       {Build: plain(padWith), Moves: InputsAt(0), Shape: InputsAt(1)},
	"PadV2":     {Build: plain(padWith), Moves: InputsAt(0, 2), Shape: InputsAt(1)},
	"MirrorPad": {Build: buildMirrorPad, Moves: InputsAt(0)},
}

// paddings reads how much stands before and after each axis, in turn.
func paddings(t, pads *lockstep.Tensor) ([]int, error) {
	if pads.Rank() != 2 || pads.Shape()[0] != t.Rank() || pads.Shape()[1] != 2 {
		return nil, fmt.Errorf("paddings are %s for %s, want the shape (%d, 2)", pads, t, t.Rank())
	}
	p, err := ints(pads)
	if err != nil {
		return nil, fmt.Errorf("paddings: %w", err)
	}
	return p, nil
}

// widened returns the shape that paddings make of another.
func widened(shape, pads []int) ([]int, error) {
	wide := make([]int, len(shape))
	for i, d := range shape {
		a, b := pads[2*i], pads[2*i+1]
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("paddings of %d and %d at axis %d, want none below 0", a, b, i)
		}
		if a > maxElements || b > maxElements || d > maxElements {
			return nil, fmt.Errorf("paddings of %d and %d at axis %d, want at most %d", a, b, i, maxElements)
		}
		wide[i] = a + d + b
	}
	return wide, nil
}

func padWith(w *Call, in []Value) ([]Value, error) {
	t, err := tensors(in, -1)
	if err != nil {
		return nil, err
	}
	var fill *lockstep.Tensor
	switch len(t) {
	case 2:
	case 3:
		fill = t[2]
		if err := wantScalar("the value", fill); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%d inputs, want 2 or 3", len(t))
	}
	pads, err := paddings(t[0], t[1])
	if err != nil {
		return nil, err
	}
	return w.one(framed(t[0], pads, fill))
}

// framed puts fill's one element, or without one zeros, around a tensor.
func framed(t *lockstep.Tensor, pads []int, fill *lockstep.Tensor) (*lockstep.Tensor, error) {
	wide, err := widened(t.Shape(), pads)
	if err != nil {
		return nil, err
	}
	if n, err := elements(wide); err != nil || n == 0 {
		return emptyOr(err, t.DType(), wide)
	}
	axes := make([][]int, len(wide))
	from, err := whole(t.Shape())
	if err != nil {
		return nil, err
	}
	for i, axis := range from {
		axes[i] = make([]int, wide[i])
		for j := range axes[i] {
			axes[i][j] = -1
		}
		copy(axes[i][pads[2*i]:], axis)
	}
	return sample(t, axes, fill)
}

func buildMirrorPad(n *savedmodel.Node) (Exec, error) {
	mode := n.AttrString("mode")
	edge := 0 // how many elements at the border are not repeated
	switch mode {
	case "REFLECT":
		edge = 1
	case "SYMMETRIC":
	default:
		return nil, fmt.Errorf("attribute \"mode\" is %q, want REFLECT or SYMMETRIC", mode)
	}
	return func(w *Call, in []Value) ([]Value, error) {
		t, err := tensors(in, 2)
		if err != nil {
			return nil, err
		}
		pads, err := paddings(t[0], t[1])
		if err != nil {
			return nil, err
		}
		wide, err := widened(t[0].Shape(), pads)
		if err != nil {
			return nil, err
		}
		for i, d := range t[0].Shape() {
			// Of nothing, nothing is mirrored; TensorFlow refuses a frame of 0 as well.
			if most := d - edge; pads[2*i] > most || pads[2*i+1] > most {
				return nil, fmt.Errorf("paddings of %d and %d at axis %d of %s, want at most %d", pads[2*i], pads[2*i+1], i, t[0], most)
			}
		}
		if n, err := elements(wide); err != nil || n == 0 {
			return w.one(emptyOr(err, t[0].DType(), wide))
		}
		axes := make([][]int, len(wide))
		from, err := whole(t[0].Shape())
		if err != nil {
			return nil, err
		}
		for i, axis := range from {
			axes[i] = make([]int, wide[i])
			for j := range axes[i] {
				axes[i][j] = axis[mirror(j-pads[2*i], len(axis), edge)]
			}
		}
		return w.one(sample(t[0], axes, nil))
	}, nil
}

// mirror returns which of n rows stands at i, which may lie outside by less
// than n.
func mirror(i, n, edge int) int {
	if i < 0 {
		i = -i - 1 + edge
	}
	if i >= n {
		i = 2*n - 1 - i - edge
	}
	return i
}
