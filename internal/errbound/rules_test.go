package errbound

import (
	"fmt"
	"maps"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The rules for bounds are compared with operations' cases: TensorFlow's own
// results of exact inputs, and the program's, in float32, of inputs that are
// anywhere within their bounds.
func TestExactRules(t *testing.T) {
	cases := 0
	seen := map[string]*ruleCount{}
	for _, file := range graphtest.Files {
		all, values := graphtest.ReadCases(t, file)
		for _, c := range all {
			if !c.Error && len(c.Outputs) > 0 {
				cases++
				t.Run(c.Name, func(t *testing.T) { boundsCase(t, &c, values, seen) })
			}
		}
	}
	if cases < 1000 {
		return // asked for some of them
	}
	var without []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		n := seen[name]
		t.Logf("%-28s %4d results with a bound, %4d with none; disturbed inputs reach %.2f of it in %d trials", name, n.bounded, n.unknown, n.reach, n.trials)
		if n.unknown > 0 {
			without = append(without, name)
		}
		if n.trials > 0 && n.reach < 0.5 {
			t.Errorf("disturbed inputs of %s reach only %.2f of its bounds", name, n.reach)
		}
		if ops.Specs[name].Bound != nil && n.trials == 0 && n.bounded == 0 {
			t.Errorf("no case tests the rule of %s", name)
		}
	}
	if !slices.Equal(without, noRule) {
		t.Errorf("no bound for results of %q, want %q", without, noRule)
	}
}

// noRule are the operations without a bound for some results in float32 or
// float64.
var noRule = []string{
	"Acos", "Acosh", "AsString", "Asin", "Atan2", "Atanh",
	"BesselY1", // at 0
	"Bitcast", "BlockLSTM", "BlockLSTMV2",
	"CTCBeamSearchDecoder", // where near probabilities decide
	"Cosh", "Cross", "Cumprod", "CumulativeLogsumexp",
	"FloorDiv", "FloorMod",
	"FusedBatchNormV3", // that carries a moving average
	"InTopKV2", "L2Loss", "LSTMBlockCell", "LinSpace", "ListDiff", "LogMatrixDeterminant", "Lu", "MatrixDeterminant",
	"MatrixTriangularSolve", "Mod", "NextAfter", "Prod", "Qr",
	"Range", // of a length that rounding decides
	"ScatterNd",
	"SegmentProd",
	"SparseAdd", // with a threshold
	"StringToNumber", "Tan", "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin", "TensorScatterSub",
	"TruncateDiv", "TruncateMod", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2", "UnsortedSegmentMax",
	"UnsortedSegmentMin", "UnsortedSegmentProd", "Xlog1py", "Xlogy",
}

// ruleCount counts the results of an operation's cases.
type ruleCount struct {
	bounded, unknown int
	trials           int     // with a bound that is finite and not 0
	reach            float64 // how much of a bound disturbed inputs make use of
}

