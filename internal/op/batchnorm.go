package op

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var batchnormOps = Table{
	"FusedBatchNorm":   {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound, Rounded: 1, Rows: rowsOfNorm},
	"FusedBatchNormV2": {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound, Rounded: 1, Rows: rowsOfNorm},
	"FusedBatchNormV3": {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound, Rounded: 1, Rows: rowsOfNorm},
}

// batchNorm are the attributes of a normalization. Keras uses its training mode
// in a saved graph too: LayerNormalization makes a channel of every row and
// uses the row's mean and variance.
type batchNorm struct {
	layout
	training bool
	epsilon  float64
	factor   float64 // exponential_avg_factor
	results  int
}

func buildBatchNorm(n *savedmodel.Node) (Exec, error) {
	b := &batchNorm{
		training: BoolOr(n, "is_training", true),
		epsilon:  float64(FloatOr(n, "epsilon", 0.0001)),
		factor:   float64(FloatOr(n, "exponential_avg_factor", 1)),
		results:  n.NumOutputs,
	}
	var err error
	if b.layout, err = readNormLayout(n); err != nil {
		return nil, err
	}
	if n.Op != "FusedBatchNorm" {
		if u, err := n.AttrType("U"); err != nil {
			return nil, err
		} else if u != lockstep.Float32 {
			return nil, NotSupported("U", u)
		}
	}
	// The statistics are float32 whatever the images are.
	return Variants[Exec]{
		lockstep.Float32:  b.run,
		lockstep.Float16:  inFloat32[lockstep.Float16Bits](b.run, 1),
		lockstep.BFloat16: inFloat32[lockstep.BFloat16Bits](b.run, 1),
	}.choose(n, "T")
}

// run computes (x-mean)/√(variance+ε)·scale+offset, in float64. Its other
// results are the mean and the variance, twice, and a reserved one that is
// empty on the CPU.
func (b *batchNorm) run(w *Call, in []value.Value) ([]value.Value, error) {
	if len(in) != 5 {
		return nil, fmt.Errorf("%d inputs, want 5", len(in))
	}
	var t [5]*lockstep.Tensor
	var d [5][]float32
	for i := range in {
		var err error
		if t[i], d[i], err = Operand[float32](in, i); err != nil {
			return nil, err
		}
	}
	// Where the channels are is all that the format says.
	if t[0].Rank() != 4 && t[0].Rank() != 5 {
		return nil, fmt.Errorf("%s, want a rank of 4 or 5", t[0])
	}
	l, err := linesOf(t[0], b.channels(t[0].Rank()))
	if err != nil {
		return nil, err
	}
	for i, v := range t[1:] {
		unused := i >= 2 && b.training && (b.factor == 1 || len(d[i+1]) == 0)
		if v.Rank() != 1 || len(d[i+1]) != l.n && !unused {
			return nil, fmt.Errorf("input %d is %s, want %d numbers, one for each channel of %s", i+1, v, l.n, t[0])
		}
	}
	m := Room[batchNormMemory](w)
	result, out, err := m.images.Get(t[0].Shape()...)
	if err != nil {
		return nil, err
	}
	x, mean, variance := d[0], d[3], d[4]
	made := [4]*lockstep.Tensor{t[3], t[4], t[3], t[4]}
	var stats [4][]float32
	if b.training {
		for i := range stats {
			if made[i], stats[i], err = m.stats[i].Get(l.n); err != nil {
				return nil, err
			}
		}
	}
	n := 0
	if l.n > 0 {
		n = len(x) / l.n
	}
	m.channels = slices.Grow(m.channels[:0], l.n)[:l.n]
	of := m.channels
	for c := range l.n {
		var m, v float64
		if b.training {
			m, v = l.moments(x, c, n)
			stats[0][c], stats[1][c] = float32(m), float32(v*float64(n)/float64(max(n-1, 1)))
			stats[2][c], stats[3][c] = float32(m), float32(v)
			if b.factor != 1 && len(mean) > 0 && len(variance) > 0 {
				stats[0][c], stats[1][c] = b.moving(mean[c], stats[0][c]), b.moving(variance[c], stats[1][c])
			}
		} else {
			m, v = float64(mean[c]), float64(variance[c])
		}
		of[c] = channelNorm{mean: m, factor: float64(d[1][c]) / math.Sqrt(v+b.epsilon), offset: float64(d[2][c])}
	}
	for at := 0; at < len(out); {
		for _, c := range of {
			for end := at + l.inner; at < end; at++ {
				out[at] = float32(float64((float64(x[at])-c.mean)*c.factor) + c.offset)
			}
		}
	}
	return b.all(m, result, made)
}

// channelNorm is what is done to the elements of a channel.
type channelNorm struct{ mean, factor, offset float64 }

