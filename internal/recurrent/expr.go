package recurrent

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// expr is a tensor of a loop's body as an expression of the values at the start
// of the step. Sums are flat and in one order, and so are the factors of an
// elementwise product, so that equal expressions are one *expr.
type expr struct {
	id    int
	op    string  // the operation, or one of the kinds below
	args  []*expr // what the operation reads
	terms []term  // of a sum
	plain *expr   // a sum without its constants
	part  part    // of a weight
	index int     // the loop variable of an argument or of an item's list
	value float64 // of a constant
	// dtype is the type of the elements if weights and constants determine it.
	dtype lockstep.DType
}

// The kinds of expressions that are not elementwise operations.
const (
	opArg     = "argument" // a loop variable at the start of the step
	opItem    = "item"     // the step's element of a list that no step changes
	opConst   = "constant" // a scalar
	opPart    = "weight"   // a part of a weight
	opSum     = "sum"
	opUnknown = "something else"
	// leaky is LeakyRelu with the slope that Keras 3 gives it.
	leaky = "LeakyRelu of 0.2"
)

// term is a term of a sum: v·w, the vector w along the last axis, or another.
type term struct {
	v     *expr
	w     part
	other *expr
}

// maxTerms bounds the terms of a sum. A cell's have four, and an activation's
// argument may have one more.
const maxTerms = 8

// width returns a term's number of columns, -1 if unknown.
func (t term) width() int {
	if t.other != nil {
		return -1
	}
	return t.w.to - t.w.from
}

func (t term) dtype() lockstep.DType {
	if t.other != nil {
		return t.other.dtype
	}
	return t.w.of.dtype
}

// compare orders the terms of a sum.
func (t term) compare(u term) int {
	return slices.Compare(t.key(), u.key())
}

func (t term) key() []int {
	if t.other != nil {
		return []int{0, t.other.id}
	}
	k := []int{1, t.w.of.id, t.w.top, t.w.bottom, t.w.from, t.w.to}
	if t.v != nil {
		k = append(k, t.v.id)
	}
	return k
}

// joined returns the common type of two expressions, if known.
func joined(a, b lockstep.DType) (lockstep.DType, bool) {
	if a == lockstep.Invalid || a == b {
		return b, true
	}
	return a, b == lockstep.Invalid
}

// intern returns the one expression equal to x; key is unique to it.
func (ev *evaluator) intern(x expr, key []byte) *expr {
	if e, ok := ev.known[string(key)]; ok {
		return e
	}
	e := ev.fresh(x)
	ev.known[string(key)] = e
	return e
}

func (ev *evaluator) fresh(x expr) *expr {
	x.id = ev.count
	ev.count++
	return &x
}

// unknown is an expression that is equal to no other, so that nothing is proven
// about it.
func (ev *evaluator) unknown() *expr { return ev.fresh(expr{op: opUnknown}) }

// call is an elementwise operation.
func (ev *evaluator) call(op string, args ...*expr) *expr {
	dtype, ok := lockstep.Invalid, true
	key := append([]byte(op), '(')
	for _, a := range args {
		if dtype, ok = joined(dtype, a.dtype); !ok {
			return ev.unknown()
		}
		key = append(strconv.AppendInt(key, int64(a.id), 10), ',')
	}
	return ev.intern(expr{op: op, args: args, dtype: dtype}, key)
}

// mul is the elementwise product. Multiplied by ones of its shape, as by an
// inactive dropout, an expression stays the same.
func (ev *evaluator) mul(a, b *expr) *expr {
	for range 2 {
		if b.op == "OnesLike" && b.args[0] == a {
			return a
		}
		a, b = b, a
	}
	if a.id > b.id {
		a, b = b, a
	}
	return ev.call("Mul", a, b)
}

// num is the scalar v in the type of like's elements. In an unknown type, or
// one without such constants in Keras's cells, it is unknown.
func (ev *evaluator) num(v float64, like *expr) *expr {
	switch like.dtype {
	case lockstep.Float32:
		return ev.constant(float64(float32(v)), lockstep.Float32)
	case lockstep.Float64:
		return ev.constant(v, lockstep.Float64)
	}
	return ev.unknown()
}

func (ev *evaluator) constant(v float64, dtype lockstep.DType) *expr {
	key := strconv.AppendUint([]byte("#"+dtype.String()), math.Float64bits(v), 16)
	return ev.intern(expr{op: opConst, value: v, dtype: dtype}, key)
}

