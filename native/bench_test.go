package native

import (
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// benchmarked are models of several kinds.
var benchmarked = []string{
	"seed_keras3", "seed_tfkeras", "gru_masked_keras3", "embedding_mask_zero_keras3", "guide_attention_seq2seq_keras3", "cells_mixed_keras3",
}

func BenchmarkLoad(b *testing.B) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		b.Run(name, func(b *testing.B) {
			dir := fixture.Dir(b, name)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(dir); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRunner(b *testing.B) {
	for _, name := range benchmarked {
		b.Run(name, func(b *testing.B) {
			r := load1(b, name).NewRunner()
			in := fixture.Tensors(b, name, "inputs.npz")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Run(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The graph's way beside the hand-wired one.
func BenchmarkSeq2Seq(b *testing.B) {
	const name = "seed_keras3"
	m := load1(b, name)
	in := fixture.Tensors(b, name, "inputs.npz")
	b.Run("path=graph", func(b *testing.B) {
		r := m.NewRunner()
		for b.Loop() {
			if _, err := r.Run(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("path=slices", func(b *testing.B) {
		s := seq2seqOf(b, m)
		x, d := floats(b, in["encoder_input"]), floats(b, in["decoder_input"])
		batch, steps := in["decoder_input"].Shape()[0], in["decoder_input"].Shape()[1]
		r, y := s.NewRunner(batch), make([]float32, batch*steps*s.OutputFeatures)
		for b.Loop() {
			if err := r.Encode(x, batch); err != nil {
				b.Fatal(err)
			}
			if err := r.Decode(y, d); err != nil {
				b.Fatal(err)
			}
		}
	})
}
