package compare

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestMeasureKinds(t *testing.T) {
	one := fixture.Vector[float32](t, 1)
	invalid := new(lockstep.Tensor)
	for _, c := range []struct {
		name      string
		ref, cand set
		want      Kind
	}{
		{"both", set{"x": one}, set{"x": one}, Measured},
		{"missing", set{"x": one}, set{}, Missing},
		{"nil in the candidate", set{"x": one}, set{"x": nil}, Missing},
		{"extra", nil, set{"x": one}, Extra},
		{"nil in the reference", set{"x": nil}, set{"x": one}, Extra},
		{"nil in both", set{"x": nil}, set{"x": nil}, Absent},
		{"nil in one, nothing in the other", set{"x": nil}, nil, Absent},
		{"the zero tensor", set{"x": invalid}, set{"x": invalid}, Unreadable},
		{"the zero tensor in one", set{"x": one}, set{"x": invalid}, Unreadable},
		{"type", set{"x": one}, set{"x": fixture.Vector[float64](t, 1)}, DTypeMismatch},
		{"type before shape", set{"x": one}, set{"x": fixture.Vector[int32](t, 1, 2)}, DTypeMismatch},
		{"16-bit types", set{"x": fixture.Vector(t, lockstep.Float16Bits(0))}, set{"x": fixture.Vector(t, lockstep.BFloat16Bits(0))}, DTypeMismatch},
		{"rank", set{"x": one}, set{"x": fixture.NewTensor(t, f32(1))}, ShapeMismatch},
		{"same length", set{"x": fixture.NewTensor(t, f32(1, 2), 1, 2)}, set{"x": fixture.NewTensor(t, f32(1, 2), 2, 1)}, ShapeMismatch},
		{"length", set{"x": one}, set{"x": fixture.Vector[float32](t, 1, 2)}, ShapeMismatch},
		{"empty against full", set{"x": one}, set{"x": fixture.Vector[float32](t)}, ShapeMismatch},
		{"empty", set{"x": fixture.Vector[float32](t)}, set{"x": fixture.Vector[float32](t)}, Empty},
		{"zero-length time", set{"x": fixture.NewTensor[float32](t, nil, 2, 0, 3)}, set{"x": fixture.NewTensor[float32](t, nil, 2, 0, 3)}, Empty},
		{"empty strings", set{"x": fixture.Vector[string](t)}, set{"x": fixture.Vector[string](t)}, Empty},
		{"scalar", set{"x": fixture.NewTensor(t, f32(1))}, set{"x": fixture.NewTensor(t, f32(1))}, Measured},
	} {
		got := Measure(c.ref, c.cand, Options{})
		if len(got) != 1 || got[0].Kind != c.want {
			t.Errorf("%s: %+v, want kind %s", c.name, got, c.want)
			continue
		}
		r := Judge(got, nil)[0]
		if c.want == Measured {
			if r.Verdict != InStep {
				t.Errorf("%s: %v, want in step", c.name, r.Causes)
			}
			continue
		}
		if c.want == Empty { // the same type and shape, and nothing in it that could differ
			if r.Verdict != InStep || r.Margin != 0 || r.Causes != nil {
				t.Errorf("%s: %s, %v, margin %v, want in step", c.name, r.Verdict, r.Causes, r.Margin)
			}
			continue
		}
		if r.Verdict != Diverged || !slices.Equal(r.Causes, []Reason{Reason(c.want)}) || !math.IsInf(r.Margin, 1) || r.Smallest != nil {
			t.Errorf("%s: %s, %v, margin %v, smallest %v", c.name, r.Verdict, r.Causes, r.Margin, r.Smallest)
		}
		if got[0].Elements != 0 || got[0].Steps != nil {
			t.Errorf("%s: has figures: %+v", c.name, got[0])
		}
	}
}

