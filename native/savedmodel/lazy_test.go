package savedmodel

import (
	"io/fs"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What is cut out of a file and what is left are together what protobuf reads
// from the whole, also where a message comes in two pieces, which are merged.
func TestCutFunctions(t *testing.T) {
	var files [][]byte
	for _, name := range fixture.Names(t) {
		b, err := fs.ReadFile(fixture.FS(t, name), "saved_model.pb")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	pieces := func(functions ...*function_go_proto.FunctionDef) *pb.MetaGraphDef { return graph(nil, functions...) }
	first, err := proto.Marshal(pieces(fn("f", "x"), fn("g", "x")))
	if err != nil {
		t.Fatal(err)
	}
	second, err := proto.Marshal(pieces(fn("h", "x")))
	if err != nil {
		t.Fatal(err)
	}
	model := &pb.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*pb.MetaGraphDef{{}}}
	if err := proto.Unmarshal(append(first, second...), model.MetaGraphs[0]); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	model.MetaGraphs[0].CollectionDef = map[string]*pb.CollectionDef{"variables": {}}
	collections, err := proto.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	// The same, the meta graph's graph_def in two pieces.
	split := []byte{0x08, 0x01, 0x12}
	split = append(split, appendLength(nil, len(first)+len(second))...)
	split = append(append(split, first...), second...)
	files = append(files, b, split, collections)

	total := 0
	for i, b := range files {
		whole, left := &pb.SavedModel{}, &pb.SavedModel{}
		if err := proto.Unmarshal(b, whole); err != nil {
			t.Fatal(err)
		}
		rest, functions, err := cutFunctions(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(rest, left); err != nil {
			t.Fatal(err)
		}
		if len(functions) != len(whole.GetMetaGraphs()) {
			t.Fatalf("file %d: functions of %d graphs, want %d", i, len(functions), len(whole.GetMetaGraphs()))
		}
		for k, g := range whole.GetMetaGraphs() {
			want := g.GetGraphDef().GetLibrary().GetFunction()
			if len(functions[k]) != len(want) {
				t.Fatalf("file %d: %d functions, want %d", i, len(functions[k]), len(want))
			}
			for j, f := range functions[k] {
				def := &function_go_proto.FunctionDef{}
				if err := proto.Unmarshal(f.raw, def); err != nil || f.name != want[j].GetSignature().GetName() || !proto.Equal(def, want[j]) {
					t.Errorf("file %d: function %d is %q, want %q (%v)", i, j, f.name, want[j].GetSignature().GetName(), err)
				}
				total++
			}
			g.ObjectGraphDef, g.CollectionDef = nil, nil
			if g.GetGraphDef().GetLibrary() != nil {
				g.GraphDef.Library.Function = nil
			}
		}
		if !proto.Equal(left, whole) {
			t.Errorf("file %d: what is left is something else", i)
		}
	}
	if total < 500 {
		t.Errorf("%d functions, want more", total)
	}
}

// appendLength appends a length as protobuf writes it.
func appendLength(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func TestCutFunctionsOfDamagedFiles(t *testing.T) {
	for _, b := range []string{"\x12", "\x12\x7f", "\x12\x02\x12\x05", "\x12\x04\x12\x02\x12\x09", "\x12\x06\x12\x04\x12\x02\x0a\x09", "\x12\x08\x12\x06\x12\x04\x0a\x02\x0a\x09", "\xff"} {
		if _, _, err := cutFunctions([]byte(b)); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}
