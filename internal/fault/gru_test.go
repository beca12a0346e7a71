package fault_test

import (
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// gru is a GRU step as Keras's documentation has it, written for this test alone:
// blocks are the columns that z, r and the candidate are read from.
type gru struct {
	kernel, recurrent []float64 // (features, 3·units), (units, 3·units)
	bias, inner       []float64 // (3·units): beside x, and beside h
	blocks            [3]int
	blockTransposed   bool
	after             bool
}

func (g gru) step(x, h []float64) []float64 {
	units := len(h)
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	sum := func(gate, u int, with []float64) (fromX, fromH float64) {
		column := g.blocks[gate]*units + u
		for k, v := range x {
			fromX += v * g.kernel[k*3*units+column]
		}
		for k, v := range with {
			w := g.recurrent[k*3*units+column]
			if g.blockTransposed {
				w = g.recurrent[u*3*units+g.blocks[gate]*units+k]
			}
			fromH += v * w
		}
		return fromX + g.bias[column], fromH + g.inner[column]
	}
	r, z := make([]float64, units), make([]float64, units)
	reset := make([]float64, units)
	for u := range units {
		a, b := sum(0, u, h)
		z[u] = sigmoid(a + b)
		a, b = sum(1, u, h)
		r[u] = sigmoid(a + b)
		reset[u] = r[u] * h[u]
	}
	out := make([]float64, units)
	for u := range units {
		var s float64
		if g.after {
			a, b := sum(2, u, h)
			s = a + r[u]*b
		} else {
			a, b := sum(2, u, reset)
			s = a + b
		}
		out[u] = z[u]*h[u] + (1-z[u])*math.Tanh(s)
	}
	return out
}

// Faults of a GRU's gates and biases compute what this test's own step does with
// the weights as it changes them.
func TestFaultsOfAGRU(t *testing.T) {
	m := loadFixture(t, "gru_states_keras3")
	l := m.Layers()[0]
	weight := func(name string) []float64 {
		w, err := m.Source().LayerWeight(l.Name, name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := w.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	columns := 3 * l.Units
	bias := weight("bias")
	sound := gru{kernel: weight("kernel"), recurrent: weight("recurrent_kernel"), bias: bias[:columns], inner: bias[columns:], blocks: [3]int{0, 1, 2}, after: true}
	both := make([]float64, columns)
	for i := range both {
		both[i] = sound.bias[i] + sound.inner[i]
	}
	none := make([]float64, columns)
	with := func(change func(g *gru)) gru {
		g := sound
		change(&g)
		return g
	}
	in := fixture.Tensors(t, "gru_states_keras3", "inputs.npz")
	var x []float64
	for _, s := range m.Signature().Inputs {
		if spec := in[s.Name]; spec.Rank() == 3 {
			d, err := spec.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			x = d[:l.Features]
		}
	}
	h := make([]float64, l.Units)
	for i := range h {
		h[i] = float64(float32(math.Sin(float64(i) + 1)))
	}
	for _, c := range []struct {
		fault fault.Fault
		want  gru
	}{
		{fault.Fault{Kind: fault.GateOrder, Order: "rzg"}, with(func(g *gru) { g.blocks = [3]int{1, 0, 2} })},
		{fault.Fault{Kind: fault.GateOrder, Order: "rgz"}, with(func(g *gru) { g.blocks = [3]int{2, 0, 1} })},
		{fault.Fault{Kind: fault.BiasMissing}, with(func(g *gru) { g.bias, g.inner = none, none })},
		{fault.Fault{Kind: fault.BiasRowsSwapped}, with(func(g *gru) { g.bias, g.inner = g.inner, g.bias })},
		{fault.Fault{Kind: fault.BiasRowMissing}, with(func(g *gru) { g.bias = none })},
		{fault.Fault{Kind: fault.BiasRowMissing, Index: 1}, with(func(g *gru) { g.inner = none })},
		{fault.Fault{Kind: fault.GateOrder, Order: "rzg", Tensor: "kernel"}, with(func(g *gru) { g.kernel = exchanged(g.kernel, l.Units) })},
		{fault.Fault{Kind: fault.GateOrder, Order: "rzg", Tensor: "recurrent_kernel"}, with(func(g *gru) { g.recurrent = exchanged(g.recurrent, l.Units) })},
		{fault.Fault{Kind: fault.KernelBlocksTransposed}, with(func(g *gru) {
			kernel := make([]float64, len(g.kernel))
			for gate := range 3 {
				for i := range l.Features * l.Units { // number i of the block, which is (units, features) to the one who reads it
					from := i/l.Units*columns + gate*l.Units + i%l.Units
					kernel[i%l.Features*columns+gate*l.Units+i/l.Features] = g.kernel[from]
				}
			}
			g.kernel = kernel
		})},
		{fault.Fault{Kind: fault.Int8Weights, Role: fault.PerColumn}, with(func(g *gru) {
			g.kernel, g.recurrent = int8Columns(g.kernel, columns), int8Columns(g.recurrent, columns)
		})},
		{fault.Fault{Kind: fault.BiasRowsAdded}, with(func(g *gru) { g.bias, g.inner = both, none })},
		{fault.Fault{Kind: fault.ResetAfter}, with(func(g *gru) { g.bias, g.inner, g.after = both, none, false })},
		{fault.Fault{Kind: fault.RecurrentBlocksTransposed}, with(func(g *gru) { g.blockTransposed = true })},
	} {
		c.fault.Layer = l.Name
		got, err := withFault(t, m, c.fault).Step(l.Name, map[string]*lockstep.Tensor{"x": single(t, x), "h": single(t, h)})
		if err != nil {
			t.Fatal(err)
		}
		is, err := got["h"].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		want, before := c.want.step(x, h), sound.step(x, h)
		far, effect := 0.0, 0.0
		for i := range want {
			far, effect = max(far, math.Abs(is[i]-want[i])), max(effect, math.Abs(before[i]-want[i]))
		}
		if far > 1e-6 || effect < 1e-3 {
			t.Errorf("%s: %g away from what it should be; its effect is %g", c.fault, far, effect)
		}
	}
}

// exchanged returns weights whose columns of z and r are exchanged.
func exchanged(w []float64, units int) []float64 {
	out := slices.Clone(w)
	for row := 0; row < len(w); row += 3 * units {
		copy(out[row:], w[row+units:row+2*units])
		copy(out[row+units:], w[row:row+units])
	}
	return out
}

// int8Columns rounds each column to 127 steps up to its largest magnitude.
func int8Columns(w []float64, columns int) []float64 {
	out := slices.Clone(w)
	for c := range columns {
		most := 0.0
		for i := c; i < len(w); i += columns {
			most = math.Max(most, math.Abs(w[i]))
		}
		for i := c; i < len(w); i += columns {
			out[i] = math.Round(w[i]/most*127) * most / 127
		}
	}
	return out
}

func single(t *testing.T, d []float64) *lockstep.Tensor {
	t.Helper()
	out := make([]float32, len(d))
	for i, v := range d {
		out[i] = float32(v)
	}
	x, err := lockstep.New(out, 1, len(d))
	if err != nil {
		t.Fatal(err)
	}
	return x
}
