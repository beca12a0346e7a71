package native

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/op"
)

// judged is what the oracle made of some fixtures.
type judged struct {
	outputs, bounded, infinite int
	unknown                    map[string]int // outputs without bound, by operation
	tight                      []float64      // the largest bound of each output, relative to its size
}

// judge compares every case of a fixture with the oracle's bounds: what Keras
// predicted, and what the native engine computes.
func (j *judged) judge(t *testing.T, name string) {
	recipe := fixture.ReadRecipe(t, name)
	if refused[name] != "" {
		return
	}
	models := map[string]*Model{}
	for _, c := range fixture.Cases(t, name) {
		signature := recipe.SignatureOf(c)
		m := models[signature]
		if m == nil {
			var err error
			if m, err = LoadFS(fixture.FS(t, name), WithSignature(signature)); err != nil {
				t.Fatal(err)
			}
			models[signature] = m
		}
		o, err := m.Oracle()
		if err != nil {
			t.Fatal(err)
		}
		inputs := fixture.Tensors(t, name, "inputs"+c+".npz")
		exact, bound, unknown, err := o.Run(t.Context(), inputs, nil)
		got, runErr := m.Run(t.Context(), inputs)
		if (err == nil) != (runErr == nil) {
			t.Errorf("case %q: the oracle %v, the engine %v", c, err, runErr)
		}
		if err != nil {
			continue
		}
		var want map[string]*lockstep.Tensor
		if !recipe.ExportsWrong || rightHere[name] != "" {
			want = fixture.Tensors(t, name, "expected"+c+".npz")
		}
		for _, output := range slices.Sorted(maps.Keys(got)) {
			j.outputs++
			if err := unknown[output]; err != nil {
				var u op.Unsupported
				if !errors.As(err, &u) {
					t.Errorf("case %q: output %q: %v: it names no operation", c, output, err)
				}
				j.unknown[u.Op]++
				t.Logf("case %q: output %q: %v", c, output, err)
				continue
			}
			j.bounded++
			if e := bound[output]; e != nil {
				j.note(t, exact[output], e)
			}
			if err := within(got[output], exact[output], bound[output]); err != nil {
				t.Errorf("case %q: the native engine's %q: %v", c, output, err)
			}
			if want[output] == nil {
				continue
			}
			if err := within(want[output], exact[output], bound[output]); err != nil {
				t.Errorf("case %q: Keras's %q: %v", c, output, err)
			}
		}
	}
}

func (j *judged) note(t *testing.T, exact, bound *lockstep.Tensor) {
	v, err := exact.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	e, err := bound.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	size, worst := 0.0, 0.0
	for i := range v {
		size, worst = max(size, math.Abs(v[i])), max(worst, e[i])
	}
	if math.IsInf(worst, 0) {
		j.infinite++

	}
	if size > 0 {
		j.tight = append(j.tight, worst/size)
	}
}

// within tells whether an engine's tensor is within the bounds.
func within(got, exact, bound *lockstep.Tensor) error {
	if exact == nil || !slices.Equal(got.Shape(), exact.Shape()) {
		return errors.New("it is " + got.String() + ", and exactly " + exact.String())
	}
	if got.DType() == lockstep.String {
		if !got.BitEqual(exact) {
			return errors.New("other strings")
		}
		return nil
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
		if e, err = bound.Float64s(); err != nil {
			return err
		}
	}
	if len(e) != len(a) {
		return errors.New("the bound has another shape")
	}
	for i := range a {
		if a[i] != b[i] && !(math.Abs(a[i]-b[i]) <= e[i]) && !math.IsInf(e[i], 1) {
			return &outside{i, a[i], b[i], e[i]}
		}
	}
	return nil
}

// outside is an element that is out of bounds.
type outside struct {
	at               int
	got, want, bound float64
}

func (o *outside) Error() string {
	return fmt.Sprintf("element %d is %v, exactly %v, off by %.3g where %.3g is allowed", o.at, o.got, o.want, math.Abs(o.got-o.want), o.bound)
}

// What Keras predicted and what the native engine computes lie within the
// oracle's bounds, and every output of the fixtures has one.
func TestOracleInTestdata(t *testing.T) {
	j := &judged{unknown: map[string]int{}}
	for _, name := range fixture.Names(t) {
		if name == "not_callable" { // it has no signature
			continue
		}
		t.Run(name, func(t *testing.T) { j.judge(t, name) })
	}
	j.check(t, 100)
}

func TestOracleOfZoo(t *testing.T) {
	j := &judged{unknown: map[string]int{}}
	for _, name := range fixture.MadeNames(t) {
		if !withoutBound[entryOf(name)] {
			t.Run(name, func(t *testing.T) { j.judge(t, name) })
		}
	}
	j.check(t, 2000)
}

// withoutBound are models with outputs that have no bound: rounding decides them, or
// the oracle has no rule.
var withoutBound = map[string]bool{
	"matrix_ops":        true, // Qr: signs
	"resizing_crop":     true, // a length by a quotient of floats
	"resizing_pad":      true,
	"tf1_block_lstm_v2": true, // peepholes
}

// check makes sure that the oracle knows something: it is a bound for each
// output, and most are small beside the output.
func (j *judged) check(t *testing.T, outputs int) {
	if j.outputs == 0 {
		return // asked for one of them alone
	}
	slices.Sort(j.tight)
	median, most := quantile(j.tight, 0.5), quantile(j.tight, 0.9)
	t.Logf("%d outputs, %d with a bound, relative to the output %.2g in half of them, %.2g in nine of ten and %.2g in all", j.outputs, j.bounded, median, most, quantile(j.tight, 1))
	if j.outputs < outputs {
		return
	}
	if j.bounded < j.outputs || j.infinite > 0 {
		t.Errorf("%d outputs, of which %d have a bound, %d of these an infinite one; without bound by operation: %v", j.outputs, j.bounded, j.infinite, j.unknown)
	}
	if !(median < 1e-5) || !(most < 2e-4) {
		t.Errorf("the bounds are %.2g of the output in half of the cases and %.2g in nine of ten, want 1e-5 and 2e-4 at most", median, most)
	}
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[int(q*float64(len(sorted)-1))]
}
