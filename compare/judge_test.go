package compare

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/raw"
)

func TestJudgeRules(t *testing.T) {
	after := func(x float32) float32 { return fixture.MoveULP(x, 1) }
	quietNaN := math.Float32frombits(0x7fc00000)
	otherNaN := math.Float32frombits(0x7fc00001)
	negZero := float32(math.Copysign(0, -1))
	atol := func(x float64) Rule { return Rule{Tolerance: FixedTolerance{Atol: x}} }
	rtol := func(x float64) Rule { return Rule{Tolerance: FixedTolerance{Rtol: x}} }
	allow := func(r Rule) Rule { r.AllowNonFinite = true; return r }
	bits, zero := Rule{Bits: true}, Rule{}
	Inf, NaN := float32(inf), float32(nan)
	for _, c := range []struct {
		name      string
		ref, cand float32
		rule      Rule
		want      Verdict
	}{
		{"atol, on the bound", 0, 0.5, atol(0.5), InStep},
		{"atol, below", 0, -0.5, atol(0.5), InStep},
		{"atol, beyond", 0, after(0.5), atol(0.5), Diverged},
		{"atol, beyond below", 0, -after(0.5), atol(0.5), Diverged},
		{"rtol is of the reference", 2, 3, rtol(0.5), InStep},
		{"rtol is not of the candidate", 3, 2, rtol(0.25), Diverged},
		{"rtol is not of the candidate, larger", 1, 2, rtol(0.5), Diverged},
		{"rtol of a negative reference", -2, -3, rtol(0.5), InStep},
		{"rtol of zero", 0, 1e-30, rtol(1e3), Diverged},
		{"both add up", 2, 3.5, Rule{Tolerance: FixedTolerance{Atol: 0.5, Rtol: 0.5}}, InStep},
		{"and no more", 2, after(3.5), Rule{Tolerance: FixedTolerance{Atol: 0.5, Rtol: 0.5}}, Diverged},
		{"the default, within", 1, 1.0001, DefaultRule(), InStep},
		{"the default, outside", 1, 1.00012, DefaultRule(), Diverged},

		{"zero rule, equal", 1, 1, zero, InStep},
		{"zero rule, -0", 0, negZero, zero, InStep},
		{"zero rule, one ulp", 1, after(1), zero, Diverged},
		{"ulp, within", 1, fixture.MoveULP(1, 3), Rule{ULP: 3}, InStep},
		{"ulp, within below", 1, fixture.MoveULP(1, -3), Rule{ULP: 3}, InStep},
		{"ulp, beyond", 1, fixture.MoveULP(1, 4), Rule{ULP: 3}, Diverged},
		{"ulp saves what atol fails", 1e6, after(1e6), Rule{Tolerance: FixedTolerance{Atol: 1e-9}, ULP: 1}, InStep},
		{"atol saves what ulp fails", 0, 1e-9, Rule{Tolerance: FixedTolerance{Atol: 1e-9 * 2}, ULP: 1}, InStep},
		{"neither saves", 1, 1.1, Rule{Tolerance: FixedTolerance{Atol: 1e-2}, ULP: 1}, Diverged},

		{"bits, same", 1, 1, bits, InStep},
		{"bits, -0", 0, negZero, bits, Diverged},
		{"bits, one ulp", 1, after(1), bits, Diverged},
		{"bits count tolerance for nothing", 1, after(1), Rule{Bits: true, Tolerance: FixedTolerance{Atol: 1}, ULP: 9}, Diverged},
		{"bits, same NaN", quietNaN, quietNaN, allow(bits), InStep},
		{"bits, another NaN", quietNaN, otherNaN, allow(bits), Diverged},
		{"bits, NaN not allowed", quietNaN, quietNaN, bits, Diverged},
		{"bits, same infinity", Inf, Inf, allow(bits), InStep},

		{"NaN in both", NaN, NaN, DefaultRule(), Diverged},
		{"NaN in both, allowed", quietNaN, otherNaN, allow(DefaultRule()), InStep},
		{"NaN in the candidate", 1, NaN, DefaultRule(), Diverged},
		{"NaN in the candidate, allowed", 1, NaN, allow(DefaultRule()), Diverged},
		{"NaN in the reference, allowed", NaN, 1, allow(DefaultRule()), Diverged},
		{"Inf in both", Inf, Inf, DefaultRule(), Diverged},
		{"Inf in both, allowed", -Inf, -Inf, allow(DefaultRule()), InStep},
		{"Inf of opposite sign", Inf, -Inf, allow(DefaultRule()), Diverged},
		{"Inf in the candidate", math.MaxFloat32, Inf, allow(atol(math.MaxFloat64)), Diverged},
		{"Inf in the reference", Inf, math.MaxFloat32, allow(atol(math.MaxFloat64)), Diverged},
		{"Inf in the reference, rtol", Inf, 0, allow(rtol(1)), Diverged},
		{"Inf is no unit in the last place", Inf, math.MaxFloat32, allow(Rule{ULP: 1}), Diverged},
		{"nor in the candidate", math.MaxFloat32, Inf, allow(Rule{ULP: 1}), Diverged},
		{"NaN is not far from anything", NaN, 1, allow(Rule{ULP: math.MaxUint64}), Diverged},
		{"NaN against Inf", Inf, NaN, allow(atol(math.MaxFloat64)), Diverged},
		{"Inf against NaN", NaN, Inf, allow(Rule{ULP: math.MaxUint64}), Diverged},

		{"end to end", math.MaxFloat32, -math.MaxFloat32, rtol(1.9), Diverged},
		{"end to end, within", math.MaxFloat32, -math.MaxFloat32, rtol(2), InStep},
		{"subnormals", math.SmallestNonzeroFloat32, 3 * math.SmallestNonzeroFloat32, rtol(2), InStep},
		{"subnormals, outside", math.SmallestNonzeroFloat32, 3 * math.SmallestNonzeroFloat32, rtol(1.9), Diverged},
		{"a subnormal is not zero", 0, math.SmallestNonzeroFloat32, atol(1e-46), Diverged},

		{"NaN as atol", 1, 2, atol(nan), Diverged},
		{"NaN as rtol", 1, 2, rtol(nan), Diverged},
		{"infinite atol", 1, 2, atol(inf), Diverged},
		{"infinite rtol", 1, 2, rtol(inf), Diverged},
		{"negative atol", 1, 2, Rule{Tolerance: FixedTolerance{Atol: -1, Rtol: 100}}, Diverged},
		{"NaN as bound", 1, 2, Rule{Tolerance: bound{nan}}, Diverged},
		{"infinite bound", 1, 2, Rule{Tolerance: bound{inf}}, Diverged},
		{"negative bound", 1, 2, Rule{Tolerance: bound{-1}}, Diverged},
		{"no bound, but equal", 1, 1, Rule{Tolerance: bound{nan}}, InStep},
		{"bound of its own", 1, 2, Rule{Tolerance: bound{1}}, InStep},
		{"bound of its own, outside", 1, after(2), Rule{Tolerance: bound{1}}, Diverged},
	} {
		r := judgeOne(fixture.NewTensor(t, f32(c.ref)), fixture.NewTensor(t, f32(c.cand)), c.rule)
		if r.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.name, r.Verdict, c.want)
		}
		if (r.Verdict == InStep) != (len(r.Causes) == 0) {
			t.Errorf("%s: %s, causes %v", c.name, r.Verdict, r.Causes)
		}
		if outside := slices.Contains(r.Causes, Outside); outside != (r.Margin > 1) || outside != (r.Outside == 1) || outside != (r.First != nil) {
			t.Errorf("%s: margin %v, %d outside, first %v, causes %v", c.name, r.Margin, r.Outside, r.First, r.Causes)
		}
		if want := !finite(float64(c.ref)) && !c.rule.AllowNonFinite; slices.Contains(r.Causes, NonFiniteReference) != want {
			t.Errorf("%s: causes %v", c.name, r.Causes)
		}
	}
}

