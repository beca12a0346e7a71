package diagnose

import (
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
)

// WeightFault is one weight that differs between the two sides.
type WeightFault struct {
	Layer, Tensor string // such as lstm and recurrent_kernel
	Row, Column   int
	// Gate and Unit are those whose sum it is part of.
	Gate string
	Unit int
	// Original is its value in the model in which the fault is tried, and
	// Changed the value that the other side computes with, as far as the sums
	// determine it: Within is its possible error.
	Original, Changed, Tolerance float64
	// Ambiguous says that a GRU's other bias row is added to the same sum, so
	// that it may be that one instead.
	Ambiguous bool

	index int
}

func (w *WeightFault) fault() fault.Fault {
	return fault.Fault{Kind: fault.OneWeight, Layer: w.Layer, Tensor: w.Tensor, Index: w.index, Is: w.Changed}
}

// most bounds the rows that are searched for a weight.
const most = 4096

// cellOf is the part of a layer's cell that a weight's position depends on.
type cellOf struct {
	letters    string // of its gates, in the order of the columns
	gru        bool
	resetAfter bool
	bias       bool
	features   int
	x, h       []float64
}

func (s *search) cell(l *layer, side Side) (c cellOf, err error) {
	for _, m := range s.model(side).Layers() {
		if m.Name == l.named(side) {
			c.letters = map[string]string{"LSTM": "ifgo", "GRU": "zrg", "SimpleRNN": "g"}[m.Kind]
			c.gru, c.resetAfter = m.Kind == "GRU", m.ResetAfter
		}
	}
	bias, err := s.model(side).Source().LayerWeight(l.named(side), "bias")
	if err != nil {
		return c, err
	}
	c.bias, c.features = bias != nil, l.from["x"].Shape()[1]
	if c.x, err = l.from["x"].Float64s(); err != nil {
		return c, err
	}
	c.h, err = l.from["h"].Float64s()
	return c, err
}

// factor is what a weight is multiplied by in the sums of a gate and unit.
type factor struct {
	gate   string
	tensor string
	row    int
	v      func(row int) float64
}

// factors lists those of a gate and unit: the elements of x and h, and ones. r
// are the values of a GRU's reset gate.
func (l *layer) factors(c cellOf, gate string, unit int, r []float64) []factor {
	inner := c.gru && gate == "g"
	var out []factor
	for k := range c.features {
		out = append(out, factor{gate, "kernel", k, func(row int) float64 { return c.x[row*c.features+k] }})
	}
	for k := range l.units {
		out = append(out, factor{gate, "recurrent_kernel", k, func(row int) float64 {
			v := c.h[row*l.units+k]
			if inner && c.resetAfter {
				return v * r[row*l.units+unit]
			}
			if inner {
				return v * r[row*l.units+k]
			}
			return v
		}})
	}
	if c.bias {
		out = append(out, factor{gate, "bias", 0, func(int) float64 { return 1 }})
	}
	if c.bias && inner && c.resetAfter {
		out = append(out, factor{gate, "bias", 1, func(row int) float64 { return r[row*l.units+unit] }})
	}
	return out
}

// weightOf returns the weight that a factor belongs to.
func (s *search) weightOf(l *layer, side Side, c cellOf, f factor, unit int) (*WeightFault, error) {
	w := &WeightFault{Layer: l.named(side), Tensor: f.tensor, Row: f.row, Gate: f.gate, Unit: unit}
	w.Ambiguous = w.Tensor == "bias" && c.resetAfter && f.gate != "g"
	w.Column = strings.Index(c.letters, f.gate)*l.units + unit
	w.index = w.Row*len(c.letters)*l.units + w.Column
	var err error
	w.Original, err = s.valueOf(side, w)
	return w, err
}

// set gives a weight its other value, in the model's floats.
func (w *WeightFault) set(l *layer, is float64) {
	if w.Changed = is; l.from["x"].DType() == lockstep.Float32 {
		w.Changed = float64(float32(is))
	}
}

// oneWeight finds the weight whose change by δ best explains the error of a
// side's sums: those of one gate and unit are off by δ·v, where v is what the
// weight is multiplied by, an element of x or h, or one. It returns nil if the
// sums of more than one unit of a gate are off, or of none. Where a side does
// not show its own sums, its states are used.
func (s *search) oneWeight(l *layer, side Side) (*WeightFault, error) {
	c, err := s.cell(l, side)
	if err != nil || c.letters == "" {
		return nil, err
	}
	if !slices.ContainsFunc(l.quantities[side], func(q string) bool { return strings.HasPrefix(q, "sum_") }) {
		return s.weightOfStates(l, side, c)
	}
	gate, unit := l.offColumn(side)
	if gate == "" {
		return nil, nil
	}
	sum := "sum_" + gate
	made, meant := l.values[side][sum], l.meant[side].value[sum]
	rows := l.rows
	if len(rows) > most {
		rows = nil
		for i := range most {
			rows = append(rows, l.rows[i*len(l.rows)/most])
		}
	}
	var best factor
	delta, left, spread := 0.0, math.Inf(1), 0.0
	for _, f := range l.factors(c, gate, unit, l.meant[side].value["r"]) {
		var vv, rv, rr float64
		for _, row := range rows {
			v, res := f.v(row), made[row*l.units+unit]-meant[row*l.units+unit]
			vv, rv, rr = vv+v*v, rv+res*v, rr+res*res
		}
		if vv == 0 {
			continue
		}
		if rest := rr - rv*rv/vv; rest < left {
			best, delta, left, spread = f, rv/vv, rest, math.Sqrt(max(rest, 0)/float64(max(len(rows)-1, 1))/vv)
		}
	}
	if delta == 0 {
		return nil, nil
	}
	w, err := s.weightOf(l, side, c, best, unit)
	if err != nil {
		return nil, err
	}
	w.Tolerance = 3 * spread
	w.set(l, w.Original+delta)
	return w, nil
}

// valueOf is a weight's value in the model that a fault of the side is in.
func (s *search) valueOf(side Side, w *WeightFault) (float64, error) {
	t, err := s.model(side).Source().LayerWeight(w.Layer, w.Tensor)
	if err != nil || t == nil {
		return 0, err
	}
	d, err := t.Float64s()
	if err != nil || w.index >= len(d) {
		return 0, err
	}
	return d[w.index], nil
}

// offColumn returns the gate and the unit whose sums are off, "" unless it is
// one unit of the first gate that has any: the error of a GRU's candidate may
// come from its reset gate.
func (l *layer) offColumn(side Side) (gate string, unit int) {
	for _, q := range l.quantities[side] {
		if len(q) < 5 || q[:4] != "sum_" {
			continue
		}
		made, e := l.values[side][q], l.meant[side]
		off := make([]float64, l.units)
		all, unit := 0.0, -1
		for u := range l.units {
			for _, row := range l.rows {
				at := row*l.units + u
				off[u] = max(off[u], l.marginOf(made[at], e.value[q][at], e.bound[q][at]))
			}
			if unit < 0 || off[u] > off[unit] {
				unit = u
			}
		}
		if off[unit] <= 0.1 {
			continue
		}
		for u, m := range off {
			if u != unit {
				all = max(all, m)
			}
		}
		if all >= 0.5*off[unit] {
			return "", 0
		}
		return q[4:], unit
	}
	return "", 0
}
