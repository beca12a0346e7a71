package regroup

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// number are the types for which the operations have code.
type number interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// windows are how a window moves over images (batch, height, width, channels).
type windows struct {
	size, strides, rates [2]int
	same                 bool
	images               []int
	rows, cols           span
	shape                []int // of the result
}

// pairOf reads an attribute of a number for each axis, of which those of the batch and
// the channels are 1.
func pairOf(n *savedmodel.Node, name string) (p [2]int, err error) {
	v := n.AttrInts(name)
	if len(v) != 4 || v[0] != 1 || v[3] != 1 || min(v[1], v[2]) < 1 || max(v[1], v[2]) > int64(value.MaxElements) {
		return p, op.NotSupported(name, v)
	}
	return [2]int{int(v[1]), int(v[2])}, nil
}

func sameOf(n *savedmodel.Node) (bool, error) {
	switch p := n.AttrString("padding"); p {
	case "SAME", "VALID":
		return p == "SAME", nil
	default:
		return false, op.NotSupported("padding", p)
	}
}

// over places the windows on images.
func (w windows) over(t *lockstep.Tensor, size int) (windows, error) {
	w.images = t.Shape()
	if len(w.images) != 4 {
		return w, fmt.Errorf("%s, want images, of a rank of 4", t)
	}
	w.rows = spanOf(w.images[1], w.size[0], w.strides[0], w.rates[0], w.same)
	w.cols = spanOf(w.images[2], w.size[1], w.strides[1], w.rates[1], w.same)
	if w.images[0]*w.images[3] > 0 && (w.rows.out <= 0 || w.cols.out <= 0) {
		return w, fmt.Errorf("windows that reach over %d x %d of %s", w.rows.reach, w.cols.reach, t)
	}
	w.shape = []int{w.images[0], w.rows.out, w.cols.out, w.images[3]}
	n, err := value.AllowSized(w.shape, size)
	if err != nil {
		return w, err
	}
	return w, op.Affordable(n, min(w.size[0], w.images[1]), min(w.size[1], w.images[2]))
}

// inside are the positions of a window of an axis that are within it.
func (s span) inside(o int) (from, to int) {
	first := o*s.stride - s.before
	from = max(0, (-first+s.rate-1)/s.rate)
	return from, min(s.size, (s.in-first+s.rate-1)/s.rate)
}

// each calls f for every element of the result, at, and of the images that its window
// covers, with its place in the window, row by row.
func (w *windows) each(f func(at, from, place int)) {
	channels := w.images[3]
	at := 0
	for b := range w.images[0] {
		for y := range w.rows.out {
			firstRow, endRow := w.rows.inside(y)
			for x := range w.cols.out {
				firstCol, endCol := w.cols.inside(x)
				for i := firstRow; i < endRow; i++ {
					row := b*w.images[1] + y*w.strides[0] - w.rows.before + i*w.rates[0]
					for j := firstCol; j < endCol; j++ {
						from := (row*w.images[2] + x*w.strides[1] - w.cols.before + j*w.rates[1]) * channels
						for c := range channels {
							f(at+c, from+c, (i*w.size[1]+j)*channels+c)
						}
					}
				}
				at += channels
			}
		}
	}
}

func byNumber(n *savedmodel.Node, f32, f64 op.Exec, whole map[lockstep.DType]op.Exec) (op.Exec, error) {
	d, err := op.TypeOr(n, ofT[0], lockstep.Float32)
	switch {
	case err != nil:
		return nil, err
	case d == lockstep.Float32:
		return f32, nil
	case d == lockstep.Float64:
		return f64, nil
	case whole[d] != nil:
		return whole[d], nil
	}
	return nil, op.NotSupported(ofT[0], d)
}

var ofT = []string{"T"}

// argmax are the attributes of a pooling that says where its results are
// (maxpooling_op.cc).
type argmax struct {
	windows
	index lockstep.DType
	batch bool // that places count from the first image on
}

func readArgmax(n *savedmodel.Node) (a argmax, err error) {
	a.batch, a.rates = n.AttrBool("include_batch_in_index"), [2]int{1, 1}
	if a.index, err = op.TypeOr(n, "Targmax", lockstep.Int64); err != nil {
		return a, err
	}
	if a.index != lockstep.Int32 && a.index != lockstep.Int64 {
		return a, op.NotSupported("Targmax", a.index)
	}
	if a.size, err = pairOf(n, "ksize"); err != nil {
		return a, err
	}
	if a.strides, err = pairOf(n, "strides"); err != nil {
		return a, err
	}
	a.same, err = sameOf(n)
	return a, err
}

func buildArgmax(n *savedmodel.Node) (op.Exec, error) {
	a, err := readArgmax(n)
	if err != nil {
		return nil, err
	}
	return byNumber(n, largestOf[float32](a), largestOf[float64](a), map[lockstep.DType]op.Exec{
		lockstep.Int8: largestOf[int8](a), lockstep.Int16: largestOf[int16](a), lockstep.Int32: largestOf[int32](a), lockstep.Int64: largestOf[int64](a),
		lockstep.Uint8: largestOf[uint8](a), lockstep.Uint16: largestOf[uint16](a), lockstep.Uint32: largestOf[uint32](a), lockstep.Uint64: largestOf[uint64](a),
	})
}

