package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var arithmeticOps = Table{
	"AddV2":             {Types: ofT, Build: withComplex(numbersByPairs(kernel.Sum, add, add, add, add), complexSums), Shape: NoInput, Bound: orComplex(byPairs(sumBound), complexSumBound), Time: TimeElementwise, Back: constantBack(sumBack), Stage: stageTwo(kernel.Sum, add), Own: true},
	"Add":               {Types: ofT, Build: withComplex(numbersByPairs(kernel.Sum, add, add, add, add, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64), complexSums), Shape: NoInput, Bound: orComplex(byPairs(sumBound), complexSumBound), Time: TimeElementwise, Back: constantBack(sumBack), Stage: stageTwo(kernel.Sum, add), Own: true},
	"Sub":               {Types: ofT, Build: withComplex(numbersByPairs(kernel.Difference, sub, sub, sub, sub), complexDifferences), Shape: NoInput, Bound: orComplex(byPairs(sumBound), complexSumBound), Time: TimeElementwise, Back: constantBack(differenceBack), Stage: stageTwo(kernel.Difference, sub), Own: true},
	"Mul":               {Types: ofT, Build: withComplex(numbersByPairs(kernel.ProductOf, mul, mul, mul, mul), complexProducts), Shape: NoInput, Bound: orComplex(byPairs(productBound), complexProductBound), Time: TimeElementwise, Factors: InputsAt(0, 1), Back: constantBack(productBack), Stage: stageTwo(kernel.ProductOf, mul), Own: true},
	"Maximum":           {Types: ofT, Build: numbers2(larger, larger, larger, larger), Shape: NoInput, Bound: byPairs(extremeBound), Time: TimeElementwise, Back: constantBack(extremeBack), Stage: stageBy2(larger), Own: true},
	"Minimum":           {Types: ofT, Build: numbers2(smaller, smaller, smaller, smaller), Shape: NoInput, Bound: byPairs(extremeBound), Time: TimeElementwise, Back: constantBack(extremeBack), Stage: stageBy2(smaller), Own: true},
	"SquaredDifference": {Build: ByType(squaredDifferences()), Shape: NoInput, Bound: byPairs(squaredDifferenceBound), Stepwise: true, Time: TimeElementwise, Stage: stageBy2(squaredDifference), Own: true},
	"RealDiv":           {Build: withComplex(ByType(With16Bits(Floats(mapPairs(kernel.Quotient, quotient), Map2(quotient[float64])))), complexQuotients), Shape: NoInput, Bound: orComplex(byPairs(quotientBound), complexQuotientBound), Time: TimeElementwise, Back: constantBack(quotientBack), Stage: stageTwo(kernel.Quotient, quotient), Own: true, Stepwise: true},
	"Div":               {Types: ofT, Build: ByType(divisions(quotient, quotient, quotient, quotient)), Bound: byPairs(quotientBound), Back: constantBack(quotientBack)},
	"FloorDiv":          {Types: ofT, Build: ByType(divisions(via2(floorOfQuotient32), floorOfQuotient, floorDiv, floorDiv)), Back: constantBack(wholeQuotientBack)},
	"FloorMod":          {Types: ofT, Build: ByType(With16Bits(divisions(via2(floorMod), floorMod, intFloorMod, intFloorMod)))},
	"TruncateDiv":       {Types: ofT, Build: ByType(divisions(via2(truncOfQuotient32), truncOfQuotient, quotient, quotient)), Back: constantBack(wholeQuotientBack)},
	"TruncateMod":       {Build: ByType(divisions(via2(math.Mod), math.Mod, remainder, remainder, small...))},
	"Mod":               {Build: ByType(divisions(via2(math.Mod), math.Mod, remainder, remainder, small...))},
	"DivNoNan":          {Build: ByType(With16Bits(Floats(Map2(divNoNan[float32]), Map2(divNoNan[float64])))), Shape: NoInput, Bound: byPairs(quotientNoNanBound), Time: TimeElementwise},
	"MulNoNan":          {Build: ByType(With16Bits(Floats(Map2(mulNoNan[float32]), Map2(mulNoNan[float64])))), Bound: byPairs(productBound)},
	"Xdivy":             {Build: floats2(via2(xdivy), xdivy), Bound: byPairs(quotientBound)},
	"Xlogy":             {Build: floats2(via2(xlogy), xlogy)},
	"Xlog1py":           {Build: floats2(via2(xlog1py), xlog1py)},
	"Atan2":             {Build: floats2(via2(math.Atan2), math.Atan2)},
	"NextAfter":         {Build: buildNextAfter, Float64: OnlyFloat32},
	"Pow":               {Types: ofT, Build: ByType(With16Bits(Floats(Map2(via2(math.Pow)), Map2(math.Pow))).and(powers())), Shape: NoInput, Bound: byPairs(powerBound), Time: TimeElementwise, Domain: domainOfPow},
	"AddN": {Types: ofT, Build: ByType(Variants[Exec]{
		lockstep.Float32: addN(add[float32]), lockstep.Float64: addN(add[float64]),
		lockstep.Float16: addN(via16[lockstep.Float16Bits](add)), lockstep.BFloat16: addN(via16[lockstep.BFloat16Bits](add)),
	}.and(integers(
		addN(add[int8]), addN(add[int16]), addN(add[int32]), addN(add[int64]),
		addN(add[uint8]), addN(add[uint16]), addN(add[uint32]), addN(add[uint64])))), Shape: NoInput, Bound: addAll, Stepwise: true, Time: TimeElementwise, Back: backOfAddN},
	"BiasAdd": {Stage: biasStage, Own: true, Types: ofT, Build: buildBias, Shape: NoInput, Bound: biasBound, Time: timeOfBias, Back: constantBack(sumBack)},
}

