// Package op is TensorFlow's operations as lockstep knows them. All that is known
// of an operation stands in one Spec, in the table of its family's file, beside
// its code: how it is built and run, which inputs hold elements and which shape
// the results, what rounding may do to it, and how it relates to time. To add
// one, write its function and its Spec, and a case of expected values
// (models/ops_cases.py); a new family's table is listed in Specs.
//
// What an operation computes is TensorFlow's own definition of it. An attribute
// or an element type that is not supported is found when it is built, and never
// answered with something near it.
package op

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Spec is all that is known of an operation. Every analysis asks it; what a
// field does not say is unknown, and whoever asks must then take the operation
// for one that may do anything.
type Spec struct {
	// Build looks at a node's attributes, once, and returns what runs it. It
	// refuses what it does not support. Control flow and variables have none; of
	// another operation without one, which is not supported, the rest serves to make
	// inputs.
	Build Builder
	// Control says what the engine itself does for the operation.
	Control Control

	// AnyType says that the operation takes elements of every type, those too
	// that nothing is computed with; so does one that only moves them.
	AnyType bool
	// Measures is what the results say of the inputs' shapes. Such an operation
	// reads no elements.
	Measures Measure
	// Moves are the inputs that hold the elements, of one that puts them in other
	// places, or zeros, and computes nothing. Its other inputs say which places.
	Moves Inputs
	// View says that the result is the first input's own elements in their order;
	// of a list, if it has them in one tensor.
	View bool
	// Shape are the inputs whose elements, beside the shapes of all inputs, decide
	// the shapes of the results.
	Shape Inputs

	// Bound finds how far the results may be from those of an engine that rounds.
	// Without it the bounds are moved as the elements are, where they are.
	Bound BoundRule
	// Undecided says that Bound knows what to do with integers and bools that
	// rounding decides.
	Undecided bool
	// Float64 builds the operation on float64 instead of float32, where Build does
	// not on a node whose types are changed. Float32By are the attributes of such a
	// node that name float32 where they are absent.
	Float64   Builder
	Float32By []string

	// KeepsShape says that the result has the first input's shape.
	KeepsShape bool

	// What follows is for making inputs that a graph takes. Reads finds what the
	// operation reads as indices or lengths, Domain where its function is defined,
	// Back what is wanted of its inputs where something is wanted of its result, and
	// Part which part of the last axis of its data the result is.
	Reads  Reads
	Domain Domain
	Back   Back
	Part   Part
	// Packs says that each input is one element of the last axis of the result, and
	// Counts that the result counts from one number on.
	Packs, Counts bool

	// Time finds how the results depend on time steps.
	Time TimeRule
	// Factors are the inputs whose elements are multiplied, all of them, of one that
	// makes products: of a product it is known how it depends on the number of steps.
	Factors Inputs
}

// Unsupported is what keeps a signature from being compiled.
type Unsupported struct {
	Node, Op string
	// Caller is the loop or the branch of the signature's graph in whose
	// function the node stands, if it does.
	Caller string
	Reason error
}

func (u Unsupported) Error() string {
	if u.Caller != "" {
		return fmt.Sprintf("node %q (%s) of %q: %v", u.Node, u.Op, u.Caller, u.Reason)
	}
	return fmt.Sprintf("node %q (%s): %v", u.Node, u.Op, u.Reason)
}

func (u Unsupported) Unwrap() error { return u.Reason }

// Builder makes an Exec of a node's attributes.
type Builder func(n *savedmodel.Node) (Exec, error)

// Exec computes an operation's results from its inputs. It must not change
// them; it may return them.
type Exec func(w *Call, in []value.Value) ([]value.Value, error)

// plain makes a Builder of an operation without attributes that matter.
func plain(run Exec) Builder {
	return func(*savedmodel.Node) (Exec, error) { return run, nil }
}

// Table are operations by their names.
type Table map[string]*Spec

// Control is what the engine does itself, for want of an Exec.
type Control int

const (
	Computes      Control = iota // nothing: Build does
	Input                        // a placeholder or a function's argument
	Nothing                      // an operation that is run for its control inputs
	Loop                         // a While
	Choice                       // an If
	Numbered                     // a Case
	Variable                     // a variable's handle
	ConstantValue                // its value stands in the graph; its Exec returns it
	Read                         // a variable's value, which its Exec returns
	Assign                       // a variable's next value
	Assertion                    // an Assert
)

