package kernel

import "math"

// wideCell makes a cell of numbers that draw makes, by AVX-512 or by AVX2.
type wideCell func(draw func(n int) []float32, features, units int, wide bool) Cell[float32]

// wideCells are cells that have all of AVX-512's kernels in them.
var wideCells = []wideCell{
	func(draw func(n int) []float32, features, units int, wide bool) Cell[float32] {
		n := 4 * units
		return newPackedLSTM(draw(features*n), draw(units*n), draw(n), features, units, TanhFunction, SigmoidFunction, wide)
	},
	func(draw func(n int) []float32, features, units int, wide bool) Cell[float32] {
		n := 3 * units
		return newPackedGRU(draw(features*n), draw(units*n), draw(n), draw(n), features, units, TanhFunction, SigmoidFunction, true, wide)
	},
}

// wideAgrees tells whether AVX-512's kernels compute the bits of AVX2's on this
// processor: cells of 48 units, one row and five, three steps. It takes a fraction
// of a millisecond when a process starts, and keeps a processor (or an emulator, or
// a virtual machine) that nobody has tried from answering wrong.
func wideAgrees(cells []wideCell) bool {
	for _, cell := range cells {
		if !agrees(cell) {
			return false
		}
	}
	return true
}

func agrees(build wideCell) bool {
	const features, units, most = 3, 48, 5
	var after [2][]float32
	for i := range after {
		random := uint32(1)
		draw := func(n int) []float32 {
			out := make([]float32, n)
			for j := range out {
				random = random*1664525 + 1013904223 // Numerical Recipes' generator
				out[j] = float32(int32(random)) / (1 << 31)
			}
			return out
		}
		cell := build(draw, features, units, i == 1)
		x, h0, c0 := draw(most*features), draw(most*units), draw(most*units)
		for _, rows := range []int{1, most} {
			h, c := append([]float32{}, h0[:rows*units]...), append([]float32{}, c0[:rows*units]...)
			z, scratch := draw(rows*cell.Width()), draw(cell.Scratch(rows))
			scratch[len(scratch)-1] = 0
			for range 3 {
				cell.Next(h, c, x[:rows*features], z, scratch, rows)
			}
			after[i] = append(append(after[i], h...), c...)
		}
	}
	for i, v := range after[0] {
		if math.Float32bits(v) != math.Float32bits(after[1][i]) {
			return false
		}
	}
	return true
}
