package fault

import (
	"reflect"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// callOf is three steps of a batch of two with one feature, and a step more that
// the loop does not take; its cells are a GRU and an LSTM.
func callOf[F float32 | float64]() *engine.CellCall[F] {
	return &engine.CellCall[F]{
		Steps: 3, Batch: 2,
		X:      []F{1, 2, 3, 4, 5, 6, 7, 8},
		Mask:   []bool{true, false, true, true, false, true, true, true},
		States: [][]F{{10, 11}, {20, 21}, {30, 31}},
	}
}

// What a loop reads under each fault, and under several, in both types; the tensors
// that it is read from stay as they are.
func TestLoopEdits(t *testing.T) {
	gru := &recurrent.Layer{Name: "gru", Kind: recurrent.GRU, Features: 1, States: []int{3}}
	lstm := &recurrent.Layer{Name: "lstm", Kind: recurrent.LSTM, Features: 2, States: []int{4, 5}}
	r := &recurrent.Recurrence{Loop: &savedmodel.Node{}, Cells: []*recurrent.Layer{gru, lstm}}
	all := []bool{true, true, true, true, true, true}
	for _, c := range []struct {
		name   string
		layer  *recurrent.Layer
		kinds  []Kind
		x      []float64
		mask   []bool
		states [][]float64
	}{
		{"swapped", lstm, []Kind{StatesSwapped}, nil, nil, [][]float64{{10, 11}, {30, 31}, {20, 21}}},
		{"swapped twice", lstm, []Kind{StatesSwapped, StatesSwapped}, nil, nil, nil},
		{"one state", gru, []Kind{StatesSwapped}, nil, nil, nil},
		{"ignored", lstm, []Kind{StatesIgnored}, nil, nil, [][]float64{{10, 11}, {0, 0}, {0, 0}}},
		{"ignored in the first", gru, []Kind{StatesIgnored}, nil, nil, [][]float64{{0, 0}, {20, 21}, {30, 31}}},
		{"backwards", gru, []Kind{Backwards}, []float64{5, 6, 3, 4, 1, 2}, []bool{false, true, true, true, true, false}, nil},
		{"mask ignored", gru, []Kind{MaskIgnored}, nil, all, nil},
		{"zero inputs", gru, []Kind{MaskZeroInputs}, []float64{1, 0, 3, 4, 0, 6, 7, 8}, all, nil},
		{"backwards with zero inputs", lstm, []Kind{Backwards, MaskZeroInputs}, []float64{0, 6, 3, 4, 1, 0}, all, nil},
		{"zero inputs and swapped", lstm, []Kind{MaskZeroInputs, StatesSwapped}, []float64{1, 0, 3, 4, 0, 6, 7, 8}, all, [][]float64{{10, 11}, {30, 31}, {20, 21}}},
	} {
		src := &source.Source{Loops: map[*savedmodel.Node]engine.CellEdit{}}
		for _, k := range c.kinds {
			Fault{Kind: k}.addLoopEdit(src, c.layer, r)
		}
		want := callOf[float64]()
		if c.x != nil {
			want.X = c.x
		}
		if c.mask != nil {
			want.Mask = c.mask
		}
		if c.states != nil {
			want.States = c.states
		}
		single, double := callOf[float32](), callOf[float64]()
		x, mask, states := double.X, double.Mask, slices.Clone(double.States)
		src.Loops[r.Loop].Float32(single)
		src.Loops[r.Loop].Float64(double)
		if !reflect.DeepEqual(double, want) {
			t.Errorf("%s: %+v, want %+v", c.name, double, want)
		}
		if got := widened(single); !reflect.DeepEqual(got, want) {
			t.Errorf("%s in float32: %+v, want %+v", c.name, got, want)
		}
		if was := callOf[float64](); !slices.Equal(x, was.X) || !slices.Equal(mask, was.Mask) || !reflect.DeepEqual(states, was.States) {
			t.Errorf("%s: what was read became %v, %v, %v", c.name, x, mask, states)
		}
	}
}

func widened(c *engine.CellCall[float32]) *engine.CellCall[float64] {
	wide := func(d []float32) (out []float64) {
		for _, v := range d {
			out = append(out, float64(v))
		}
		return out
	}
	out := &engine.CellCall[float64]{Steps: c.Steps, Batch: c.Batch, X: wide(c.X), Mask: c.Mask}
	for _, s := range c.States {
		out.States = append(out.States, wide(s))
	}
	return out
}
