package streaming

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"
)

// causalCase is a graph of one input x, fed by steps, in the shape step with a
// time axis of length 1.
type causalCase struct {
	name  string
	step  []int // (2, 1, 3) if nil
	axis  int   // 1 if 0, see axis0
	axis0 bool
	DType lockstep.DType // float32 if 0
	draw  func(d *graphtest.Drawing, x string) (y string)
	fixed map[string][]int // the shapes of other inputs
	// words are of the reason that it is refused; "" if it is not.
	words string
}

const (
	mixes  = "mixes time steps"
	counts = "depends on the number of steps"
	values = "depends on the values of steps"
)

func ones(n int) []float32 { return slices.Repeat([]float32{1}, n) }

func featuresForSteps(features int32) func(d *graphtest.Drawing, x string) string {
	return func(d *graphtest.Drawing, x string) string {
		y := d.Op("Softmax", nil, d.Op("Reshape", nil, x, d.Shape(d.Int(2), d.Int(features), d.Steps(x))))
		return d.Op("Reshape", nil, y, d.Shape(d.Int(2), d.Steps(x), d.Int(features)))
	}
}

// What can be fed by steps gives by steps what it gives for the whole, of any
// length; and what cannot is refused.
func TestCausalRules(t *testing.T) {
	for _, c := range causalCases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			if c.step == nil {
				c.step = []int{2, 1, 3}
			}
			if c.DType == lockstep.Invalid {
				c.DType = lockstep.Float32
			}
			if c.axis = 1; c.axis0 {
				c.axis = 0
			}
			d := graphtest.Draw(t)
			x := d.Input("x", c.DType)
			fixed := map[string]*lockstep.Tensor{}
			for name, shape := range c.fixed {
				d.Input(name, lockstep.Float32)
				fixed[name] = graphtest.Noise(t, lockstep.Float32, 9, shape...)
			}
			_, g := d.Flatten(map[string]string{"y": c.draw(d, x)})
			p, err := engine.Compile(g, engine.Options{Variable: d.Value})
			if err != nil {
				t.Fatal(err)
			}
			checkStream(t, p, fixed, map[string]*lockstep.Tensor{"x": graphtest.Noise(t, c.DType, 1, c.step...)}, c.axis, c.words)
		})
	}
}

// checkStream makes a Stream, which must fail with the words, or give the same
// as the whole for sequences of several lengths.
func checkStream(t *testing.T, p *engine.Program, fixed, step map[string]*lockstep.Tensor, axis int, words string) {
	t.Helper()
	s, err := New(t.Context(), p, fixed, step, axis)
	if words != "" {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Fatalf("error %v, want one that says %q", err, words)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 3, 4, 7, 12} {
		whole := map[string]*lockstep.Tensor{}
		for name, x := range fixed {
			whole[name] = x
		}
		for name, x := range step {
			shape := slices.Clone(x.Shape())
			shape[axis] = n
			whole[name] = graphtest.Noise(t, x.DType(), uint64(n), shape...)
		}
		want, _, err := p.Run(t.Context(), whole, false)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			in := map[string]*lockstep.Tensor{}
			for name := range step {
				in[name] = stepOf(t, whole[name], axis, i)
			}
			got, err := s.Step(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				g := got[name]
				time := -1 // the axis of the steps
				for j := range g.Shape() {
					if j < w.Rank() && g.Shape()[j]*n == w.Shape()[j] && n > 1 {
						time = j
					}
				}
				switch {
				case time >= 0 && g.Shape()[time] == 1:
					w = stepOf(t, w, time, i)
				case time >= 0:
					t.Fatalf("%q has steps in an axis with others: %s of %s", name, g, w)
				case i < n-1:
					continue
				}
				if err := graphtest.Agree(g, w, 1e-6); err != nil {
					t.Fatalf("%q: step %d of %d: %v", name, i, n, err)
				}
			}
		}
		s.Reset()
	}
}

// stepOf returns one step of a tensor.
func stepOf(t testing.TB, x *lockstep.Tensor, axis, at int) *lockstep.Tensor {
	t.Helper()
	shape := slices.Clone(x.Shape())
	steps, before := shape[axis], value.Product(shape[:axis])
	shape[axis] = 1
	out, err := lockstep.Zeros(x.DType(), shape...)
	if err != nil {
		t.Fatal(err)
	}
	stepOfType[float32](out, x, before, steps, at)
	stepOfType[int32](out, x, before, steps, at)
	stepOfType[bool](out, x, before, steps, at)
	return out
}

func stepOfType[E lockstep.Element](out, x *lockstep.Tensor, before, steps, at int) {
	from, err := lockstep.Data[E](x)
	if err != nil {
		return
	}
	to, _ := lockstep.Data[E](out)
	n := len(to) / before
	for b := range before {
		copy(to[b*n:(b+1)*n], from[(b*steps+at)*n:])
	}
}
