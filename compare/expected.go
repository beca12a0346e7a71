package compare

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// CheckExpected checks that a third party's values can be compared with what
// engines computed from inputs, by name, shape and type. computed are the
// engines' tensors, each engine's or parts of them. The error, a
// *lockstep.TensorError, lists everything that is wrong.
//
// One other shape passes, for a comparison to show: the one with the lengths of
// the inputs, where the computed tensor has others. Then the model is at fault.
func CheckExpected(inputs, expected map[string]*lockstep.Tensor, computed ...map[string]*lockstep.Tensor) error {
	have := map[string][]*lockstep.Tensor{}
	for _, tensors := range computed {
		for name, t := range tensors {
			have[name] = append(have[name], t)
		}
	}
	all := slices.Sorted(maps.Keys(have))
	if len(expected) == 0 {
		return &lockstep.TensorError{Err: fmt.Errorf("compare: there is no tensor among the expected values: want some of %q", all)}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if have[name] == nil {
			errs = append(errs, fmt.Errorf("compare: expected values: the model computes no %q; it computes %q%s", name, all, lockstep.Nearest(name, all)))
			continue
		}
		if err := fitsOne(inputs, expected[name], have[name]); err != nil {
			errs = append(errs, fmt.Errorf("compare: expected values: %q %w", name, err))
		}
	}
	if len(errs) > 0 {
		return &lockstep.TensorError{Err: errors.Join(errs...)}
	}
	return nil
}

// fitsOne tells whether a tensor can be compared with one of those that engines
// computed under its name.
func fitsOne(inputs map[string]*lockstep.Tensor, want *lockstep.Tensor, computed []*lockstep.Tensor) error {
	have := computed[0]
	for _, t := range computed {
		if comparableTypes(want, t) && (slices.Equal(want.Shape(), t.Shape()) || follows(inputs, want.Shape(), t.Shape())) {
			return nil
		}
	}
	if !comparableTypes(want, have) {
		return fmt.Errorf("is %s, and the model computes %s: these cannot be compared", want, have)
	}
	return fmt.Errorf("has the shape %s, and from these inputs the model computes %s: these are values of other inputs, or of a model that computes another shape",
		lockstep.FormatShape(want.Shape()), lockstep.FormatShape(have.Shape()))
}

// follows tells whether a shape has the inputs' lengths wherever another of the
// same rank has lengths that no input has there.
func follows(inputs map[string]*lockstep.Tensor, want, have []int) bool {
	if len(want) != len(have) {
		return false
	}
	has := func(axis, length int) bool {
		for _, t := range inputs {
			if t.Rank() > axis && t.Shape()[axis] == length {
				return true
			}
		}
		return false
	}
	for i := range want {
		if want[i] != have[i] && (!has(i, want[i]) || has(i, have[i])) {
			return false
		}
	}
	return true
}

// comparableTypes tells whether two tensors are both of numbers, or of one other type.
func comparableTypes(a, b *lockstep.Tensor) bool {
	return a.DType() == b.DType() || isNumber(a) && isNumber(b)
}

func isNumber(t *lockstep.Tensor) bool { return t.DType().IsFloat() || t.DType().IsInt() }

// JudgeExpected compares expected values, which CheckExpected has accepted,
// with those that were computed under their names: in types that hold the
// numbers of both exactly, by rules whose units in the last place stay those of
// the coarser type.
func JudgeExpected(expected, computed map[string]*lockstep.Tensor, o Options, rules Rules) ([]Result, error) {
	want, have, aligned, err := alignExpected(expected, computed, rules)
	if err != nil {
		return nil, err
	}
	return Judge(Measure(want, have, o), aligned), nil
}

func alignExpected(expected, computed map[string]*lockstep.Tensor, rules Rules) (want, have map[string]*lockstep.Tensor, aligned Rules, err error) {
	want, have = maps.Clone(expected), map[string]*lockstep.Tensor{}
	coarser := map[string]lockstep.DType{}
	for name, w := range expected {
		h := computed[name]
		if h == nil {
			continue // which a comparison shows
		}
		have[name] = h
		if w.DType() == h.DType() || !isNumber(w) || !isNumber(h) {
			continue
		}
		if w.DType().IsFloat() || h.DType().IsFloat() {
			coarser[name] = coarserOf(w.DType(), h.DType())
		}
		if want[name], have[name], err = widened(w, h); err != nil {
			return nil, nil, nil, fmt.Errorf("compare: expected values: %q: %w", name, err)
		}
	}
	return want, have, func(name string) Rule {
		rule := rules(name)
		if of, ok := coarser[name]; ok && rule.ULP > 0 && of != lockstep.Float64 {
			rule.Tolerance, rule.ULP = units{N: rule.ULP, Of: of, Or: rule.Tolerance}, 0
		}
		return rule
	}, nil
}

// coarserOf is the one of two number types with fewer digits; at least one is a
// float type.
func coarserOf(a, b lockstep.DType) lockstep.DType {
	if !a.IsFloat() || b.IsFloat() && digits(b) < digits(a) {
		return b
	}
	return a
}

