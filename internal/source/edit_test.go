package source

import (
	"errors"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func open(t *testing.T, name string) *Source { return openWith(t, name, Options{}) }

func openWith(t *testing.T, name string, o Options) *Source {
	t.Helper()
	saved, err := savedmodel.OpenFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(saved, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func edit(t *testing.T, s *Source, edit func(*Source) error) *Source {
	t.Helper()
	out, err := s.Edit(edit)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// firstOf returns the first number of a layer's bias.
func firstOf(t *testing.T, s *Source, layer string) float64 {
	t.Helper()
	w, err := s.LayerWeight(layer, "bias")
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return d[0]
}

// fill returns a tensor in the shape of t whose elements are all v.
func fill(t *lockstep.Tensor, v float32) (*lockstep.Tensor, error) {
	d := make([]float32, t.Len())
	for i := range d {
		d[i] = v
	}
	return lockstep.New(d, t.Shape()...)
}

// setBias is an edit that fills a layer's bias.
func setBias(layer string, v float32) func(*Source) error {
	return func(s *Source) error {
		l, _, err := s.EditLayer(layer)
		if err != nil {
			return err
		}
		w, err := s.Weight(l.Bias)
		if err != nil {
			return err
		}
		if w, err = fill(w, v); err != nil {
			return err
		}
		l.Bias = s.Constant(w)
		return nil
	}
}

// What an edit changes is in the copy alone, and in copies of that.
func TestEditChangesTheCopy(t *testing.T) {
	s := open(t, "gru_masked_keras3")
	layer := s.Found.Layers[0].Name
	before := firstOf(t, s, layer)
	one := edit(t, s, setBias(layer, 9))
	two := edit(t, one, func(s *Source) error {
		_, r, err := s.EditLayer(layer)
		if err != nil {
			return err
		}
		r.Mask.Previous, r.Mask.Steps = -7, -8
		s.Loops[r.Loop] = nil
		return setBias(layer, -9)(s)
	})
	for i, c := range []struct {
		*Source
		bias float64
	}{{s, before}, {one, 9}, {two, -9}} {
		if got := firstOf(t, c.Source, layer); got != c.bias {
			t.Errorf("copy %d has the bias %v, want %v", i, got, c.bias)
		}
		l, r, err := c.Layer(layer)
		if err != nil {
			t.Fatal(err)
		}
		if c.Found.Layers[0] != l || c.Found.Recurrences[0] != r {
			t.Errorf("copy %d has a layer that is not in its loop", i)
		}
		if edited := i == 2; (r.Mask.Previous == -7) != edited || (r.Mask.Steps == -8) != edited || (len(c.Loops) == 1) != edited {
			t.Errorf("copy %d has the mask %+v and %d edits of loops", i, r.Mask, len(c.Loops))
		}
		if c.Edited() != (i > 0) {
			t.Errorf("copy %d: edited: %v", i, c.Edited())
		}
	}
	weights, err := two.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := weights.Get(layer + "/bias").Float64s(); err != nil || d[0] != before {
		t.Errorf("the checkpoint's weights show %v of the copy, %v", d[0], err)
	}
}

// ConvertWeights converts what was read and what earlier edits put in, but nothing
// that a later edit does, and a second conversion comes after the first.
func TestConvertWeights(t *testing.T) {
	s := open(t, "seed_keras3")
	add := func(v float32) func(*Source) error {
		return func(s *Source) error {
			return s.ConvertWeights(func(w *lockstep.Tensor) (*lockstep.Tensor, error) {
				d, err := lockstep.Data[float32](w)
				if err != nil {
					return nil, err
				}
				return fill(w, d[0]*2+v)
			})
		}
	}
	encoder, decoder := firstOf(t, s, "encoder"), firstOf(t, s, "decoder")
	s1 := edit(t, s, setBias("encoder", 5))
	s2 := edit(t, s1, add(1))
	s3 := edit(t, s2, add(10))
	s4 := edit(t, s3, setBias("decoder", 3))
	twice := func(v float64) float64 { return float64(float32(float32(v)*2+1)*2 + 10) }
	for i, c := range []struct {
		*Source
		encoder, decoder float64
	}{{s, encoder, decoder}, {s1, 5, decoder}, {s2, 11, float64(float32(decoder)*2 + 1)}, {s3, 32, twice(decoder)}, {s4, 32, 3}} {
		if e, d := firstOf(t, c.Source, "encoder"), firstOf(t, c.Source, "decoder"); e != c.encoder || d != c.decoder {
			t.Errorf("copy %d has the biases %v and %v, want %v and %v", i, e, d, c.encoder, c.decoder)
		}
	}
}

// The oracle of a copy computes with the copy's cells, and shares those of layers
// that the edit leaves alone.
func TestOracleEdit(t *testing.T) {
	s := open(t, "seed_keras3")
	o, err := s.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	edited, err := o.Edit(setBias("encoder", 3))
	if err != nil {
		t.Fatal(err)
	}
	if edited.cells["encoder"] == o.cells["encoder"] || edited.cells["decoder"] != o.cells["decoder"] {
		t.Error("the cell of the encoder is shared, or that of the decoder is not")
	}
	converted, err := edited.Edit(func(s *Source) error {
		return s.ConvertWeights(func(w *lockstep.Tensor) (*lockstep.Tensor, error) { return fill(w, 0) })
	})
	if err != nil {
		t.Fatal(err)
	}
	zeros := map[string]*lockstep.Tensor{}
	for name, n := range map[string]int{"x": 1, "h": 64, "c": 64} {
		if zeros[name], err = lockstep.Zeros(lockstep.Float32, 1, n); err != nil {
			t.Fatal(err)
		}
	}
	own, err := edited.source.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range []*Oracle{edited, own, converted} {
		exact, _, err := o.Step("encoder", zeros)
		if err != nil {
			t.Fatal(err)
		}
		d, err := exact["sum_i"].Float64s()
		if want := []float64{3, 3, 0}[i]; err != nil || d[0] != want {
			t.Errorf("oracle %d: the sum of a gate is %v, want the bias %v", i, d[0], want)
		}
	}
	if _, err := o.Edit(func(s *Source) error { _, _, err := s.EditLayer("nobody"); return err }); err == nil {
		t.Error("an edit that fails gives an oracle")
	}
}

// The budget is for all weights together.
func TestWeightsBudget(t *testing.T) {
	const one = 64 * 256 * 4 // the largest of the seed model, which has two
	if _, err := openWith(t, "seed_keras3", Options{Memory: one * 3 / 2}).Weights(); !errors.Is(err, lockstep.ErrMemory) {
		t.Errorf("%v, want %v", err, lockstep.ErrMemory)
	}
	if _, err := openWith(t, "seed_keras3", Options{Memory: one * 3}).Weights(); err != nil {
		t.Error(err)
	}
}
