package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

var crossOps = Table{
	"Cross": {Build: byType(numbers(cross[float32, float64], cross[float64, float64], cross[int32, int32], cross[int64, int64]))},
}

// cross is the vector product along the last axis, of length 3, computed in S.
func cross[E, S number](w *Call, in []Value) ([]Value, error) {
	t, d, err := operands[E](in, 2)
	if err != nil {
		return nil, err
	}
	shape := t[0].Shape()
	if len(shape) == 0 || shape[len(shape)-1] != 3 || !slices.Equal(shape, t[1].Shape()) {
		return nil, fmt.Errorf("%s and %s, want the same shape and a last axis of 3", t[0], t[1])
	}
	x, y, out := d[0], d[1], make([]E, len(d[0]))
	for i := 0; i < len(out); i += 3 {
		for k := range 3 {
			a, b := i+(k+1)%3, i+(k+2)%3
			out[i+k] = E(S(S(x[a])*S(y[b])) - S(S(x[b])*S(y[a])))
		}
	}
	return w.one(lockstep.New(out, shape...))
}
