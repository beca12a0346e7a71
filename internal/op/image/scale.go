package image

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// kernel is a function of the distance from a pixel's centre, and how far it reaches
// (tensorflow/core/kernels/image/sampling_kernels.h).
type kernel struct {
	radius float32
	at     func(x float32) float32
}

var kernels = map[string]kernel{
	"lanczos1":      lanczos(1),
	"lanczos3":      lanczos(3),
	"lanczos5":      lanczos(5),
	"gaussian":      {1.5, gaussian},
	"box":           {1, box},
	"triangle":      {1, func(x float32) float32 { return max(0, 1-x) }},
	"keyscubic":     {2, keys},
	"mitchellcubic": {2, mitchell},
}

func lanczos(radius float32) kernel {
	return kernel{radius, func(x float32) float32 {
		switch {
		case x > radius:
			return 0
		case x <= 1e-3:
			return 1
		}
		const pi = float32(math.Pi)
		sine := func(x float32) float32 { return float32(math.Sin(float64(x))) }
		return float32(float32(radius*sine(pi*x))*sine(float32(pi*x)/radius)) / float32(float32(pi*pi)*x*x)
	}}
}

func gaussian(x float32) float32 {
	if x >= 1.5 {
		return 0
	}
	return float32(math.Exp(-2 * float64(x) * float64(x))) // of a deviation of 1/2
}

func box(x float32) float32 {
	switch {
	case x < 0.5:
		return 1
	case x == 0.5:
		return 0.5
	}
	return 0
}

func keys(x float32) float32 {
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float32(float32(float32(float32(float32(-0.5*x)+2.5)*x)-4)*x) + 2
	}
	return float32(float32(float32(float32(1.5*x)-2.5)*x)*x) + 1
}

func mitchell(x float32) float32 {
	const a, b, c, d = float32(-7.0 / 18), float32(10.0 / 3), float32(16.0 / 9), float32(7.0 / 6)
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float32(float32(float32(float32(float32(a*x)+2)*x)-b)*x) + c
	}
	return float32(float32(float32(float32(d*x)-2)*x)*x) + 8.0/9
}

// sampler places the elements of a result along one axis by a scale and a
// translation, and weighs pixels by a kernel.
type sampler struct {
	kernel
	in, out          int
	scale, translate float32
	antialias        bool
}

// taps are those of an element: none where its place is outside the image.
func (s sampler) taps(i int, contracted bool) []tap {
	inverse := float32(1 / float64(s.scale))
	moved := -inverse * s.translate
	wide := float32(1)
	if s.antialias {
		wide = max(inverse, 1)
	}
	at := muladd(float32(i)+0.5, inverse, moved, contracted)
	if !(at >= 0 && at <= float32(s.in)) {
		return nil
	}
	reach := s.radius * wide
	first, last := inside(ceil(at-reach-0.5), s.in), inside(floor(at+reach-0.5), s.in)
	taps := make([]tap, 0, last-first+1)
	narrow := 1 / wide
	for pixel := first; pixel <= last; pixel++ {
		distance := (float32(pixel) + 0.5 - at) * narrow
		taps = append(taps, tap{pixel, s.at(float32(math.Abs(float64(distance))))})
	}
	var sum float32
	for _, t := range taps {
		sum += t.weight
	}
	if math.Abs(float64(sum)) < 1000*0x1p-126 {
		return nil // all of them are 0
	}
	factor := 1 / sum
	for k := range taps {
		taps[k].weight *= factor
	}
	return taps
}

func (s sampler) lines(contracted bool) [][]tap {
	out := make([][]tap, s.out)
	for i := range out {
		out[i] = s.taps(i, contracted)
	}
	return out
}

// scaledPlan is the plan of an operation that scales and moves images.
type scaledPlan struct {
	kernel
	antialias bool
}

func readScaled(n *savedmodel.Node) (scaledPlan, error) {
	if err := wantNumbers(n); err != nil {
		return scaledPlan{}, err
	}
	name := op.StringOr(n, "kernel_type", "lanczos3")
	k, ok := kernels[name]
	if !ok {
		return scaledPlan{}, op.NotSupported("kernel_type", name)
	}
	return scaledPlan{k, op.BoolOr(n, "antialias", true)}, nil
}

// samplers are those of both axes.
func (p scaledPlan) samplers(in []value.Value) (t []*lockstep.Tensor, from, to sizes, rows, cols sampler, err error) {
	if t, from, to, err = resized(in, 4); err != nil {
		return
	}
	var numbers [2][2]float32
	for i := range numbers {
		if t[2+i].Rank() != 1 || t[2+i].Len() != 2 || !t[2+i].DType().IsFloat() {
			err = fmt.Errorf("input %d is %s, want two floats", 2+i, t[2+i])
			return
		}
		d, _ := t[2+i].Float64s()
		numbers[i] = [2]float32{float32(d[0]), float32(d[1])}
	}
	for _, s := range numbers[0] {
		if !(s > 0) {
			err = fmt.Errorf("scales of %v, want them above 0", numbers[0])
			return
		}
	}
	rows = sampler{p.kernel, from.height, to.height, numbers[0][0], numbers[1][0], p.antialias}
	cols = sampler{p.kernel, from.width, to.width, numbers[0][1], numbers[1][1], p.antialias}
	for _, s := range []sampler{rows, cols} {
		// A small scale makes every element of the result of the whole image.
		reach := min(float64(s.in), 2*math.Ceil(float64(s.radius)*max(1, 1/float64(s.scale)))+1)
		if err = op.Affordable(s.out, int(reach), 1<<10); err != nil {
			return
		}
	}
	return
}

func buildScaled(exact bool) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		p, err := readScaled(n)
		if err != nil {
			return nil, err
		}
		if exact {
			return scaled[float64](p), nil
		}
		return scaled[float32](p), nil
	}
}

func scaled[E float](p scaledPlan) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, from, to, rows, cols, err := p.samplers(in)
		if err != nil {
			return nil, err
		}
		m := op.Room[memory[E]](w)
		if _, err := value.AllowSized(to.shape(), value.SizeFor[E]()); err != nil {
			return nil, err
		}
		m.from, m.to = from, to
		m.plan = plan{rows: rows.lines(false), cols: cols.lines(false), scale: 1}
		return w.One(m.resize(t[0]))
	}
}

// kernelUnits is how far a kernel's value may be from TensorFlow's, in units of
// rounding: sine and exponential, and what is computed of them.
const kernelUnits = 64

func scaledBound(x *op.BoundInput) error {
	p, err := readScaled(x.Node)
	if err != nil {
		return err
	}
	if !x.In[3].Exact() {
		return errors.New("its translation is known up to rounding alone, and decides which pixels it reads")
	}
	_, from, to, rows, cols, err := p.samplers(x.Values())
	if err != nil {
		return err
	}
	one, others := plan{rows: rows.lines(false), cols: cols.lines(false), scale: 1}, []plan{{rows: rows.lines(true), cols: cols.lines(true)}}
	if off := x.E(2); off != nil { // a scale that is off by its bound, and so most often by one rounding
		for _, sign := range []float64{-1, 1} {
			moved := [2]sampler{rows, cols}
			for i := range moved {
				if moved[i].scale = float32(x.V(2)[i] + sign*off[i]); !(moved[i].scale > 0) {
					return errors.New("rounding may make its scale 0")
				}
			}
			others = append(others, plan{rows: moved[0].lines(false), cols: moved[1].lines(false)}, plan{rows: moved[0].lines(true), cols: moved[1].lines(true)})
		}
	}
	return one.bound(x, others, from, to, kernelUnits*0x1p-24)
}
