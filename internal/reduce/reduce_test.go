package reduce_test

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/reduce"
)

// Of 20 rows, 30 steps and 4 features one number makes the check fail: it alone
// is left, in one row and as few steps as hold what must come before it.
func TestReducesToOneNumber(t *testing.T) {
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "x", DType: lockstep.Float32, Shape: []int{-1, -1, 4}}, {Name: "n", DType: lockstep.Int32, Shape: []int{-1, -1}}}}
	d := make([]float32, 20*30*4)
	for i := range d {
		d[i] = float32(i%7) + 0.123456
	}
	const row, step, feature = 13, 22, 2
	d[(row*30+step)*4+feature] = 99.123456
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, d, 20, 30, 4), "n": fixture.NewTensor(t, make([]int32, 600), 20, 30)}
	fails := func(_ context.Context, in map[string]*lockstep.Tensor) bool {
		x, n := in["x"], in["n"]
		if x.Shape()[0] != n.Shape()[0] || x.Shape()[1] != n.Shape()[1] {
			return false // rows and steps belong together
		}
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range d {
			if v > 90 {
				return true
			}
		}
		return false
	}
	got, err := reduce.Run(context.Background(), sig, in, fails, reduce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := got.Inputs["x"]
	values, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	if x.Shape()[0] != 1 || x.Shape()[1] != 1 || got.Inputs["n"].Len() != 1 {
		t.Errorf("left %s and %s: %v", x, got.Inputs["n"], got.Done)
	}
	for i, v := range values {
		if want := map[bool]float64{true: 100, false: 0}[i == feature]; v != want {
			t.Errorf("left %v", values)
		}
	}
	if in["x"].Len() != 20*30*4 || got.Runs > 200 {
		t.Errorf("%d runs; the inputs are %s", got.Runs, in["x"])
	}
	never := func(context.Context, map[string]*lockstep.Tensor) bool { return false }
	if _, err := reduce.Run(context.Background(), sig, in, never, reduce.Options{}); err == nil {
		t.Error("what does not fail was reduced")
	}
}

// Two steps that must both be there are found among others.
func TestKeepsWhatBelongsTogether(t *testing.T) {
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "x", DType: lockstep.Float64, Shape: []int{-1, -1, 1}}}}
	d := make([]float64, 64)
	for i := range d {
		d[i] = 1
	}
	d[5], d[50] = 7, 8
	fails := func(_ context.Context, in map[string]*lockstep.Tensor) bool {
		d, _ := lockstep.Data[float64](in["x"])
		seven := false
		for _, v := range d {
			if seven = seven || v == 7; seven && v == 8 {
				return true
			}
		}
		return false
	}
	got, err := reduce.Run(context.Background(), sig, map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, d, 1, 64, 1)}, fails, reduce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := lockstep.Data[float64](got.Inputs["x"]); len(left) != 2 || left[0] != 7 || left[1] != 8 {
		t.Errorf("left %v", left)
	}
}

func TestGoTest(t *testing.T) {
	r := reduce.Repro{
		Model: `a "b"`, Candidate: "c", Signature: "s", Tags: []string{"x", "y"}, Names: map[string]string{"p": "q"}, Settings: compare.Settings{{Atol: new(1e-5), ULP: new(uint64(4))}, {Tensors: "a/\"*", Rtol: new(1.0), AllowNonFinite: new(false)}},
		Inputs: map[string]*lockstep.Tensor{
			"f": fixture.NewTensor(t, []float32{1.1, float32(math.Copysign(0, -1)), float32(math.Inf(1))}, 1, 3), "d": fixture.NewTensor(t, []float64{math.NaN()}, 1),
			"i": fixture.NewTensor(t, []int64{-3}, 1), "b": fixture.NewTensor(t, []bool{true}, 1),
		},
	}
	var b bytes.Buffer
	if err := r.WriteGoTest(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "x_test.go", b.Bytes(), 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"a \"b\""`, "[]float32{1.1, ", "float32(math.Copysign(0, -1))", "float32(math.Inf(1))", "math.NaN()", "[]int64{-3}, 1", `WithTags("x", "y")`, `Names: map[string]string{"p": "q"}`, `options.Settings = compare.Settings{{Atol: new(float64(1e-05)), ULP: new(uint64(4))}, {Tensors: "a/\"*", Rtol: new(float64(1)), AllowNonFinite: new(false)}}`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the test lacks %s\n%s", want, b.String())
		}
	}
	r.Inputs["s"] = fixture.NewTensor(t, []string{"x"}, 1)
	if err := r.WriteGoTest(&b); err == nil {
		t.Error("strings were written")
	}
}
