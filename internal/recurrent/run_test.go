package recurrent

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// array is a tensor, or a list of tensors, that a body is run on in float64:
// what it computes is compared with what a recurrence says that it does.
type array struct {
	shape []int
	x     []float64
	list  []*array
}

func numbers(shape []int, x ...float64) *array { return &array{shape: shape, x: x} }

// runner computes tensors of a body, given its arguments. It fails, by a panic
// with a string, where TensorFlow would, and at operations that it lacks.
type runner struct {
	done map[savedmodel.Ref]*array
}

func fail(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// attempt runs f and returns what it failed with.
func attempt(f func()) (failed error) {
	defer func() {
		if r := recover(); r != nil {
			failed = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

func (r *runner) of(ref savedmodel.Ref) *array {
	ref = ref.Through()
	if v, ok := r.done[ref]; ok {
		return v
	}
	if ref.Node == nil {
		fail("no tensor")
	}
	var in []*array
	for k, i := range ref.Node.Inputs {
		if ref.Node.Op == "TensorListGetItem" && k == 2 {
			break // a shape that is only checked
		}
		in = append(in, r.of(i))
	}
	v := run(ref.Node, ref.Index, in)
	r.done[ref] = v
	return v
}

var unaries = map[string]func(x float64) float64{
	"Tanh": math.Tanh, "Sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, "Relu": func(x float64) float64 { return max(x, 0) },
	"Relu6": func(x float64) float64 { return min(max(x, 0), 6) }, "Exp": math.Exp, "Softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
	"Neg": func(x float64) float64 { return -x }, "Cos": math.Cos, "Ceil": math.Ceil, "Erfc": math.Erfc, "OnesLike": func(float64) float64 { return 1 },
	"ZerosLike": func(float64) float64 { return 0 }, "ReadVariableOp": func(x float64) float64 { return x },
	"Elu": func(x float64) float64 {
		if x < 0 {
			return math.Expm1(x)
		}
		return x
	},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var binaries = map[string]func(a, b float64) float64{
	"AddV2": func(a, b float64) float64 { return a + b }, "Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b }, "Mul": func(a, b float64) float64 { return a * b },
	"RealDiv": func(a, b float64) float64 { return a / b }, "Div": func(a, b float64) float64 { return a / b },
	"Maximum": func(a, b float64) float64 { return max(a, b) }, "Minimum": func(a, b float64) float64 { return min(a, b) },
	"Less": func(a, b float64) float64 { return truth(a < b) }, "LessEqual": func(a, b float64) float64 { return truth(a <= b) },
	"Greater": func(a, b float64) float64 { return truth(a > b) }, "Equal": func(a, b float64) float64 { return truth(a == b) },
	"LogicalAnd": func(a, b float64) float64 { return a * b }, "LogicalOr": func(a, b float64) float64 { return max(a, b) },
}

func run(n *savedmodel.Node, index int, in []*array) *array {
	arity := func(k int) {
		if len(in) != k {
			fail("%s of %d inputs", n.Op, len(in))
		}
	}
	if f, ok := unaries[n.Op]; ok {
		arity(1)
		return zip(func(a, _ float64) float64 { return f(a) }, in[0], numbers(nil, 0))
	}
	if f, ok := binaries[n.Op]; ok {
		arity(2)
		return zip(f, in[0], in[1])
	}
	switch n.Op {
	case "Const":
		t, err := n.Const()
		if err != nil {
			fail("%v", err)
		}
		if t.DType() == lockstep.Bool || t.DType() == lockstep.String {
			fail("a constant of %s", t.DType())
		}
		if !t.DType().IsFloat() {
			ints, _, _ := constInts(n, math.MaxInt32)
			v := numbers(t.Shape())
			for _, i := range ints {
				v.x = append(v.x, float64(i))
			}
			return v
		}
		x, err := t.Float64s()
		if err != nil {
			fail("%v", err)
		}
		return numbers(t.Shape(), x...)
	case "BiasAdd":
		arity(2)
		if len(in[1].shape) != 1 || len(in[0].shape) < 2 || in[0].shape[len(in[0].shape)-1] != in[1].shape[0] || !lastAxis(n) {
			fail("a bias of the shape %v for %v", in[1].shape, in[0].shape)
		}
		return zip(binaries["AddV2"], in[0], in[1])
	case "MatMul":
		arity(2)
		return product2(in[0], in[1], plainProduct(n))
	case "SelectV2":
		arity(3)
		no := zip(func(c, b float64) float64 { return (1 - c) * b }, in[0], in[2])
		return zip(binaries["AddV2"], zip(binaries["Mul"], in[0], in[1]), no)
	case "TensorListGetItem":
		arity(2)
		if at := int(scalarOf(in[1])); in[0].list != nil && at >= 0 && at < len(in[0].list) {
			return in[0].list[at]
		}
		fail("no element %v of a list", in[1].x)
	case "TensorListSetItem":
		arity(3)
		at := int(scalarOf(in[1]))
		if in[0].list == nil || in[2].list != nil || at < 0 || at >= len(in[0].list) {
			fail("no element %v of a list", in[1].x)
		}
		list := slices.Clone(in[0].list)
		list[at] = in[2]
		return &array{list: list}
	}
	return rearrange(n, index, in)
}

func scalarOf(v *array) float64 {
	if v.list != nil || len(v.shape) != 0 {
		fail("a tensor of the shape %v, want a scalar", v.shape)
	}
	return v.x[0]
}

func product2(a, b *array, plain bool) *array {
	if a.list != nil || b.list != nil || len(a.shape) != 2 || len(b.shape) != 2 || a.shape[1] != b.shape[0] || !plain {
		fail("a product of %v and %v", a.shape, b.shape)
	}
	out := numbers([]int{a.shape[0], b.shape[1]}, make([]float64, a.shape[0]*b.shape[1])...)
	for i := range a.shape[0] {
		for k := range a.shape[1] {
			for j := range b.shape[1] {
				out.x[i*b.shape[1]+j] += a.x[i*a.shape[1]+k] * b.x[k*b.shape[1]+j]
			}
		}
	}
	return out
}

// zip is an operation of elements, with the axes spread as numpy does it.
func zip(f func(a, b float64) float64, a, b *array) *array {
	if a.list != nil || b.list != nil {
		fail("numbers wanted, not a list")
	}
	rank := max(len(a.shape), len(b.shape))
	length := func(v *array, axis int) int {
		if axis += len(v.shape) - rank; axis >= 0 {
			return v.shape[axis]
		}
		return 1
	}
	out := numbers(make([]int, rank))
	size := 1
	for axis := range rank {
		x, y := length(a, axis), length(b, axis)
		if x != y && x != 1 && y != 1 {
			fail("shapes %v and %v", a.shape, b.shape)
		}
		out.shape[axis] = max(x, y)
		size *= max(x, y)
	}
	for i := range size {
		var at [2]int
		rest, step := i, [2]int{1, 1}
		for axis := rank - 1; axis >= 0; axis-- {
			place := rest % out.shape[axis]
			rest /= out.shape[axis]
			for k, v := range []*array{a, b} {
				if n := length(v, axis); n > 1 {
					at[k] += place * step[k]
					step[k] *= n
				}
			}
		}
		out.x = append(out.x, f(a.x[at[0]], b.x[at[1]]))
	}
	return out
}

// rearrange is an operation that takes parts of a tensor of one or two axes.
func rearrange(n *savedmodel.Node, index int, in []*array) *array {
	part := func(v *array, axis, from, to int) *array {
		if axis < 0 {
			axis += len(v.shape)
		}
		if v.list != nil || axis < 0 || axis >= len(v.shape) || len(v.shape) > 2 || from < 0 || to > v.shape[axis] || from > to {
			fail("%s of axis %d of %v, %d to %d", n.Op, axis, v.shape, from, to)
		}
		out := numbers(slices.Clone(v.shape))
		out.shape[axis] = to - from
		last := v.shape[len(v.shape)-1]
		for i, x := range v.x {
			if at := [2]int{i % last, i / last}[len(v.shape)-1-axis]; at >= from && at < to {
				out.x = append(out.x, x)
			}
		}
		return out
	}
	switch {
	case n.Op == "ConcatV2" && len(in) == 3:
		a, b := in[0], in[1]
		if axis := scalarOf(in[2]); axis != 1 && axis != -1 || a.list != nil || b.list != nil || len(a.shape) != 2 || len(b.shape) != 2 || a.shape[0] != b.shape[0] {
			fail("%v and %v joined along axis %v", a.shape, b.shape, in[2].x)
		}
		out := numbers([]int{a.shape[0], a.shape[1] + b.shape[1]})
		for row := range a.shape[0] {
			out.x = append(append(out.x, a.x[row*a.shape[1]:(row+1)*a.shape[1]]...), b.x[row*b.shape[1]:(row+1)*b.shape[1]]...)
		}
		return out
	case n.Op == "Split" && len(in) == 2:
		axis, k := int(scalarOf(in[0])), int(n.AttrInt("num_split"))
		if axis < 0 {
			axis += len(in[1].shape)
		}
		if axis < 0 || axis >= len(in[1].shape) || k < 1 || in[1].shape[axis]%k != 0 || index >= k {
			fail("a split of %v", in[1].shape)
		}
		size := in[1].shape[axis] / k
		return part(in[1], axis, index*size, (index+1)*size)
	case n.Op == "SplitV" && len(in) == 3:
		axis, from := int(scalarOf(in[2])), 0
		if axis < 0 {
			axis += len(in[0].shape)
		}
		if axis < 0 || axis >= len(in[0].shape) || in[1].list != nil || index >= len(in[1].x) {
			fail("a split of %v", in[0].shape)
		}
		rest := in[0].shape[axis]
		for _, size := range in[1].x {
			rest -= max(int(size), 0)
		}
		for i, size := range in[1].x {
			if size < 0 {
				size = float64(rest)
			}
			if i == index {
				return part(in[0], axis, from, from+int(size))
			}
			from += int(size)
		}
	case n.Op == "StridedSlice" && len(in) == 4:
		v := in[0]
		if v.list != nil || len(in[1].x) != len(v.shape) || len(in[2].x) != len(v.shape) || len(in[3].x) != len(v.shape) || n.AttrInt("shrink_axis_mask") != 0 {
			fail("a slice of %v", v.shape)
		}
		for axis, size := range in[0].shape {
			from, to := int(in[1].x[axis]), int(in[2].x[axis])
			if n.AttrInt("begin_mask")>>axis&1 != 0 {
				from = 0
			}
			if n.AttrInt("end_mask")>>axis&1 != 0 {
				to = size
			}
			if in[3].x[axis] != 1 {
				fail("a slice by strides")
			}
			v = part(v, axis, endOf(int64(from), size), max(endOf(int64(from), size), endOf(int64(to), size)))
		}
		return v
	case n.Op == "Squeeze" && len(in) == 1 && len(in[0].shape) == 2 && in[0].shape[0] == 1:
		return numbers(in[0].shape[1:], in[0].x...)
	case n.Op == "Unpack" && len(in) == 1 && len(in[0].shape) == 2 && n.AttrInt("axis") == 0:
		v := part(in[0], 0, index, index+1)
		return numbers(v.shape[1:], v.x...)
	case n.Op == "Tile" && len(in) == 2 && in[0].list == nil && in[1].list == nil && len(in[1].x) == len(in[0].shape):
		if slices.ContainsFunc(in[1].x, func(times float64) bool { return times != 1 }) {
			fail("tiles")
		}
		return in[0]
	}
	fail("%s of %d inputs is not known", n.Op, len(in))
	return nil
}