// buildNextAfter takes an operation whose type has a default, other than the
// ones beside it.
func buildNextAfter(n *savedmodel.Node) (Exec, error) {
	return Floats(Map2(math.Nextafter32), Map2(math.Nextafter)).chooseOr(n, "T", lockstep.Float32)
}

// numbers2 is for every type of numbers, but those that TensorFlow lacks.
func numbers2(f32 func(x, y float32) float32, f64 func(x, y float64) float64, i64 func(x, y int64) int64, u64 func(x, y uint64) uint64, lacks ...lockstep.DType) Builder {
	return ByType(With16Bits(Floats(Map2(f32), Map2(f64))).and(wholes2(i64, u64)).without(lacks...))
}

// numbersByPairs is numbers2 for what the kernels have of float32.
func numbersByPairs(op kernel.Pair, f32 func(x, y float32) float32, f64 func(x, y float64) float64, i64 func(x, y int64) int64, u64 func(x, y uint64) uint64, lacks ...lockstep.DType) Builder {
	return ByType(With16Bits(Floats(mapPairs(op, f32), Map2(f64))).and(wholes2(i64, u64)).without(lacks...))
}

func floats2(f32 func(x, y float32) float32, f64 func(x, y float64) float64) Builder {
	return ByType(Floats(Map2(f32), Map2(f64)))
}

// The code of complex numbers, of both sizes.
var (
	complexSums        = complexes(func(x, y complex64) complex64 { return x + y }, func(x, y complex128) complex128 { return x + y })
	complexDifferences = complexes(func(x, y complex64) complex64 { return x - y }, func(x, y complex128) complex128 { return x - y })
	complexProducts    = complexes(func(x, y complex64) complex64 { return x * y }, func(x, y complex128) complex128 { return x * y })
	complexQuotients   = complexes(func(x, y complex64) complex64 { return x / y }, func(x, y complex128) complex128 { return x / y })
)

