package engine

import (
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// families are the files of cases of a family of operations each.
var families = []string{"ops_volumes", "ops_signal", "ops_linalg", "ops_coverage", "ops_ctc", "ops_sparse", "ops_special"}

func TestFamilies(t *testing.T) {
	for _, file := range families {
		runCases(t, file)
	}
}

// Random numbers are refused by the reason, not as if nobody knew the operation.
func TestRandomNumbersAreRefused(t *testing.T) {
	for name, want := range map[string]string{"StatelessRandomUniformV2": "draws random numbers", "RandomStandardNormal": "draws random numbers", "FractionalMaxPool": "not supported"} {
		c := graphtest.Case{Op: name}
		if _, err := compileCase(&c, []*lockstep.Tensor{tensorOf(t, []int32{2}, 1)}, 0, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %q in it", name, err, want)
		}
	}
}

func TestFamiliesHostile(t *testing.T) {
	for _, file := range families {
		hostile(t, file, 1)
	}
}

// What TensorFlow computes by the processor's instructions, or by where zeros are, is
// refused when it is met.
func TestUndefinedElements(t *testing.T) {
	draw := func(op string, attrs graphtest.Attrs, other func(d *graphtest.Drawing) string, shape ...int32) func(d *graphtest.Drawing, x string) string {
		return func(d *graphtest.Drawing, x string) string {
			return d.Op(op, attrs, d.Op("Reshape", nil, x, d.Ints(shape...)), other(d))
		}
	}
	segment := func(d *graphtest.Drawing) string { return d.Ints(0) }
	one := func(d *graphtest.Drawing) string { return d.Floats([]int{1, 1}, 1) }
	floats := graphtest.Attrs{"Ta": lockstep.Float32, "Tb": lockstep.Float32, "b_is_sparse": true}
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing, x string) string
		bad  float64
		want string
	}{
		"SegmentMax":   {draw("SegmentMax", nil, segment, 1), math.NaN(), "are NaN"},
		"SegmentMin":   {draw("SegmentMin", nil, segment, 1), math.NaN(), "are NaN"},
		"SparseMatMul": {draw("SparseMatMul", floats, one, 1, 1), math.Inf(1), "not finite"},
	} {
		if y, err := ran(t, 3, c.draw); err != nil || graphtest.ElementsText(y) != "[3]" {
			t.Errorf("%s of 3: %s, %v", name, graphtest.ElementsText(y), err)
		}
		if y, err := ran(t, float32(c.bad), c.draw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v, %v, want %q", name, c.bad, y, err, c.want)
		}
	}
}
