package ctc

import (
	"math"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
)

// best returns how far the maximum of a row may be off, how large it may be, and
// whether it is certain which element it is.
func best(row, errs []float64) (off, size float64, certain bool) {
	at := 0
	for i, v := range row {
		if v > row[at] {
			at = i
		}
	}
	certain = true
	for i, e := range errs {
		off = max(off, e)
		certain = certain && (i == at || e+errs[at] == 0 || row[at]-row[i] > e+errs[at])
	}
	return off, math.Abs(row[at]) + off, certain
}

// beamBound follows the search and notes how near each decision of it is, and how far
// the logarithms may be off: what is added to them at a step, and the logarithm of
// the sum of two powers, which is off by no more than the larger error of its
// arguments. TensorFlow computes that sum in float32 for every type.
func beamBound(x *op.BoundInput) error {
	s, err := read[float64](x.Values())
	if err != nil {
		return err
	}
	a, err := readSearch(x.Node)
	if err != nil {
		return err
	}
	off := x.E(0)
	e := make([]float64, s.batch*a.paths)
	for b := range s.batch {
		track := &tracker{unit: max(float64(x.Unit), float64(rounding.Float32)), room: math.Inf(1)}
		if off != nil {
			track.errs = func(step int) []float64 { return off[(step*s.batch+b)*s.classes:][:s.classes] }
		}
		if _, _, err := decode(a, &s, b, exactSum, track); err != nil {
			return err
		}
		for p := range a.paths {
			e[b*a.paths+p] = track.off * rounding.Slack
		}
		if !(track.room > 0) {
			undecided(x)
			for p := range a.paths {
				e[b*a.paths+p] = math.Inf(1)
			}
		}
	}
	return x.Set(len(x.Out)-1, e)
}

// tracker follows the rounding errors of a search.
type tracker struct {
	unit float64
	errs func(step int) []float64 // how far the numbers of a step are off, if they are
	off  float64                  // how far a logarithm may be off
	size float64                  // how large one was at the last step
	// room is what is left of the nearest difference that decided something after how
	// far its two sides may be off.
	room float64
}

// before adds what a step of the search rounds: the normalization, three sums, and the
// sum of two powers.
func before[E floats](t *tracker, step int, row []E) {
	size, most := 0.0, 0.0
	for _, v := range row {
		size = max(size, math.Abs(float64(v)))
	}
	if t.errs != nil {
		for _, e := range t.errs(step) {
			most = max(most, e)
		}
	}
	classes := float64(len(row))
	size += most + math.Log(classes)
	t.size += 2 * size
	t.off += 2*most + t.unit*(classes+40+8*size+4*t.size)
}

// after notes how large the logarithms are after a step.
func after[E floats](t *tracker, all []*beam[E]) {
	t.size = 0
	for _, b := range all {
		if b.active() {
			t.size = max(t.size, math.Abs(float64(b.now.total)))
		}
	}
}

// decides notes a comparison.
func (t *tracker) decides(a, b float64) {
	if t == nil || math.IsInf(a, -1) || math.IsInf(b, -1) {
		return // nothing is as unlikely as what has not been found
	}
	if d := math.Abs(a-b) - 2*t.off; !(d >= t.room) {
		t.room = d
	}
}
