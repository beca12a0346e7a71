package native

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/raw"
)

// pattern makes a tensor of n equal parts, whose elements differ.
func pattern(t *testing.T, d lockstep.DType, parts int, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	ok(t, err)
	var x *lockstep.Tensor
	if d == lockstep.String {
		texts := make([]string, n)
		for i := range texts {
			texts[i] = fmt.Sprint(i % max(n/parts, 1))
		}
		x, err = lockstep.New(texts, shape...)
	} else {
		b := make([]byte, n*d.Size())
		for i := range b {
			b[i] = byte(37*(i%max(len(b)/parts, 1)) + 129)
		}
		x, err = raw.Decode(d, shape, b)
	}
	ok(t, err)
	return x
}

// Elements of every type go through a model unchanged, by each way to run it.
func TestEveryTypePasses(t *testing.T) {
	ran := 0
	for d := range types_go_proto.DataType(200) { // the binding does not name all
		m, err := LoadFS(fstest.MapFS{"saved_model.pb": {Data: fixture.SavedModelOf(t, d)}})
		if err != nil {
			continue // TestEveryTypeOfASignature wants it refused by its name
		}
		ran++
		spec, _ := m.Signature().Input("x")
		for _, shape := range [][]int{{}, {3}, {2, 0}, {2, 3, 1}} {
			x := pattern(t, spec.DType, 1, shape...)
			in := map[string]*lockstep.Tensor{"x": x}
			twice := pattern(t, spec.DType, 2, append([]int{2}, shape...)...)
			want := map[string]*lockstep.Tensor{"same": x, "twice": twice}
			check := func(how string, got map[string]*lockstep.Tensor, err error) {
				t.Helper()
				for name, w := range want {
					if err != nil || !got[name].BitEqual(w) {
						t.Errorf("%s of %s: %s is %s, %v", how, x, name, got[name], err)
					}
				}
			}
			got, err := m.Run(t.Context(), in)
			check("Run", got, err)
			into := map[string]*lockstep.Tensor{}
			for name, w := range want {
				into[name], err = lockstep.Zeros(w.DType(), w.Shape()...)
				ok(t, err)
			}
			check("RunInto", into, m.RunInto(t.Context(), in, into))
			got, err = m.NewRunner().Run(t.Context(), in)
			check("a Runner", got, err)
			trace, err := m.Trace(t.Context(), in, lockstep.Steps)
			ok(t, err)
			check("Trace", trace.Outputs, err)
			o, err := m.Oracle()
			ok(t, err)
			if _, bound, unknown, err := o.Run(t.Context(), in, nil); err != nil || len(unknown) > 0 && (spec.DType != lockstep.Float16 && spec.DType != lockstep.BFloat16) {
				t.Errorf("the oracle of %s: %v, %v, %v", x, bound, unknown, err)
			}
		}
	}
	if ran != len(lockstep.DTypes()) {
		t.Errorf("%d types ran, want %d", ran, len(lockstep.DTypes()))
	}
}
