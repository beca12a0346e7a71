package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The operations that make tensors out of a shape or of a few numbers.
var fillOps = Table{
	"Fill":      {Build: Plain(fillShape), Moves: InputsAt(1), Uniform: true},
	"ZerosLike": {Build: Plain(zerosLike), AnyType: true, Uniform: true, Measures: OtherOfShape},
	"OnesLike":  {Types: ofT, Build: buildOnesLike, Uniform: true, Measures: OtherOfShape},
	"Range":     {Build: buildRange, Bound: rangeBound, Reads: readsLimit, Counts: true},
	"LinSpace":  {Build: ByType(Floats(linSpace[float32], linSpace[float64]))},
	"OneHot":    {Build: buildOneHot, Moves: InputsAt(2, 3), Reads: readsPositions},
	"Where":     {Types: ofT, Build: Plain(where)},
}

func fillShape(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 2)
	if err != nil {
		return nil, err
	}
	shape, err := WantShape(oldVector(t[0]))
	if err != nil {
		return nil, err
	}
	if err := wantOldScalar("the value", t[1]); err != nil {
		return nil, err
	}
	return w.One(value.Repeat(t[1], shape))
}

func zerosLike(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, err
	}
	return w.One(value.Zeros(t[0].DType(), t[0].Shape()))
}

func buildOnesLike(n *savedmodel.Node) (Exec, error) {
	if d, err := n.AttrType("T"); err == nil {
		if _, err := unit(d); err != nil {
			return nil, NotSupported("T", d)
		}
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		one1, err := unit(t[0].DType())
		if err != nil {
			return nil, err
		}
		return w.One(value.Repeat(one1, t[0].Shape()))
	}, nil
}

// unit is the number one, or true.
func unit(d lockstep.DType) (*lockstep.Tensor, error) {
	switch d {
	case lockstep.Float32:
		return lockstep.New([]float32{1})
	case lockstep.Float64:
		return lockstep.New([]float64{1})
	case lockstep.Float16:
		return lockstep.New([]lockstep.Float16Bits{0x3c00})
	case lockstep.BFloat16:
		return lockstep.New([]lockstep.BFloat16Bits{0x3f80})
	case lockstep.Int32:
		return lockstep.New([]int32{1})
	case lockstep.Int64:
		return lockstep.New([]int64{1})
	case lockstep.Int8:
		return lockstep.New([]int8{1})
	case lockstep.Int16:
		return lockstep.New([]int16{1})
	case lockstep.Uint8:
		return lockstep.New([]uint8{1})
	case lockstep.Uint16:
		return lockstep.New([]uint16{1})
	case lockstep.Uint32:
		return lockstep.New([]uint32{1})
	case lockstep.Uint64:
		return lockstep.New([]uint64{1})
	case lockstep.Bool:
		return lockstep.New([]bool{true})
	}
	return nil, fmt.Errorf("a %s has no number one", d)
}

func buildRange(n *savedmodel.Node) (Exec, error) {
	return numbers(rangeOf[float32], rangeOf[float64], rangeOf[int32], rangeOf[int64]).chooseOr(n, "Tidx", lockstep.Int32)
}

func rangeOf[E number](w *Call, in []value.Value) ([]value.Value, error) {
	v, err := scalars[E](in, 3, wantOldScalar)
	if err != nil {
		return nil, err
	}
	n, err := rangeLength(v[0], v[1], v[2])
	if err != nil {
		return nil, err
	}
	if err := memory.Fits(n, value.SizeFor[E]()); err != nil {
		return nil, err
	}
	out := make([]E, n)
	for i := range out {
		out[i] = v[0] + E(E(i)*v[2]) // rounded before the sum
	}
	return w.One(lockstep.New(out, n))
}

func rangeLength[E number](start, limit, delta E) (int, error) {
	if !(delta > 0 && start <= limit || delta < 0 && start >= limit) {
		return 0, fmt.Errorf("a range from %v to %v by %v", start, limit, delta)
	}
	var n float64
	switch any(start).(type) {
	case float32, float64:
		n = math.Ceil(math.Abs(float64((limit - start) / delta)))
	default:
		// Unsigned, since the difference of two int64 may not fit an int64.
		span, step := uint64(int64(limit))-uint64(int64(start)), uint64(int64(delta))
		if delta < 0 {
			span, step = -span, -step
		}
		count := span / step
		if span%step != 0 {
			count++
		}
		n = float64(count)
	}
	if !(n <= float64(value.MaxElements)) {
		return 0, fmt.Errorf("a range of %v numbers, want at most %d", n, value.MaxElements)
	}
	return int(n), nil
}