func (b *batchNorm) moving(old, now float32) float32 {
	return float32(float64((1-b.factor)*float64(old)) + float64(b.factor*float64(now)))
}

// channel calls f for each of the n elements of a channel.
func (l lines) channel(c, n int, f func(i int)) {
	for k := range n {
		f((k/l.inner*l.n+c)*l.inner + k%l.inner)
	}
}

// moments returns the mean and the variance of a channel, NaN without elements.
func (l lines) moments(x []float32, c, n int) (mean, variance float64) {
	l.channel(c, n, func(i int) { mean += float64(x[i]) })
	mean /= float64(n)
	l.channel(c, n, func(i int) { variance = plusSquare(variance, float64(x[i])-mean) })
	return mean, variance / float64(n)
}

// batchNormMemory is the memory of a batch normalization.
type batchNormMemory struct {
	images   ResultMemory[float32]
	channels []channelNorm
	stats    [4]ResultMemory[float32]
	results  []value.Value
	reserve  ResultMemory[float32]
}

// all puts the results together: the images, the statistics of the batch twice,
// and, from version 3 on, something that only a gradient reads.
func (b *batchNorm) all(m *batchNormMemory, images *lockstep.Tensor, stats [4]*lockstep.Tensor) ([]value.Value, error) {
	m.results = append(m.results[:0], value.Value{Tensor: images})
	for _, t := range stats {
		m.results = append(m.results, value.Value{Tensor: t})
	}
	if b.results > len(m.results) {
		t, d, err := m.reserve.Get()
		if err != nil {
			return nil, err
		}
		d[0] = 0
		m.results = append(m.results, value.Value{Tensor: t})
	}
	return m.results, nil
}

// Batch normalization in one operation, (x-mean)·scale/√(variance+ε)+offset,
// which the program has in float32 alone.

// exactNorm are the attributes.
type exactNorm struct {
	layout
	training bool
	epsilon  float64
}

func readExactNorm(n *savedmodel.Node) (*exactNorm, error) {
	b := &exactNorm{training: BoolOr(n, "is_training", true), epsilon: float64(FloatOr(n, "epsilon", 0.0001))}
	if f := FloatOr(n, "exponential_avg_factor", 1); f != 1 {
		return nil, NotSupported("exponential_avg_factor", f)
	}
	var err error
	b.layout, err = readNormLayout(n)
	return b, err
}

// readNormLayout reads a layout of images or, from version 3 on, of volumes.
func readNormLayout(n *savedmodel.Node) (layout, error) {
	if n.Op == "FusedBatchNormV3" && strings.Contains(n.AttrString("data_format"), "D") {
		return readLayout(n, 3)
	}
	return readLayout(n, 2)
}

func buildExactNorm(n *savedmodel.Node) (Exec, error) {
	b, err := readExactNorm(n)
	if err != nil {
		return nil, err
	}
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, _, err := Operands[float64](in, 5)
		if err != nil {
			return nil, err
		}
		var whole [5]BoundedValue
		for i := range t {
			whole[i].Tensor = t[i]
		}
		v, _, err := b.normalize(&BoundInput{Unit: rounding.Float64, In: whole[:]})
		if err != nil {
			return nil, err
		}
		var out []value.Value
		for i := range len(w.Out) {
			to, err := lockstep.New([]float64{0}) // the reserved one
			switch {
			case i == 0:
				to, err = lockstep.New(v[0], t[0].Shape()...)
			case i < len(v):
				to, err = lockstep.New(v[i], len(v[i]))
			}
			if err != nil {
				return nil, err
			}
			out = append(out, value.Value{Tensor: to})
		}
		return out, nil
	}, nil
}

