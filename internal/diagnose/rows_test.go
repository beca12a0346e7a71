package diagnose

import (
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

func TestUnravel(t *testing.T) {
	for _, c := range []struct {
		at    int
		shape []int
		want  []int
	}{{0, []int{2, 3}, []int{0, 0}}, {5, []int{2, 3}, []int{1, 2}}, {23, []int{2, 3, 4}, []int{1, 2, 3}}, {7, []int{2, 3, 4}, []int{0, 1, 3}}, {0, nil, []int{}}} {
		if got := unravel(c.at, c.shape); !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, want %v", c.at, c.shape, got, c.want)
		}
	}
}

// Quantities stand in the order in which a step computes them.
func TestRanks(t *testing.T) {
	for _, want := range [][]string{
		{"sum_i", "sum_f", "sum_g", "sum_o", "i", "f", "g", "o", "c", "h"},
		{"sum_z", "sum_r", "sum_g", "z", "r", "g", "h"},
	} {
		got := slices.Sorted(slices.Values(want))
		slices.SortFunc(got, func(a, b string) int { return rankOf(a) - rankOf(b) })
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestRowsOfAMask(t *testing.T) {
	mask := fixture.NewTensor(t, []bool{true, false, true, false, false, true}, 2, 3)
	if rows, err := rowsOf(mask, 6); err != nil || !slices.Equal(rows, []int{0, 2, 5}) {
		t.Errorf("%v, %v", rows, err)
	}
	if rows, err := rowsOf(nil, 3); err != nil || !slices.Equal(rows, []int{0, 1, 2}) {
		t.Errorf("without a mask: %v, %v", rows, err)
	}
	if _, err := rowsOf(mask, 4); err == nil {
		t.Error("a mask of six steps for four: no error")
	}
}

// Rows are taken, and steps that nobody reads cleared, in either type of float.
func TestRowsOfEitherType(t *testing.T) {
	rowsOfType(t, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	rowsOfType(t, []float64{1, 2, 3, 4, 5, 6, 7, 8})
}

func rowsOfType[F float32 | float64](t *testing.T, data []F) {
	x := fixture.NewTensor(t, data, 2, 2, 2)
	all, err := flat(x)
	if err != nil || !all.BitEqual(fixture.NewTensor(t, data, 4, 2)) {
		t.Errorf("flat: %v, %v", all, err)
	}
	some, err := pick(all, []int{1, 3}, 2, 2)
	if err != nil || !some.BitEqual(fixture.NewTensor(t, []F{3, 4, 7, 8}, 2, 2)) {
		t.Errorf("two rows: %v, %v", some, err)
	}
	mask := fixture.NewTensor(t, []bool{true, false, true, true}, 2, 2)
	if seen := read(x, mask); !seen.BitEqual(fixture.NewTensor(t, []F{1, 2, 0, 0, 5, 6, 7, 8}, 2, 2, 2)) {
		t.Errorf("masked: %v", seen)
	}
	for _, other := range []*lockstep.Tensor{nil, fixture.NewTensor(t, []bool{true, true, true, true}, 2, 2), fixture.NewTensor(t, []bool{true, false}, 2, 1)} {
		if read(x, other) != x {
			t.Errorf("a mask %v leaves out steps", other)
		}
	}
}

// layerOf is a layer of one quantity, whose exact values are all 0 with a bound of
// 1, so that a margin is what the candidate made.
func layerOf(t *testing.T, steps, units int, made map[string][]float64) *layer {
	n := 0
	meant := &exactValues{map[string][]float64{}, map[string][]float64{}}
	var quantities []string
	for q, v := range made {
		n = len(v) / units
		meant.value[q], meant.bound[q] = make([]float64, len(v)), slices.Repeat([]float64{1}, len(v))
		quantities = append(quantities, q)
	}
	slices.SortFunc(quantities, func(a, b string) int { return rankOf(a) - rankOf(b) })
	l := &layer{
		batch: n / steps, steps: steps, units: units, from: map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, make([]float32, n), n, 1)},
		quantities: map[Side][]string{InCandidate: quantities, InReference: quantities},
		values:     map[Side]map[string][]float64{InCandidate: made, InReference: {}},
		meant:      map[Side]*exactValues{InCandidate: meant, InReference: meant},
	}
	for q := range made {
		l.values[InReference][q] = make([]float64, len(made[q]))
	}
	for i := range n {
		l.rows = append(l.rows, i)
	}
	return l
}

// A margin is the difference as a part of the bound and of the rounding that shows
// the value.
func TestMargins(t *testing.T) {
	l := &layer{rounding: 0.25}
	nan := math.NaN()
	for _, c := range []struct{ made, meant, bound, want float64 }{
		{3, 3, 0, 0}, {nan, nan, 1, 0}, {nan, 1, 1, math.Inf(1)}, {1, nan, 1, math.Inf(1)},
		{5, 4, 0, 1}, {3, 4, 0, 1}, {5, 4, 1, 0.5}, {5, -4, 2, 3}, {2, 0, 4, 0.5},
	} {
		if got := l.marginOf(c.made, c.meant, c.bound); got != c.want {
			t.Errorf("%v instead of %v within %v: %v, want %v", c.made, c.meant, c.bound, got, c.want)
		}
	}
	far := layerOf(t, 3, 2, map[string][]float64{"h": {1, -2, 9, 9, 0, 4}, "c": {7, 0, 9, 9, 0, 0}})
	worst := make([]float64, 3)
	if most := far.largestMargin(InCandidate, far.meant[InCandidate], []int{0, 2}, worst); most != 7 || !slices.Equal(worst, []float64{7, 0, 4}) {
		t.Errorf("the largest margin %v, by rows %v", most, worst)
	}
	// What is supposed of some rows alone stands in their order.
	some := &exactValues{map[string][]float64{"h": {1, 0}, "c": {7, 0}}, map[string][]float64{"h": {1, 1}, "c": {1, 1}}}
	if most := far.largestMargin(InCandidate, some, []int{0}, nil); most != 2 {
		t.Errorf("the first row is 2 off in one place, and not %v", most)
	}
	some = &exactValues{map[string][]float64{"h": {0, 1}, "c": {0, 0}}, map[string][]float64{"h": {1, 1}, "c": {1, 1}}}
	if most := far.largestMargin(InCandidate, some, []int{2}, nil); most != 3 {
		t.Errorf("the last row is 3 off in one place, and not %v", most)
	}
}

// A fault is tried on the rows that are most off and on others in between.
func TestRowsThatFaultsAreTriedOn(t *testing.T) {
	l := &layer{worst: make([]float64, 1000)}
	for i := range 1000 {
		l.rows = append(l.rows, i)
		if i%10 == 7 {
			l.worst[i] = float64(1 + i)
		}
	}
	l.choose()
	if len(l.few) > few || len(l.few) < few/2 || !slices.IsSorted(l.few) || len(slices.Compact(slices.Clone(l.few))) != len(l.few) {
		t.Fatalf("%d rows: %v", len(l.few), l.few)
	}
	for i := 47; i < 1000; i += 10 { // the 96 of the 100 that are most off
		if !slices.Contains(l.few, i) {
			t.Errorf("row %d is not among them", i)
		}
	}
	for i := range few / 2 { // and in every 96th part one
		if !slices.ContainsFunc(l.few, func(r int) bool { return r >= i*1000/96 && r <= (i+1)*1000/96 }) {
			t.Errorf("none of part %d is among them", i)
		}
	}
	l = &layer{worst: make([]float64, few)}
	l.rows = make([]int, few)
	if l.choose(); len(l.few) != few {
		t.Errorf("of %d rows %d", few, len(l.few))
	}
}

// The sums that are off name a gate and a unit only where it is one.
func TestTheUnitThatIsOff(t *testing.T) {
	for _, c := range []struct {
		name string
		made map[string][]float64 // two rows of three units
		gate string
		unit int
	}{
		{"one", map[string][]float64{"sum_i": {0, 0.1, 0, 0, 0, 0}, "sum_f": {0, 0, 5, 2.4, 0, 0}}, "f", 2},
		{"two", map[string][]float64{"sum_f": {0, 0, 5, 2.5, 0, 0}}, "", 0},
		{"the first gate", map[string][]float64{"sum_i": {0, 0.2, 0, 0, 0, 0}, "sum_f": {0, 0, 5, 0, 0, 0}}, "i", 1},
		{"the last row", map[string][]float64{"sum_i": {0, 0, 0, -3, 0, 0}}, "i", 0},
		{"none", map[string][]float64{"sum_i": {0, 0.1, 0, 0, 0, 0}, "h": {9, 9, 9, 9, 9, 9}}, "", 0},
	} {
		l := layerOf(t, 2, 3, c.made)
		if gate, unit := l.offColumn(InCandidate); gate != c.gate || unit != c.unit {
			t.Errorf("%s: gate %q, unit %d, want %q, %d", c.name, gate, unit, c.gate, c.unit)
		}
	}
	for _, c := range []struct {
		h    []float64
		rows []int
		unit int
	}{
		{[]float64{0, 0, 1.5, 1, 0, 0}, []int{0, 1}, 2},
		{[]float64{0, 2, 0, 0, 3, 0}, []int{0, 1}, 1},
		{[]float64{0, 0, 1.5, 1.25, 0, 0}, []int{0, 1}, -1},
		{[]float64{0, 0, 1.5, 9, 0, 0}, []int{0}, 2}, // the second row is masked
	} {
		l := layerOf(t, 2, 3, map[string][]float64{"h": c.h})
		l.rows = c.rows
		if unit := l.offUnit(InCandidate); unit != c.unit {
			t.Errorf("%v in rows %v: unit %d, want %d", c.h, c.rows, unit, c.unit)
		}
	}
}

// The first divergence of a quantity is the first along time, whatever the row of
// the batch, beyond twice the bound and in a row that has the step.
func TestFirstAlongTime(t *testing.T) {
	// Two rows of three steps of two units: row, step, unit.
	l := layerOf(t, 3, 2, map[string][]float64{"h": {0, 0, 2, -2, 0, 9, 0, 0, 0, 3, 9, 0}})
	if p := l.first("h"); p == nil || p.Step != 1 || p.Row != 1 || p.Unit != 1 || p.Candidate != 3 || p.Reference != 0 || p.Bound != 2 {
		t.Errorf("%+v", p)
	}
	l.rows = []int{0, 1, 2, 3, 5} // without step 1 of row 1
	if p := l.first("h"); p == nil || p.Step != 2 || p.Row != 0 || p.Unit != 1 {
		t.Errorf("masked: %+v", p)
	}
	l.rows = []int{0, 1, 3}
	if p := l.first("h"); p != nil {
		t.Errorf("within the bounds: %+v", p)
	}
	l.values[InCandidate]["h"][2], l.values[InReference]["h"][2] = math.NaN(), math.NaN()
	if p := l.first("h"); p != nil {
		t.Errorf("both are no number: %+v", p)
	}
	l.values[InReference]["h"][2] = 1
	if p := l.first("h"); p == nil || p.Step != 1 || p.Row != 0 || p.Unit != 0 {
		t.Errorf("one is no number: %+v", p)
	}
}

// What a sum multiplies a weight by is an element of x or h, or one, and in a
// GRU's candidate what the reset gate leaves of it.
func TestFactors(t *testing.T) {
	l := &layer{units: 2}
	r := []float64{10, 100, 1000, 10000} // two rows of two units
	cell := cellOf{features: 3, bias: true, x: []float64{1, 2, 3, 4, 5, 6}, h: []float64{7, 8, 9, 11}}
	for _, c := range []struct {
		name       string
		gru, after bool
		gate       string
		want       []float64 // in row 1, for unit 1
	}{
		{"an LSTM", false, false, "g", []float64{4, 5, 6, 9, 11, 1}},
		{"a GRU's update gate", true, true, "z", []float64{4, 5, 6, 9, 11, 1}},
		{"a GRU's candidate", true, false, "g", []float64{4, 5, 6, 9000, 110000, 1}},
		{"a GRU's that resets after the product", true, true, "g", []float64{4, 5, 6, 90000, 110000, 1, 10000}},
	} {
		cell.gru, cell.resetAfter = c.gru, c.after
		var got []float64
		for i, f := range l.factors(cell, c.gate, 1, r) {
			got = append(got, f.v(1))
			tensor, row := "kernel", i
			if i >= 3 {
				tensor, row = "recurrent_kernel", i-3
			}
			if i >= 5 {
				tensor, row = "bias", i-5
			}
			if f.tensor != tensor || f.row != row || f.gate != c.gate {
				t.Errorf("%s: factor %d is of %s[%d], gate %s, want %s[%d]", c.name, i, f.tensor, f.row, f.gate, tensor, row)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
