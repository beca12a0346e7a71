package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var comparisonOps = Table{
	"Less":         {Build: byType(ordered(less, less, less, less)), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"LessEqual":    {Build: byType(ordered(lessEqual, lessEqual, lessEqual, lessEqual)), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"Greater":      {Build: byType(ordered(greater, greater, greater, greater)), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"GreaterEqual": {Build: byType(ordered(greaterEqual, greaterEqual, greaterEqual, greaterEqual)), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"Equal":        {Build: buildEqual(false), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"NotEqual":     {Build: buildEqual(true), Shape: NoInput, Bound: comparisonBound, Time: timeElementwise},
	"LogicalAnd":   {Build: plain(map2(func(x, y bool) bool { return x && y })), Shape: NoInput, Bound: decidedBound, Undecided: true, Time: timeElementwise},
	"LogicalOr":    {Build: plain(map2(func(x, y bool) bool { return x || y })), Shape: NoInput, Bound: decidedBound, Undecided: true, Time: timeElementwise},
	"LogicalNot":   {Build: plain(map1(func(x bool) bool { return !x })), Shape: NoInput, Bound: notBound, Undecided: true, Time: timeOfFirst},
}

func less[E number](x, y E) bool         { return x < y }
func lessEqual[E number](x, y E) bool    { return x <= y }
func greater[E number](x, y E) bool      { return x > y }
func greaterEqual[E number](x, y E) bool { return x >= y }

func ordered(f32 func(x, y float32) bool, f64 func(x, y float64) bool, i32 func(x, y int32) bool, i64 func(x, y int64) bool) variants[Exec] {
	return halved(numbers(map2(f32), map2(f64), map2(i32), map2(i64)))
}

func equal[E comparable](x, y E) bool    { return x == y }
func notEqual[E comparable](x, y E) bool { return x != y }

func buildEqual(not bool) Builder {
	t := ordered(equal, equal, equal, equal)
	t[lockstep.Bool], t[lockstep.String] = map2(equal[bool]), map2(equal[string])
	if not {
		t = ordered(notEqual, notEqual, notEqual, notEqual)
		t[lockstep.Bool], t[lockstep.String] = map2(notEqual[bool]), map2(notEqual[string])
	}
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := t.choose(n, "T")
		if err != nil || boolOr(n, "incompatible_shape_error", true) {
			return run, err
		}
		return func(w *Call, in []Value) ([]Value, error) {
			if len(in) == 2 && in[0].Tensor != nil && in[1].Tensor != nil && !compatible(in[0].Tensor.Shape(), in[1].Tensor.Shape()) {
				// Tensors that cannot be compared are not equal, as a whole.
				return w.one(lockstep.New([]bool{not}))
			}
			return run(w, in)
		}, nil
	}
}
