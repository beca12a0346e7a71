package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/native"
)

// layer is a recurrent layer's run as rows of single steps: row b·steps+t is
// step t of row b of the batch. Both engines get what the reference read.
type layer struct {
	name, other  string // the reference's and the candidate's
	batch, steps int
	units        int
	rounding     float64                     // the unit roundoff of the model's floats
	from         map[string]*lockstep.Tensor // x, h and c before the step
	rows         []int                       // those that a mask leaves in
	some, few    []int                       // fewer of them, with those of the largest margins
	// quantities are those that each side shows.
	quantities map[Side][]string
	// values are each side's results: the reference's from its run, the
	// candidate's from the reference's states.
	values map[Side]map[string][]float64
	// meant is the other side's model in exact arithmetic on the same input,
	// and worst the largest margin of a row.
	meant  map[Side]*exactValues
	margin map[Side]float64
	worst  []float64
}

// exactValues are results in exact arithmetic, and what rounding may do to
// them.
type exactValues struct{ value, bound map[string][]float64 }

// before is the margin without any fault.
func (l *layer) before() float64 { return max(l.margin[InCandidate], l.margin[InReference]) }

// maxRuns bounds the runs of one layer that faults are tried on.
const maxRuns = 16

// fewer leaves out runs of layers inside loops: of each layer those stay whose
// margins are the largest, and the first that diverges.
func (s *search) fewer() {
	by := map[string][]*layer{}
	for _, l := range s.layers {
		of := lockstep.LayerOf(l.name)
		by[of] = append(by[of], l)
	}
	left := map[*layer]bool{}
	for _, runs := range by {
		if first := slices.IndexFunc(runs, func(l *layer) bool { return l.before() > 1 }); first >= 0 {
			left[runs[first]] = true
		}
		slices.SortStableFunc(runs, func(a, b *layer) int { return cmp.Compare(b.before(), a.before()) })
		for _, l := range runs[:min(len(runs), maxRuns)] {
			left[l] = true
		}
	}
	s.layers = slices.DeleteFunc(s.layers, func(l *layer) bool { return !left[l] })
}

// worst is the run of each layer with the largest margin on a side.
func (s *search) worst(side Side) []*layer {
	var out []*layer
	at := map[string]int{}
	for _, l := range s.layers {
		i, seen := at[l.named(side)]
		switch {
		case !seen:
			at[l.named(side)] = len(out)
			out = append(out, l)
		case l.margin[side] > out[i].margin[side]:
			out[i] = l
		}
	}
	return out
}

// prepare takes the single steps of each layer.
func (s *search) prepare() error {
	for i, name := range s.Reference.Layers {
		l, err := s.layer(name, s.other(i, name))
		if err != nil {
			return fmt.Errorf("layer %q: %w", name, err)
		}
		if l != nil {
			s.layers = append(s.layers, l)
		}
	}
	return nil
}

// other is the candidate's name of a layer: from Names, or the same, or that of
// the layer in the same position.
func (s *search) other(i int, name string) string {
	of, at, _ := lockstep.CutRun(name)
	if other := s.Names.Layers[of]; other != "" {
		return lockstep.RunName(other, at)
	}
	all := s.CandidateModel.Layers()
	if i < len(all) && !slices.ContainsFunc(all, func(l native.Layer) bool { return l.Name == of }) {
		return lockstep.RunName(all[i].Name, at)
	}
	return name
}

func (s *search) layer(name, other string) (*layer, error) {
	from, err := s.Reference.Layer(name).Before()
	if from == nil || err != nil {
		return nil, err
	}
	meant, err := s.ReferenceModel.Oracle()
	if err != nil {
		return nil, err
	}
	own, err := s.CandidateModel.Oracle()
	if err != nil {
		return nil, err
	}
	l := &layer{name: name, other: other, quantities: map[Side][]string{}, from: map[string]*lockstep.Tensor{}, meant: map[Side]*exactValues{}, margin: map[Side]float64{}}
	if l.rounding = 0x1p-24; from["x"].DType() == lockstep.Float64 {
		l.rounding = 0x1p-53
	}
	h := from["h"].Shape()
	l.batch, l.steps, l.units = h[0], h[1], h[2]
	for q, t := range from {
		if l.from[q], err = flat(t); err != nil {
			return nil, err
		}
	}
	if l.rows, err = rowsOf(s.Reference.Layer(name).Mask(), l.batch*l.steps); err != nil {
		return nil, err
	}
	if l.meant[InCandidate], err = stepOf(meant, name, l.from); err != nil {
		return nil, err
	}
	candidate, err := stepOf(own, other, l.from)
	if err != nil {
		return nil, err
	}
	if err := l.read(s, candidate); err != nil {
		return nil, err
	}
	l.worst = make([]float64, l.batch*l.steps)
	for _, side := range []Side{InCandidate, InReference} {
		l.margin[side] = l.largestMargin(side, l.meant[side], l.rows, l.worst)
	}
	l.choose()
	return l, nil
}

