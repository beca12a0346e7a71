package recurrent

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// FuzzFind looks for layers in whatever graph a saved_model.pb holds.
func FuzzFind(f *testing.F) {
	for _, name := range []string{"no_bias_keras3", "not_gru", "fixed_steps_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "simplernn_masked_zero_keras3", "cells_mixed_keras3", "nested_map_gru_keras3", "nested_decoder_keras3", "nested_branch_keras3"} {
		b, err := fs.ReadFile(fixture.FS(f, name), "saved_model.pb")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		saved, err := savedmodel.OpenFS(fstest.MapFS{"saved_model.pb": {Data: b}})
		if err != nil {
			return
		}
		m, err := saved.MetaGraph()
		if err != nil {
			return
		}
		g, err := m.Flatten("")
		if err != nil {
			return
		}
		found, err := Find(m, g)
		if err != nil {
			return
		}
		if (found.Seq2Seq == nil) != errors.Is(found.NoSeq2Seq, lockstep.ErrNotSeq2Seq) {
			t.Errorf("neither the seq2seq nor a reason: %v", found.NoSeq2Seq)
		}
		for _, l := range found.Layers {
			if l.Units < 1 || l.Loop == nil || l.Kernel.Node == nil || l.RecurrentKernel.Node == nil || len(l.Bounds) == 0 {
				t.Errorf("layer %+v is not whole", l)
			}
		}
		cells := 0
		for _, r := range found.Recurrences {
			cells += len(r.Cells)
			if len(r.Cells) == 0 || len(r.Bounds) == 0 || !slices.Contains(r.Counters, r.Counter) || r.Mask != nil && r.Mask.Steps == r.Steps {
				t.Errorf("recurrence %+v is not whole", r)
			}
		}
		if cells != len(found.Layers) {
			t.Errorf("%d cells, and %d layers", cells, len(found.Layers))
		}
		watchAll(t, g, found)
		if _, err := found.Weights(m, g); err != nil && found.Seq2Seq != nil {
			t.Error(err)
		}
		if found.Seq2Seq != nil {
			if w, err := found.Seq2Seq.Weights(m); err != nil || len(w) < 5 {
				t.Errorf("%d weights, %v", len(w), err)
			}
		}
	})
}

// watchAll writes the copy of the graph that notes what nested layers read, or is
// told why there is none.
func watchAll(t *testing.T, g *savedmodel.Graph, found *Findings) {
	t.Helper()
	var runs []Run
	for _, l := range found.Layers {
		runs = append(runs, Run{Layer: l, At: make([]int, len(l.Place.Loops()))})
		if !l.Nested() {
			continue
		}
		watch := savedmodel.Watch{Place: l.Place, Tensors: []savedmodel.WatchedTensor{{Ref: l.InitialState[0], DType: lockstep.Float32}}}
		def, err := g.WatchDef(nil, []savedmodel.Watch{watch}, 1<<20, MaxRuns)
		if err == nil && (len(def.Def) == 0 || len(def.Shown) != 1) {
			t.Errorf("layer %s: what is noted of it is not whole", l.Name)
		}
	}
	SortRuns(g, runs)
}
