// Package regroup has TensorFlow's operations that pick elements and put them
// together in another way: patches of images, the largest of them, and distinct
// elements.
package regroup

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations.
var Ops = op.Table{
	"ExtractImagePatches": {Build: buildPatches, Moves: op.InputsAt(0), Shape: op.NoInput, Time: op.TimeBeside(3)},
	"MaxPoolWithArgmax":   {Types: ofT, Build: buildArgmax, Shape: op.NoInput, Bound: argmaxBound, Time: op.TimeBeside(3)},
	"Dilation2D":          {Types: ofT, Build: buildDilation, Shape: op.NoInput, Bound: dilationBound, Time: op.TimeBeside(3)},
	"UniqueV2":            {Build: buildUnique},
	"UniqueWithCountsV2":  {Build: buildUnique},
	"ListDiff":            {Build: buildDifference},
}

// buildPatches cuts patches out of images (batch, height, width, channels):
// extract_image_patches_op.cc. The result is (batch, rows, columns, patch), each patch
// by its rows, columns and channels, with zeros where it reaches over the image.
func buildPatches(n *savedmodel.Node) (op.Exec, error) {
	var attrs [3][2]int // size, stride and rate along height and width
	for i, name := range []string{"ksizes", "strides", "rates"} {
		var err error
		if attrs[i], err = pairOf(n, name); err != nil {
			return nil, err
		}
	}
	same, err := sameOf(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].Rank() != 4 {
			return nil, fmt.Errorf("%s, want images, of a rank of 4", t[0])
		}
		shape := t[0].Shape()
		batch, channels := shape[0], shape[3]
		var spans [2]span
		for i := range spans {
			spans[i] = spanOf(shape[1+i], attrs[0][i], attrs[1][i], attrs[2][i], same)
			if spans[i].out <= 0 && batch*channels > 0 {
				return nil, fmt.Errorf("patches that reach over %d of an axis of %d", spans[i].reach, shape[1+i])
			}
		}
		patch := []int{spans[0].size, spans[1].size, channels}
		if _, err := value.AllowSized(append([]int{batch, spans[0].out, spans[1].out}, patch...), value.SizeOf(t[0].DType())); err != nil {
			return nil, err
		}
		zero, err := value.Zeros(t[0].DType(), []int{1})
		if err != nil {
			return nil, err
		}
		// First the images with their padding, so that each axis has places of its own.
		if t[0], err = value.Sample(t[0], [][]int{
			value.Positions(0, batch, shape[1]*shape[2]*channels), spans[0].padded(shape[2] * channels), spans[1].padded(channels), value.Positions(0, channels, 1),
		}, zero); err != nil {
			return nil, err
		}
		height, width := t[0].Shape()[1], t[0].Shape()[2]
		all, err := value.Sample(t[0], [][]int{
			value.Positions(0, batch, height*width*channels),
			value.Positions(0, spans[0].out, spans[0].stride*width*channels), value.Positions(0, spans[1].out, spans[1].stride*channels),
			value.Positions(0, spans[0].size, spans[0].rate*width*channels), value.Positions(0, spans[1].size, spans[1].rate*channels),
			value.Positions(0, channels, 1),
		}, nil)
		if err != nil {
			return nil, err
		}
		return w.One(value.Reshaped(all, []int{batch, spans[0].out, spans[1].out, value.Product(patch)}))
	}, nil
}

// span is how patches lie along one axis.
type span struct{ in, out, size, stride, rate, reach, before int }

func spanOf(in, size, stride, rate int, same bool) span {
	s := span{in: in, size: size, stride: stride, rate: rate, reach: (size-1)*rate + 1}
	if same {
		s.out = (in + stride - 1) / stride
		s.before = max((s.out-1)*stride+s.reach-in, 0) / 2
		return s
	}
	if in >= s.reach {
		s.out = (in-s.reach)/stride + 1
	}
	return s
}

// padded are the places of the axis with its padding, which patches reach over; each
// is some step after the last, and -1 is padding.
func (s span) padded(step int) []int {
	out := make([]int, max((s.out-1)*s.stride+s.reach, 0))
	for i := range out {
		if at := i - s.before; at >= 0 && at < s.in {
			out[i] = at * step
		} else {
			out[i] = -1
		}
	}
	return out
}
