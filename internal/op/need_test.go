package op

import (
	"math"
	"testing"
)

// What is wanted of a function's result is wanted of its argument: by its inverse,
// of as much as the function reaches.
func TestNeedsThroughFunctions(t *testing.T) {
	for _, c := range []struct {
		op   string
		want Need
		of   Need
		ok   bool
	}{
		{"Sqrt", Need{Low: 0, High: 0}, Need{Real: true}, true},
		{"Sqrt", Need{Low: -1, High: 3}, Need{High: 9, Real: true}, true},
		{"Log", Need{Low: 0, High: 0}, Need{Low: 1, High: 1, Real: true}, true},
		{"Log1p", Need{Low: 0, High: math.Log(3)}, Need{High: 2, Real: true}, true},
		{"Exp", Need{Low: 1, High: 1}, Need{Real: true}, false},
		{"Exp", Need{Low: -4, High: math.E}, Need{Low: math.Inf(-1), High: 1, Real: true}, true},
		{"Exp", Need{Low: -4, High: -2}, Need{Low: math.Inf(-1), High: math.Inf(-1), Real: true}, false},
		{"Square", Need{Low: -1, High: 9}, Need{High: 3, Real: true}, true},
		{"Square", Need{Low: -3, High: -1}, Need{Real: true}, false},
		{"Neg", Need{Low: 1, High: 5}, Need{Low: -5, High: -1}, true},
		{"Neg", Need{Low: 1, Unknown: true}, Need{Low: 0, High: -1, Unknown: true}, false},
		{"Abs", Need{Low: -2, High: 3}, Need{High: 3}, true},
		{"Floor", Need{Low: 0, High: 3}, Need{High: 3, Above: 1}, true},
		{"Ceil", Need{Low: 0, High: 3}, Need{High: 3, Below: 1}, true},
	} {
		n := c.want
		inputs, ok := Core[c.op].Back(nil, &n, nil)
		if ok != c.ok || len(inputs) != 1 || inputs[0] != 0 {
			t.Errorf("%s of %+v: inputs %v, %v, want the first, %v", c.op, c.want, inputs, ok, c.ok)
		}
		near := func(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-12 }
		if !near(n.Low, c.of.Low) || !near(n.High, c.of.High) || n.Below != c.of.Below || n.Above != c.of.Above || n.Real != c.of.Real || n.Unknown != c.of.Unknown {
			t.Errorf("%s of %+v: %+v, want %+v", c.op, c.want, n, c.of)
		}
	}
}