// variable is a loop variable, or the step's item of one that is a list.
func (ev *evaluator) variable(op string, i int) *expr {
	return ev.intern(expr{op: op, index: i}, strconv.AppendInt([]byte(op), int64(i), 10))
}

func (ev *evaluator) weight(p part) *expr {
	key := []byte("w")
	for _, n := range []int{p.of.id, p.top, p.bottom, p.from, p.to} {
		key = append(strconv.AppendInt(key, int64(n), 10), ',')
	}
	return ev.intern(expr{op: opPart, part: p, dtype: p.of.dtype}, strconv.AppendBool(key, p.vector))
}

// add is a sum; the order of its terms does not matter.
func (ev *evaluator) add(a, b *expr) *expr {
	return ev.sum(slices.Concat(addends(a), addends(b)))
}

func addends(e *expr) []term {
	switch {
	case e.op == opSum:
		return e.terms
	case e.op == opPart && e.part.vector:
		return []term{{w: e.part}}
	}
	return []term{{other: e}}
}

func (ev *evaluator) sum(terms []term) *expr {
	if len(terms) == 1 && terms[0].other != nil {
		return terms[0].other
	}
	if len(terms) > maxTerms {
		return ev.unknown()
	}
	width, dtype, ok := -1, lockstep.Invalid, true
	key := []byte("+")
	slices.SortFunc(terms, term.compare)
	for _, t := range terms {
		if dtype, ok = joined(dtype, t.dtype()); !ok {
			return ev.unknown()
		}
		if w := t.width(); w >= 0 && width >= 0 && w != width { // one of them is broadcast to the other
			return ev.unknown()
		}
		width = max(width, t.width())
		for _, n := range t.key() {
			key = append(strconv.AppendInt(key, int64(n), 10), ',')
		}
		key = append(key, ';')
	}
	e := expr{op: opSum, terms: terms, dtype: dtype}
	if rest := slices.DeleteFunc(slices.Clone(terms), term.isConst); len(rest) > 0 && len(rest) < len(terms) {
		e.plain = ev.sum(rest)
	}
	return ev.intern(e, key)
}

func (t term) isConst() bool { return t.other != nil && t.other.op == opConst }

// matMul is a product of matrices, the second of them an unchanged weight.
func (ev *evaluator) matMul(a, b *expr) *expr {
	if b.op != opPart || b.part.vector || b.part.top != 0 || b.part.bottom != b.part.of.shape[0] {
		return ev.unknown()
	}
	return ev.sum([]term{{v: a, w: b.part}})
}

// bare tells whether e is a sum with a product and without a constant, as every
// cell's sum is before an activation.
func bare(e *expr) bool {
	isProduct := func(t term) bool { return t.v != nil }
	return e.op == opSum && e.plain == nil && slices.ContainsFunc(e.terms, isProduct)
}

// factors returns the two factors of a product of elements in both orders.
func factors(e *expr) [][2]*expr {
	if e.op != "Mul" {
		return nil
	}
	return [][2]*expr{{e.args[0], e.args[1]}, {e.args[1], e.args[0]}}
}

// pair returns the two terms of a sum of two that are no products of matrices,
// in both orders.
func pair(e *expr) [][2]*expr {
	if e.op != opSum || len(e.terms) != 2 || e.terms[0].other == nil || e.terms[1].other == nil {
		return nil
	}
	return [][2]*expr{{e.terms[0].other, e.terms[1].other}, {e.terms[1].other, e.terms[0].other}}
}

// describe writes an expression for readers, two operations deep.
func (e *expr) describe() string {
	inner := func(e *expr) string { return e.op }
	return e.name(func(e *expr) string { return e.name(inner) })
}

func (e *expr) name(inner func(e *expr) string) string {
	var parts []string
	for _, a := range e.args {
		parts = append(parts, inner(a))
	}
	for _, t := range e.terms {
		switch {
		case t.other != nil:
			parts = append(parts, inner(t.other))
		case t.v != nil:
			parts = append(parts, inner(t.v)+"·weight")
		default:
			parts = append(parts, "bias")
		}
	}
	if len(parts) == 0 {
		return e.op
	}
	return e.op + "(" + strings.Join(parts, ", ") + ")"
}