func TestJudgeFloat64Overflow(t *testing.T) {
	far, farther := fixture.Vector(t, math.MaxFloat64), fixture.Vector(t, -math.MaxFloat64)
	for _, c := range []struct {
		name      string
		ref, cand *lockstep.Tensor
		rule      Rule
		want      Verdict
	}{
		// |a-b| is infinite in float64, and so are these bounds.
		{"both overflow", far, farther, Rule{Tolerance: FixedTolerance{Rtol: 1.5}}, Diverged},
		{"the largest atol and rtol", far, farther, Rule{Tolerance: FixedTolerance{Atol: math.MaxFloat64, Rtol: math.MaxFloat64}}, Diverged},
		{"ulp knows how far it is", far, farther, Rule{ULP: 2 * 0x7fefffffffffffff}, InStep},
		{"and no less", far, farther, Rule{ULP: 2*0x7fefffffffffffff - 1}, Diverged},
		{"only the bound overflows", far, fixture.Vector(t, 0.0), Rule{Tolerance: FixedTolerance{Rtol: 1.5}}, InStep},
		{"the bound is the largest number", far, fixture.Vector(t, 0.0), Rule{Tolerance: FixedTolerance{Rtol: 1}}, InStep},
		{"the bound is a little less", far, fixture.Vector(t, 0.0), Rule{Tolerance: FixedTolerance{Rtol: math.Nextafter(1, 0)}}, Diverged},
	} {
		if r := judgeOne(c.ref, c.cand, c.rule); r.Verdict != c.want {
			t.Errorf("%s: %s, want %s; margin %v", c.name, r.Verdict, c.want, r.Margin)
		}
	}
}

