package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// Expected values that do not fit are wrong usage, and no engine is blamed for
// them.
func TestExpectedValuesThatDoNotFit(t *testing.T) {
	one := fixture.Vector[float32](t, 1)
	tf := engine{name: "tensorflow", outputs: named("output", one), states: named("encoder/state_h", one)}
	flags, _ := lockstep.New([]bool{true}, 1)
	text, _ := lockstep.New([]string{"1"}, 1)
	column, _ := lockstep.New([]float32{1}, 1, 1)
	for _, c := range []struct {
		name     string
		expected map[string]*lockstep.Tensor
		want     string
	}{
		{"nothing", map[string]*lockstep.Tensor{}, `there is no tensor among the expected values: want some of ["encoder/state_h" "output"]`},
		{"misspelt", named("outptu", one), `the model computes no "outptu"; it computes ["encoder/state_h" "output"], the nearest is "output"`},
		{"extra", map[string]*lockstep.Tensor{"output": one, "z": one}, `the model computes no "z"`},
		{"longer", named("output", fixture.Vector[float32](t, 1, 2)), `"output" has the shape (2,), and from these inputs the model computes (1,)`},
		{"another rank", named("output", column), `"output" has the shape (1, 1)`},
		{"bools", named("output", flags), `"output" is bool (1,), and the model computes float32 (1,): these cannot be compared`},
		{"strings", named("output", text), `"output" is string (1,)`},
	} {
		for _, candidate := range []lockstep.Tracer{nil, tf} {
			check := Check{Model: "m", Reference: tf, Candidate: candidate, Expected: c.expected, ExpectedBy: "keras"}
			if candidate == nil {
				check.NotRun = []EngineFailure{{"native", errors.New("it is a GRU")}}
			}
			got, err := check.Run(context.Background())
			if wrong := (*lockstep.TensorError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %+v, %v, want %q", c.name, got, err, c.want)
			}
		}
	}
}