func complexes(small func(x, y complex64) complex64, large func(x, y complex128) complex128) Variants[Exec] {
	return Variants[Exec]{lockstep.Complex64: Map2(small), lockstep.Complex128: Map2(large)}
}

// withComplex adds the code of complex numbers to that of others.
func withComplex(build Builder, v Variants[Exec]) Builder {
	return func(n *savedmodel.Node) (Exec, error) {
		if d, err := n.AttrType("T"); err == nil && d.IsComplex() {
			return v.of("T", d)
		}
		return build(n)
	}
}

func add[E number](x, y E) E { return x + y }
func sub[E number](x, y E) E { return x - y }
func mul[E number](x, y E) E { return x * y }

// larger and smaller return NaN if either is, as TensorFlow's do.
func larger[E number](x, y E) E  { return max(x, y) }
func smaller[E number](x, y E) E { return min(x, y) }

func squaredDifference[E number](x, y E) E { return (x - y) * (x - y) }

// squaredDifferences rounds differences of 16 bits before it squares them.
func squaredDifferences() Variants[Exec] {
	v := Floats(Map2(squaredDifference[float32]), Map2(squaredDifference[float64])).and(wholes2(squaredDifference, squaredDifference)).without(small...)
	v[lockstep.Float16] = Map2(squaredDifference16[lockstep.Float16Bits])
	v[lockstep.BFloat16] = Map2(squaredDifference16[lockstep.BFloat16Bits])
	return v
}

func squaredDifference16[H half](x, y H) H {
	d := via16[H](sub)(x, y)
	return via16[H](mul)(d, d)
}

func quotient[E number](x, y E) E { return x / y }

func floorOfQuotient(x, y float64) float64 { return math.Floor(x / y) }
func truncOfQuotient(x, y float64) float64 { return math.Trunc(x / y) }

// The quotient of float32 is rounded to float32 before it is cut.
func floorOfQuotient32(x, y float64) float64 { return math.Floor(float64(float32(x / y))) }
func truncOfQuotient32(x, y float64) float64 { return math.Trunc(float64(float32(x / y))) }

// floorMod has the sign of y (tensorflow/core/kernels/cwise_ops.h).
func floorMod(x, y float64) float64 {
	m := math.Mod(x, y)
	if m != 0 && (y < 0) != (m < 0) {
		m += y
	}
	return m
}

func floorDiv[E integer](x, y E) E {
	q := x / y
	if x%y != 0 && (x < 0) != (y < 0) {
		q--
	}
	return q
}

func remainder[E integer](x, y E) E { return x % y }

func intFloorMod[E integer](x, y E) E {
	m := x % y
	if m != 0 && (y < 0) != (m < 0) {
		m += y
	}
	return m
}

func divNoNan[E float](x, y E) E {
	if y == 0 {
		return 0
	}
	return x / y
}

func mulNoNan[E float](x, y E) E {
	if y == 0 {
		return 0
	}
	return x * y
}

func xdivy(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x / y
}

func xlogy(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log(y)
}

func xlog1py(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log1p(y)
}

const byZero = "integer division by zero"

// divisions is the code of a division, which fails if an integer would be
// divided by zero, but for the types that TensorFlow lacks.
func divisions(f32 func(x, y float32) float32, f64 func(x, y float64) float64, i64 func(x, y int64) int64, u64 func(x, y uint64) uint64, lacks ...lockstep.DType) Variants[Exec] {
	return Floats(Map2(f32), Map2(f64)).and(integers(
		dividing(wrap2[int8](i64)), dividing(wrap2[int16](i64)), dividing(wrap2[int32](i64)), dividing(i64),
		dividing(wrap2[uint8](i64)), dividing(wrap2[uint16](i64)), dividing(wrap2[uint32](i64)), dividing(u64))).without(lacks...)
}

func isZero[E number](v E) bool { return v == 0 }

func dividing[E integer](f func(x, y E) E) Exec { return refusing(Map2(f), isZero[E], byZero) }

