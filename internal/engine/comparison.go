package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func init() {
	register(byType(ordered(less, less, less, less)), "Less")
	register(byType(ordered(lessEqual, lessEqual, lessEqual, lessEqual)), "LessEqual")
	register(byType(ordered(greater, greater, greater, greater)), "Greater")
	register(byType(ordered(greaterEqual, greaterEqual, greaterEqual, greaterEqual)), "GreaterEqual")
	register(buildEqual(false), "Equal")
	register(buildEqual(true), "NotEqual")
	register(plain(map2(func(x, y bool) bool { return x && y })), "LogicalAnd")
	register(plain(map2(func(x, y bool) bool { return x || y })), "LogicalOr")
	register(plain(map1(func(x bool) bool { return !x })), "LogicalNot")
}

func less[E number](x, y E) bool         { return x < y }
func lessEqual[E number](x, y E) bool    { return x <= y }
func greater[E number](x, y E) bool      { return x > y }
func greaterEqual[E number](x, y E) bool { return x >= y }

func ordered(f32 func(x, y float32) bool, f64 func(x, y float64) bool, i32 func(x, y int32) bool, i64 func(x, y int64) bool) variants[exec] {
	return halved(numbers(map2(f32), map2(f64), map2(i32), map2(i64)))
}

func equal[E comparable](x, y E) bool    { return x == y }
func notEqual[E comparable](x, y E) bool { return x != y }

func buildEqual(not bool) builder {
	t := ordered(equal, equal, equal, equal)
	t[lockstep.Bool], t[lockstep.String] = map2(equal[bool]), map2(equal[string])
	if not {
		t = ordered(notEqual, notEqual, notEqual, notEqual)
		t[lockstep.Bool], t[lockstep.String] = map2(notEqual[bool]), map2(notEqual[string])
	}
	return func(_ *compiler, n *savedmodel.Node) (exec, error) {
		run, err := t.choose(n, "T")
		if err != nil || boolOr(n, "incompatible_shape_error", true) {
			return run, err
		}
		return func(w *work, in []Value) ([]Value, error) {
			if len(in) == 2 && in[0].Tensor != nil && in[1].Tensor != nil && !compatible(in[0].Tensor.Shape(), in[1].Tensor.Shape()) {
				// Tensors that cannot be compared are not equal, as a whole.
				return w.one(lockstep.New([]bool{not}))
			}
			return run(w, in)
		}, nil
	}
}