// widened returns two tensors of numbers in a type that holds those of both.
func widened(a, b *lockstep.Tensor) (x, y *lockstep.Tensor, err error) {
	to := func(t *lockstep.Tensor) (*lockstep.Tensor, error) {
		v, err := t.Float64s()
		if err != nil {
			return nil, err
		}
		return lockstep.New(v, t.Shape()...)
	}
	if at, ok := intsOf(a); ok {
		if other, also := intsOf(b); also {
			return wide(a, b, at, other)
		}
	}
	if x, err = to(a); err != nil {
		return nil, nil, err
	}
	y, err = to(b)
	return x, y, err
}

// wide returns integers as int64, or as uint64 where some are too large for that.
func wide(a, b *lockstep.Tensor, at, other integers) (x, y *lockstep.Tensor, err error) {
	negative, large := false, false
	look := func(t *lockstep.Tensor, n integers) {
		for i := range t.Len() {
			high := n.at(i) > math.MaxInt64
			negative, large = negative || high && !n.unsigned, large || high && n.unsigned
		}
	}
	look(a, at)
	look(b, other)
	if negative && large {
		return nil, nil, fmt.Errorf("%s and %s, of which some are negative and some beyond int64, cannot be compared", a, b)
	}
	as := func(t *lockstep.Tensor, n integers) (*lockstep.Tensor, error) {
		if large {
			return filled(t, n.at)
		}
		return filled(t, func(i int) int64 { return int64(n.at(i)) })
	}
	if x, err = as(a, at); err != nil {
		return nil, nil, err
	}
	y, err = as(b, other)
	return x, y, err
}

// filled makes a tensor in the shape of another.
func filled[E lockstep.Element](t *lockstep.Tensor, at func(i int) E) (*lockstep.Tensor, error) {
	out := make([]E, t.Len())
	for i := range out {
		out[i] = at(i)
	}
	return lockstep.New(out, t.Shape()...)
}

// units is a Tolerance of units in the last place of a float type, for numbers
// that are held in a wider one: N ulp at the reference, or what Or allows,
// where that is more.
type units struct {
	N  uint64
	Of lockstep.DType
	Or Tolerance // may be nil
}

// Bound returns the bound where the reference is b.
func (u units) Bound(flat int, b float64) float64 {
	bound := float64(u.N) * unit(u.Of, b)
	if u.Or != nil {
		if other := u.Or.Bound(flat, b); other > bound && finite(other) {
			return other
		}
	}
	return min(bound, math.MaxFloat64)
}

// String names the tolerance, as in "2 ulp of float32".
func (u units) String() string {
	s := fmt.Sprintf("%d ulp of %s", u.N, u.Of)
	if u.Or != nil {
		s = u.Or.String() + ", or " + s
	}
	return s
}

// digits are the bits of a float's fraction.
func digits(d lockstep.DType) int {
	switch d {
	case lockstep.Float16:
		return 10
	case lockstep.BFloat16:
		return 7
	case lockstep.Float8E4M3FN:
		return 3
	case lockstep.Float8E5M2:
		return 2
	case lockstep.Float32:
		return 23
	}
	return 52
}

// unit is the distance from b to the next number of a type.
func unit(d lockstep.DType, b float64) float64 {
	least := -126 // the exponent of the smallest number of all its digits
	switch d {
	case lockstep.Float16, lockstep.Float8E5M2:
		least = -14
	case lockstep.Float8E4M3FN:
		least = -6
	case lockstep.Float64:
		least = -1022
	}
	_, exponent := math.Frexp(b)
	if b == 0 {
		exponent = least
	}
	return math.Ldexp(1, max(exponent-1, least)-digits(d))
}

// uncompared names the outputs without expected values, and the types that
// differ.
func (c Check) uncompared(out *CheckResult) []string {
	trace := out.Reference
	if trace == nil {
		trace = out.Candidate
	}
	if trace == nil {
		return nil
	}
	var without, notes []string
	for _, name := range slices.Sorted(maps.Keys(trace.Outputs)) {
		if c.Expected[name] == nil {
			without = append(without, name)
		}
	}
	if len(without) > 0 {
		notes = append(notes, fmt.Sprintf("not compared with %s, which has no values of them: %s", c.ExpectedBy, strings.Join(without, ", ")))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Expected)) {
		if t := trace.Outputs[name]; t != nil && t.DType() != c.Expected[name].DType() {
			notes = append(notes, fmt.Sprintf("the expected values of %s are %s, and the outputs %s: compared as the numbers that they are", name, c.Expected[name].DType(), t.DType()))
		}
	}
	return notes
}

// fitsExpected checks that the expected values can be compared with what the
// engines computed, before an engine is blamed for a difference.
func (c Check) fitsExpected(out *CheckResult) error {
	var computed []map[string]*lockstep.Tensor
	for _, trace := range []*lockstep.Trace{out.Reference, out.Candidate} {
		if trace == nil {
			continue
		}
		all, err := tensorsOf(trace)
		if err != nil {
			return err
		}
		computed = append(computed, all)
	}
	return CheckExpected(c.Inputs, c.Expected, computed...)
}
