package errbound

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// The values of a deep network, and their bounds, are dropped as they are read for
// the last time.
func TestAnEvaluationHoldsFewValues(t *testing.T) {
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Float32)
	for range 40 {
		x = d.Op("Square", graphtest.Attrs{"T": lockstep.Float32}, x)
	}
	_, g := d.Flatten(map[string]string{"y": x})
	const numbers = 1 << 20
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, make([]float32, numbers), numbers)}
	run := func(memory int64) error {
		e, err := New(g, engine.Options{Memory: memory})
		if err == nil {
			_, err = e.Run(t.Context(), in, nil)
		}
		return err
	}
	const value = 2 * 8 * numbers // with its bound
	if err := run(4 * value); err != nil {
		t.Error(err)
	}
	if run(value) == nil {
		t.Error("two values fit in the memory of one: the budget tests nothing")
	}
}

// Large variables are not kept in float64, and the results are the same.
func TestLargeVariablesAreWidenedWhenRead(t *testing.T) {
	const rows, columns = mostKept / 8 / 1024, 1025
	weights := make([]float32, rows*columns)
	for i := range weights {
		weights[i] = float32(i%17-8) / 16
	}
	weights[3] = 0x1p-140 // an engine may take it for zero
	d := graphtest.Draw(t)
	small, large := d.Variable(fixture.NewTensor(t, []float32{0.5}, 1)), d.Variable(fixture.NewTensor(t, weights, rows, columns))
	read := func(v string) string { return d.Op("ReadVariableOp", graphtest.Attrs{"dtype": lockstep.Float32}, v) }
	scaled := d.Op("Mul", graphtest.Attrs{"T": lockstep.Float32}, d.Input("x", lockstep.Float32), read(small))
	_, g := d.Flatten(map[string]string{"y": d.Op("MatMul", graphtest.Attrs{"T": lockstep.Float32}, scaled, read(large))})
	x := make([]float32, 2*rows)
	for i := range x {
		x[i] = float32(i%23) / 7
	}
	in := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, x, 2, rows)}
	e, err := New(g, engine.Options{Variable: d.Value})
	if err != nil {
		t.Fatal(err)
	}
	run := func() (all [3]*lockstep.Tensor) {
		worst, err := e.Run(t.Context(), in, nil)
		if err != nil {
			t.Fatal(err)
		}
		rough, err := e.Rough(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return [3]*lockstep.Tensor{worst.Exact["y"], worst.Bound["y"], rough.Bound["y"]}
	}
	narrow, have := 0, run()
	for i, v := range e.variables {
		if !isNarrow(v.Tensor) {
			continue
		}
		narrow++
		if e.variables[i], err = widened(v); err != nil {
			t.Fatal(err)
		}
	}
	if narrow != 1 {
		t.Errorf("%d variables are kept in float32, want the large one", narrow)
	}
	for i, want := range run() {
		if want == nil || !have[i].BitEqual(want) {
			t.Errorf("result %d is not that of variables in float64", i)
		}
	}
}