func normBound(x *BoundInput) error {
	b, err := readExactNorm(x.Node)
	if err != nil {
		return err
	}
	_, e, err := b.normalize(x)
	if err != nil {
		return err
	}
	for i := range x.Out {
		if i < len(e) {
			if err := x.Set(i, e[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// number64 is a number and its bound.
type number64 struct{ v, e float64 }

func (o number64) size() float64 { return math.Abs(o.v) + o.e }

func numberAt(v BoundedValue, i int) number64 {
	out := number64{v: FloatsOf(v.Tensor)[i]}
	if e := FloatsOf(v.Bound.Tensor); e != nil {
		out.e = e[i]
	}
	return out
}

// normalize computes the results and their bounds.
//
// The mean of n numbers is off by the mean of their bounds and γ(n+1) times
// that of their magnitudes. A difference d from it is off by E(d), the sum of
// both and its own rounding, and the variance, the mean of d², by the mean of
// |d|·2E(d) + E(d)² and γ(n+2) times that of (|d|+E(d))². With
// r = 1/√(variance+ε) between its values at the ends of the variance, which is
// never below 0, the error of d·r·scale follows from those of its factors, and
// the rest are roundings of the three terms x·r·scale, mean·r·scale and offset,
// which an engine may compute separately: what cancels in d then does not.
func (b *exactNorm) normalize(o *BoundInput) (v, e [][]float64, err error) {
	in, x := o.In, o.In[0]
	l, err := linesOf(x.Tensor, b.channels(x.Tensor.Rank()))
	if err != nil {
		return nil, nil, err
	}
	for i, t := range in[1:] {
		if unused := i >= 2 && b.training; t.Tensor.Len() != l.n && !unused {
			return nil, nil, NotSupported("a channel's parameters", t.Tensor)
		}
	}
	for _, n := range []int{x.Tensor.Len(), l.n, l.n, l.n, l.n} {
		v, e = append(v, make([]float64, n)), append(e, make([]float64, n))
	}
	n := x.Tensor.Len() / max(1, l.n)
	of := make([]channelBound, l.n)
	for c := range l.n {
		scale, offset := numberAt(in[1], c), numberAt(in[2], c)
		var mean, variance number64
		if b.training {
			mean, variance = o.moments(l, c, n)
		} else {
			mean, variance = numberAt(in[3], c), numberAt(in[4], c)
		}
		high := 1 / math.Sqrt(max(variance.v-variance.e, 0)+b.epsilon)
		if !b.training {
			high = 1 / math.Sqrt(variance.v-variance.e+b.epsilon)
		}
		r := number64{v: 1 / math.Sqrt(variance.v+b.epsilon)}
		r.e = max(high-r.v, r.v-1/math.Sqrt(variance.v+variance.e+b.epsilon))
		of[c] = channelBound{scale, offset, mean, r}
		unbiased := float64(n) / float64(max(n-1, 1))
		if !b.training {
			unbiased = 1
		}
		v[1][c], e[1][c] = mean.v, mean.e
		v[2][c], e[2][c] = variance.v*unbiased, (variance.e*unbiased+o.Gamma(3)*variance.size()*unbiased)*rounding.Slack
		v[3][c], e[3][c] = mean.v, mean.e
		v[4][c], e[4][c] = variance.v, variance.e
	}
	o.normalizeChannels(l, of, v[0], e[0])
	return v, e, nil
}

// channelBound is what is done to the elements of a channel: r is 1/√(variance+ε).
type channelBound struct{ scale, offset, mean, r number64 }

// normalizeChannels computes the images and their bounds.
func (o *BoundInput) normalizeChannels(l lines, of []channelBound, v, e []float64) {
	x, off := o.V(0), o.E(0)
	gamma, tiny := o.Gamma(10), 4*o.Unit.Tiny()
	for at := 0; at < len(v); {
		for i := range of {
			c := &of[i]
			scale, r, mean, offset := c.scale.size(), c.r.size(), c.mean.size(), c.offset.size()
			for end := at + l.inner; at < end; at++ {
				xi := number64{v: x[at]}
				if off != nil {
					xi.e = off[at]
				}
				d := number64{xi.v - c.mean.v, xi.e + c.mean.e}
				v[at] = d.v*c.r.v*c.scale.v + c.offset.v
				err := d.e*r*scale + math.Abs(d.v)*(c.r.e*scale+c.r.v*c.scale.e) + c.offset.e
				size := (xi.size()+mean)*r*scale + offset
				e[at] = (err+gamma*size)*rounding.Slack + tiny*(1+r*scale)
			}
		}
	}
}

func (o *BoundInput) moments(l lines, c, n int) (mean, variance number64) {
	x, size, squares := o.In[0], 0.0, 0.0
	l.channel(c, n, func(i int) {
		xi := numberAt(x, i)
		mean.v, mean.e, size = mean.v+xi.v, mean.e+xi.e, size+xi.size()
		squares += xi.v * xi.v
	})
	own := o.Gamma(n+2) * size
	if o.Typical {
		own = o.Unit.DeviationOfSum(n, mean.v, squares)
	}
	parts := float64(n)
	mean = number64{mean.v / parts, (mean.e/parts+own/parts)*rounding.Slack + 2*o.Unit.Tiny()}
	size = 0
	l.channel(c, n, func(i int) {
		xi := numberAt(x, i)
		d := xi.v - mean.v
		e := xi.e + mean.e
		e += o.Gamma(1) * (math.Abs(d) + e)
		variance.v += d * d
		variance.e += e * (2*math.Abs(d) + e)
		size += (math.Abs(d) + e) * (math.Abs(d) + e)
	})
	variance = number64{variance.v / parts, (variance.e/parts+o.Gamma(n+4)*size/parts)*rounding.Slack + 2*o.Unit.Tiny()}
	return mean, variance
}
