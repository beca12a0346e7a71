package diagnose

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

func model(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The candidate's layer is the one that is named, or that of the same name, or the
// one in its place.
func TestTheCandidatesLayer(t *testing.T) {
	s := &search{Problem: Problem{CandidateModel: model(t, "seed_keras3"), Names: rename.Names{Layers: map[string]string{"renamed": "decoder"}}}}
	for _, c := range []struct {
		i          int
		name, want string
	}{{0, "encoder", "encoder"}, {0, "decoder", "decoder"}, {0, "lstm", "encoder"}, {1, "lstm", "decoder"}, {2, "lstm", "lstm"}, {0, "renamed", "decoder"}} {
		if got := s.other(c.i, c.name); got != c.want {
			t.Errorf("layer %d, %s: %s, want %s", c.i, c.name, got, c.want)
		}
	}
}

// A weight in the files that differs is found with its place, its own value, and the one that
// the other engine computes with.
func TestTheWeightThatDiffers(t *testing.T) {
	for _, c := range []struct {
		layer, tensor string
		row, column   int
		gate          string
		unit          int
	}{
		{"encoder", "recurrent_kernel", 3, 70, "f", 6},
		{"decoder", "kernel", 0, 130, "g", 2},
	} {
		m := model(t, "seed_keras3")
		in := fixture.Tensors(t, "seed_keras3", "inputs.npz")
		index := c.row*256 + c.column // four gates of 64 units
		weight := lockstep.ByName(fixture.Ordered(t, "seed_keras3", "weights.npz"))[c.layer+"/"+c.tensor]
		values, err := weight.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		is := values[index] + 0.125
		dir := fixture.Dir(t, "seed_keras3")
		fixture.ChangeWeight(t, dir, weight, index, func(float32) float32 { return float32(is) })
		bad, err := native.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		p := Problem{Inputs: in, ReferenceModel: m, CandidateModel: bad}
		if p.Reference, err = m.Trace(context.Background(), in, lockstep.Steps); err != nil {
			t.Fatal(err)
		}
		if p.Candidate, err = bad.Trace(context.Background(), in, lockstep.Steps); err != nil {
			t.Fatal(err)
		}
		found, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(found.Suspects, []string{c.layer}) || len(found.Causes) == 0 || found.Causes[0].Weight == nil {
			t.Fatalf("suspects %q, causes %v", found.Suspects, found.Causes)
		}
		first := found.Causes[0]
		w := first.Weight
		if w.Layer != c.layer || w.Tensor != c.tensor || w.Row != c.row || w.Column != c.column || w.Gate != c.gate || w.Unit != c.unit || w.Ambiguous {
			t.Errorf("%s, %s[%d, %d]: %+v", c.layer, c.tensor, c.row, c.column, w)
		}
		if w.Original != values[index] || !(math.Abs(w.Changed-is) <= w.Tolerance+1e-7) || !(w.Tolerance < 1e-4) {
			t.Errorf("%+v, want %v instead of %v", w, is, values[index])
		}
		if !(first.Before > 10) || !(first.Margin <= 1) || first.WholeRun {
			t.Errorf("%+v", first)
		}
		if len(found.Weights) != 1 || found.Weights[0].Differing != 1 || found.Weights[0].Elements != len(values) || !slices.Equal(found.Weights[0].Index, []int{c.row, c.column}) ||
			found.Weights[0].Original != values[index] || found.Weights[0].Changed != float64(float32(is)) {
			t.Errorf("of the files: %+v", found.Weights)
		}
	}
}
