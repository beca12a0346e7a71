package engine

import (
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// variants holds what an operation does for each element type that it takes.
type variants[T any] map[lockstep.DType]T

// byType makes a builder that chooses by the attribute T, once.
func byType[F ~func(*Call, []Value) ([]Value, error)](v variants[F]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		run, err := v.choose(n, "T")
		return Exec(run), err
	}
}

// choose chooses by the element type that an attribute names.
func (v variants[T]) choose(n *savedmodel.Node, attr string) (T, error) {
	d, err := n.AttrType(attr)
	if err != nil {
		var none T
		return none, err
	}
	return v.of(attr, d)
}

// chooseOr is choose for an attribute that has a default.
func (v variants[T]) chooseOr(n *savedmodel.Node, attr string, absent lockstep.DType) (T, error) {
	if n.Attr(attr) == nil {
		return v.of(attr, absent)
	}
	return v.choose(n, attr)
}

func (v variants[T]) of(attr string, d lockstep.DType) (T, error) {
	run, ok := v[d]
	if !ok {
		return run, unsupported(attr, d)
	}
	return run, nil
}

// floats is what is done for float32 and float64, integers and numbers what is
// done for the others.
func floats[T any](f32, f64 T) variants[T] {
	return variants[T]{lockstep.Float32: f32, lockstep.Float64: f64}
}

func integers[T any](i32, i64 T) variants[T] {
	return variants[T]{lockstep.Int32: i32, lockstep.Int64: i64}
}

func numbers[T any](f32, f64, i32, i64 T) variants[T] {
	return variants[T]{lockstep.Float32: f32, lockstep.Float64: f64, lockstep.Int32: i32, lockstep.Int64: i64}
}
