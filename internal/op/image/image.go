// Package image has TensorFlow's operations that resize and cut images, (batch,
// height, width, channels), exchange places with channels, and change colours.
//
// Along each axis an element of the result is a sum of weighted elements of the
// image. Positions and weights are computed in float32, step by step as
// TensorFlow computes them (tensorflow/core/kernels/image), since a position that is
// off by one rounding may fall into another pixel.
package image

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations.
var Ops = op.Table{
	"ResizeNearestNeighbor": {Build: buildNearest, Moves: op.InputsAt(0), Shape: op.InputsAt(1), Time: op.TimeOfRows},
	"ResizeBilinear":        resizing(bilinear{}),
	"ResizeBicubic":         resizing(bicubic{}),
	"ResizeArea":            resizing(area{}),
	"ScaleAndTranslate":     {Build: buildScaled(false), Float64: buildScaled(true), Shape: op.InputsAt(1), Bound: scaledBound, Time: op.TimeOfRows},
	"CropAndResize":         {Build: buildCrop(false), Float64: buildCrop(true), Shape: op.InputsAt(3), Bound: cropBound, Reads: readsBoxes},
	"DepthToSpace":          {Build: buildDepthToSpace, Moves: op.InputsAt(0), Shape: op.NoInput, Time: op.TimeOfRows},
	"RGBToHSV":              {Build: op.OrFloat32(op.Floats(colours(toHSV[float32]), colours(toHSV[float64]))), Float32By: []string{"T"}, Shape: op.NoInput, Bound: toHSVBound, Time: op.TimeOfRows, KeepsShape: true},
	"HSVToRGB":              {Build: op.OrFloat32(op.Floats(colours(toRGB[float32]), colours(toRGB[float64]))), Float32By: []string{"T"}, Shape: op.NoInput, Bound: toRGBBound, Time: op.TimeOfRows, KeepsShape: true},
	"SpaceToDepth":          {Build: buildSpaceToDepth, Moves: op.InputsAt(0), Shape: op.NoInput, Time: op.TimeOfRows},
}

// sizes is the shape of a batch of images.
type sizes struct{ batch, height, width, channels int }

func sizesOf(t *lockstep.Tensor) (s sizes, err error) {
	if t.Rank() != 4 {
		return s, fmt.Errorf("%s, want images, of a rank of 4", t)
	}
	d := t.Shape()
	return sizes{d[0], d[1], d[2], d[3]}, nil
}

func (s sizes) shape() []int { return []int{s.batch, s.height, s.width, s.channels} }

// resized reads images and the height and width that are wanted of them.
func resized(in []value.Value, n int) (t []*lockstep.Tensor, from, to sizes, err error) {
	if t, err = value.Tensors(in, n); err != nil {
		return nil, from, to, err
	}
	if from, err = sizesOf(t[0]); err != nil {
		return nil, from, to, err
	}
	if from.channels == 0 || from.height == 0 || from.width == 0 {
		return nil, from, to, fmt.Errorf("%s, want a height, a width and channels", t[0])
	}
	if from.height > maxPixels || from.width > maxPixels {
		return nil, from, to, fmt.Errorf("%s, want a height and a width below 2^31", t[0])
	}
	to = from
	to.height, to.width, err = pairOf(t[1])
	return t, from, to, err
}

const maxPixels = 1<<31 - 1

// pairOf reads a height and a width.
func pairOf(t *lockstep.Tensor) (height, width int, err error) {
	size, err := op.Vector(t)
	if err != nil {
		return 0, 0, fmt.Errorf("the size: %w", err)
	}
	if len(size) != 2 || size[0] <= 0 || size[1] <= 0 || size[0] > maxPixels || size[1] > maxPixels {
		return 0, 0, fmt.Errorf("a size of %v, want a height and a width above 0", size)
	}
	return size[0], size[1], nil
}

// scaler finds where the elements of a result along one axis lie in the image.
type scaler struct {
	in, out int
	scale   float32
	// halves says that a pixel's position is its centre.
	halves bool
}

// scalerOf is that of two images of some lengths along an axis; corners says that
// the centres of the first and of the last pixel of the two are the same.
func scalerOf(in, out int, corners, halves bool) scaler {
	if corners && out > 1 {
		return scaler{in, out, float32(in-1) / float32(out-1), halves}
	}
	return scaler{in, out, float32(in) / float32(out), halves}
}

// at is the position of an element. With contracted it is computed as by compilers
// that round a product and a sum once.
func (s scaler) at(i int, contracted bool) float32 {
	if s.halves {
		return muladd(float32(i)+0.5, s.scale, -0.5, contracted)
	}
	return float32(i) * s.scale
}

// alignment are the attributes of most operations that resize.
type alignment struct{ corners, halves bool }

func readAlignment(n *savedmodel.Node) (a alignment, err error) {
	a.corners, a.halves = n.AttrBool("align_corners"), n.AttrBool("half_pixel_centers")
	if a.corners && a.halves {
		err = fmt.Errorf("attributes \"align_corners\" and \"half_pixel_centers\" are true, want one at most")
	}
	return a, err
}

// scalers are those of both axes.
func (a alignment) scalers(from, to sizes) (rows, cols scaler) {
	return scalerOf(from.height, to.height, a.corners, a.halves), scalerOf(from.width, to.width, a.corners, a.halves)
}
