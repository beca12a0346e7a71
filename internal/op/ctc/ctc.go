// Package ctc has TensorFlow's decoders of connectionist temporal classification: what
// they read is (steps, batch, classes), and what they make are sparse matrices of
// labels, one for each path, with a row for each sequence.
package ctc

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Ops are the operations. Their shapes follow from the elements.
var Ops = op.Table{
	"CTCGreedyDecoder":     {Build: build(greedy[float32], greedy[float64]), Float32By: ofT, Bound: greedyBound},
	"CTCBeamSearchDecoder": {Build: build(beamSearch[float32](single[float32]), beamSearch[float64](single[float64])), Float64: exactBeams, Bound: beamBound},
}

var ofT = []string{"T"}

type floats interface{ float32 | float64 }

// decoder reads the attributes of a node, and returns what decodes.
type decoder func(n *savedmodel.Node) (op.Exec, error)

func build(f32, f64 decoder) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		d, err := op.TypeOr(n, ofT[0], lockstep.Float32)
		switch {
		case err != nil:
			return nil, err
		case d == lockstep.Float32:
			return f32(n)
		case d == lockstep.Float64:
			return f64(n)
		}
		return nil, op.NotSupported(ofT[0], d)
	}
}

// sequences are what is decoded: the numbers of each class at each step.
type sequences[E floats] struct {
	steps, batch, classes int
	x                     []E
	lengths               []int
}

func read[E floats](in []value.Value) (s sequences[E], err error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return s, err
	}
	shape := t[0].Shape()
	if len(shape) != 3 || t[0].Len() == 0 {
		return s, fmt.Errorf("%s, want numbers by step, sequence and class", t[0])
	}
	if s.x, err = lockstep.Data[E](t[0]); err != nil {
		return s, err
	}
	s.steps, s.batch, s.classes = shape[0], shape[1], shape[2]
	if s.lengths, err = op.Vector(t[1]); err != nil {
		return s, fmt.Errorf("the lengths: %w", err)
	}
	if len(s.lengths) != s.batch {
		return s, fmt.Errorf("%d lengths of %d sequences", len(s.lengths), s.batch)
	}
	for i, n := range s.lengths {
		if n > s.steps {
			return s, fmt.Errorf("a length of %d for sequence %d of %d steps", n, i, s.steps)
		}
	}
	return s, nil
}

// row are the numbers of one step of a sequence.
func (s *sequences[E]) row(step, sequence int) []E {
	return s.x[(step*s.batch+sequence)*s.classes:][:s.classes]
}

// results are the sparse matrices of the paths, each of all sequences, and the
// logarithms of their probabilities: the indices of all paths, then the values, then
// the shapes.
func results[E floats](paths [][][]int, logs []E) ([]value.Value, error) {
	n := len(paths)
	out := make([]value.Value, 3*n+1)
	for p, rows := range paths {
		total, longest := 0, 0
		for _, labels := range rows {
			total, longest = total+len(labels), max(longest, len(labels))
		}
		if _, err := value.AllowSized([]int{total}, 3*value.WordBytes); err != nil {
			return nil, err
		}
		at, labels := make([]int64, 0, 2*total), make([]int64, 0, total)
		for row, list := range rows {
			for i, label := range list {
				at, labels = append(at, int64(row), int64(i)), append(labels, int64(label))
			}
		}
		for i, made := range []struct {
			d     []int64
			shape []int
		}{{at, []int{total, 2}}, {labels, []int{total}}, {[]int64{int64(len(rows)), int64(longest)}, []int{2}}} {
			t, err := lockstep.New(made.d, made.shape...)
			if err != nil {
				return nil, err
			}
			out[i*n+p] = value.Value{Tensor: t}
		}
	}
	t, err := lockstep.New(logs, len(logs)/n, n)
	out[3*n] = value.Value{Tensor: t}
	return out, err
}

// greedy takes the best class of every step. The blank is that of an attribute, from
// the last class on if it is negative.
func greedy[E floats](n *savedmodel.Node) (op.Exec, error) {
	merge, blank := n.AttrBool("merge_repeated"), op.IntOr(n, "blank_index", -1)
	return func(_ *op.Call, in []value.Value) ([]value.Value, error) {
		s, err := read[E](in)
		if err != nil {
			return nil, err
		}
		blank := blank
		if blank < 0 {
			blank += s.classes
		}
		if blank < 0 || blank >= s.classes {
			return nil, fmt.Errorf("blank_index is %d, want one of %d classes", op.IntOr(n, "blank_index", -1), s.classes)
		}
		paths, logs := make([][]int, s.batch), make([]E, s.batch)
		for b := range s.batch {
			last := -1
			for step := range s.lengths[b] {
				row := s.row(step, b)
				best := 0
				for i, v := range row {
					if v > row[best] {
						best = i
					}
				}
				logs[b] -= row[best]
				if best != blank && !(merge && best == last) {
					paths[b] = append(paths[b], best)
				}
				last = best
			}
		}
		return results([][][]int{paths}, logs)
	}, nil
}

// errOrder is why labels are not known.
var errOrder = errors.New("rounding may decide which classes are the best")

// undecided says that rounding decides the results but the last.
func undecided(x *op.BoundInput) {
	for i := range x.Out[:len(x.Out)-1] {
		x.Out[i].Why, x.Out[i].FreeShape = op.Unsupported{Node: x.Node.Name, Op: x.Node.Op, Reason: errOrder}, true
	}
}

// greedyBound: a maximum is off by no more than one of the numbers is; which one it is
// is certain where no other may be as large.
func greedyBound(x *op.BoundInput) error {
	s, err := read[float64](x.Values())
	if err != nil {
		return err
	}
	off := x.E(0)
	e := make([]float64, s.batch)
	for b := range e {
		size, certain := 0.0, true
		for step := range s.lengths[b] {
			row := s.row(step, b)
			var errs []float64
			if off != nil {
				errs = off[(step*s.batch+b)*s.classes:][:s.classes]
			}
			most, high, ok := best(row, errs)
			size, e[b], certain = size+high, e[b]+most, certain && ok
		}
		e[b] = x.Rounded(size, e[b], max(s.lengths[b], 0))
		if !certain {
			undecided(x)
		}
	}
	return x.Set(len(x.Out)-1, e)
}