// largestOf returns the largest element of each window and its place, the first of
// equal ones. NaN is the largest only where it comes first.
func largestOf[E number](a argmax) op.Exec {
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[E](in, 1)
		if err != nil {
			return nil, err
		}
		if t[0].Len() == 0 {
			return nil, fmt.Errorf("%s has no largest element", t[0])
		}
		w, err := a.over(t[0], value.SizeFor[E]()+2*value.WordBytes)
		if err != nil {
			return nil, err
		}
		x := d[0]
		out, places := make([]E, value.Product(w.shape)), make([]int, value.Product(w.shape))
		for i := range places {
			places[i] = -1
		}
		w.each(func(at, from, _ int) {
			if places[at] < 0 || out[at] < x[from] {
				out[at], places[at] = x[from], from
			}
		})
		if size := value.Product(w.images[1:]); !a.batch {
			for i := range places {
				places[i] %= size
			}
		}
		values, err := lockstep.New(out, w.shape...)
		if err != nil {
			return nil, err
		}
		index, err := value.IntTensor(places, a.index, w.shape...)
		return []value.Value{{Tensor: values}, {Tensor: index}}, err
	}
}

// argmaxBound: a maximum is off by no more than one of its elements, and its place is
// certain where no other element may be as large.
func argmaxBound(x *op.BoundInput) error {
	off := x.E(0)
	if off == nil {
		return nil
	}
	a, err := readArgmax(x.Node)
	if err != nil {
		return err
	}
	w, err := a.over(x.In[0].Tensor, value.WordBytes)
	if err != nil {
		return err
	}
	v, best := x.V(0), op.FloatsOf(x.Out[0].Tensor)
	e, open := make([]float64, len(best)), make([]float64, len(best))
	least := make([]float64, len(best)) // that the maximum may be
	for i := range least {
		least[i] = math.Inf(-1)
	}
	w.each(func(at, from, _ int) { e[at], least[at] = max(e[at], off[from]), max(least[at], v[from]-off[from]) })
	several := make([]int, len(best))
	w.each(func(at, from, _ int) {
		if v[from]+off[from] >= least[at] {
			several[at]++
		}
	})
	for i, n := range several {
		if n != 1 {
			open[i] = 1
		}
	}
	if x.Out[1].Bound, err = op.BoundOf(open, w.shape); err != nil {
		return err
	}
	return x.Set(0, e)
}

// readDilation reads the attributes of a dilation (dilation_ops.cc), whose window has
// the size of its second input.
func readDilation(n *savedmodel.Node) (w windows, err error) {
	if w.strides, err = pairOf(n, "strides"); err != nil {
		return w, err
	}
	if w.rates, err = pairOf(n, "rates"); err != nil {
		return w, err
	}
	w.same, err = sameOf(n)
	return w, err
}

// withFilter places windows of a filter's size.
func (w windows) withFilter(images, filter *lockstep.Tensor, size int) (windows, error) {
	shape := filter.Shape()
	if len(shape) != 3 || filter.Len() == 0 || images.Rank() != 4 || shape[2] != images.Shape()[3] {
		return w, fmt.Errorf("the filter %s of the images %s, want rows, columns and as many channels", filter, images)
	}
	w.size = [2]int{shape[0], shape[1]}
	return w.over(images, size)
}

func buildDilation(n *savedmodel.Node) (op.Exec, error) {
	w, err := readDilation(n)
	if err != nil {
		return nil, err
	}
	return byNumber(n, dilate(w, float32(-math.MaxFloat32)), dilate(w, -math.MaxFloat64), map[lockstep.DType]op.Exec{
		lockstep.Int8: dilate(w, int8(math.MinInt8)), lockstep.Int16: dilate(w, int16(math.MinInt16)), lockstep.Int32: dilate(w, int32(math.MinInt32)), lockstep.Int64: dilate(w, int64(math.MinInt64)),
		lockstep.Uint8: dilate(w, uint8(0)), lockstep.Uint16: dilate(w, uint16(0)), lockstep.Uint32: dilate(w, uint32(0)), lockstep.Uint64: dilate(w, uint64(0)),
	})
}

// dilate takes the largest sum of an element and the filter's at its place in the window,
// from the lowest finite number on, which NaN does not exceed.
func dilate[E number](a windows, lowest E) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[E](in, 2)
		if err != nil {
			return nil, err
		}
		over, err := a.withFilter(t[0], t[1], value.SizeFor[E]())
		if err != nil {
			return nil, err
		}
		out := make([]E, value.Product(over.shape))
		for i := range out {
			out[i] = lowest
		}
		over.each(func(at, from, place int) {
			if s := d[0][from] + d[1][place]; s > out[at] {
				out[at] = s
			}
		})
		return w.One(lockstep.New(out, over.shape...))
	}
}

// dilationBound: the largest of sums is off by no more than one that may be the largest.
func dilationBound(x *op.BoundInput) error {
	a, err := readDilation(x.Node)
	if err != nil {
		return err
	}
	w, err := a.withFilter(x.In[0].Tensor, x.In[1].Tensor, value.WordBytes)
	if err != nil {
		return err
	}
	images, filter := x.V(0), x.V(1)
	sum := func(from, place int) (v, e float64) {
		if off := x.E(0); off != nil {
			e = off[from]
		}
		if off := x.E(1); off != nil {
			e += off[place]
		}
		v = images[from] + filter[place]
		return v, x.Rounded(v, e, 1)
	}
	e, least := make([]float64, x.Out[0].Tensor.Len()), make([]float64, x.Out[0].Tensor.Len())
	for i := range least {
		least[i] = math.Inf(-1)
	}
	w.each(func(at, from, place int) {
		v, off := sum(from, place)
		least[at] = max(least[at], v-off)
	})
	w.each(func(at, from, place int) {
		if v, off := sum(from, place); !(v+off < least[at]) {
			e[at] = max(e[at], off)
		}
	})
	return x.Set(0, e)
}