func boundsCase(t *testing.T, c *graphtest.Case, values map[string]*lockstep.Tensor, seen map[string]*ruleCount) {
	var inputs []*lockstep.Tensor
	feed := map[string]*lockstep.Tensor{}
	for i, key := range c.Inputs {
		inputs = append(inputs, values[key])
		feed[fmt.Sprintf("x%d", i)] = values[key]
	}
	g, variable, err := c.Graph(inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() })
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Options{Variable: variable, Table: func(handle *savedmodel.Node) (*value.LookupTable, error) {
		keys, of, err := c.Table(handle, values)
		if err != nil {
			return nil, err
		}
		return value.NewLookupTable(keys, of, false)
	}}
	e, err := New(g, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	op := c.Op
	if op == "" {
		op = c.Nodes[len(c.Nodes)-1].Op
	}
	if seen[op] == nil {
		seen[op] = &ruleCount{}
	}
	// TensorFlow's results.
	r, err := e.Run(t.Context(), feed, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range c.Outputs {
		name := fmt.Sprintf("y%d", i)
		if why := r.Unknown[name]; why != nil {
			seen[op].unknown++
			continue
		}
		seen[op].bounded++
		if err := inBounds(values[key], r.Exact[name], r.Bound[name]); err != nil {
			t.Errorf("TensorFlow's output %d: %v", i, err)
		}
	}
	if e.Coarsest() != lockstep.Invalid && len(c.Variables) == 0 {
		typicallyWithin(t, c, e, p, feed, values, r)
	}
	if e.unit == 0 || len(c.Variables) > 0 {
		return
	}
	// What the program makes of others near them.
	random := rand.New(rand.NewPCG(1, uint64(len(c.Name))))
	for trial := range 12 {
		bounds, near := disturbed(t, c, random, inputs, trial)
		result, err := e.runWith(t, feed, bounds)
		if err != nil {
			continue // integers that are not decided
		}
		got, _, err := p.Run(t.Context(), near, false)
		if err != nil {
			continue
		}
		for name, y := range got {
			if result.Unknown[name] != nil {
				continue
			}
			if err := inBounds(y, result.Exact[name], result.Bound[name]); err != nil {
				t.Errorf("output %s of inputs off by up to %v: %v", name, bounds, err)
				return
			}
			seen[op].use(y, result.Exact[name], result.Bound[name])
		}
	}
}

// typicallyWithin compares what TensorFlow and the program compute in 16 bits by the
// typical bound of two engines, where there is one at worst, as there is not near
// infinity.
func typicallyWithin(t *testing.T, c *graphtest.Case, e *Evaluator, p *engine.Program, feed, values map[string]*lockstep.Tensor, worst *Result) {
	r, err := e.Typical(t.Context(), feed, 0)
	if err != nil {
		t.Fatal(err)
	}
	own, _, err := p.Run(t.Context(), feed, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range c.Outputs {
		name := fmt.Sprintf("y%d", i)
		if r.Unknown[name] != nil || r.Bound[name] == nil {
			continue
		}
		theirs, err := values[key].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		ours, err := own[name].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		exact, bound := op.FloatsOf(r.Exact[name]), op.FloatsOf(r.Bound[name])
		for k, e := range bound {
			if far := max(math.Abs(theirs[k]-ours[k]), math.Abs(theirs[k]-exact[k])); far > e && !math.IsInf(op.FloatsOf(worst.Bound[name])[k], 0) {
				t.Errorf("output %d, element %d: TensorFlow has %v, the program %v, exact is %v: more than the typical bound %.3g", i, k, theirs[k], ours[k], exact[k], e)
			}
		}
	}
}

// use notes how much of a bound a result makes use of.
func (n *ruleCount) use(got, exact, bound *lockstep.Tensor) {
	if bound == nil {
		return
	}
	a, _ := got.RealParts().Float64s()
	used := 0.0
	for i, e := range op.FloatsOf(bound) {
		if e > 1e-30 && !math.IsInf(e, 0) {
			used = max(used, math.Abs(a[i]-op.FloatsOf(exact)[i])/e)
		}
	}
	if used > 0 {
		n.trials++
		n.reach = max(n.reach, used)
	}
}

// disturb makes bounds for the floats among inputs, and inputs within them, most
// of them at the ends.
func disturbed(t *testing.T, c *graphtest.Case, random *rand.Rand, inputs []*lockstep.Tensor, trial int) (bounds map[string][]float64, near map[string]*lockstep.Tensor) {
	bounds, near = map[string][]float64{}, map[string]*lockstep.Tensor{}
	for i, x := range inputs {
		name := fmt.Sprintf("x%d", i)
		near[name] = x
		if d, err := lockstep.Data[complex64](x); err == nil {
			bounds[name], near[name] = disturbedComplex(t, random, d, x.Shape(), math.Pow(10, -float64(trial%6+1)))
			continue
		}
		if !x.DType().IsFloat() || x.DType() == lockstep.Float64 || random.IntN(3) == 0 && len(inputs) > 1 {
			continue
		}
		d, err := x.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		unit := max(rounding.CoarseUnit(x.DType()), rounding.Float32)
		e, y := make([]float64, len(d)), make([]float64, len(d))
		scale := math.Pow(10, -float64(trial%6+1))
		for k, v := range d {
			y[k] = v
			if math.IsInf(v, 0) || v != v || random.IntN(4) == 0 {
				continue
			}
			e[k] = scale * random.Float64() * (math.Abs(v) + random.Float64())
			off := e[k]
			switch random.IntN(3) {
			case 0:
				off = -off
			case 1:
				off *= 2*random.Float64() - 1
			}
			if y[k] = float64(unit.Round(float32(v + off))); math.IsInf(y[k], 0) {
				y[k] = v
			}
			e[k] = max(e[k], math.Abs(y[k]-v))
		}
		bounds[name] = e
		near[name] = narrowed(t, x.DType(), y, x.Shape()...)
	}
	return bounds, near
}

// narrowed makes a tensor of narrower floats.
func narrowed(t *testing.T, to lockstep.DType, d []float64, shape ...int) *lockstep.Tensor {
	t.Helper()
	single := make([]float32, len(d))
	for i, v := range d {
		single[i] = float32(v)
	}
	switch to {
	case lockstep.Float16:
		return fixture.NewTensor(t, each(single, lockstep.RoundFloat16), shape...)
	case lockstep.BFloat16:
		return fixture.NewTensor(t, each(single, lockstep.RoundBFloat16), shape...)
	}
	return fixture.NewTensor(t, single, shape...)
}

func each[A, B any](d []A, f func(A) B) []B {
	out := make([]B, len(d))
	for i, v := range d {
		out[i] = f(v)
	}
	return out
}

// disturbedComplex makes bounds of complex numbers, and others at their ends.
func disturbedComplex(t *testing.T, random *rand.Rand, d []complex64, shape []int, scale float64) ([]float64, *lockstep.Tensor) {
	e, y := make([]float64, len(d)), slices.Clone(d)
	turn := 2 * math.Pi * random.Float64()
	for k, v := range d {
		size := cmplx.Abs(complex128(v))
		if math.IsInf(size, 0) || math.IsNaN(size) {
			continue
		}
		if random.IntN(2) == 0 {
			turn = 2 * math.Pi * random.Float64()
		}
		y[k] = complex64(complex128(v) + cmplx.Rect(scale*random.Float64()*(size+random.Float64()), turn))
		e[k] = cmplx.Abs(complex128(y[k]) - complex128(v))
	}
	return e, fixture.NewTensor(t, y, shape...)
}

// runWith is Run on inputs that have bounds.
func (e *Evaluator) runWith(t *testing.T, inputs map[string]*lockstep.Tensor, bounds map[string][]float64) (*Result, error) {
	t.Helper()
	slots := make([]op.BoundedValue, e.body.Slots)
	for _, in := range e.inputs {
		if in.Slot < 0 {
			continue
		}
		v, err := op.Widen(inputs[in.Name])
		if err != nil {
			t.Fatal(err)
		}
		if b := bounds[in.Name]; b != nil {
			for i, off := range op.FloatsOf(v.Bound.Tensor) {
				b[i] = max(b[i], off)
			}
			if v.Bound, err = op.BoundOf(slices.Clone(b), v.Tensor.Shape()); err != nil {
				t.Fatal(err)
			}
		}
		slots[in.Slot] = v
	}
	return e.runOn(&evaluationRun{ctx: t.Context()}, slots)
}

// inBounds tells whether an engine's tensor is within bounds.
func inBounds(got, exact, bound *lockstep.Tensor) error {
	got = got.RealParts()
	if got.DType() == lockstep.String {
		return nil
	}
	if exact == nil || !slices.Equal(got.Shape(), exact.Shape()) {
		return fmt.Errorf("%s, want %s", got, exact)
	}
	a, err := got.Float64s()
	if err != nil {
		return err
	}
	b, err := exact.Float64s()
	if err != nil {
		return err
	}
	e := make([]float64, len(a))
	if bound != nil {
		e = op.FloatsOf(bound)
	}
	for i := range a {
		if a[i] != b[i] && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) && !math.IsInf(e[i], 1) && !(math.Abs(a[i]-b[i]) <= e[i]) {
			return fmt.Errorf("element %d is %v, exactly %v, off by %.3g where %.3g is allowed", i, a[i], b[i], math.Abs(a[i]-b[i]), e[i])
		}
	}
	return nil
}
