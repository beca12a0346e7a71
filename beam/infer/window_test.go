package infer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

func openSeed(t *testing.T, f *Forecast) (*Predictor, *native.Model, Config) {
	t.Helper()
	dir := fixture.Dir(t, "seed_keras3")
	c := config(t, dir)
	c.Forecast = f
	p, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p, p.model, c
}

// Windows of series are those of the notebook: the encoder sees ten values, the decoder the next ten.
func TestWindowsOfSeries(t *testing.T) {
	p, m, c := openSeed(t, nil)
	w, err := p.Windowing(t.Context(), Span{Horizon: 10}, 1)
	if err != nil || w.Past != 10 || w.Stride != 10 || w.Length() != 20 {
		t.Fatal(w, err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var all []Series
	for i, n := range []int{19, 20, 29, 30, 45, 6000, 0} {
		s := Series{Key: fmt.Sprint(i)}
		for j := range n {
			s.Values, s.Times = append(s.Values, rng.NormFloat64()), append(s.Times, fmt.Sprint(j))
		}
		all = append(all, s)
	}
	all = append(all, Series{Key: "7", Values: make([]float64, 30), Times: []string{"1"}})
	got, failed, _, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
		blocks, failures := Windows(s, w, beam.CreateList(s, all))
		predictions, others := Infer(s, c, blocks)
		return predictions, beam.Flatten(s, failures, others)
	})
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, f := range failed {
		reasons[f.Key] = f.Reason
	}
	if len(failed) != 3 || !strings.Contains(reasons["0"], "19 values, and a window needs 20") || !strings.Contains(reasons["7"], "1 times") || reasons["6"] == "" {
		t.Errorf("failures %v", failed)
	}
	windows := map[string]int{}
	for _, b := range got {
		y, err := b.Columns[0].Tensor(len(b.Keys))
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range b.Keys {
			var n, last int
			fmt.Sscan(key, &n)
			fmt.Sscan(b.Times[i], &last)
			at := last - 9
			if at%10 != 0 {
				t.Fatalf("series %s has a window that ends at %d", key, last)
			}
			encoder, decoder := make([]float32, 10), make([]float32, 10)
			for j := range 10 {
				encoder[j], decoder[j] = float32(all[n].Values[at+j]), float32(all[n].Values[at+10+j])
			}
			if one, err := take(y, []int{i}); err != nil || !one.BitEqual(runOne(t, m, encoder, decoder)) {
				t.Fatalf("series %s: the window at %d has other bits than Model.Run: %v", key, at, err)
			}
			windows[key]++
		}
	}
	if fmt.Sprint(windows) != "map[1:1 2:1 3:2 4:3 5:599]" {
		t.Errorf("windows %v", windows)
	}
}

// Forecasts on own outputs are the model fed what it said, step by step.
func TestForecastOfWindows(t *testing.T) {
	p, m, _ := openSeed(t, &Forecast{Horizon: 7})
	if in, out := p.Roles(); in != "decoder_input" || out == "" {
		t.Fatal(in, out)
	}
	w, err := p.Windowing(t.Context(), Span{Horizon: 7, Last: true}, 1)
	if err != nil || w.Length() != 10 || !slices.Equal(w.Starts(25), []int{15}) {
		t.Fatal(w, err)
	}
	b, err := NewBuilder(w.Specs())
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var series [][]float64
	for range 33 {
		values := make([]float64, 10)
		for j := range values {
			values[j] = rng.NormFloat64()
		}
		series = append(series, values)
		if err := b.Add(w.Values(values)); err != nil {
			t.Fatal(err)
		}
	}
	inputs, err := b.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	done, failed, err := p.Predict(t.Context(), 33, inputs)
	if err != nil || len(failed) > 0 || len(done) != 1 || p.Rows() != defaultRows {
		t.Fatal(done, failed, err)
	}
	y, err := lockstep.Data[float32](done[0].Outputs[0].Tensor)
	if err != nil || len(y) != 33*7 {
		t.Fatal(len(y), err)
	}
	for i, values := range series {
		encoder := make([]float32, 10)
		for j, x := range values {
			encoder[j] = float32(x)
		}
		fed := append([]float32{encoder[9]}, y[i*7:i*7+6]...)
		want, err := lockstep.Data[float32](runOne(t, m, encoder, fed))
		if err != nil || !slices.Equal(want, y[i*7:(i+1)*7]) {
			t.Fatalf("series %d: %v, want %v, %v", i, y[i*7:(i+1)*7], want, err)
		}
	}
}

func TestWindowingRefuses(t *testing.T) {
	p, _, _ := openSeed(t, nil)
	for _, c := range []struct {
		span     Span
		features int
		want     string
	}{
		{Span{}, 1, "a horizon of 0"},
		{Span{Past: 9, Horizon: 3}, 1, "a past of 9 values, and the input encoder_input"},
		{Span{Horizon: 3}, 2, "series of 2 features"},
		{Span{Horizon: 3, Stride: -1}, 1, "stride of -1"},
		{Span{Horizon: -3}, 1, "a horizon of -3"},
	} {
		if _, err := p.Windowing(t.Context(), c.span, c.features); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.span, err, c.want)
		}
	}
}
