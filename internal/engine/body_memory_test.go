package engine

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// shifts draws a loop over n, a, b, c and w: n' = n+1, a' = b, b' = c and
// c' = (a·2 + b) - (-w), where what is in brackets is read once.
func shifts(d *graphtest.Drawing, name string, state ...string) string {
	f32 := lockstep.Float32
	cond := graphtest.Draw(d.T)
	n := cond.Arg(f32)
	for range 4 {
		cond.Arg(f32)
	}
	until := d.Function(name+"_until", cond, cond.Op("Less", nil, n, cond.Floats(nil, 5)))
	body := graphtest.Draw(d.T)
	n = body.Arg(f32)
	a, b, c, w := body.Arg(f32), body.Arg(f32), body.Arg(f32), body.Arg(f32)
	sum := body.Op("AddV2", nil, body.Op("Mul", nil, a, body.Floats(nil, 2)), b)
	next := body.Op("Sub", nil, sum, body.Op("Neg", nil, w))
	shift := d.Function(name+"_body", body, body.Op("AddV2", nil, n, body.Floats(nil, 1)), b, c, next, body.Op("Identity", nil, w))
	return d.While(until, shift, state...)
}

// shifted is what the loop gives, by arithmetic of this test's.
func shifted(a, b, c, w []float32) (x, y, z []float32) {
	for range 5 {
		next := make([]float32, len(a))
		for i := range next {
			next[i] = (a[i]*2 + b[i]) + w[i]
		}
		a, b, c = b, c, next
	}
	return a, b, c
}

// A loop's iterations use memory again, and never that of a value which is read in a
// later one, or is a result; what an iteration computes of tensors that are the same in
// every call is not computed of others.
func TestLoopsUseMemoryAgain(t *testing.T) {
	numbers := func(seed uint64) *lockstep.Tensor { return graphtest.Noise(t, lockstep.Float32, seed, 3) }
	data := func(x *lockstep.Tensor) []float32 {
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	weight := numbers(99)
	for name, given := range map[string]bool{"a constant": false, "an input": true} {
		d := graphtest.Draw(t)
		x := d.Input("x", lockstep.Float32)
		w := d.Constant(weight)
		if given {
			w = d.Input("w", lockstep.Float32)
		}
		loop := shifts(d, "first", d.Floats(nil, 0), x, d.Op("Exp", nil, x), d.Op("Neg", nil, x), w)
		// Twice, so that a loop's results are read while another runs.
		again := shifts(d, "second", d.Floats(nil, 0), loop+":1", loop+":2", loop+":3", w)
		_, g := d.Flatten(map[string]string{"a": loop + ":1", "b": loop + ":2", "c": loop + ":3", "d": again + ":1", "e": again + ":2", "f": again + ":3"})
		p, err := Compile(g, Options{Variable: d.Value})
		if err != nil {
			t.Fatal(err)
		}
		r := p.NewRunner()
		for seed := range uint64(5) {
			in := map[string]*lockstep.Tensor{"x": numbers(seed)}
			w := data(weight)
			if given {
				in["w"] = numbers(50 + seed)
				w = data(in["w"])
			}
			got, _, err := r.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			powers, err := drawn(t, func(d *graphtest.Drawing) map[string]string {
				return map[string]string{"y": d.Op("Exp", nil, d.Input("x", lockstep.Float32))}
			}).NewRunner().runOne(t, in["x"])
			if err != nil {
				t.Fatal(err)
			}
			negative := make([]float32, 3)
			for i, v := range data(in["x"]) {
				negative[i] = -v
			}
			a, b, c := shifted(data(in["x"]), powers, negative, w)
			e, f, h := shifted(a, b, c, w)
			for name, want := range map[string][]float32{"a": a, "b": b, "c": c, "d": e, "e": f, "f": h} {
				if !got[name].BitEqual(fixture.NewTensor(t, want, 3)) {
					t.Errorf("%s, call %d: %s is %v, want %v", name, seed, name, data(got[name]), want)
				}
			}
		}
		if allocs := testing.AllocsPerRun(10, func() {
			if _, _, err := r.Run(t.Context(), map[string]*lockstep.Tensor{"x": numbers(1), "w": weight}); err != nil {
				t.Fatal(err)
			}
		}); allocs > 300 {
			t.Errorf("%s: %v allocations a call", name, allocs)
		}
	}
}

// runOne runs a program of one input and one result.
func (r *Runner) runOne(t *testing.T, x *lockstep.Tensor) ([]float32, error) {
	t.Helper()
	out, _, err := r.Run(t.Context(), map[string]*lockstep.Tensor{"x": x})
	if err != nil {
		return nil, err
	}
	return lockstep.Data[float32](out["y"])
}
