package recurrent

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

const (
	rowsOfBatch = 3
	listLength  = 4
)

// trial is a loop and what it is run on: every loop variable as it begins, and
// weights for the variables.
type trial struct {
	g       *savedmodel.Graph
	ts      *tensors
	node    *savedmodel.Node
	begin   []*array
	weights runner // of the graph around the loop
}

// newTrial makes numbers for every loop variable, by what r says that it is.
func newTrial(t *testing.T, m *savedmodel.MetaGraph, g *savedmodel.Graph, r *Recurrence) *trial {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(shape ...int) *array {
		v := numbers(shape)
		size := 1
		for _, n := range shape {
			size *= n
		}
		for range size {
			v.x = append(v.x, rng.NormFloat64())
		}
		return v
	}
	ts, err := newTensors(m, g)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{g: g, ts: ts, node: r.Loop, begin: make([]*array, len(r.Loop.Inputs)), weights: runner{map[savedmodel.Ref]*array{}}}
	for _, n := range g.Nodes {
		if v, ok, err := m.Variable(savedmodel.Ref{Node: n}); ok && err == nil && n.Op == "VarHandleOp" {
			tr.weights.done[savedmodel.Ref{Node: n}] = random(v.Shape...)
		}
	}
	last := r.Cells[len(r.Cells)-1]
	list := func(n int, make func() *array) *array {
		v := &array{list: []*array{}}
		for range n {
			v.list = append(v.list, make())
		}
		return v
	}
	tr.begin[r.Steps] = list(listLength, func() *array { return random(rowsOfBatch, r.Cells[0].Features) })
	for _, i := range r.Counters {
		tr.begin[i] = numbers(nil, 0)
	}
	for k, b := range r.Bounds {
		if b.Variable >= 0 {
			tr.begin[b.Variable] = numbers(nil, float64(listLength-k))
		}
	}
	for _, c := range r.Cells {
		for _, i := range c.States {
			tr.begin[i] = random(rowsOfBatch, c.Units)
		}
	}
	tr.begin[r.Outputs] = list(listLength, func() *array { return random(rowsOfBatch, last.Units) })
	if k := r.Mask; k != nil {
		tr.begin[k.Steps] = list(listLength, func() *array {
			v := random(rowsOfBatch, 1)
			for i, x := range v.x {
				v.x[i] = truth(x > 0)
			}
			return v
		})
		if k.Carried >= 0 {
			tr.begin[k.Carried] = random(rowsOfBatch, last.Units)
		}
		if k.Zeros >= 0 {
			tr.begin[k.Zeros] = numbers([]int{rowsOfBatch, last.Units}, make([]float64, rowsOfBatch*last.Units)...)
		}
	}
	for i, in := range r.Loop.Inputs {
		if tr.begin[i] == nil {
			if err := attempt(func() { tr.begin[i] = tr.weights.of(in) }); err != nil {
				tr.begin[i] = numbers(nil, 7) // nothing reads it
			}
		}
	}
	return tr
}

// run runs the loop's body as long as its condition says.
func (tr *trial) run() ([]*array, error) {
	body, err := tr.g.Function(tr.node.AttrFunc("body"))
	if err != nil {
		return nil, err
	}
	cond, err := tr.g.Function(tr.node.AttrFunc("cond"))
	if err != nil {
		return nil, err
	}
	vars := slices.Clone(tr.begin)
	given := func(f *savedmodel.Function) *runner {
		r := &runner{map[savedmodel.Ref]*array{}}
		for i, arg := range f.Args {
			r.done[savedmodel.Ref{Node: arg}] = vars[i]
		}
		return r
	}
	failed := attempt(func() {
		for steps := 0; scalarOf(given(cond).of(cond.Rets[0])) != 0; steps++ {
			if steps > 2*listLength {
				fail("it does not end")
			}
			r := given(body)
			next := make([]*array, len(vars))
			for i, ret := range body.Rets {
				next[i] = r.of(ret)
			}
			vars = next
		}
	})
	return vars, failed
}

// says returns what the loop variables are after the recurrence.
func (tr *trial) says(r *Recurrence) ([]*array, error) {
	vars := slices.Clone(tr.begin)
	failed := attempt(func() {
		n := math.MaxInt
		for _, b := range r.Bounds {
			bound := float64(b.Const)
			if b.Variable >= 0 {
				bound = scalarOf(vars[b.Variable])
			}
			n = min(n, int(bound))
		}
		n = max(n, 0)
		for t := range n {
			tr.step(r, vars, t)
		}
		for _, i := range r.Counters {
			vars[i] = numbers(nil, float64(n))
		}
	})
	return vars, failed
}

func (tr *trial) step(r *Recurrence, vars []*array, t int) {
	mask := func(yes, no *array) *array { return yes }
	if r.Mask != nil {
		row := vars[r.Mask.Steps].list[t]
		mask = func(yes, no *array) *array { return run(&savedmodel.Node{Op: "SelectV2"}, 0, []*array{row, yes, no}) }
	}
	out := vars[r.Steps].list[t]
	next := map[int]*array{}
	for _, c := range r.Cells {
		states := tr.cell(c, out, vars)
		out = states[0]
		for k, i := range c.States {
			next[i] = mask(states[k], vars[i])
		}
	}
	if r.Mask != nil && r.Mask.Previous >= 0 {
		out = mask(out, vars[r.Mask.Previous])
	} else if r.Mask != nil {
		out = mask(out, numbers(nil, 0))
	}
	for i, v := range next {
		vars[i] = v
	}
	if r.Mask != nil && r.Mask.Carried >= 0 {
		vars[r.Mask.Carried] = out
	}
	at := t
	if r.Outputs < 0 {
		return
	}
	if r.LastOnly {
		at = 0
	}
	list := slices.Clone(vars[r.Outputs].list)
	list[at] = out
	vars[r.Outputs] = &array{list: list}
}

