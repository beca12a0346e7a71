package native_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// No method of a zero value panics: it answers with an error, or with nothing.
func TestZeroValues(t *testing.T) {
	for _, v := range []any{
		&native.Model{}, &native.Runner{}, &native.Stream{}, &native.Seq2Seq[float32]{}, &native.Seq2SeqRunner[float32]{}, &native.Description{},
		&lockstep.Tensor{}, lockstep.Signature{}, lockstep.Trace{}, lockstep.Weights(nil), lockstep.TensorSpec{}, lockstep.DType(0),
		&lockstep.UnsupportedError{}, &lockstep.UnsupportedOperation{Reason: context.Canceled},
		compare.Check{}, &compare.CheckResult{}, &compare.Report{}, &compare.Result{}, &compare.Difference{}, compare.Rule{}, &compare.Mismatch{}, &compare.Place{}, compare.Value{}, compare.Settings(nil), compare.Setting{}, &compare.Comparison{}, &compare.Outcome{},
		&golden.Golden{}, &golden.Result{}, &tfbridge.Model{},
	} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumMethod() {
			m := typ.Method(i)
			t.Run(fmt.Sprintf("%s.%s", typ, m.Name), func(t *testing.T) {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("panic: %v", r)
					}
				}()
				args := []reflect.Value{reflect.ValueOf(v)}
				for k := 1; k < m.Type.NumIn(); k++ {
					in := m.Type.In(k)
					if in == reflect.TypeFor[context.Context]() {
						args = append(args, reflect.ValueOf(t.Context()))
						continue
					}
					if in.Kind() == reflect.Interface {
						return // it takes an interface, for which a caller does not pass nil
					}
					args = append(args, reflect.Zero(in))
				}
				if m.Type.IsVariadic() {
					m.Func.CallSlice(args)
					return
				}
				m.Func.Call(args)
			})
		}
	}
}
