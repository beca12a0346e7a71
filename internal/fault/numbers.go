package fault

import (
	"math"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// addULPs32 moves a float32 by units in the last place, through zero if need be.
func addULPs32(w float64, by int) float64 {
	bits := int64(math.Float32bits(float32(w)))
	if bits >= 1<<31 {
		bits = 1<<31 - bits
	}
	if bits += int64(by); bits < 0 {
		return -float64(math.Float32frombits(uint32(-bits)))
	}
	return float64(math.Float32frombits(uint32(bits)))
}

func addULPs64(w float64, by int) float64 {
	to := math.Inf(1)
	if by < 0 {
		to, by = math.Inf(-1), -by
	}
	for range by {
		w = math.Nextafter(w, to)
	}
	return w
}

// reorderGates returns rows whose blocks, which are in Keras's order of the
// gates, are read as if they were in the given one.
func reorderGates(w []float64, columns, units int, own, order string) []float64 {
	if w == nil {
		return nil
	}
	out := make([]float64, len(w))
	for row := 0; row < len(w); row += columns {
		for i, letter := range own {
			from := strings.IndexRune(order, letter)
			copy(out[row+i*units:row+(i+1)*units], w[row+from*units:])
		}
	}
	return out
}

// misreadTransposed reads the numbers of a (rows, columns) matrix as if they
// were those of a (columns, rows) one, and transposes it.
func misreadTransposed(w []float64, rows, columns int) []float64 {
	out := make([]float64, len(w))
	for i := range rows {
		for j := range columns {
			out[i*columns+j] = w[j*rows+i]
		}
	}
	return out
}

// misreadBlocks is misreadTransposed of each block of columns alone.
func misreadBlocks(w []float64, rows, columns, width int) []float64 {
	out := make([]float64, len(w))
	block := make([]float64, rows*width)
	for from := 0; from < columns; from += width {
		for i := range rows {
			copy(block[i*width:], w[i*columns+from:][:width])
		}
		for i, v := range misreadTransposed(block, rows, width) {
			out[i/width*columns+from+i%width] = v
		}
	}
	return out
}

func rounded(w []float64, to func(float64) float64) []float64 {
	out := slices.Clone(w)
	for i, v := range w {
		out[i] = to(v)
	}
	return out
}

// toInt8 rounds weights to -127 to 127 times a scale: that of the largest of the
// whole tensor, or of each column.
func toInt8(w []float64, columns int, by string) []float64 {
	if by == PerTensor {
		columns = 1
	}
	largest := make([]float64, columns)
	for i, v := range w {
		largest[i%columns] = max(largest[i%columns], math.Abs(v))
	}
	out := slices.Clone(w)
	for i, v := range w {
		if scale := largest[i%columns] / 127; scale > 0 {
			out[i] = math.RoundToEven(v/scale) * scale
		}
	}
	return out
}

// toHalf rounds floats to float16, and leaves other tensors as they are.
func toHalf(t *lockstep.Tensor) (*lockstep.Tensor, error) {
	if t.DType() != lockstep.Float32 && t.DType() != lockstep.Float64 {
		return t, nil
	}
	d, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(d))
	for i, x := range d {
		out[i] = half(x)
	}
	return inType(out, t.DType(), slices.Clone(t.Shape()))
}

// half is the float16 next to x.
func half(x float64) float64 {
	const least, most = -14, 65504
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	unit := math.Ldexp(1, max(math.Ilogb(x), least)-10)
	y := math.RoundToEven(x/unit) * unit
	if math.Abs(y) > most {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}
