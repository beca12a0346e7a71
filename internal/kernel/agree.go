package kernel

import "math"

// wideAgrees tells whether AVX-512's kernels compute the bits of AVX2's on this
// processor. It takes some microseconds when a process starts, and keeps an
// untested processor (or emulator, or virtual machine) from computing wrong
// results.
func wideAgrees(lstm func(kernel, recurrent, bias []float32, features, units int, act, rec Activation, wide bool) *packedLSTM) bool {
	const features, units, most, steps = 3, 48, 5, 3
	var draw drawn
	kernel, recurrent, bias := draw.numbers(features*4*units), draw.numbers(units*4*units), draw.numbers(4*units)
	x, h, c := draw.numbers(most*features), draw.numbers(most*units), draw.numbers(most*units)
	for _, rows := range []int{1, most} {
		var made [2][]float32
		for i, wide := range []bool{false, true} {
			l := lstm(kernel, recurrent, bias, features, units, TanhFunction, SigmoidFunction, wide)
			state := append(append([]float32{}, h[:rows*units]...), c[:rows*units]...)
			z, scratch := make([]float32, rows*l.Width()), make([]float32, l.Scratch(rows))
			l.Project(z, x, rows)
			made[i] = append(made[i], z...)
			for range steps {
				l.Next(state[:rows*units], state[rows*units:], x[:rows*features], z, scratch, rows)
			}
			made[i] = append(made[i], state...)
		}
		if !sameBits(made[0], made[1]) {
			return false
		}
	}
	const n = 3 * 16
	y := make([]float32, 2*n)
	v := draw.numbers(3 * n)
	for i := range v {
		v[i] *= 8
	}
	for _, f := range []struct{ narrow, wide func(y, x *float32, n int) }{{sigmoids, sigmoidsWide}, {tanhs, tanhsWide}} {
		f.narrow(&y[0], &v[0], n)
		f.wide(&y[n], &v[0], n)
		if !sameBits(y[:n], y[n:]) {
			return false
		}
	}
	copy(y, h[:n])
	copy(y[n:], h[:n])
	s := draw.numbers(3 * n)
	gruGates(&y[0], &v[0], &s[0], n, n)
	gruGatesWide(&y[n], &v[0], &s[0], n, n)
	return sameBits(y[:n], y[n:])
}

// drawn draws numbers from -1 to 1 by Numerical Recipes' generator.
type drawn uint32

func (d *drawn) numbers(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		*d = *d*1664525 + 1013904223
		out[i] = float32(int32(*d)) / (1 << 31)
	}
	return out
}

func sameBits(a, b []float32) bool {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