// cell is Keras's, from the weights in the roles that were found.
func (tr *trial) cell(c *Layer, x *array, vars []*array) []*array {
	add, mul := binaries["AddV2"], binaries["Mul"]
	of := func(f func(x float64) float64, v *array) *array {
		return zip(func(a, _ float64) float64 { return f(a) }, v, numbers(nil, 0))
	}
	act, rec := functions[c.Activation], functions[c.RecurrentActivation]
	columns := func(v *array, k int) *array {
		return rearrange(&savedmodel.Node{Op: "SplitV"}, k, []*array{v, numbers([]int{4}, slices.Repeat([]float64{float64(c.Units)}, v.shape[len(v.shape)-1]/c.Units)...), numbers(nil, -1)})
	}
	h := vars[c.States[0]]
	xk := product2(x, tr.weight(c.Kernel), true)
	hr := product2(h, tr.weight(c.RecurrentKernel), true)
	bias := numbers(nil, 0)
	if c.Bias.Node != nil {
		bias = tr.weight(c.Bias)
	}
	if c.ForgetBias != 0 {
		forget := numbers([]int{4 * c.Units}, make([]float64, 4*c.Units)...)
		for i := range c.Units {
			forget.x[c.Units+i] = c.ForgetBias
		}
		bias = zip(add, bias, forget)
	}
	if c.ResetAfter && c.Bias.Node != nil {
		row := func(k int) *array {
			return numbers(bias.shape[1:], bias.x[k*bias.shape[1]:(k+1)*bias.shape[1]]...)
		}
		hr, bias = zip(add, hr, row(1)), row(0)
	}
	xk = zip(add, xk, bias)
	switch c.Kind {
	case LSTM:
		z := zip(add, xk, hr)
		cell := zip(add, zip(mul, of(rec, columns(z, 1)), vars[c.States[1]]), zip(mul, of(rec, columns(z, 0)), of(act, columns(z, 2))))
		return []*array{zip(mul, of(rec, columns(z, 3)), of(act, cell)), cell}
	case GRU:
		z := of(rec, zip(add, columns(xk, 0), columns(hr, 0)))
		r := of(rec, zip(add, columns(xk, 1), columns(hr, 1)))
		reset := zip(mul, r, columns(hr, 2))
		if !c.ResetAfter {
			reset = product2(zip(mul, r, h), columns(tr.weight(c.RecurrentKernel), 2), true)
		}
		g := of(act, zip(add, columns(xk, 2), reset))
		return []*array{zip(add, zip(mul, z, h), zip(mul, of(func(z float64) float64 { return 1 - z }, z), g))}
	}
	return []*array{of(act, zip(add, xk, hr))}
}

// weight is a weight, put together of its parts if it has some.
func (tr *trial) weight(r savedmodel.Ref) *array {
	joined := tr.ts.joined[r.Node]
	if joined == nil {
		return tr.weights.of(r)
	}
	rows, width := joined.Blocks[0].Bottom-joined.Blocks[0].Top, 0
	var x []float64
	for row := range rows {
		for _, b := range joined.Blocks {
			v := tr.weights.of(b.Of)
			at := (b.Top + row) * v.shape[len(v.shape)-1]
			x = append(x, v.x[at+b.From:at+b.To]...)
		}
		width = len(x) / (row + 1)
	}
	if joined.Vector {
		return numbers([]int{width}, x...)
	}
	return numbers([]int{rows, width}, x...)
}

// functions are the activations that the changed loops come to have.
var functions = map[Activation]func(x float64) float64{
	Linear: func(x float64) float64 { return x }, Tanh: math.Tanh, Sigmoid: unaries["Sigmoid"], Relu: unaries["Relu"], Relu6: unaries["Relu6"],
	Exponential: math.Exp, Softplus: unaries["Softplus"], Elu: unaries["Elu"],
	HardSigmoid2: func(x float64) float64 { return min(max(float64(float32(0.2))*x+0.5, 0), 1) },
	HardTanh:     func(x float64) float64 { return min(max(x, -1), 1) },
	Silu:         func(x float64) float64 { return x * unaries["Sigmoid"](x) },
	TanhShrink:   func(x float64) float64 { return x - math.Tanh(x) },
}

// differs says where two lists of loop variables differ.
func differs(a, b []*array) string {
	for i := range a {
		if d := differ(a[i], b[i]); d != "" {
			return fmt.Sprintf("loop variable %d: %s", i, d)
		}
	}
	return ""
}

func differ(a, b *array) string {
	if !slices.Equal(a.shape, b.shape) || len(a.list) != len(b.list) || len(a.x) != len(b.x) {
		return fmt.Sprintf("shapes %v and %v, lists of %d and %d", a.shape, b.shape, len(a.list), len(b.list))
	}
	for i := range a.x {
		if math.Abs(a.x[i]-b.x[i]) > 1e-9*(1+math.Abs(a.x[i])) {
			return fmt.Sprintf("element %d is %v and %v", i, a.x[i], b.x[i])
		}
	}
	for i := range a.list {
		if d := differ(a.list[i], b.list[i]); d != "" {
			return fmt.Sprintf("item %d: %s", i, d)
		}
	}
	return ""
}
