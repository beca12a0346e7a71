package engine

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var batchnormOps = Table{
	"FusedBatchNorm":   {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound},
	"FusedBatchNormV2": {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound},
	"FusedBatchNormV3": {Build: buildBatchNorm, Float64: buildExactNorm, Bound: normBound},
}

// batchNorm are the attributes of a normalization. Keras uses it to train in a
// saved graph too: its LayerNormalization makes a channel of every row and
// takes the row's own mean and variance.
type batchNorm struct {
	layout
	training bool
	epsilon  float64
	factor   float64 // exponential_avg_factor
	results  int
}

func buildBatchNorm(n *savedmodel.Node) (Exec, error) {
	b := &batchNorm{
		training: boolOr(n, "is_training", true),
		epsilon:  float64(floatOr(n, "epsilon", 0.0001)),
		factor:   float64(floatOr(n, "exponential_avg_factor", 1)),
		results:  n.NumOutputs,
	}
	var err error
	if b.layout, err = readLayout(n); err != nil {
		return nil, err
	}
	if n.Op != "FusedBatchNorm" {
		if u, err := n.AttrType("U"); err != nil {
			return nil, err
		} else if u != lockstep.Float32 {
			return nil, unsupported("U", u)
		}
	}
	// The statistics are float32 whatever the images are.
	return variants[Exec]{
		lockstep.Float32:  b.run,
		lockstep.Float16:  inFloat32[lockstep.Float16Bits](b.run, 1),
		lockstep.BFloat16: inFloat32[lockstep.BFloat16Bits](b.run, 1),
	}.choose(n, "T")
}

// run computes (x-mean)/√(variance+ε)·scale+offset, in float64. Its other
// results are the mean and the variance, twice, and a reserved one that on
// this machine has nothing in it.
func (b *batchNorm) run(w *Call, in []Value) ([]Value, error) {
	if len(in) != 5 {
		return nil, fmt.Errorf("%d inputs, want 5", len(in))
	}
	var t [5]*lockstep.Tensor
	var d [5][]float32
	for i := range in {
		var err error
		if t[i], d[i], err = operand[float32](in, i); err != nil {
			return nil, err
		}
	}
	if t[0].Rank() != 4 {
		return nil, fmt.Errorf("%s, want a rank of 4", t[0])
	}
	l, err := linesOf(t[0], b.channels(4))
	if err != nil {
		return nil, err
	}
	for i, v := range t[1:] {
		unused := i >= 2 && b.training && (b.factor == 1 || len(d[i+1]) == 0)
		if v.Rank() != 1 || len(d[i+1]) != l.n && !unused {
			return nil, fmt.Errorf("input %d is %s, want %d numbers, one for each channel of %s", i+1, v, l.n, t[0])
		}
	}
	m := room[normalized](w)
	result, out, err := m.images.get(t[0].Shape()...)
	if err != nil {
		return nil, err
	}
	x, mean, variance := d[0], d[3], d[4]
	made := [4]*lockstep.Tensor{t[3], t[4], t[3], t[4]}
	var stats [4][]float32
	if b.training {
		for i := range stats {
			if made[i], stats[i], err = m.stats[i].get(l.n); err != nil {
				return nil, err
			}
		}
	}
	n := 0
	if l.n > 0 {
		n = len(x) / l.n
	}
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
		factor := float64(d[1][c]) / math.Sqrt(v+b.epsilon)
		offset := float64(d[2][c])
		l.channel(c, n, func(i int) { out[i] = float32(float64((float64(x[i])-m)*factor) + offset) })
	}
	return b.all(m, result, made)
}

func (b *batchNorm) moving(old, now float32) float32 {
	return float32(float64((1-b.factor)*float64(old)) + float64(b.factor*float64(now)))
}

// channel calls f for each of the n elements of a channel.
func (l lines) channel(c, n int, f func(i int)) {
	for k := range n {
		f((k/l.inner*l.n+c)*l.inner + k%l.inner)
	}
}

// moments returns the mean and the variance of a channel, NaN of nothing.
func (l lines) moments(x []float32, c, n int) (mean, variance float64) {
	l.channel(c, n, func(i int) { mean += float64(x[i]) })
	mean /= float64(n)
	l.channel(c, n, func(i int) { variance = plusSquare(variance, float64(x[i])-mean) })
	return mean, variance / float64(n)
}

// normalized is the memory of a batch normalization.
type normalized struct {
	images  made[float32]
	stats   [4]made[float32]
	results []Value
	reserve made[float32]
}

// all puts the results together: the images, the statistics of the batch twice,
// and, from version 3 on, something that only a gradient reads.
func (b *batchNorm) all(m *normalized, images *lockstep.Tensor, stats [4]*lockstep.Tensor) ([]Value, error) {
	m.results = append(m.results[:0], Value{Tensor: images})
	for _, t := range stats {
		m.results = append(m.results, Value{Tensor: t})
	}
	if b.results > len(m.results) {
		t, d, err := m.reserve.get()
		if err != nil {
			return nil, err
		}
		d[0] = 0
		m.results = append(m.results, Value{Tensor: t})
	}
	return m.results, nil
}