// Measure is what an operation says of its inputs' shapes.
type Measure int

const (
	Elements     Measure = iota // nothing: it reads elements
	AxesOf                      // the lengths of all axes
	SizeOf                      // the number of elements
	RankOf                      // the number of axes
	OtherOfShape                // something else that follows from the shapes alone
)

// ShapedBy tells whether the elements of input i of n may decide the shapes of
// the results.
func (s *Spec) ShapedBy(i, n int) bool { return s.Shape == nil || slices.Contains(s.Shape(n), i) }

// MoveOnly are the element types that elements are moved in and nothing is
// computed with. What is not known to move alone refuses them when it is
// compiled: no operation meets them by an oversight.
var MoveOnly = []lockstep.DType{
	lockstep.Int8, lockstep.Int16, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64,
}

// ElementAttrs name the type of what is moved. Other attributes name those of
// indices and the like, which are computed with.
var ElementAttrs = []string{"T", "Tparams", "dtype", "element_dtype", "Tin", "Tout", "type"}

// OnlyMoves tells whether the operation computes nothing with its elements.
func (s *Spec) OnlyMoves() bool { return s.AnyType || s.Moves != nil && s.Bound == nil }

// Takes tells whether the operation may have the types that a node names.
func (s *Spec) Takes(n *savedmodel.Node) error {
	for attr, d := range n.Types() {
		if slices.Contains(MoveOnly, d) && (!s.OnlyMoves() || !slices.Contains(ElementAttrs, attr)) {
			return unsupported(attr, d)
		}
	}
	return nil
}

// InFloat64 builds the operation on float64 instead of float32.
func (s *Spec) InFloat64(n *savedmodel.Node) (Exec, error) {
	if s.Float64 != nil {
		return s.Float64(n)
	}
	run, err := s.Build(n.Retyped(lockstep.Float32, lockstep.Float64, s.Float32By...))
	if err != nil {
		return nil, fmt.Errorf("in float64: %w", err)
	}
	return run, nil
}

// onlyFloat32 is the Float64 of an operation that takes no other floats, or is
// of another kind on them.
func onlyFloat32(*savedmodel.Node) (Exec, error) { return nil, ErrNoBound }

// Inputs are some of n inputs, by their numbers; nil is not known.
type Inputs func(n int) []int

// InputsAt are inputs by their numbers.
func InputsAt(at ...int) Inputs { return func(int) []int { return at } }

// NoInput is none of them.
var NoInput = InputsAt()

// AllInputs are all inputs.
func AllInputs(n int) []int { return numbered(0, n) }

// AllButLast are all inputs but the last.
func AllButLast(n int) []int { return numbered(0, n-1) }

// AllButFirst are all inputs but the first.
func AllButFirst(n int) []int { return numbered(1, n) }

// LastInput is the last one.
func LastInput(n int) []int { return numbered(n-1, n) }

func numbered(from, to int) []int {
	var out []int
	for i := max(from, 0); i < to; i++ {
		out = append(out, i)
	}
	return out
}

// Specs are the operations that are known. A family of operations stands in a
// file with its table; to add one, add it here.
var Specs = tables(
	orderOps, arithmeticOps, batchnormOps, binsOps, castOps,
	logicOps, convOps, diagonalOps, einsumOps, fillOps, gatherOps,
	joinOps, listOps, listGrowOps, matmulOps, padOps, passingOps, poolOps, reduceOps, scanOps, scatterOps,
	selectOps, shapeOps, sliceOps, softmaxOps, stridedsliceOps, transposeOps, unaryOps,
)

func tables(families ...Table) Table {
	all := Table{}
	for _, t := range families {
		for op := range t {
			if all[op] != nil {
				panic(fmt.Sprintf("operation %s stands in two tables", op))
			}
		}
		maps.Copy(all, t)
	}
	return all
}

// unknownSpec is what is known of an operation that stands in no table.
var unknownSpec = &Spec{}

// SpecOf returns what is known of a node's operation; supported is false if
// nothing runs it.
func SpecOf(n *savedmodel.Node) (s *Spec, supported bool) {
	if s = Specs[n.Op]; s == nil {
		return unknownSpec, false
	}
	return s, s.Build != nil || s.Control != Computes
}
