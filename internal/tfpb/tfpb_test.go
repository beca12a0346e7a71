package tfpb

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	_ "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Every field here is TensorFlow's of the same name in the message of the same
// name, as TensorFlow's Go binding has it.
func TestFieldsAreTensorFlows(t *testing.T) {
	file := File_github_com_lockstep_go_lockstep_internal_tfpb_tensorflow_proto
	fields := compareMessages(t, file.Messages())
	for i := range file.Enums().Len() {
		compareEnum(t, file.Enums().Get(i))
	}
	if fields < 80 {
		t.Errorf("%d fields compared, want more", fields)
	}
}

// theirs returns the name in TensorFlow's package of what is here.
func theirs(d protoreflect.Descriptor) protoreflect.FullName {
	return protoreflect.FullName(strings.TrimPrefix(string(d.FullName()), "lockstep."))
}

func find[D protoreflect.Descriptor](t *testing.T, ours D) (found D, ok bool) {
	t.Helper()
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(theirs(ours))
	if err != nil {
		t.Errorf("%s: %v", theirs(ours), err)
		return found, false
	}
	if found, ok = d.(D); !ok {
		t.Errorf("%s is something else in TensorFlow: %T", theirs(ours), d)
	}
	return found, ok
}

// compareMessages compares messages and those within them, and returns how many
// fields they have.
func compareMessages(t *testing.T, all protoreflect.MessageDescriptors) (fields int) {
	for i := range all.Len() {
		ours := all.Get(i)
		their, ok := find(t, ours)
		if !ok {
			continue
		}
		for k := range ours.Fields().Len() {
			compareField(t, ours.Fields().Get(k), their)
		}
		for k := range ours.Enums().Len() {
			compareEnum(t, ours.Enums().Get(k))
		}
		fields += ours.Fields().Len() + compareMessages(t, ours.Messages())
	}
	return fields
}

func compareField(t *testing.T, f protoreflect.FieldDescriptor, their protoreflect.MessageDescriptor) {
	g := their.Fields().ByName(f.Name())
	if g == nil {
		t.Errorf("%s: no such field in TensorFlow", theirs(f))
		return
	}
	if describe(f) != describe(g) {
		t.Errorf("%s is %+v, want %+v as in TensorFlow", theirs(f), describe(f), describe(g))
	}
}

// field is all of a field that its bytes depend on.
type field struct {
	number      protoreflect.FieldNumber
	kind        protoreflect.Kind
	cardinality protoreflect.Cardinality
	of          protoreflect.FullName // its message or enumeration
	oneof       protoreflect.Name
	isMap       bool
	packed      bool
	utf8        protoreflect.Syntax // proto3 asks that a string be one
}

func describe(f protoreflect.FieldDescriptor) field {
	d := field{
		number: f.Number(), kind: f.Kind(), cardinality: f.Cardinality(),
		isMap: f.IsMap(), packed: f.IsPacked(), utf8: f.ParentFile().Syntax(),
	}
	if f.Message() != nil {
		d.of = theirs(f.Message())
	}
	if f.Enum() != nil {
		d.of = theirs(f.Enum())
	}
	if f.ContainingOneof() != nil {
		d.oneof = f.ContainingOneof().Name()
	}
	return d
}

// later is the first element type that the binding, of 2022, does not have yet
// (tensorflow/core/framework/types.proto).
const later = 24

func compareEnum(t *testing.T, ours protoreflect.EnumDescriptor) {
	their, ok := find(t, ours)
	if !ok {
		return
	}
	values := 0
	for i := range ours.Values().Len() {
		v := ours.Values().Get(i)
		if ours.Name() == "DataType" && v.Number() >= later {
			continue
		}
		values++
		if w := their.Values().ByNumber(v.Number()); w == nil || w.Name() != v.Name() {
			t.Errorf("%s: number %d is %s, and not so in TensorFlow", theirs(ours), v.Number(), v.Name())
		}
	}
	for i := range their.Values().Len() {
		if w := their.Values().Get(i); w.Number() < 100 && ours.Values().ByNumber(w.Number()) == nil {
			t.Errorf("%s: TensorFlow's %s is missing", theirs(ours), w.Name())
		}
	}
	if values == 0 {
		t.Errorf("%s: no value compared", theirs(ours))
	}
}

// A program may have both this package and TensorFlow's binding.
func TestNamesAreOurOwn(t *testing.T) {
	file := File_github_com_lockstep_go_lockstep_internal_tfpb_tensorflow_proto
	if file.Package() != "lockstep.tensorflow" || !strings.HasPrefix(file.Path(), "github.com/lockstep-go/lockstep/") {
		t.Errorf("the file %s is of the package %s; the registry of a program knows both by name", file.Path(), file.Package())
	}
}

//go:embed tensorflow.proto
var source string

// The generated code is that of tensorflow.proto: the fields and values that
// either has are the other's too.
func TestGeneratedCodeIsNotStale(t *testing.T) {
	written := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^ +([A-Za-z].* = \d+);`).FindAllStringSubmatch(source, -1) {
		written[m[1]]++
	}
	generated := map[string]int{}
	file := File_github_com_lockstep_go_lockstep_internal_tfpb_tensorflow_proto
	statements(generated, file.Messages(), file.Enums())
	if !maps.Equal(written, generated) {
		t.Error("tensorflow.pb.go is not generated from tensorflow.proto as it is now: go generate ./internal/tfpb")
	}
	for s, n := range written {
		if generated[s] != n {
			t.Errorf("tensorflow.proto has %d times %q, tensorflow.pb.go %d times", n, s, generated[s])
		}
	}
	for s := range generated {
		if written[s] == 0 {
			t.Errorf("tensorflow.proto has no %q, tensorflow.pb.go has", s)
		}
	}
}

// statements counts the fields and values as a .proto file states them.
func statements(out map[string]int, messages protoreflect.MessageDescriptors, enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		for k := range enums.Get(i).Values().Len() {
			v := enums.Get(i).Values().Get(k)
			out[fmt.Sprintf("%s = %d", v.Name(), v.Number())]++
		}
	}
	for i := range messages.Len() {
		m := messages.Get(i)
		if m.IsMapEntry() {
			continue
		}
		for k := range m.Fields().Len() {
			f := m.Fields().Get(k)
			of := typeName(f)
			if f.IsList() {
				of = "repeated " + of
			}
			if f.IsMap() {
				of = fmt.Sprintf("map<%s, %s>", typeName(f.MapKey()), typeName(f.MapValue()))
			}
			out[fmt.Sprintf("%s %s = %d", of, f.Name(), f.Number())]++
		}
		statements(out, m.Messages(), m.Enums())
	}
}

func typeName(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Message() != nil:
		return string(f.Message().Name())
	case f.Enum() != nil:
		return string(f.Enum().Name())
	}
	return f.Kind().String()
}
