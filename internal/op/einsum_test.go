package op

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Equations drawn at random, over axes that both operands have, or one, in any order:
// every kernel computes what the definition says within the rounding of the sums.
func TestEquationsOfEveryKind(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(61, 62))
		for i := range 600 {
			checkEquation(t, r, uint64(i%4))
		}
	})
}

func checkEquation(t *testing.T, r *rand.Rand, fixed uint64) {
	t.Helper()
	letters := []rune("abcde")[:1+r.IntN(5)]
	lengths := map[rune]int{}
	var terms [3][]rune // the operands' letters, and the result's
	for _, l := range letters {
		lengths[l] = 1 + r.IntN(6)
		if r.IntN(8) == 0 {
			lengths[l] = 30 + r.IntN(9)
		}
		in := 1 + r.IntN(3) // operands that have it, as bits
		for k := range 2 {
			if in>>k&1 != 0 {
				terms[k] = append(terms[k], l)
			}
		}
		if r.IntN(2) == 0 {
			terms[2] = append(terms[2], l)
		}
	}
	var tensors [2]*lockstep.Tensor
	var data [2][]float32
	for k := range terms {
		r.Shuffle(len(terms[k]), func(i, j int) { terms[k][i], terms[k][j] = terms[k][j], terms[k][i] })
		if k < 2 {
			data[k] = normals(r, value.Product(lengthsOf(terms[k], lengths)))
			tensors[k] = fixture.NewTensor(t, data[k], lengthsOf(terms[k], lengths)...)
		}
	}
	text := string(terms[0]) + "," + string(terms[1]) + "->" + string(terms[2])
	e, err := parseEquation(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var keep any
	run := einsum(e, floatAxes[float32]())
	in := []value.Value{{Tensor: tensors[0]}, {Tensor: tensors[1]}}
	if fixed == 0 {
		onZeros(t, func() {
			if _, err := run(&Call{Keep: &keep}, in); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}, tensors[:]...)
	}
	out, err := run(&Call{Keep: &keep, Fixed: fixed}, in)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got, err := lockstep.Data[float32](out[0].Tensor)
	if err != nil || !slices.Equal(out[0].Tensor.Shape(), lengthsOf(terms[2], lengths)) {
		t.Fatalf("%s: %s: %v", text, out[0].Tensor, err)
	}
	want, size := make([]float64, len(got)), make([]float64, len(got))
	at := map[rune]int{}
	n := 0
	var each func(rest []rune)
	each = func(rest []rune) {
		if len(rest) > 0 {
			for at[rest[0]] = range lengths[rest[0]] {
				each(rest[1:])
			}
			return
		}
		p := float64(data[0][placeOf(terms[0], lengths, at)]) * float64(data[1][placeOf(terms[1], lengths, at)])
		to := placeOf(terms[2], lengths, at)
		want[to], size[to] = want[to]+p, size[to]+math.Abs(p)
		n++
	}
	each(letters)
	for i, v := range want {
		if diff := math.Abs(float64(got[i]) - v); !(diff <= float64(n/len(want)+2)*0x1p-24*size[i]) {
			t.Fatalf("%s of %v: number %d is %v, want %v", text, lengths, i, got[i], v)
		}
	}
}

func lengthsOf(letters []rune, lengths map[rune]int) []int {
	shape := []int{}
	for _, l := range letters {
		shape = append(shape, lengths[l])
	}
	return shape
}

func placeOf(letters []rune, lengths, at map[rune]int) int {
	p := 0
	for _, l := range letters {
		p = p*lengths[l] + at[l]
	}
	return p
}

// onZeros calls while the tensors' elements are zeros: those of a tensor that a
// call computes are others in the next one.
func onZeros(t *testing.T, call func(), tensors ...*lockstep.Tensor) {
	t.Helper()
	var before [][]float32
	for _, x := range tensors {
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, slices.Clone(d))
		clear(d)
	}
	call()
	for i, x := range tensors {
		d, _ := lockstep.Data[float32](x)
		copy(d, before[i])
	}
}
