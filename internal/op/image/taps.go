package image

import "math"

// tap is an element of the image along one axis, and its weight in an element of
// the result.
type tap struct {
	at     int
	weight float32
}

// method is how images are resized.
type method interface {
	// taps appends those of element i of the result. They are contracted where a
	// compiler may round a product and a sum once: see scaler.
	taps(to []tap, s scaler, i int, contracted bool) []tap
	// scale is a factor of the result.
	scale(rows, cols scaler) float32
}

// muladd is x·y+z, rounded twice, or once.
func muladd(x, y, z float32, once bool) float32 {
	if once {
		return float32(math.FMA(float64(x), float64(y), float64(z)))
	}
	return float32(x*y) + z
}

func inside(at, n int) int { return max(0, min(at, n-1)) }

func floor(x float32) int { return int(math.Floor(float64(x))) }
func ceil(x float32) int  { return int(math.Ceil(float64(x))) }

// bilinear weighs the pixels before and after a position. Its taps are two: the
// first one's weight is 1 less the second's, which is computed as
// first + (second-first)·weight.
type bilinear struct{}

func (bilinear) taps(to []tap, s scaler, i int, contracted bool) []tap {
	at := s.at(i, contracted)
	below := float32(math.Floor(float64(at)))
	part := at - below
	return append(to, tap{max(int(below), 0), 1 - part}, tap{min(ceil(at), s.in-1), part})
}

func (bilinear) scale(scaler, scaler) float32 { return 1 }

// bicubic weighs four pixels by a cubic of their distance, which TensorFlow has in a
// table.
type bicubic struct{}

const tableSize = 1 << 10

// cubics are the weights of a pixel at a distance below 1, and below 2: of Keys'
// cubic with a = -1/2, where positions are of centres, and a = -3/4.
var cubics = func() (out [2][tableSize + 1][2]float32) {
	for k, a := range []float64{-0.75, -0.5} {
		for i := range tableSize + 1 {
			x := float64(i) / tableSize
			near := float64(float64((a+2)*x) - (a + 3))
			out[k][i][0] = float32(float64(float64(near*x)*x) + 1)
			x++
			far := float64(float64(a*x) - 5*a)
			far = float64(far*x) + 8*a
			out[k][i][1] = float32(float64(far*x) - 4*a)
		}
	}
	return out
}()

func (bicubic) taps(to []tap, s scaler, i int, contracted bool) []tap {
	at := s.at(i, contracted)
	below := floor(at)
	offset := int(math.RoundToEven(float64((at - float32(below)) * tableSize)))
	table := &cubics[0]
	if s.halves {
		table = &cubics[1]
	}
	weights := [4]float32{table[offset][1], table[offset][0], table[tableSize-offset][0], table[tableSize-offset][1]}
	first := len(to)
	for k, weight := range weights {
		place := below - 1 + k
		t := tap{inside(place, s.in), weight}
		if s.halves && t.at != place {
			t.weight = 0
		}
		to = append(to, t)
	}
	if s.halves {
		normalize(to[first:])
	}
	return to
}

func (bicubic) scale(scaler, scaler) float32 { return 1 }

// normalize divides weights by their sum.
func normalize(taps []tap) {
	var sum float32
	for _, t := range taps {
		sum += t.weight
	}
	if math.Abs(float64(sum)) < 1000*0x1p-126 {
		return
	}
	factor := 1 / sum
	for i := range taps {
		taps[i].weight *= factor
	}
}

// area weighs pixels by how much of them an element of the result covers.
type area struct{}

func (area) taps(to []tap, s scaler, i int, contracted bool) []tap {
	from, end := float32(i)*s.scale, float32(i+1)*s.scale
	for at := floor(from); at < ceil(end); at++ {
		to = append(to, tap{inside(at, s.in), s.covered(i, at, contracted)})
	}
	return to
}

// covered is how much of a pixel is covered by element i.
func (s scaler) covered(i, pixel int, contracted bool) float32 {
	from, end := float32(i)*s.scale, float32(i+1)*s.scale
	switch at, next := float32(pixel), float32(pixel+1); {
	case at < from && next > end:
		return s.scale
	case at < from:
		return muladd(-float32(i), s.scale, next, contracted)
	case next > end:
		return muladd(float32(i+1), s.scale, -at, contracted)
	}
	return 1
}

func (area) scale(rows, cols scaler) float32 {
	return float32(1 / float64(rows.scale*cols.scale))
}