// A shape with the inputs' lengths, where what was computed has others, is the
// model's fault.
func TestExpectedShapeThatFollowsTheInputs(t *testing.T) {
	zeros := func(shape ...int) *lockstep.Tensor {
		x, err := lockstep.Zeros(lockstep.Float32, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	in := named("x", zeros(8, 10, 1))
	for _, c := range []struct {
		want, have *lockstep.Tensor
		fits       bool
	}{
		{zeros(8, 10, 1), zeros(8, 8, 1), true},
		{zeros(8, 5, 1), zeros(8, 10, 1), false},
		{zeros(3, 10, 1), zeros(8, 10, 1), false},
		{zeros(8, 10, 1), zeros(8, 10, 2), true},
		{zeros(8, 10, 2), zeros(8, 10, 1), false},
		{zeros(8, 5, 1), zeros(8, 8, 1), false},
		{zeros(8, 10), zeros(8, 8, 1), false},
	} {
		err := CheckExpected(in, named("y", c.want), named("y", c.have))
		if (err == nil) != c.fits {
			t.Errorf("expected %s, computed %s: %v", c.want, c.have, err)
		}
	}
}

func TestOutputsWithoutExpectedValuesAreNamed(t *testing.T) {
	one := fixture.Vector[float32](t, 1)
	tf := engine{name: "tensorflow", outputs: map[string]*lockstep.Tensor{"a": one, "b": one, "c": one}}
	got, err := Check{Model: "m", Reference: tf, Candidate: tf, Expected: named("b", one), ExpectedBy: "keras"}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(got.Report.Notes, "\n"); got.Report.Verdict() != InStep || !strings.Contains(notes, "not compared with keras, which has no values of them: a, c") {
		t.Errorf("%v, notes %q", got.Report.Verdict(), notes)
	}
}

// half returns float16 numbers by their bits.
func half(t *testing.T, bits ...lockstep.Float16Bits) *lockstep.Tensor {
	t.Helper()
	return fixture.Vector(t, bits...)
}

// Values are compared as the numbers that they are, whatever holds them.
func TestExpectedNumbersOfOtherTypes(t *testing.T) {
	near := math.Nextafter(1, 2) // no float32
	for _, c := range []struct {
		name       string
		want, have *lockstep.Tensor
		rule       Rule
		verdict    Verdict
	}{
		{"equal", fixture.Vector[float64](t, 0.5), fixture.Vector[float32](t, 0.5), Rule{}, InStep},
		{"not rounded", fixture.Vector[float64](t, near), fixture.Vector[float32](t, 1), Rule{}, Diverged},
		{"not rounded, but near", fixture.Vector[float64](t, near), fixture.Vector[float32](t, 1), Rule{Tolerance: FixedTolerance{Atol: 1e-15}}, InStep},
		{"not so near", fixture.Vector[float64](t, near), fixture.Vector[float32](t, 1), Rule{Tolerance: FixedTolerance{Atol: 1e-16}}, Diverged},
		{"beyond float32", fixture.Vector[float64](t, 1e300), fixture.Vector[float32](t, math.MaxFloat32), DefaultRule(), Diverged},
		{"float16", fixture.Vector[float32](t, 1.5), half(t, 0x3e00), Rule{}, InStep},
		{"float16, off", fixture.Vector[float32](t, 1.5001), half(t, 0x3e00), Rule{}, Diverged},
		{"units of float16", fixture.Vector[float32](t, 1.5001), half(t, 0x3e00), Rule{ULP: 1}, InStep},
		{"int32 of int64", fixture.Vector[int64](t, 7, -7), fixture.Vector[int32](t, 7, -7), Rule{}, InStep},
		{"int64 beyond 2^53", fixture.Vector[int32](t, 0), fixture.Vector[int64](t, 1<<53+1), DefaultRule(), Diverged},
		{"int32 off by one", fixture.Vector[int64](t, 1e9+1), fixture.Vector[int32](t, 1e9), DefaultRule(), Diverged},
		{"wraps round", fixture.Vector[int64](t, 1<<32+7), fixture.Vector[int32](t, 7), DefaultRule(), Diverged},
		{"uint8 of int64", fixture.Vector[int64](t, 200), fixture.Vector[uint8](t, 200), Rule{}, InStep},
		{"int8 is not uint8", fixture.Vector[int8](t, -1), fixture.Vector[uint8](t, 255), DefaultRule(), Diverged},
		{"uint64 beyond int64", fixture.Vector[int32](t, 1), fixture.Vector[uint64](t, 1<<64-1), DefaultRule(), Diverged},
		{"integers of floats", fixture.Vector[int32](t, 2), fixture.Vector[float32](t, 2), Rule{}, InStep},
		{"integers of floats, off", fixture.Vector[int32](t, 2), fixture.Vector[float32](t, 2.5), DefaultRule(), Diverged},
		{"not a number", fixture.Vector[float64](t, math.NaN()), fixture.Vector[float32](t, 1), DefaultRule(), Diverged},
	} {
		if err := CheckExpected(nil, named("y", c.want), named("y", c.have)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		want, have, rules, err := alignExpected(named("y", c.want), named("y", c.have), Uniform(c.rule))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := Judge(Measure(want, have, Options{}), rules)[0].Verdict; got != c.verdict {
			t.Errorf("%s: %v, want %v", c.name, got, c.verdict)
		}
	}
}

// Of float32 answers it makes no difference whether the same float32 numbers are
// expected as they are or as float64: by a tolerance, and by units in the last place
// within one power of two.
func TestWiderExpectedNumbersAreJudgedAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		x := float32(math.Ldexp(1.2+0.5*rng.Float64(), rng.IntN(40)-20))
		if rng.IntN(2) == 0 {
			x = -x
		}
		y := math.Float32frombits(math.Float32bits(x) + uint32(rng.IntN(9)))
		rule := Rule{Tolerance: FixedTolerance{Atol: math.Abs(float64(x)) * float64(rng.IntN(5)) * 1e-7}}
		if rng.IntN(2) == 0 {
			rule = Rule{ULP: uint64(rng.IntN(9))}
		}
		var verdicts []Verdict
		for _, want := range []*lockstep.Tensor{fixture.Vector(t, x), fixture.Vector(t, float64(x))} {
			w, h, rules, err := alignExpected(named("y", want), named("y", fixture.Vector(t, y)), Uniform(rule))
			if err != nil {
				t.Fatal(err)
			}
			verdicts = append(verdicts, Judge(Measure(w, h, Options{}), rules)[0].Verdict)
		}
		if verdicts[0] != verdicts[1] {
			t.Fatalf("%v against %v by %v: %v as float32, %v as float64", y, x, rule, verdicts[0], verdicts[1])
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		of   lockstep.DType
		at   float64
		want float64
	}{
		{lockstep.Float32, 1, 0x1p-23}, {lockstep.Float32, 1.99, 0x1p-23}, {lockstep.Float32, 2, 0x1p-22},
		{lockstep.Float32, 0, 0x1p-149}, {lockstep.Float32, 0x1p-140, 0x1p-149},
		{lockstep.Float16, 1, 0x1p-10}, {lockstep.Float16, 0, 0x1p-24}, {lockstep.BFloat16, 1, 0x1p-7},
		{lockstep.Float64, 1, 0x1p-52},
	} {
		if got := unit(c.of, c.at); got != c.want {
			t.Errorf("unit of %s at %g: %g, want %g", c.of, c.at, got, c.want)
		}
	}
	u := units{N: 2, Of: lockstep.Float32, Or: FixedTolerance{Atol: 1e-3}}
	if got := fmt.Sprint(u); got != "atol 0.001, rtol 0, or 2 ulp of float32" {
		t.Error(got)
	}
	if got := u.Bound(0, 1); got != 1e-3 {
		t.Errorf("bound %g, want what Or allows", got)
	}
}
