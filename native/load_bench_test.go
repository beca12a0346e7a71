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