func linSpace[E float](w *Call, in []value.Value) ([]value.Value, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("%d inputs, want 3", len(in))
	}
	ends, err := scalars[E](in[:2], 2, WantScalar)
	if err != nil {
		return nil, err
	}
	count, err := value.Tensors(in[2:], 1)
	if err != nil {
		return nil, err
	}
	n, err := Scalar(count[0])
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > value.MaxElements {
		return nil, fmt.Errorf("%d numbers, want 1 to %d", n, value.MaxElements)
	}
	if err := memory.Fits(n, value.SizeFor[E]()); err != nil {
		return nil, err
	}
	out := make([]E, n)
	out[0] = ends[0]
	if n > 1 {
		step := (ends[1] - ends[0]) / E(n-1)
		for i := range out {
			out[i] = ends[0] + E(step*E(i)) // rounded before the sum
		}
		out[n-1] = ends[1]
	}
	return w.One(lockstep.New(out, n))
}

func buildOneHot(n *savedmodel.Node) (Exec, error) {
	at := IntOr(n, "axis", -1)
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 4)
		if err != nil {
			return nil, err
		}
		axis := at
		if axis == -1 {
			axis = t[0].Rank()
		}
		if axis < 0 || axis > t[0].Rank() {
			return nil, fmt.Errorf("attribute \"axis\" is %d, want -1 to %d", at, t[0].Rank())
		}
		depth, err := Scalar(t[1])
		if err != nil {
			return nil, fmt.Errorf("the depth: %w", err)
		}
		for i, what := range []string{"the value on", "the value off"} {
			if err := WantScalar(what, t[2+i]); err != nil {
				return nil, err
			}
		}
		if t[2].DType() != t[3].DType() {
			return nil, fmt.Errorf("values of %s and %s", t[2].DType(), t[3].DType())
		}
		list, err := value.Ints(t[0])
		if err != nil {
			return nil, err
		}
		shape := slices.Insert(slices.Clone(t[0].Shape()), axis, depth)
		out, err := value.Repeat(t[3], shape)
		if err != nil {
			return nil, err
		}
		// An index outside the axis leaves its row off.
		after := value.Product(t[0].Shape()[axis:])
		var hot []int
		for i, v := range list {
			if v >= 0 && v < depth {
				hot = append(hot, (i/after*depth+v)*after+i%after)
			}
		}
		on, err := value.Repeat(t[2], []int{len(hot)})
		if err != nil {
			return nil, err
		}
		return w.One(out, value.Put(out, hot, 1, on))
	}, nil
}

// where lists the positions of the elements that are not zero.
func where(w *Call, in []value.Value) ([]value.Value, error) {
	t, err := value.Tensors(in, 1)
	if err != nil {
		return nil, err
	}
	if t[0].Rank() == 0 { // TensorFlow's kernel has no case for it
		return nil, fmt.Errorf("%s, want an axis at least", t[0])
	}
	if err := memory.Fits(t[0].Len(), (1+t[0].Rank())*value.WordBytes); err != nil {
		return nil, fmt.Errorf("the positions in %s: %w", t[0], err)
	}
	d, err := t[0].Float64s() // a rounded int64 is still not zero
	if err != nil {
		return nil, err
	}
	shape, steps := t[0].Shape(), value.Strides(t[0].Shape())
	out := []int64{}
	n := 0
	for i, v := range d {
		if v == 0 {
			continue
		}
		n++
		for axis, step := range steps {
			out = append(out, int64(i/step%shape[axis]))
		}
	}
	return w.One(lockstep.New(out, n, len(shape)))
}

// rangeBound: start + i·delta, of exact numbers. How many there are must not
// depend on rounding.
func rangeBound(x *BoundInput) error {
	var p [3]float64
	for i := range p {
		if !x.In[i].Exact() {
			return x.In[i].Reason()
		}
		p[i] = x.V(i)[0]
	}
	start, limit, delta := p[0], p[1], p[2]
	v := FloatsOf(x.Out[0].Tensor)
	e := make([]float64, len(v))
	if integral(p[:]) && max(math.Abs(start), math.Abs(limit))+math.Abs(delta) <= 1/(2*float64(x.Unit)) {
		return x.Set(0, e)
	}
	steps := (limit - start) / delta
	if off := x.Rounded(steps, 0, 3); math.Ceil(steps-off) != math.Ceil(steps+off) {
		return errors.New("rounding decides how many numbers there are")
	}
	for i := range e { // an engine may add delta repeatedly
		e[i] = x.Rounded(math.Abs(start)+float64(i)*math.Abs(delta), 0, i+2)
	}
	return x.Set(0, e)
}

// readsPositions is for numbers up to the second input.
func readsPositions(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) < 2 {
		return
	}
	if size, ok := one(g, n.Inputs[1]); ok && size >= 1 {
		g.Found(n.Inputs[0], Index(int(size)))
	}
}

// readsLimit is for a count up to a number of time steps.
func readsLimit(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) > 1 {
		g.Found(n.Inputs[1], Need{Length: true})
	}
}