// refusing fails if any element of the second input is invalid, unless the
// result has no elements.
func refusing[E number](run Exec, bad func(E) bool, text string) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, d, err := Operands[E](in, 2)
		if err != nil {
			return nil, err
		}
		if t[0].Len() > 0 && slices.ContainsFunc(d[1], bad) {
			return nil, errors.New(text)
		}
		return run(w, in)
	}
}

func powers() Variants[Exec] {
	return integers(raising[int8](), raising[int16](), raising[int32](), raising[int64](), raising[uint8](), raising[uint16](), raising[uint32](), raising[uint64]()).without(unsigned...)
}

func raising[E integer]() Exec {
	return refusing(Map2(power[E]), func(v E) bool { return v < 0 }, "an integer to a negative power")
}

func power[E integer](x, y E) E {
	out := E(1)
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			out *= x
		}
		x *= x
	}
	return out
}

func addN[E lockstep.Element](sum func(x, y E) E) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, d, err := Operands[E](in, -1)
		if err != nil {
			return nil, err
		}
		if len(t) == 0 {
			return nil, errors.New("a sum of no inputs")
		}
		out := slices.Clone(d[0])
		for k := 1; k < len(t); k++ {
			if !slices.Equal(t[k].Shape(), t[0].Shape()) {
				return nil, fmt.Errorf("input %d is %s and input 0 %s, want one shape", k, t[k], t[0])
			}
			for i, v := range d[k] {
				out[i] = sum(out[i], v)
			}
		}
		return w.One(lockstep.New(out, t[0].Shape()...))
	}
}

func buildBias(n *savedmodel.Node) (Exec, error) {
	l, err := readLayout(n, 2)
	if err != nil {
		return nil, err
	}
	return With16Bits(Floats(bias[float32](l), bias[float64](l))).and(integers(
		Exec(bias[int8](l)), bias[int16](l), bias[int32](l), bias[int64](l), bias[uint8](l), bias[uint16](l), bias[uint32](l), bias[uint64](l))).choose(n, "T")
}

// biasStage is the stage of a bias along the last axis.
func biasStage(n *savedmodel.Node) Stage {
	if l, err := readLayout(n, 2); err != nil || l.first {
		return Stage{}
	}
	return stageTwo(kernel.Sum, add)(n)
}

// bias adds a number to all elements of each channel.
func bias[E number](l layout) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, fmt.Errorf("%d inputs, want 2", len(in))
		}
		t, x, err := Operand[E](in, 0)
		if err != nil {
			return nil, err
		}
		b, add, err := Operand[E](in, 1)
		if err != nil {
			return nil, err
		}
		if t.Rank() < 2 || b.Rank() != 1 {
			return nil, fmt.Errorf("%s and a bias %s, want a rank of at least 2 and of 1", t, b)
		}
		axis := l.channels(t.Rank())
		if t.Shape()[axis] != len(add) {
			return nil, fmt.Errorf("%s and a bias %s, want as many as axis %d has", t, b, axis)
		}
		out, y, err := Room[ResultMemory[E]](w).Get(t.Shape()...)
		if err != nil || len(y) == 0 {
			return w.One(out, err)
		}
		run := value.Product(t.Shape()[axis+1:])
		if run == 1 {
			for at := 0; at < len(y); at += len(add) {
				sums(y[at:at+len(add)], x[at:], add)
			}
			return w.One(out, nil)
		}
		for at := 0; at < len(y); {
			for _, v := range add {
				for end := at + run; at < end; at++ {
					y[at] = x[at] + v
				}
			}
		}
		return w.One(out, nil)
	}
}

// sums adds rows, those of float32 by the kernels.
func sums[E number](z, x, y []E) {
	if z, is := any(z).([]float32); is && kernel.Pairs(kernel.Sum, z, any(x).([]float32), any(y).([]float32)) {
		return
	}
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] + y[i]
	}
}