func TestJudgeExactTypesIgnoreTolerance(t *testing.T) {
	loose := Rule{Tolerance: FixedTolerance{Atol: math.MaxFloat64}, ULP: math.MaxUint64}
	for _, c := range []struct {
		name      string
		ref, cand *lockstep.Tensor
		want      Verdict
		absInt    uint64
	}{
		{"int32", fixture.Vector[int32](t, 1, 2), fixture.Vector[int32](t, 1, 2), InStep, 0},
		{"int32, one off", fixture.Vector[int32](t, 1, 2), fixture.Vector[int32](t, 1, 3), Diverged, 1},
		{"int64 beyond 2^53", fixture.Vector[int64](t, 0, 1<<53), fixture.Vector[int64](t, 0, 1<<53+1), Diverged, 1},
		{"int64 extremes", fixture.Vector[int64](t, 0, math.MinInt64), fixture.Vector[int64](t, 0, math.MaxInt64), Diverged, math.MaxUint64},
		{"int8 extremes", fixture.Vector[int8](t, 0, math.MinInt8), fixture.Vector[int8](t, 0, math.MaxInt8), Diverged, 255},
		{"int16, below zero", fixture.Vector[int16](t, 0, -3), fixture.Vector[int16](t, 0, 2), Diverged, 5},
		{"uint8 extremes", fixture.Vector[uint8](t, 0, math.MaxUint8), fixture.Vector[uint8](t, 0, 0), Diverged, 255},
		{"uint16", fixture.Vector[uint16](t, 0, 1), fixture.Vector[uint16](t, 0, math.MaxUint16), Diverged, math.MaxUint16 - 1},
		{"uint32", fixture.Vector[uint32](t, 0, 1<<31), fixture.Vector[uint32](t, 0, 1<<31-1), Diverged, 1},
		{"uint64 beyond int64", fixture.Vector[uint64](t, 0, math.MaxUint64), fixture.Vector[uint64](t, 0, math.MaxUint64-1), Diverged, 1},
		{"uint64 around int64's end", fixture.Vector[uint64](t, 0, 1<<63), fixture.Vector[uint64](t, 0, 1<<63-1), Diverged, 1},
		{"uint64 extremes", fixture.Vector[uint64](t, 0, 0), fixture.Vector[uint64](t, 0, math.MaxUint64), Diverged, math.MaxUint64},
		{"uint64", fixture.Vector[uint64](t, 0, math.MaxUint64), fixture.Vector[uint64](t, 0, math.MaxUint64), InStep, 0},
		{"bool", fixture.Vector(t, true, false), fixture.Vector(t, true, false), InStep, 0},
		{"bool, flipped", fixture.Vector(t, true, false), fixture.Vector(t, true, true), Diverged, 0},
		{"string", fixture.Vector(t, "", "ä"), fixture.Vector(t, "", "ä"), InStep, 0},
		{"string, another", fixture.Vector(t, "", "ä"), fixture.Vector(t, "", "a"), Diverged, 0},
	} {
		r := judgeOne(c.ref, c.cand, loose)
		if r.Verdict != c.want || r.Smallest != nil {
			t.Errorf("%s: %s, smallest %v; want %s", c.name, r.Verdict, r.Smallest, c.want)
		}
		if c.want == Diverged && (r.First == nil || r.First.Flat != 1 || r.First.AbsInt != c.absInt || r.Outside != 1 || !math.IsInf(r.Margin, 1)) {
			t.Errorf("%s: first %+v, %d outside, margin %v", c.name, r.First, r.Outside, r.Margin)
		}
	}
}

