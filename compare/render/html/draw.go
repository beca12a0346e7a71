package html

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// draw fills in the data of a group's charts; the page has that many views in
// all.
func (g *group) draw(views int) {
	g.Lines = min(g.Units, maxUnits)
	buckets := min(g.Steps, max(50, min(maxSteps, maxCells/max(1, views*g.Lines))))
	g.Starts = make([]int, buckets)
	for b := range g.Starts {
		g.Starts[b] = b * g.Steps / buckets
	}
	bucket := make([]int, g.Steps)
	for b, from := range g.Starts {
		for s := from; s < g.end(b); s++ {
			bucket[s] = b
		}
	}
	worst := make([]float64, g.Units) // margin of each unit, in the row that is shown
	for _, q := range g.Quantities {
		for _, v := range q.Views {
			g.margins(v, bucket, worst)
		}
	}
	g.Shown = g.units(worst, max(1, maxValues/max(1, views*buckets)))
	for _, q := range g.Quantities {
		for _, v := range q.Views {
			g.values(v, bucket)
		}
	}
}

// end is the step after a bucket's last one.
func (g *group) end(b int) int {
	if b+1 < len(g.Starts) {
		return g.Starts[b+1]
	}
	return g.Steps
}

// margins fills in errors, bounds and the heat map.
func (g *group) margins(v *view, bucket []int, worst []float64) {
	n := len(g.Starts)
	margin := make([]float64, n)
	heat := make([]byte, g.Lines*n)
	v.Err, v.Bound = make(points, n), make(points, n)
	seen := make([]bool, n)
	for flat, f := range v.of.Each() {
		row, step, unit := flat/(g.Steps*g.Units), flat/g.Units%g.Steps, flat%g.Units
		b := bucket[step]
		if !seen[b] || f.Margin > margin[b] || f.Margin == margin[b] && !(v.Err[b] >= f.Abs) {
			seen[b], margin[b], v.Err[b], v.Bound[b] = true, f.Margin, f.Abs, f.Bound
		}
		at := &heat[unit*g.Lines/g.Units*n+b]
		*at = max(*at, code(f.Margin))
		if row == g.Row {
			worst[unit] = math.Max(worst[unit], f.Margin)
		}
	}
	codes := make([]byte, n)
	for b, m := range margin {
		codes[b] = code(m)
	}
	v.Margin, v.Heat = base64.StdEncoding.EncodeToString(codes), base64.StdEncoding.EncodeToString(heat)
}

// units returns all units, or the most that have the largest margins, in order.
func (g *group) units(worst []float64, most int) []int {
	out := make([]int, g.Units)
	for u := range out {
		out[u] = u
	}
	if most < len(out) {
		slices.SortStableFunc(out, func(a, b int) int {
			switch {
			case worst[a] > worst[b]:
				return -1
			case worst[a] < worst[b]:
				return 1
			}
			return 0
		})
		out = slices.Clone(out[:most])
		slices.Sort(out)
	}
	return out
}

// values fills in both sides' values in the row that is shown: of each bucket
// the step with the largest margin.
func (g *group) values(v *view, bucket []int) {
	n := len(g.Starts)
	ref, err := v.of.Reference.Float64s()
	if err != nil {
		return // only floats get here
	}
	cand, err := v.of.Candidate.Float64s()
	if err != nil {
		return
	}
	line := make([]int, g.Units)
	for i := range line {
		line[i] = -1
	}
	for i, u := range g.Shown {
		line[u] = i
	}
	margin := make([]float64, len(g.Shown)*n)
	for i := range margin {
		margin[i] = -1
	}
	for k := range v.Values {
		v.Values[k] = make(array, len(margin))
	}
	for flat, f := range v.of.Each() {
		if flat/(g.Steps*g.Units) != g.Row || line[flat%g.Units] < 0 {
			continue
		}
		at := line[flat%g.Units]*n + bucket[flat/g.Units%g.Steps]
		if f.Margin > margin[at] {
			margin[at] = f.Margin
			v.Values[0][at], v.Values[1][at] = float32(ref[flat]), float32(cand[flat])
		}
	}
}

// code is a margin as a byte: 0 for 0, to 127 for what is inside its bound, to
// 253 for what is outside, and 255 where no figure says how far. A margin is
// read back to within 6 % inside and 8 % outside, from 1e-6 to 1e8.
func code(margin float64) byte {
	switch {
	case margin == 0:
		return 0
	case margin <= 1:
		return byte(max(1, 127+math.Round(math.Log10(margin)/6*126)))
	case margin <= math.MaxFloat64:
		return byte(min(253, 128+math.Round(math.Log10(margin)/8*125)))
	}
	return 255
}

// points are numbers as JSON, with four digits, null where they are not finite.
type points []float64

// MarshalJSON writes the points.
func (p points) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, x := range p {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out = append(out, "null"...)
		} else {
			out = strconv.AppendFloat(out, x, 'g', 4, 64)
		}
	}
	return append(out, ']'), nil
}

// array is float32 as base64 of its little-endian bytes.
type array []float32

// MarshalJSON writes the array.
func (a array) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(a))
	for _, v := range a {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return strconv.AppendQuote(nil, base64.StdEncoding.EncodeToString(b)), nil
}
