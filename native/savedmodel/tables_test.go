package savedmodel

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// tabled is a graph with a table that its initializer fills from an asset, by a
// variable, and one of the checkpoint.
func tabled(file string) *pb.MetaGraphDef {
	handle := func(name, op string) nodes {
		n := attr(node(name, op), "key_dtype", typeAttr(types_go_proto.DataType_DT_STRING))
		return nodes{attr(n, "value_dtype", typeAttr(types_go_proto.DataType_DT_INT64))}
	}
	all := nodes{
		node("path", "Placeholder"), variable("file", "file"), node("keep", "AssignVariableOp", "file", "path"),
		node("read", "ReadVariableOp", "file", "^keep"), node("fill", "InitializeTableFromTextFileV2", "words", "read"),
		texts("out", "a"), texts("other", "b"), node("again", "InitializeTableV2", "words", "out", "other"), node("init", "NoOp", "^fill", "^again"),
		node("prefix", "Placeholder"), texts("names", "counts-keys", "counts-values"), texts("slices", "", ""),
		attr(node("restore", "RestoreV2", "prefix", "names", "slices"), "dtypes", types(2)),
		node("import", "LookupTableImportV2", "counts", "restore", "restore:1"), node("all", "NoOp", "^import"),
	}
	all = append(append(all, handle("words", "HashTableV2")...), handle("counts", "MutableHashTableV2")...)
	g := graph(all)
	g.SaverDef = &pb.SaverDef{RestoreOpName: "all"}
	g.SignatureDef["__saved_model_init_op"] = &pb.SignatureDef{Outputs: map[string]*pb.TensorInfo{"__saved_model_init_op": {Encoding: &pb.TensorInfo_Name{Name: "init"}}}}
	g.AssetFileDef = []*pb.AssetFileDef{{Filename: file, TensorInfo: &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: "path:0"}}}}
	return g
}

func openTabled(t *testing.T, file string, files fstest.MapFS) *MetaGraph {
	t.Helper()
	files["saved_model.pb"] = &fstest.MapFile{Data: marshal(t, saved(tabled(file)))}
	m, err := OpenFS(files)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := m.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// handleOf returns the handle of a table.
func handleOf(t *testing.T, name, op string) *Node {
	return defined(t, node(name, op))
}

func TestWhatFillsTables(t *testing.T) {
	m := openTabled(t, "words.txt", fstest.MapFS{"assets/words.txt": {Data: []byte("x\n")}})
	for name, want := range map[string]string{"words": "InitializeTableFromTextFileV2 InitializeTableV2", "counts": "LookupTableImportV2", "none": ""} {
		table, err := m.LookupTable(handleOf(t, name, "HashTableV2"))
		if err != nil {
			t.Fatal(err)
		}
		var ops []string
		for _, n := range table.Fills {
			ops = append(ops, n.Op)
		}
		if got := strings.Join(ops, " "); got != want || table.Name != name {
			t.Errorf("the table %q is filled by %q, want %q", table.Name, got, want)
		}
	}
	words, _ := m.LookupTable(handleOf(t, "words", "HashTableV2"))
	content, name, ok, err := m.Asset(words.Fills[0].Inputs[1])
	if err != nil || !ok || name != "words.txt" || string(content) != "x\n" {
		t.Errorf("the asset is %q of %q, %v, %v", content, name, ok, err)
	}
	if _, _, ok, err := m.Asset(words.Fills[1].Inputs[1]); ok || err != nil {
		t.Errorf("a constant is an asset: %v", err)
	}
	counts, _ := m.LookupTable(handleOf(t, "counts", "MutableHashTableV2"))
	if _, ok, err := m.Restored(counts.Fills[0].Inputs[1]); !ok || err == nil {
		t.Errorf("keys of a checkpoint that there is not: %v, %v", ok, err)
	}
}

// A path that leaves the model's directory is not opened.
func TestAssetsOutside(t *testing.T) {
	for _, file := range []string{"../secret", "/etc/passwd", "a/../../secret", "", ".", "..", "a//b", `..\secret`, "C:secret", "a\\b"} {
		m := openTabled(t, file, fstest.MapFS{"secret": {Data: []byte("x")}, "assets/a": {Data: []byte("x")}})
		words, err := m.LookupTable(handleOf(t, "words", "HashTableV2"))
		if err != nil {
			t.Fatal(err)
		}
		if content, _, ok, err := m.Asset(words.Fills[0].Inputs[1]); !errors.Is(err, errOutside) || !ok || content != nil {
			t.Errorf("%q: %q, %v", file, content, err)
		}
		if err := m.CheckAssets(); !errors.Is(err, errOutside) {
			t.Errorf("%q is one of the model's files: %v", file, err)
		}
	}
	m := openTabled(t, "sub/words.txt", fstest.MapFS{})
	words, _ := m.LookupTable(handleOf(t, "words", "HashTableV2"))
	if _, _, _, err := m.Asset(words.Fills[0].Inputs[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	if err := m.CheckAssets(); err != nil {
		t.Error(err)
	}
}