func TestMeasureOrder(t *testing.T) {
	one := fixture.Vector[float32](t, 1)
	ref := set{"b": one, "a": one, "d": one, "only": one}
	cand := set{"b": one, "c": one, "a": one, "d": one}
	for _, c := range []struct{ order, want []string }{
		{nil, []string{"a", "b", "c", "d", "only"}},
		{[]string{"d", "nobody", "c", "d"}, []string{"d", "c", "a", "b", "only"}},
	} {
		for range 5 { // a map's own order changes
			var got []string
			for _, d := range Measure(ref, cand, Options{Order: c.order}) {
				got = append(got, d.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("order %v gives %v, want %v", c.order, got, c.want)
			}
		}
	}
	if got := Measure(nil, nil, Options{Order: []string{"a"}}); len(got) != 0 {
		t.Errorf("nothing gives %v", got)
	}
}

func TestMeasureFigures(t *testing.T) {
	ref := fixture.NewTensor(t, f32(1, -2, 0, 4, 100, 0), 2, 3)
	cand := fixture.NewTensor(t, f32(1.5, -2, 0.125, 3, 100, float32(math.Copysign(0, -1))), 2, 3)
	d := measureOne(ref, cand)
	if d.Elements != 6 || d.Finite != 6 || d.Differ != 3 || d.BitsDiffer != 4 || d.ZeroReference != 1 {
		t.Errorf("counts: %+v", d)
	}
	if d.MaxAbs != 1 || d.MeanAbs != 1.625/6 || d.MaxRel != 0.5 || d.MaxAbsInt != 0 {
		t.Errorf("max abs %v, mean %v, max rel %v", d.MaxAbs, d.MeanAbs, d.MaxRel)
	}
	if want := uint64(math.Float32bits(0.125)); d.MaxULP != want {
		t.Errorf("max ulp %d, want %d", d.MaxULP, want)
	}
	if p := d.Worst; p.Flat != 3 || !slices.Equal(p.Index, []int{1, 0}) || p.Batch != 1 || p.Unit != 0 || p.Step != -1 || p.Reference.String() != "4" || p.Candidate.String() != "3" {
		t.Errorf("worst: %+v", p)
	}
	if d.WorstRel.Flat != 0 || d.WorstULP.Flat != 2 {
		t.Errorf("worst rel at %s, worst ulp at %s", d.WorstRel, d.WorstULP)
	}
	if same := measureOne(ref, ref); same.Worst != nil || same.WorstRel != nil || same.WorstULP != nil || same.Differ != 0 || same.MaxAbs != 0 {
		t.Errorf("a tensor differs from itself: %+v", same)
	}
}

// Every pair of a number, NaN and the infinities, by the count it belongs to.
func TestMeasureNonFinite(t *testing.T) {
	type counts struct{ ref, cand, bothNaN, sameInf, nanRef, nanCand, infRef, infCand, opposite int }
	for _, c := range []struct {
		ref, cand float64
		want      counts
	}{
		{1, 2, counts{}},
		{nan, nan, counts{ref: 1, cand: 1, bothNaN: 1}},
		{inf, inf, counts{ref: 1, cand: 1, sameInf: 1}},
		{-inf, -inf, counts{ref: 1, cand: 1, sameInf: 1}},
		{nan, 1, counts{ref: 1, nanRef: 1}},
		{1, nan, counts{cand: 1, nanCand: 1}},
		{nan, inf, counts{ref: 1, cand: 1, nanRef: 1}},
		{-inf, nan, counts{ref: 1, cand: 1, nanCand: 1}},
		{inf, math.MaxFloat32, counts{ref: 1, infRef: 1}},
		{-math.MaxFloat32, -inf, counts{cand: 1, infCand: 1}},
		{inf, -inf, counts{ref: 1, cand: 1, opposite: 1}},
		{-inf, inf, counts{ref: 1, cand: 1, opposite: 1}},
	} {
		for _, d := range []Difference{
			measureOne(fixture.Vector(t, 7, c.ref, 5), fixture.Vector(t, 7, c.cand, 4.5)),
			measureOne(fixture.Vector(t, 7, float32(c.ref), 5), fixture.Vector(t, 7, float32(c.cand), 4.5)),
		} {
			n := &d.NonFinite
			got := counts{n.Reference.N, n.Candidate.N, n.BothNaN.N, n.SameInf.N, n.NaNInReference.N, n.NaNInCandidate.N, n.InfInReference.N, n.InfInCandidate.N, n.OppositeInf.N}
			if got != c.want {
				t.Errorf("%v against %v: %+v, want %+v", c.ref, c.cand, got, c.want)
			}
			isFinite := c.want == counts{}
			agree := c.want.bothNaN+c.want.sameInf > 0
			if n.agree() > 0 != agree || n.disagree() > 0 != (!isFinite && !agree) {
				t.Errorf("%v against %v: %d agree, %d differ", c.ref, c.cand, n.agree(), n.disagree())
			}
			if isFinite {
				continue
			}
			// The norms see the other two places alone.
			if d.MaxAbs != 0.5 || d.MaxRel != 0.1 || d.MeanAbs != 0.25 || d.Finite != 2 {
				t.Errorf("%v against %v: norms %v %v %v over %d places", c.ref, c.cand, d.MaxAbs, d.MaxRel, d.MeanAbs, d.Finite)
			}
			for _, count := range []Count{n.Reference, n.Candidate, n.BothNaN, n.SameInf, n.NaNInReference, n.NaNInCandidate, n.InfInReference, n.InfInCandidate, n.OppositeInf} {
				if (count.N == 0) != (count.First == nil) || count.First != nil && count.First.Flat != 1 {
					t.Errorf("%v against %v: %d places, the first %v", c.ref, c.cand, count.N, count.First)
				}
			}
			if want := map[bool]int{true: 1, false: 2}[agree]; d.Differ != want {
				t.Errorf("%v against %v: %d differ, want %d", c.ref, c.cand, d.Differ, want)
			}
		}
	}
}

func TestMeasureExactTypes(t *testing.T) {
	big := int64(1) << 60
	d := measureOne(fixture.Vector(t, big, 5, math.MinInt64, 0), fixture.Vector(t, big+1, 5, math.MaxInt64, 3))
	if d.Differ != 3 || d.MaxAbsInt != math.MaxUint64 || d.Worst.Flat != 2 || d.ZeroReference != 1 || d.Finite != 4 {
		t.Errorf("int64: %+v", d)
	}
	// A difference of 1 at a size at which float64 sees none.
	if d := measureOne(fixture.Vector(t, big), fixture.Vector(t, big+1)); d.MaxAbsInt != 1 || d.MaxAbs != 1 || d.Differ != 1 || d.MeanAbs != 1 {
		t.Errorf("2^60 and 2^60+1: %+v", d)
	}
	if d := measureOne(fixture.Vector[int32](t, -4, 1), fixture.Vector[int32](t, -5, 1)); d.MaxAbsInt != 1 || d.MaxRel != 0.25 || d.MeanAbs != 0.5 || d.MaxULP != 0 {
		t.Errorf("int32: %+v", d)
	}
	if d := measureOne(fixture.Vector(t, true, false, true), fixture.Vector(t, true, true, false)); d.Differ != 2 || d.Worst.Flat != 1 || d.MaxAbs != 0 || d.Finite != 0 {
		t.Errorf("bool: %+v", d)
	}
	if d := measureOne(fixture.Vector(t, "a", "b"), fixture.Vector(t, "a", "b ")); d.Differ != 1 || d.Worst.Flat != 1 || d.Worst.Candidate.String() != `"b "` {
		t.Errorf("string: %+v", d)
	}
}

func TestMeasureSteps(t *testing.T) {
	// (batch 2, time 3, units 2)
	ref := fixture.NewTensor(t, make([]float32, 12), 2, 3, 2)
	cand := fixture.NewTensor(t, f32(
		0, 0, 0.5, -2, 0, 0,
		0, 0, 1, 0, float32(nan), -4,
	), 2, 3, 2)
	want := []Step{{}, {MaxAbs: 2, MaxULP: 1 << 30, Differ: 3}, {MaxAbs: 4, MaxULP: 1<<30 + 1<<23, Differ: 2, NonFinite: 1}}
	d := measureOne(ref, cand)
	if !slices.Equal(d.Steps, want) {
		t.Errorf("steps %+v, want %+v", d.Steps, want)
	}
	if p := d.NonFinite.NaNInCandidate.First; p.String() != "step 2, batch row 1, unit 0" {
		t.Errorf("first NaN at %s", p)
	}
	plain := Measure(set{"x": ref}, set{"x": cand}, Options{Layout: PlainLayout})[0]
	if plain.Steps != nil || plain.Worst.Step != -1 || plain.MaxAbs != 4 {
		t.Errorf("without time: %+v", plain)
	}
	timeMajor := func(string, []int) Layout { return Layout{Batch: 1, Time: 0, Unit: 2} }
	major := Measure(set{"x": ref}, set{"x": cand}, Options{Layout: timeMajor})[0]
	if len(major.Steps) != 2 || major.Steps[0].MaxAbs != 2 || major.Steps[1].MaxAbs != 4 || major.Worst.String() != "step 1, batch row 2, unit 1" {
		t.Errorf("time first: %+v, worst at %s", major.Steps, major.Worst)
	}
	ints := measureOne(fixture.NewTensor(t, make([]int64, 4), 1, 2, 2), fixture.NewTensor(t, []int64{0, 0, 1<<53 + 1, 1}, 1, 2, 2))
	if len(ints.Steps) != 2 || ints.Steps[0] != (Step{}) || ints.Steps[1].MaxAbsInt != 1<<53+1 || ints.Steps[1].Differ != 2 {
		t.Errorf("int64: %+v", ints.Steps)
	}
}

func TestMeasureOverflow(t *testing.T) {
	d := measureOne(fixture.Vector[float32](t, math.MaxFloat32), fixture.Vector[float32](t, -math.MaxFloat32))
	if d.MaxAbs != 2*math.MaxFloat32 || d.MaxRel != 2 || d.MeanAbs != d.MaxAbs {
		t.Errorf("float32 from end to end: %v, %v, %v", d.MaxAbs, d.MaxRel, d.MeanAbs)
	}
	d = measureOne(fixture.Vector(t, math.MaxFloat64, 1), fixture.Vector(t, -math.MaxFloat64, 1))
	if !math.IsInf(d.MaxAbs, 1) || !math.IsInf(d.MeanAbs, 1) || d.MaxULP != 2*0x7fefffffffffffff {
		t.Errorf("float64 from end to end: %v, %v, %d", d.MaxAbs, d.MeanAbs, d.MaxULP)
	}
	// The sum is beyond float64, the mean is not.
	d = measureOne(fixture.Vector(t, 0.0, 0, 0, 0), fixture.Vector(t, 1e308, 1e308, 1e308, 0.5e308))
	if d.MaxAbs != 1e308 || math.Abs(d.MeanAbs/0.875e308-1) > 1e-15 || d.MaxRel != 0 || d.ZeroReference != 4 {
		t.Errorf("a sum beyond float64: %v, %v, %v", d.MaxAbs, d.MeanAbs, d.MaxRel)
	}
	// A relative error beyond float64.
	if d = measureOne(fixture.Vector(t, math.SmallestNonzeroFloat64), fixture.Vector(t, 1.0)); !math.IsInf(d.MaxRel, 1) {
		t.Errorf("1 instead of a subnormal: relative error %v", d.MaxRel)
	}
}

// Against exact arithmetic, over every float type's whole range.
func TestMeasureAgainstBigFloat(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, dtype := range floatTypes {
		for range 400 {
			ref, cand := randomPair(r, dtype, 1+r.IntN(6))
			d := measureOne(ref, cand)
			var wantAbs, wantRel, sum float64
			for i := range d.Elements {
				a, b := ValueAt(cand, i).Float64(), ValueAt(ref, i).Float64()
				abs := new(big.Float).SetPrec(2200)
				abs.Abs(abs.Sub(new(big.Float).SetPrec(2200).SetFloat64(a), new(big.Float).SetFloat64(b)))
				x, _ := abs.Float64()
				wantAbs = max(wantAbs, x)
				sum += x / float64(d.Elements)
				if b != 0 {
					rel, _ := abs.Quo(abs, new(big.Float).SetFloat64(math.Abs(b))).Float64()
					wantRel = max(wantRel, rel)
				}
			}
			if d.MaxAbs != wantAbs {
				t.Fatalf("%s: max abs %v, want %v", dtype, d.MaxAbs, wantAbs)
			}
			if !near(d.MaxRel, wantRel) || !near(d.MeanAbs, sum) {
				t.Fatalf("%s: max rel %v, want %v; mean %v, want %v", dtype, d.MaxRel, wantRel, d.MeanAbs, sum)
			}
		}
	}
}

// near allows for rounding, of subnormals too.
func near(x, y float64) bool {
	return x == y || math.Abs(x-y) <= 1e-14*math.Abs(y)+1e-322
}