// No type falls through: of every one equal tensors agree, and different ones
// do not, by every rule.
func TestJudgeKnowsEveryType(t *testing.T) {
	for _, d := range lockstep.DTypes() {
		zeros, err := lockstep.Zeros(d, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		other := fixture.NewTensor(t, []string{"", "", "", "", "", "x"}, 2, 3)
		if d != lockstep.String {
			bits := make([]byte, 6*d.Size())
			bits[len(bits)-1] = 1
			if other, err = raw.Decode(d, []int{2, 3}, bits); err != nil {
				t.Fatal(err)
			}
		}
		for _, rule := range []Rule{DefaultRule(), {Bits: true}, {ULP: 0}, {Tolerance: FixedTolerance{}}} {
			if r := judgeOne(zeros, zeros, rule); r.Kind != Measured || r.Verdict != InStep || r.Elements != zeros.RealParts().Len() {
				t.Errorf("%s, %s: %s, %s", d, rule, r.Kind, r.Verdict)
			}
			r := judgeOne(zeros, other, rule)
			if tiny := (d.IsFloat() || d.IsComplex()) && !rule.Bits && rule.Tolerance == DefaultRule().Tolerance; r.Kind != Measured || (r.Verdict != Diverged && !tiny) || r.Differ != 1 {
				t.Errorf("%s, %s: %s, %s, %d differ", d, rule, r.Kind, r.Verdict, r.Differ)
			}
			if r.First != nil && strings.Contains(r.First.Candidate.String(), "no value") {
				t.Errorf("%s: a value is written %s", d, r.First.Candidate)
			}
		}
	}
}

// The first fault in time, not in memory, and not the largest.
func TestJudgeNamesTheFirstStep(t *testing.T) {
	ref := fixture.NewTensor(t, make([]float32, 24), 2, 4, 3)
	data := make([]float32, 24)
	at := func(batch, step, unit int) *float32 { return &data[(batch*4+step)*3+unit] }
	*at(0, 3, 0) = 100
	*at(1, 1, 2) = 0.5
	*at(1, 1, 1) = -0.25
	*at(0, 2, 0) = float32(nan)
	*at(1, 0, 0) = 0.125 // on the bound
	cand := fixture.NewTensor(t, data, 2, 4, 3)
	r := judgeOne(ref, cand, Rule{Tolerance: FixedTolerance{Atol: 0.125}})
	f := r.First
	if f == nil || f.Step != 1 || f.Batch != 1 || f.Unit != 1 || f.Flat != 16 || !slices.Equal(f.Index, []int{1, 1, 1}) {
		t.Fatalf("first: %+v", f)
	}
	if f.Reference.String() != "0" || f.Candidate.String() != "-0.25" || f.Abs != 0.25 || f.Bound != 0.125 || f.Margin != 2 || f.ULP != uint64(math.Float32bits(0.25)) {
		t.Errorf("first: %+v", f)
	}
	if r.Outside != 4 || r.StepsOutside != 3 || !math.IsInf(r.Margin, 1) || r.MarginAt.Step != 2 {
		t.Errorf("%d outside in %d steps, margin %v at %s", r.Outside, r.StepsOutside, r.Margin, r.MarginAt)
	}
	flat := Judge(Measure(set{"x": ref}, set{"x": cand}, Options{Layout: PlainLayout}), Uniform(Rule{Tolerance: FixedTolerance{Atol: 0.125}}))[0]
	if flat.First.Flat != 6 || flat.StepsOutside != 0 {
		t.Errorf("without time the first is %s, %d steps", flat.First, flat.StepsOutside)
	}
	rank2 := judgeOne(fixture.NewTensor(t, f32(0, 0, 0, 0), 2, 2), fixture.NewTensor(t, f32(0, 0, 1, 9), 2, 2), DefaultRule())
	if rank2.First.String() != "batch row 1, unit 0" {
		t.Errorf("of (batch, units) the first is %s", &rank2.First.Place)
	}
}

func TestJudgeMargin(t *testing.T) {
	for _, c := range []struct {
		name      string
		ref, cand []float64
		rule      Rule
		want      float64
		at        int // -1 for none
	}{
		{"equal", []float64{1, 2}, []float64{1, 2}, DefaultRule(), 0, -1},
		{"equal, bound 0", []float64{0, 2}, []float64{0, 2}, Rule{Tolerance: FixedTolerance{}}, 0, -1},
		{"bound 0", []float64{0, 1}, []float64{1e-300, 1}, Rule{Tolerance: FixedTolerance{Rtol: 1}}, inf, 0},
		{"worst of all", []float64{1, 1, 1}, []float64{1.25, 1.5, 1.125}, Rule{Tolerance: FixedTolerance{Atol: 0.5}}, 1, 1},
		{"not where the difference is largest", []float64{100, 1}, []float64{110, 2}, Rule{Tolerance: FixedTolerance{Rtol: 0.5}}, 2, 1},
		{"ulp", []float64{1}, []float64{1 + 0x3p-52}, Rule{ULP: 2}, 1.5, 0},
		{"ulp of none allowed", []float64{1}, []float64{1 + 0x1p-52}, Rule{}, inf, 0},
		{"the better of two", []float64{1}, []float64{1 + 0x4p-52}, Rule{ULP: 2, Tolerance: FixedTolerance{Atol: 0x8p-52}}, 0.5, 0},
		{"the better of two, ulp", []float64{1}, []float64{1 + 0x4p-52}, Rule{ULP: 8, Tolerance: FixedTolerance{Atol: 0x2p-52}}, 0.5, 0},
		{"NaN", []float64{1, 1}, []float64{1, nan}, DefaultRule(), inf, 1},
	} {
		r := judgeOne(fixture.Vector(t, c.ref...), fixture.Vector(t, c.cand...), c.rule)
		at := -1
		if r.MarginAt != nil {
			at = r.MarginAt.Flat
		}
		if r.Margin != c.want || at != c.at {
			t.Errorf("%s: margin %v at %d, want %v at %d", c.name, r.Margin, at, c.want, c.at)
		}
	}
}

// A quotient of two floats is at most 1 exactly if the first is not larger.
func TestQuotientDecidesLikeLessOrEqual(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 300_000 {
		x := math.Abs(math.Float64frombits(r.Uint64()))
		if !finite(x) {
			continue
		}
		if r.IntN(8) == 0 {
			x = math.Float64frombits(r.Uint64N(1 << 53)) // subnormals, and a little above
		}
		for _, y := range []float64{x, math.Nextafter(x, inf), math.Nextafter(x, 0)} {
			if q := quotient(x, y); (q <= 1) != (x <= y) || math.IsNaN(q) {
				t.Fatalf("%v / %v = %v", x, y, q)
			}
		}
	}
	// A distance that float64 cannot tell from the limit.
	if passes(fixture.Vector(t, 0.0), fixture.Vector(t, 1.0), Rule{ULP: math.Float64bits(1) - 1}) {
		t.Error("a distance of one more than allowed passes")
	}
}

// The verdict is that of exact arithmetic, but for a hair's breadth of rounding
// around the bound, and but for differences beyond float64, which never pass.
func TestJudgeAgainstBigFloat(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	exactly := func(x float64) *big.Float { return new(big.Float).SetPrec(4500).SetFloat64(x) }
	decided := 0
	for _, dtype := range floatTypes {
		for range 4000 {
			ref, cand := randomPair(r, dtype, 1)
			a, b := ValueAt(cand, 0).Float64(), ValueAt(ref, 0).Float64()
			f := FixedTolerance{Atol: math.Ldexp(r.Float64(), -r.IntN(60)), Rtol: math.Ldexp(r.Float64(), 1-r.IntN(30))}
			if r.IntN(2) == 0 {
				f.Atol = math.Abs(a-b) * (0.5 + r.Float64())
			}
			if !finite(f.Atol) {
				continue
			}
			abs := exactly(a)
			abs.Abs(abs.Sub(abs, exactly(b)))
			bound := exactly(f.Rtol)
			bound.Mul(bound, exactly(math.Abs(b))).Add(bound, exactly(f.Atol))
			slack := exactly(1e-15)
			slack.Mul(slack, bound).Add(slack, exactly(0x1p-1073))
			inside := abs.Cmp(new(big.Float).Sub(bound, slack)) <= 0
			outside := abs.Cmp(new(big.Float).Add(bound, slack)) > 0
			if beyond := abs.Cmp(exactly(math.MaxFloat64)) > 0; beyond {
				inside, outside = false, true
			}
			if inside || outside {
				decided++
			}
			if got := passes(ref, cand, Rule{Tolerance: f}); got && outside || !got && inside {
				t.Fatalf("%s %s: reference %v, candidate %v: passes is %v", dtype, f, b, a, got)
			}
		}
	}
	if decided < 10_000 {
		t.Errorf("only %d pairs decided", decided)
	}
}

func TestRulesAreChosenByName(t *testing.T) {
	ref := set{"loose": fixture.Vector[float32](t, 1), "tight": fixture.Vector[float32](t, 1)}
	cand := set{"loose": fixture.Vector[float32](t, 2), "tight": fixture.Vector[float32](t, 2)}
	results := Judge(Measure(ref, cand, Options{}), func(name string) Rule {
		if name == "loose" {
			return Rule{Tolerance: FixedTolerance{Atol: 1}}
		}
		return DefaultRule()
	})
	if results[0].Verdict != InStep || results[1].Verdict != Diverged {
		t.Errorf("%s %s, %s %s", results[0].Name, results[0].Verdict, results[1].Name, results[1].Verdict)
	}
}

// A bound that travels as a tensor beside the value sees every element by its
// own index, in whatever order they are judged.
func TestToleranceSeesFlatIndexAndReference(t *testing.T) {
	ref := fixture.Ramp(t, 2, 3, 2)
	seen := recorder{}
	judgeOne(ref, fixture.Nudged(t, ref, func(int) int { return 1 }), Rule{Tolerance: seen})
	if len(seen) != 12 {
		t.Errorf("%d elements were judged, want 12", len(seen))
	}
	for i, b := range seen {
		if want := ValueAt(ref, i).Float64(); b != want {
			t.Errorf("element %d came with the reference %v, want %v", i, b, want)
		}
	}
}

type recorder map[int]float64

func (r recorder) Bound(i int, b float64) float64 { r[i] = b; return 1 }
func (recorder) String() string                   { return "recorder" }

func TestFixedValid(t *testing.T) {
	for _, c := range []struct {
		f    FixedTolerance
		want string
	}{
		{FixedTolerance{}, ""},
		{FixedTolerance{Atol: math.MaxFloat64, Rtol: math.MaxFloat64}, ""},
		{FixedTolerance{Atol: -1}, "compare: atol is -1, want"},
		{FixedTolerance{Atol: nan}, "compare: atol is NaN, want"},
		{FixedTolerance{Rtol: inf}, "compare: rtol is +Inf, want"},
	} {
		err := c.f.valid()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.f, err, c.want)
		}
	}
}
