package op

import (
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var logicOps = Table{
	"Less":         {Own: true, Types: ofT, Build: ByType(ordered(less, less, less, less)), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise, Reads: readsCount},
	"LessEqual":    {Own: true, Types: ofT, Build: ByType(ordered(lessEqual, lessEqual, lessEqual, lessEqual)), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise, Reads: readsCount},
	"Greater":      {Own: true, Types: ofT, Build: ByType(ordered(greater, greater, greater, greater)), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise, Reads: readsCount},
	"GreaterEqual": {Own: true, Types: ofT, Build: ByType(ordered(greaterEqual, greaterEqual, greaterEqual, greaterEqual)), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise, Reads: readsCount},
	"Equal":        {Types: ofT, Build: buildEqual(false), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise},
	"NotEqual":     {Types: ofT, Build: buildEqual(true), Shape: NoInput, Bound: comparisonBound, Time: TimeElementwise},
	"LogicalAnd":   {Own: true, Build: Plain(Map2(func(x, y bool) bool { return x && y })), Shape: NoInput, Bound: decidedBound, Undecided: true, Time: TimeElementwise},
	"LogicalOr":    {Build: Plain(Map2(func(x, y bool) bool { return x || y })), Shape: NoInput, Bound: decidedBound, Undecided: true, Time: TimeElementwise},
	"LogicalNot":   {Build: Plain(Map1(func(x bool) bool { return !x })), Shape: NoInput, Bound: notBound, Undecided: true, Time: TimeOfFirst},
	"BitwiseAnd":   {Types: ofT, Build: ByType(wholes2(and, and))},
	"BitwiseOr":    {Types: ofT, Build: ByType(wholes2(or, or))},
	"BitwiseXor":   {Types: ofT, Build: ByType(wholes2(xor, xor))},
	"Invert":       {Types: ofT, Build: ByType(wholes1(not, not))},
	"LeftShift":    {Types: ofT, Build: ByType(shifts(true))},
	"RightShift":   {Types: ofT, Build: ByType(shifts(false))},
}

func less[E number](x, y E) bool { return x < y }

func lessEqual[E number](x, y E) bool { return x <= y }

func greater[E number](x, y E) bool { return x > y }

func greaterEqual[E number](x, y E) bool { return x >= y }

func ordered(f32 func(x, y float32) bool, f64 func(x, y float64) bool, i64 func(x, y int64) bool, u64 func(x, y uint64) bool) Variants[Exec] {
	return With16Bits(Floats(Map2(f32), Map2(f64))).and(comparisons(i64, u64))
}

func equal[E comparable](x, y E) bool { return x == y }

func notEqual[E comparable](x, y E) bool { return x != y }

func buildEqual(not bool) Builder {
	t := ordered(equal, equal, equal, equal)
	t[lockstep.Bool], t[lockstep.String] = Map2(equal[bool]), Map2(equal[string])
	if not {
		t = ordered(notEqual, notEqual, notEqual, notEqual)
		t[lockstep.Bool], t[lockstep.String] = Map2(notEqual[bool]), Map2(notEqual[string])
	}
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := t.choose(n, "T")
		if err != nil || BoolOr(n, "incompatible_shape_error", true) {
			return run, err
		}
		return func(w *Call, in []value.Value) ([]value.Value, error) {
			if len(in) == 2 && in[0].Tensor != nil && in[1].Tensor != nil && !compatible(in[0].Tensor.Shape(), in[1].Tensor.Shape()) {
				// Tensors that cannot be compared are not equal, as a whole.
				return w.One(lockstep.New([]bool{not}))
			}
			return run(w, in)
		}, nil
	}
}

func and[E integer](x, y E) E { return x & y }

func or[E integer](x, y E) E { return x | y }

func xor[E integer](x, y E) E { return x ^ y }

func not[E integer](x E) E { return ^x }

func shifts(left bool) Variants[Exec] {
	return integers(shift[int8](left), shift[int16](left), shift[int32](left), shift[int64](left), shift[uint8](left), shift[uint16](left), shift[uint32](left), shift[uint64](left))
}

// shift moves bits. One by less than 0 is one by 0, and by more than the maximum
// one by that.
func shift[E integer](left bool) Exec {
	most := E(8*value.SizeFor[E]() - 1)
	if left {
		return Map2(func(x, y E) E { return x << min(max(y, 0), most) })
	}
	return Map2(func(x, y E) E { return x >> min(max(y, 0), most) })
}

// comparisonBound leaves undecided what the operands' bounds may reverse.
func comparisonBound(x *BoundInput) error {
	if x.E(0) == nil && x.E(1) == nil {
		return nil
	}
	e := make([]float64, x.Out[0].Tensor.Len())
	err := x.eachPair(func(o int, p pair) {
		if off := p.ex + p.ey; off > 0 && !(math.Abs(p.x-p.y) > off*rounding.Slack) {
			e[o] = 1
		}
	})
	if err != nil {
		return err
	}
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}

// decidedBound is monotoneBound for bools.
func decidedBound(x *BoundInput) error {
	var ends [2][]bool
	for end := range ends {
		in := make([]value.Value, len(x.In))
		for i, v := range x.In {
			in[i] = v.Value
			off := x.E(i)
			if off == nil {
				continue
			}
			d, err := lockstep.Data[bool](v.Tensor)
			if err != nil {
				return v.Reason()
			}
			d = slices.Clone(d)
			for k := range d {
				if off[k] != 0 {
					d[k] = end == 1
				}
			}
			t, err := lockstep.New(d, v.Tensor.Shape()...)
			if err != nil {
				return err
			}
			in[i] = value.Value{Tensor: t}
		}
		out, err := x.Again(in...)
		if err != nil {
			return err
		}
		if ends[end], err = lockstep.Data[bool](out[0].Tensor); err != nil {
			return err
		}
	}
	e := make([]float64, len(ends[0]))
	for i := range e {
		if ends[0][i] != ends[1][i] {
			e[i] = 1
		}
	}
	var err error
	x.Out[0].Bound, err = BoundOf(e, x.Shape())
	return err
}

func notBound(x *BoundInput) error {
	x.Out[0].Bound = x.In[0].Bound
	return nil
}

// readsCount is for a comparison with a count of time steps.
func readsCount(n *savedmodel.Node, g Reader) {
	if len(n.Inputs) != 2 {
		return
	}
	for i, r := range n.Inputs {
		if g.Counts(r) {
			g.Found(n.Inputs[1-i], Need{Length: true})
		}
	}
}
