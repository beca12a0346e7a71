package kernel

import "math"

// wideAgrees tells whether AVX-512's kernels compute the bits of AVX2's on this
// processor: one LSTM of 48 units, one row and five, three steps. It takes some
// microseconds when a process starts, and keeps a processor (or an emulator, or
// a virtual machine) that nobody has tried from answering wrong.
func wideAgrees(make func(kernel, recurrent, bias []float32, features, units int, act, rec Activation, wide bool) *packedLSTM) bool {
	const features, units, most = 3, 48, 5
	draw := uint32(1)
	numbers := func(n int) []float32 {
		out := []float32{}
		for range n {
			draw = draw*1664525 + 1013904223 // Numerical Recipes' generator
			out = append(out, float32(int32(draw))/(1<<31))
		}
		return out
	}
	kernel, recurrent, bias := numbers(features*4*units), numbers(units*4*units), numbers(4*units)
	x, h, c := numbers(most*features), numbers(most*units), numbers(most*units)
	for _, rows := range []int{1, most} {
		var states [2][2][]float32
		for i := range states {
			l := make(kernel, recurrent, bias, features, units, TanhFunction, SigmoidFunction, i == 1)
			states[i] = [2][]float32{append([]float32{}, h[:rows*units]...), append([]float32{}, c[:rows*units]...)}
			z, scratch := numbers(rows*l.Width()), numbers(l.Scratch(rows))
			scratch[len(scratch)-1] = 0
			for range 3 {
				l.Next(states[i][0], states[i][1], x[:rows*features], z, scratch, rows)
			}
		}
		for j := range states[0] {
			for k, v := range states[0][j] {
				if math.Float32bits(v) != math.Float32bits(states[1][j][k]) {
					return false
				}
			}
		}
	}
	return true
}
