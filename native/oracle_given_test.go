package native

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/source"
)

// Layers that are given what they compute, step by step from what the oracle
// says they begin with, leave what they leave when they run: in every fixture,
// masks and stacks among them, and with smaller bounds.
func TestOracleGivenLayers(t *testing.T) {
	g := &givenCount{}
	for _, name := range fixture.Names(t) {
		if name != "not_callable" { // it has no signature
			t.Run(name, func(t *testing.T) { g.judge(t, name) })
		}
	}
	g.check(t, 300, 5)
}

func TestOracleGivenLayersOfZoo(t *testing.T) {
	g := &givenCount{}
	for _, name := range fixture.MadeNames(t) {
		if refused[name] == "" && !withoutBound[entryOf(name)] {
			t.Run(name, func(t *testing.T) { g.judge(t, name) })
		}
	}
	g.check(t, 5000, 100)
}

// givenCount is what was compared, and how small the outputs' bounds are.
type givenCount struct {
	compared, masked int
	tight            []float64
}

func (g *givenCount) check(t *testing.T, compared, masked int) {
	slices.Sort(g.tight)
	t.Logf("%d tensors compared, %d masked loops; the bounds of the tensors between layers are %.2g of the output in nine of ten, %.2g in all", g.compared, g.masked, quantile(g.tight, 0.9), quantile(g.tight, 1))
	if g.compared < compared {
		return // asked for some of them
	}
	if g.masked < masked {
		t.Errorf("%d loops with masks, want %d", g.masked, masked)
	}
	if quantile(g.tight, 0.99) > 1e-4 || quantile(g.tight, 1) > 1e-3 { // 16 bits are the widest
		t.Errorf("the bounds of outputs of given layers are up to %.2g of them, want 1e-4", quantile(g.tight, 1))
	}
}

func (g *givenCount) judge(t *testing.T, name string) {
	recipe := fixture.ReadRecipe(t, name)
	models := map[string]*Model{}
	for _, c := range fixture.Cases(t, name) {
		signature := recipe.SignatureOf(c)
		if models[signature] == nil {
			m, err := LoadFS(fixture.FS(t, name), WithSignature(signature))
			if err != nil {
				t.Fatal(err)
			}
			models[signature] = m
		}
		g.compare(t, models[signature], fixture.Tensors(t, name, "inputs"+c+".npz"))
	}
}

// compare runs the layers of a case freely and as given.
func (g *givenCount) compare(t *testing.T, m *Model, inputs map[string]*lockstep.Tensor) {
	o, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	free, bound, unknown, err := o.Run(t.Context(), inputs, nil)
	if err != nil {
		return // the model asserts something that does not hold
	}
	if len(unknown) > 0 {
		t.Fatal(unknown)
	}
	given := map[string]*lockstep.Tensor{}
	for _, r := range m.source.Found.Recurrences {
		for _, at := range runsOf(r.Cells[0].Name, free) {
			stepAll(t, m.source, r, at, free, given)
		}
		if r.Mask != nil {
			g.masked++
		}
	}
	if len(given) == 0 {
		return
	}
	isolated, isolatedBound, unknown, err := o.Run(t.Context(), inputs, given)
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	for _, key := range slices.Sorted(maps.Keys(free)) {
		if !isolated[key].BitEqual(free[key]) {
			t.Errorf("%q differs when layers are given", key)
		}
		g.compared++
	}
	for _, output := range m.signature.Outputs {
		key := output.Name
		if isolatedBound[key] == nil {
			continue
		}
		relative, err := relativeBound(isolated[key], isolatedBound[key])
		if err != nil {
			t.Fatal(err)
		}
		wide, err := relativeBound(free[key], bound[key])
		if err != nil {
			t.Fatal(err)
		}
		if relative > wide*1.000001 {
			t.Errorf("the bound of %q is %.3g where layers are given, and %.3g where they are not", key, relative, wide)
		}
		g.tight = append(g.tight, relative)
	}
}

// relativeBound is the largest bound relative to the largest value.
func relativeBound(exact, bound *lockstep.Tensor) (float64, error) {
	v, err := exact.Float64s()
	if err != nil {
		return 0, err
	}
	e, err := bound.Float64s()
	if err != nil {
		return 0, err
	}
	size, worst := 1e-30, 0.0
	for i := range v {
		size, worst = max(size, math.Abs(v[i])), max(worst, e[i])
	}
	return worst / size, nil
}

// runsOf lists the iterations of the runs of a layer that an oracle shows.
func runsOf(layer string, from map[string]*lockstep.Tensor) (all [][]int) {
	for name := range from {
		run, q := lockstep.CutStepName(name)
		if of, at, _ := lockstep.CutRun(run); of == layer && q == "x" {
			all = append(all, at)
		}
	}
	return all
}

