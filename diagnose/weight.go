package diagnose

import (
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

// Weight is one weight that is another on the two sides.
type Weight struct {
	Layer, Tensor string // such as lstm and recurrent_kernel
	Row, Column   int
	// Gate and Unit are those whose sum it is in.
	Gate string
	Unit int
	// Was is its value in the model that the fault is supposed in, and Is what
	// the other side computes with. Is follows from what the sums make known of
	// it: Within is how far off it may be.
	Was, Is, Within float64
	// Twin says that the bias of a GRU's other row is added to the same sum, so
	// that it may be that one as well.
	Twin bool

	index int
}

func (w *Weight) fault() native.Fault {
	return native.Fault{Kind: native.OneWeight, Layer: w.Layer, Tensor: w.Tensor, Index: w.index, Is: w.Is}
}

// most bounds the rows that a weight is sought in.
const most = 4096

// oneWeight finds the weight that, being another, explains best what is left of
// a side's sums: of one gate and unit they are off by δ·v, where v is what the
// weight is multiplied by, an element of x or h, or one. It returns nil if the
// sums of more than one unit of a gate are off, or of none.
func (s *search) oneWeight(l *layer, side Side) (*Weight, error) {
	gate, unit := l.offColumn(side)
	if gate == "" {
		return nil, nil
	}
	var kind string
	var resetAfter bool
	for _, m := range s.model(side).Layers() {
		if m.Name == l.named(side) {
			kind, resetAfter = m.Kind, m.ResetAfter
		}
	}
	sum := "sum_" + gate
	x, err := l.from["x"].Float64s()
	if err != nil {
		return nil, err
	}
	h, err := l.from["h"].Float64s()
	if err != nil {
		return nil, err
	}
	made, meant, r := l.values[side][sum], l.meant[side].value[sum], l.meant[side].value["r"]
	features := l.from["x"].Shape()[1]
	rows := l.rows
	if len(rows) > most {
		rows = nil
		for i := range most {
			rows = append(rows, l.rows[i*len(l.rows)/most])
		}
	}
	// What the weights of each tensor's row are multiplied by.
	type column struct {
		tensor string
		row    int
		v      func(row int) float64
	}
	inner := kind == "GRU" && gate == "g"
	var columns []column
	for k := range features {
		columns = append(columns, column{"kernel", k, func(row int) float64 { return x[row*features+k] }})
	}
	for k := range l.units {
		columns = append(columns, column{"recurrent_kernel", k, func(row int) float64 {
			v := h[row*l.units+k]
			if inner && resetAfter {
				return v * r[row*l.units+unit]
			}
			if inner {
				return v * r[row*l.units+k]
			}
			return v
		}})
	}
	bias, err := s.model(side).LayerWeight(l.named(side), "bias")
	if err != nil {
		return nil, err
	}
	if bias != nil {
		columns = append(columns, column{"bias", 0, func(int) float64 { return 1 }})
	}
	if bias != nil && inner && resetAfter {
		columns = append(columns, column{"bias", 1, func(row int) float64 { return r[row*l.units+unit] }})
	}
	best, delta, left := -1, 0.0, math.Inf(1)
	var spread float64
	for i, c := range columns {
		var vv, rv, rr float64
		for _, row := range rows {
			v, res := c.v(row), made[row*l.units+unit]-meant[row*l.units+unit]
			vv, rv, rr = vv+v*v, rv+res*v, rr+res*res
		}
		if vv == 0 {
			continue
		}
		if rest := rr - rv*rv/vv; rest < left {
			best, delta, left, spread = i, rv/vv, rest, math.Sqrt(max(rest, 0)/float64(max(len(rows)-1, 1))/vv)
		}
	}
	if best < 0 || delta == 0 {
		return nil, nil
	}
	letters := map[string]string{"LSTM": "ifgo", "GRU": "zrg", "SimpleRNN": "g"}[kind]
	w := &Weight{Layer: l.named(side), Tensor: columns[best].tensor, Row: columns[best].row, Gate: gate, Unit: unit, Within: 3 * spread}
	w.Twin = w.Tensor == "bias" && resetAfter && !inner
	for i, letter := range letters {
		if string(letter) == gate {
			w.Column = i*l.units + unit
		}
	}
	w.index = w.Row*len(letters)*l.units + w.Column
	if w.Was, err = s.valueOf(side, w); err != nil {
		return nil, err
	}
	w.Is = w.Was + delta
	if l.from["x"].DType() == lockstep.Float32 {
		w.Is = float64(float32(w.Is))
	}
	return w, nil
}

// valueOf is a weight's value in the model that a fault of the side is in.
func (s *search) valueOf(side Side, w *Weight) (float64, error) {
	t, err := s.model(side).LayerWeight(w.Layer, w.Tensor)
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
// one unit of the first gate that has any: what the candidate of a GRU is off by
// may come from its reset gate.
func (l *layer) offColumn(side Side) (gate string, unit int) {
	for _, q := range l.quantities {
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