// read sets the engines' results. The candidate's states are those of its own
// cell; its gates are computed from its weights.
func (l *layer) read(s *search, candidate *exactValues) error {
	l.meant[InReference] = candidate
	l.values = map[Side]map[string][]float64{InReference: {}, InCandidate: {}}
	var alone map[string]*lockstep.Tensor
	var err error
	if s.Stepper != nil {
		alone, err = s.Stepper.Step(l.name, l.from)
	} else {
		alone, err = s.CandidateModel.Step(l.other, l.from)
	}
	if err != nil {
		return err
	}
	var all []string
	for q, v := range candidate.value {
		t := s.Reference.Layer(l.name).Step(q)
		if t == nil || l.meant[InCandidate].value[q] == nil {
			continue
		}
		all = append(all, q)
		if l.values[InReference][q], err = t.Float64s(); err != nil {
			return err
		}
		l.values[InCandidate][q] = v
		if t := alone[q]; t != nil {
			if l.values[InCandidate][q], err = t.Float64s(); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return rankOf(a) - rankOf(b) })
	l.quantities[InReference], l.quantities[InCandidate] = all, all
	states := slices.DeleteFunc(slices.Clone(all), func(q string) bool { return alone[q] == nil })
	l.quantities[InCandidate] = states
	if l.largestMargin(InCandidate, candidate, l.rows, nil) <= 1 {
		// Its cell agrees with its weights, and so do its gates.
		l.quantities[InCandidate] = all
	}
	return nil
}

// rankOf orders quantities as a step computes them.
func rankOf(q string) int {
	rank := strings.Index("zrifgoch", q[len(q)-1:])
	switch {
	case strings.HasPrefix(q, "sum_"):
		return rank
	case q == "c" || q == "h":
		return 20 + rank
	}
	return 10 + rank
}

// some and few bound the rows of one trial: most faults explain not even some.
const (
	some = 16
	few  = 192
)

// choose picks the rows that faults are tried on.
func (l *layer) choose() { l.some, l.few = l.chosen(some), l.chosen(few) }

// chosen picks n rows: those with the largest margins, and others at equal
// distances.
func (l *layer) chosen(n int) []int {
	if len(l.rows) <= n {
		return l.rows
	}
	byWorst := slices.Clone(l.rows)
	slices.SortFunc(byWorst, func(a, b int) int {
		if l.worst[a] > l.worst[b] {
			return -1
		}
		if l.worst[a] < l.worst[b] {
			return 1
		}
		return a - b
	})
	take := map[int]bool{}
	for _, r := range byWorst[:n/2] {
		take[r] = true
	}
	for i := range n / 2 {
		take[l.rows[i*len(l.rows)/(n/2)]] = true
	}
	return slices.Sorted(maps.Keys(take))
}

// largestMargin returns the largest margin between a side's results and e,
// which has the given rows. worst, if not nil, gets each row's margin.
func (l *layer) largestMargin(side Side, e *exactValues, rows []int, worst []float64) float64 {
	most := 0.0
	for _, q := range l.quantities[side] {
		made := l.values[side][q]
		for i, row := range rows {
			at := i // of e
			if len(e.value[q]) == len(made) {
				at = row // it has all rows
			}
			for u := range l.units {
				v, b := e.value[q][at*l.units+u], e.bound[q][at*l.units+u]
				m := l.marginOf(made[row*l.units+u], v, b)
				most = max(most, m)
				if worst != nil {
					worst[row] = max(worst[row], m)
				}
			}
		}
	}
	return most
}

// marginOf is a number's error as a share of what one engine may be off, plus
// the rounding of the shown value.
func (l *layer) marginOf(made, v, bound float64) float64 {
	bound = finiteBound(bound, v) + l.rounding*math.Abs(v)
	d := math.Abs(made - v)
	switch {
	case d == 0 || math.IsNaN(made) && math.IsNaN(v):
		return 0
	case math.IsNaN(d):
		return math.Inf(1)
	}
	return d / bound
}

// finiteBound is the bound of a value, or what the default rule allows where
// rounding has none: an infinite one would accept anything.
func finiteBound(bound, value float64) float64 {
	if bound >= 0 && !math.IsInf(bound, 1) {
		return bound
	}
	return compare.FixedTolerance{Atol: compare.DefaultAtol, Rtol: compare.DefaultRtol}.Bound(0, value)
}

// stepper takes single steps in exact arithmetic.
type stepper interface {
	Step(layer string, from map[string]*lockstep.Tensor) (exact, bound map[string]*lockstep.Tensor, err error)
}

func stepOf(o stepper, name string, from map[string]*lockstep.Tensor) (*exactValues, error) {
	value, bound, err := o.Step(name, from)
	if err != nil {
		return nil, err
	}
	e := &exactValues{map[string][]float64{}, map[string][]float64{}}
	for q := range value {
		if e.value[q], err = value[q].Float64s(); err != nil {
			return nil, err
		}
		if e.bound[q], err = bound[q].Float64s(); err != nil {
			return nil, err
		}
	}
	return e, nil
}
