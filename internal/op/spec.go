// Package op has TensorFlow's operations. All that is known of an operation is
// in one Spec, in the table of its family's file, next to its code: how it is
// built and run, which inputs hold elements and which shape the results, what
// rounding may do to it, and how it relates to time. To add one, write its
// function and its Spec, and a case of expected values (models/ops_cases.py); a
// new family's table is listed in Core.
//
// What an operation computes is TensorFlow's own definition of it. An attribute
// or an element type that is not supported is refused when the operation is
// built, and never approximated.
package op

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Spec is all that is known of an operation. Every analysis uses it; where a
// field is empty, the operation must be assumed to do anything.
type Spec struct {
	// Build reads a node's attributes, once, and returns what runs it. It
	// refuses what it does not support. Control flow and variables have none;
	// another operation without one is not supported, and its Spec serves to
	// make inputs.
	Build Builder
	// Control says how the engine itself runs the operation.
	Control Control

	// AnyType says that the operation accepts elements of every type; so does an
	// operation that only moves elements.
	AnyType bool
	// Types are the attributes that name the type by which Build chooses its
	// code: it has code for no type for which TensorFlow has no kernel, and
	// refuses those for which it has none. Any other attribute that names one of
	// the Small types is refused.
	Types []string
	// Measures says which property of the inputs' shapes the results are. Such
	// an operation reads no elements.
	Measures Measure
	// Moves are the inputs that hold the elements, of one that puts them in other
	// places, or zeros, and computes nothing. Its other inputs say which places.
	Moves Inputs
	// View says that the result is the first input's own elements in order; for
	// a list, if it has them in one tensor.
	View bool
	// Shape are the inputs whose elements, beside the shapes of all inputs, decide
	// the shapes of the results.
	Shape Inputs

	// Bound finds how far the results may be from those of an engine that rounds.
	// Without it, bounds are moved where elements are moved.
	Bound BoundRule
	// Undecided says that Bound handles integers and bools that rounding
	// decides; Undefined that it finds those that TensorFlow leaves undefined, of
	// exact numbers too.
	Undecided, Undefined bool
	// Sized says that Bound needs no result if the caller does not: see
	// BoundInput.OnlyBound.
	Sized bool
	// Float64 builds the operation on float64 instead of float32, where Build does
	// not on a node whose types are changed. Float32By are the attributes of
	// such a node whose default is float32.
	Float64   Builder
	Float32By []string
	// Stepwise says that numbers of 16 bits are rounded at every step, and not
	// once in the end: see types.go. Rounded is how many of the first results have
	// those 16 bits, if not all floats among them.
	Stepwise bool
	// StepwiseFloat16 is Stepwise of float16 alone.
	StepwiseFloat16 bool
	Rounded         int

	// Uniform says that all elements of the result are the same: the value of the
	// inputs after the first, which is the shape, or has it, where there are such.
	Uniform bool
	// KeepsShape says that the result has the first input's shape.
	KeepsShape bool
	// Own says that the result is the operation's own memory, which nothing else refers
	// to: what follows may write over it, and so may the operation itself in another call.
	Own bool
	// Stage makes the operation in float32 as a part of a chain: see Stage.
	Stage func(n *savedmodel.Node) Stage

	// The fields below are for making inputs that a graph accepts. Reads finds
	// what the operation reads as indices or lengths, Domain where its function
	// is defined, Back the requirements on its inputs from those on its result,
	// and Part which part of the last axis of its data the result is.
	Reads  Reads
	Domain Domain
	Back   Back
	Part   Part
	// Packs says that each input is one element of the last axis of the result, and
	// Counts that the result counts up from some number.
	Packs, Counts bool
	// TakesApart says that the operation makes parts of strings.
	TakesApart bool

	// Time finds how the results depend on time steps. Rows finds the same of the rows
	// of a batch, which no result may combine, where it is another rule.
	Time, Rows TimeRule
	// Factors are the inputs of a product of all their elements: it is known
	// how a product depends on the number of steps.
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

// Plain makes a Builder of an operation without attributes that matter.
func Plain(run Exec) Builder {
	return func(*savedmodel.Node) (Exec, error) { return run, nil }
}

// Table are operations by their names.
type Table map[string]*Spec

// Control is what the engine does itself, without an Exec.
type Control int

const (
	Computes      Control = iota // nothing: Build does
	Input                        // a placeholder or a function's argument
	Nothing                      // an operation that is run for its control inputs
	Loop                         // a While
	Choice                       // an If
	Numbered                     // a Case
	Variable                     // a variable's handle
	ConstantValue                // its value is in the graph; its Exec returns it
	Read                         // a variable's value, which its Exec returns
	Assign                       // a variable's next value
	Assertion                    // an Assert
	LookupTable                  // a lookup table's handle
)

// Measure is the property of the inputs' shapes that an operation returns.
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

// Small are the element types that many of TensorFlow's kernels do not compute
// with: see Spec.Types.
var Small = []lockstep.DType{
	lockstep.Int8, lockstep.Int16, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64,
	lockstep.Float8E4M3FN, lockstep.Float8E5M2,
}

// ofT are the Types of most operations.
var ofT = []string{"T"}

// ElementAttrs name the type of the moved elements. Other attributes name those
// of indices and the like, which are computed with.
var ElementAttrs = []string{"T", "Tparams", "dtype", "element_dtype", "Tin", "Tout", "type"}

// OnlyMoves tells whether the operation computes nothing with its elements.
func (s *Spec) OnlyMoves() bool { return s.AnyType || s.Moves != nil && s.Bound == nil }

// Takes tells whether the operation accepts the types that a node names.
func (s *Spec) Takes(n *savedmodel.Node) error {
	for attr, d := range n.Types() {
		if slices.Contains(Small, d) && !slices.Contains(s.Types, attr) && (!s.OnlyMoves() || !slices.Contains(ElementAttrs, attr)) {
			return NotSupported(attr, d)
		}
	}
	return nil
}

// InFloat64 builds the operation on float64 instead of narrower floats.
func (s *Spec) InFloat64(n *savedmodel.Node) (Exec, error) {
	if s.Float64 != nil {
		return s.Float64(n)
	}
	run, err := s.Build(inFloat64(n, s.Float32By...))
	if err != nil {
		return nil, fmt.Errorf("in float64: %w", err)
	}
	return run, nil
}

// inFloat64 is the node on float64, also where it has none of the attributes that
// are named, whose default is float32.
func inFloat64(n *savedmodel.Node, float32By ...string) *savedmodel.Node {
	n = n.Retyped(lockstep.Float32, lockstep.Float64, float32By...)
	if n.Uses(lockstep.Complex64) {
		n = n.Retyped(lockstep.Complex64, lockstep.Complex128)
	}
	for _, d := range []lockstep.DType{lockstep.Float16, lockstep.BFloat16, lockstep.Float8E4M3FN, lockstep.Float8E5M2} {
		if n.Uses(d) {
			n = n.Retyped(d, lockstep.Float64)
		}
	}
	return n
}

// CoarseUnit is the unit of 16 bits that a node rounds to, 0 for none.
func (s *Spec) CoarseUnit(n *savedmodel.Node) rounding.Unit {
	if s.Bound == nil {
		return 0 // it computes nothing, or nothing is known of it
	}
	if to, err := n.AttrType("DstT"); err == nil {
		return rounding.CoarseUnit(to) // of a cast, whatever the other type is
	}
	for _, d := range coarseTypes {
		if n.Uses(d) {
			return rounding.CoarseUnit(d)
		}
	}
	return 0
}

// coarseTypes are the floats of 16 bits, the coarser one first.
var coarseTypes = []lockstep.DType{lockstep.BFloat16, lockstep.Float16}

// SetUnits says how exactly engines compute a node whose own unit of 16 bits is
// coarse, if that is not 0.
func (s *Spec) SetUnits(x *BoundInput, unit, coarse rounding.Unit) {
	x.Unit, x.Rounds, x.RoundedResults = unit, coarse, len(x.Out)
	if s.Rounded > 0 {
		x.RoundedResults = s.Rounded
	}
	if s.Stepwise && coarse != 0 || s.StepwiseFloat16 && coarse == rounding.Float16 {
		x.Unit, x.Rounds = coarse, 0
	}
}

// OnlyFloat32 is the Float64 of an operation that accepts no other floats, or
// behaves differently on them.
func OnlyFloat32(*savedmodel.Node) (Exec, error) { return nil, ErrNoBound }

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

// Core are the operations of this package. A family of operations is in a file
// with its table; to add one, add it here. Families that need a package of their
// own are beside them in package ops.
var Core = Join(
	orderOps, arithmeticOps, batchnormOps, binsOps, castOps,
	logicOps, convOps, diagonalOps, einsumOps, fillOps, gatherOps,
	joinOps, listOps, listGrowOps, matmulOps, padOps, passingOps, poolOps, reduceOps, scanOps, scatterOps,
	selectOps, shapeOps, sliceOps, softmaxOps, stridedsliceOps, transposeOps, unaryOps,
)

// Join makes one table of several. It panics if an operation is in two.
func Join(families ...Table) Table {
	all := Table{}
	for _, t := range families {
		for op := range t {
			if all[op] != nil {
				panic(fmt.Sprintf("operation %s is in two tables", op))
			}
		}
		maps.Copy(all, t)
	}
	return all
}

// Call is an operation's context besides its inputs.
type Call struct {
	// Out receives the results.
	Out []value.Value
	// Keep is the operation's own memory between calls on tensors of the same
	// shapes.
	Keep *any
	// Fixed has bit i set if input i is the same tensor, of the same elements, in
	// every call: what is made of it can be kept.
	Fixed uint64
	// Done, if there is one, is called for parts of a result in float32, which are
	// complete and still in the processor's caches; the operation then sets it to
	// nil. Most do not.
	Done Finisher
}

// Finisher does the rest of what is to be done to a result: to a part of it that
// begins with element at.
type Finisher interface{ Finish(part []float32, at int) }

// One is the result of an operation that makes one tensor.
func (w *Call) One(t *lockstep.Tensor, err error) ([]value.Value, error) {
	if err != nil {
		return nil, err
	}
	if len(w.Out) == 0 {
		return []value.Value{{Tensor: t}}, nil
	}
	w.Out[0] = value.Value{Tensor: t}
	return w.Out[:1], nil
}

// Room returns the operation's own memory of a type.
func Room[T any](w *Call) *T { return roomIn[T](w.Keep) }

func roomIn[T any](keep *any) *T {
	if m, ok := (*keep).(*T); ok {
		return m
	}
	m := new(T)
	*keep = m
	return m
}

// ResultMemory is memory for a result: the last call's result, if it had the
// same shape. Its elements are arbitrary.
type ResultMemory[E lockstep.Element] struct {
	t *lockstep.Tensor
	d []E
}

// Get returns the memory for a result of a shape, as a tensor and as its
// elements.
func (m *ResultMemory[E]) Get(shape ...int) (*lockstep.Tensor, []E, error) {
	if m.t != nil && slices.Equal(m.t.Shape(), shape) {
		return m.t, m.d, nil
	}
	n, err := value.AllowSized(shape, value.SizeFor[E]())
	if err != nil {
		return nil, nil, err
	}
	m.d = make([]E, n)
	m.t, err = lockstep.New(m.d, shape...)
	return m.t, m.d, err
}
