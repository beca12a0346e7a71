package infer

import (
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/lockstep-go/lockstep"
)

// Fields say which fields of a struct are a row's key, its time and the model's inputs.
type Fields struct {
	Key, Time string            // strings, or anything that prints; "" for none
	Inputs    map[string]string // the field of each input; an input that is not here has its own name
}

func init() {
	beam.RegisterDoFn(&structFn{})
}

// Structs packs the elements of a PCollection, whose type is a struct, into Blocks
// for Infer: of each input of the signature, a field that is a number, a bool, a
// string, or a slice of them. It fails if there is no such field.
func Structs(s beam.Scope, sig lockstep.Signature, f Fields, structs beam.PCollection) (blocks, failures beam.PCollection, err error) {
	t := structs.Type().Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return beam.PCollection{}, beam.PCollection{}, fmt.Errorf("infer: the elements are %s, want a struct", t)
	}
	fn := &structFn{Key: f.Key, Time: f.Time, Specs: sig.Inputs}
	for _, spec := range sig.Inputs {
		name := spec.Name
		if other := f.Inputs[spec.Name]; other != "" {
			name = other
		}
		fn.Names = append(fn.Names, name)
	}
	for _, name := range append([]string{f.Key, f.Time}, fn.Names...) {
		if _, ok := t.FieldByName(name); !ok && name != "" {
			return beam.PCollection{}, beam.PCollection{}, fmt.Errorf("infer: %s has no field %q", t, name)
		}
	}
	if _, err := NewBuilder(sig.Inputs); err != nil {
		return beam.PCollection{}, beam.PCollection{}, err
	}
	s = s.Scope("lockstep.Structs")
	blocks, failures = beam.ParDo2(s, fn, structs)
	return blocks, failures, nil
}

type structFn struct {
	Key, Time string
	Names     []string // of the fields, one for each input
	Specs     []lockstep.TensorSpec

	packer packer
}

func (f *structFn) StartBundle(_ func(Block), _ func(Failure)) (err error) {
	f.packer, err = newPacker(f.Specs)
	return err
}

func (f *structFn) ProcessElement(x beam.X, emit func(Block), fail func(Failure)) error {
	v := reflect.Indirect(reflect.ValueOf(x))
	key, time := text(v, f.Key), text(v, f.Time)
	values := make([]Value, len(f.Names))
	for i, name := range f.Names {
		var err error
		if values[i], err = valueOf(v.FieldByName(name)); err != nil {
			fail(Failure{key, time, fmt.Sprintf("infer: field %q: %v", name, err)})
			return nil
		}
	}
	return f.packer.add(key, time, values, emit, fail)
}

func (f *structFn) FinishBundle(emit func(Block), _ func(Failure)) error { return f.packer.flush(emit) }

func text(v reflect.Value, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprint(v.FieldByName(name).Interface())
}

// valueOf reads a field.
func valueOf(v reflect.Value) (Value, error) {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Array {
		var out Value
		for i := range v.Len() {
			if err := appendOne(&out, v.Index(i)); err != nil {
				return Value{}, err
			}
		}
		if v.Len() == 0 {
			one := reflect.New(v.Type().Elem()).Elem()
			err := appendOne(&out, one)
			return Value{Kind: out.Kind}, err
		}
		return out, nil
	}
	var out Value
	err := appendOne(&out, v)
	return out, err
}

func appendOne(to *Value, v reflect.Value) error {
	switch {
	case v.CanFloat():
		to.Kind, to.Floats = Floats, append(to.Floats, v.Float())
	case v.CanInt():
		to.Kind, to.Ints = Ints, append(to.Ints, v.Int())
	case v.Kind() == reflect.Bool:
		n := int64(0)
		if v.Bool() {
			n = 1
		}
		to.Kind, to.Ints = Bools, append(to.Ints, n)
	case v.Kind() == reflect.String:
		to.Kind, to.Texts = Texts, append(to.Texts, v.String())
	default:
		return fmt.Errorf("it is %s, want numbers, bools or strings, or a slice of them", v.Type())
	}
	return nil
}