// stepAll takes the steps of a loop's cells, in its run at some iteration, from what
// they begin with, as a test's own loop, and puts the states at each step into given.
func stepAll(t *testing.T, src *source.Source, r *recurrent.Recurrence, at []int, from, given map[string]*lockstep.Tensor) {
	t.Helper()
	read := func(name string) []float64 {
		if from[name] == nil {
			t.Fatalf("the oracle has no %q", name)
		}
		d, err := from[name].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	named := func(l *recurrent.Layer, q string) string { return lockstep.StepName(lockstep.RunName(l.Name, at), q) }
	shape := from[named(r.Cells[0], "x")].Shape()
	batch, steps, features := shape[0], shape[1], shape[2]
	x := read(named(r.Cells[0], "x"))
	for _, l := range r.Cells {
		weights, _, err := engine.WeightsOf(l, src.Weight)
		if err != nil {
			t.Fatal(err)
		}
		cell, err := rounding.NewCell(l, rounding.Float32, weights[0], weights[1], weights[2])
		if err != nil {
			t.Fatal(err)
		}
		var mask []float64
		if r.Mask != nil {
			mask = read(named(l, "mask"))
		}
		all := map[string][]float64{"h": make([]float64, batch*steps*l.Units)}
		if l.Kind == recurrent.LSTM {
			all["c"] = make([]float64, batch*steps*l.Units)
		}
		for b := range batch {
			row := func(d []float64, n int) []float64 { return d[b*n : (b+1)*n] }
			state := map[string][]float64{}
			for name := range all {
				state[name] = row(read(named(l, "initial_"+name)), l.Units)
			}
			for s := range steps {
				if mask == nil || mask[b*steps+s] != 0 {
					at := x[(b*steps+s)*features:][:features]
					next := cell.Step(rounding.Exact(at), rounding.Exact(state["h"]), rounding.Exact(state["c"]), 1)
					state["h"] = next.H.V
					if l.Kind == recurrent.LSTM {
						state["c"] = next.C.V
					}
				}
				for name, d := range all {
					copy(d[(b*steps+s)*l.Units:], state[name])
				}
			}
		}
		for name, d := range all {
			tensor, err := lockstep.New(d, batch, steps, l.Units)
			if err != nil {
				t.Fatal(err)
			}
			given[named(l, name)] = tensor
		}
		x, features = all["h"], l.Units
	}
}

// A dense head is judged on what is given of the layer before it: an engine
// that rounds is within the bounds, one with a weight off by a thousandth not.
func TestOracleDenseHead(t *testing.T) {
	m, err := LoadFS(fixture.FS(t, "seed_keras3"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	const batch, steps, units = 3, 5, 64
	inputs := map[string]*lockstep.Tensor{}
	given := map[string]*lockstep.Tensor{}
	h := make([]float32, batch*steps*units)
	for i := range h {
		h[i] = float32(math.Sin(float64(3 * i)))
	}
	for name, shape := range map[string][]int{"decoder_input": {batch, steps, 1}, "encoder_input": {batch, 10, 1}} {
		if inputs[name], err = lockstep.Zeros(lockstep.Float32, shape...); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"decoder/h", "decoder/c"} {
		if given[name], err = lockstep.New(h, batch, steps, units); err != nil {
			t.Fatal(err)
		}
	}
	exact, bound, unknown, err := o.Run(t.Context(), inputs, given)
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	var kernel, bias []float32
	for _, w := range m.weights {
		switch w.Name {
		case "dense/kernel":
			kernel, err = lockstep.Data[float32](w.Tensor)
		case "dense/bias":
			bias, err = lockstep.Data[float32](w.Tensor)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	head := func(changed int, by float32) *lockstep.Tensor {
		out := make([]float32, batch*steps)
		for i := range out {
			for k, w := range kernel {
				if k == changed {
					w += by
				}
				out[i] += float32(h[i*units+k] * w)
			}
			out[i] += bias[0]
		}
		y, err := lockstep.New(out, batch, steps, 1)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	output := m.signature.Outputs[0].Name
	relative, err := relativeBound(exact[output], bound[output])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the bound is %.2g of the output", relative)
	if relative > 1e-4 {
		t.Errorf("the bound is %.2g of the output, want 1e-4 at most", relative)
	}
	if err := within(head(-1, 0), exact[output], bound[output]); err != nil {
		t.Error(err)
	}
	for k := range units {
		if err := within(head(k, 1e-3), exact[output], bound[output]); err == nil {
			t.Errorf("weight %d off by 0.001 is within the bounds", k)
		}
	}
}

// What is given must be what the layer makes.
func TestOracleGivenErrors(t *testing.T) {
	m, err := LoadFS(fixture.FS(t, "seed_keras3"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	inputs := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	batch, steps := inputs["decoder_input"].Shape()[0], inputs["decoder_input"].Shape()[1]
	of := func(dtype lockstep.DType, shape ...int) *lockstep.Tensor {
		x, err := lockstep.Zeros(dtype, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	right := of(lockstep.Float32, batch, steps, 64)
	for i, c := range []struct {
		given map[string]*lockstep.Tensor
		words string
	}{
		{map[string]*lockstep.Tensor{"decoder/h": right}, `"decoder/c" is not`},
		{map[string]*lockstep.Tensor{"decoder/h": of(lockstep.Float32, batch, steps+1, 64), "decoder/c": right}, fmt.Sprintf("want floats of shape (%d, %d, 64)", batch, steps)},
		{map[string]*lockstep.Tensor{"decoder/h": of(lockstep.Int32, batch, steps, 64), "decoder/c": right}, "want floats"},
		{map[string]*lockstep.Tensor{"decoder/c": right}, `"decoder/h" is not`},
		{map[string]*lockstep.Tensor{"dekoder/h": right}, `no layer "dekoder"`},
	} {
		if _, _, _, err := o.Run(t.Context(), inputs, c.given); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%d: error %v, want one that says %q", i, err, c.words)
		}
	}
	if _, _, _, err := o.Run(t.Context(), nil, nil); err == nil {
		t.Error("no error without inputs")
	}
}
