package trim

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/tfpb"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// saved is a model with a function for each way to be reached, and for each that
// does not reach.
const saved = `
meta_graphs {
  graph_def {
    node { name: "a" op: "called" }
    node { name: "b" op: "While" attr { key: "body" value { func { name: "body" attr { key: "f" value { func { name: "argument" } } } } } } }
    node { name: "c" op: "Case" attr { key: "branches" value { list { func { name: "first" } func { name: "second" } } } } }
    node { name: "d" op: "Const" attr { key: "value" value { s: "named_in_a_string" } } }
    library {
      function { signature { name: "called" } node_def { name: "x" op: "deeper" } }
      function { signature { name: "deeper" } node_def { name: "x" op: "deeper" } }
      function { signature { name: "body" } }
      function { signature { name: "argument" } }
      function { signature { name: "first" } node_def { name: "x" op: "standard" } }
      function { signature { name: "second" } }
      function { signature { name: "gradient_of_second" } node_def { name: "x" op: "in_the_gradient" } }
      function { signature { name: "in_the_gradient" } }
      function { signature { name: "standard" } attr { key: "api_implements" value { s: "lstm_1" } } attr { key: "api_preferred_device" value { s: "CPU" } } }
      function { signature { name: "cudnn" } attr { key: "api_implements" value { s: "lstm_1" } } attr { key: "api_preferred_device" value { s: "GPU" } } node_def { name: "x" op: "of_cudnn" } }
      function { signature { name: "of_cudnn" } }
      function { signature { name: "other_layer" } attr { key: "api_implements" value { s: "lstm_2" } } }
      function { signature { name: "named_in_a_string" } }
      function { signature { name: "training" } node_def { name: "x" op: "body" } }
      function { signature { name: "gradient_of_training" } }
      gradient { function_name: "second" gradient_func: "gradient_of_second" }
      gradient { function_name: "training" gradient_func: "gradient_of_training" }
    }
  }
}`

func read(t *testing.T, text string) *pb.SavedModel {
	t.Helper()
	m := &pb.SavedModel{}
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// left returns the names of the functions that a file has, and of those that have
// a gradient.
func left(t *testing.T, b []byte) (functions, gradients []string) {
	t.Helper()
	m := &pb.SavedModel{}
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	library := m.MetaGraphs[0].GraphDef.Library
	for _, f := range library.Function {
		functions = append(functions, f.Signature.Name)
	}
	for _, g := range library.Gradient {
		gradients = append(gradients, g.FunctionName)
	}
	return functions, gradients
}

func TestFunctions(t *testing.T) {
	b := marshal(t, read(t, saved))
	onCPU := []string{"called", "deeper", "body", "argument", "first", "second", "gradient_of_second", "in_the_gradient", "standard"}
	for _, c := range []struct {
		cpuOnly bool
		want    []string
	}{{true, onCPU}, {false, append(onCPU, "cudnn", "of_cudnn")}} {
		out, err := Functions(b, c.cpuOnly)
		if err != nil {
			t.Fatal(err)
		}
		if functions, gradients := left(t, out); !slices.Equal(functions, c.want) || !slices.Equal(gradients, []string{"second"}) {
			t.Errorf("CPU only is %v: left are %q and the gradients of %q, want %q", c.cpuOnly, functions, gradients, c.want)
		}
	}
}

// An implementation that is meant for another device than a CPU may be exchanged
// for one that is, wherever the model runs.
func TestInterfaceOnOneDevice(t *testing.T) {
	m := read(t, saved)
	m.MetaGraphs[0].GraphDef.Node[0].Op = "cudnn"
	m.MetaGraphs[0].GraphDef.Node = m.MetaGraphs[0].GraphDef.Node[:1]
	out, err := Functions(marshal(t, m), true)
	if err != nil {
		t.Fatal(err)
	}
	if functions, _ := left(t, out); !slices.Equal(functions, []string{"standard", "cudnn", "of_cudnn"}) {
		t.Errorf("left are %q", functions)
	}
}

// A function may come in another piece of the message than what calls it.
func TestMessagesInPieces(t *testing.T) {
	whole := read(t, saved).MetaGraphs[0].GraphDef
	library := whole.Library
	whole.Library = nil
	graph := marshal(t, &pb.MetaGraphDef{GraphDef: whole})
	whole.Node, whole.Library = nil, library
	graph = append(graph, marshal(t, &pb.MetaGraphDef{GraphDef: whole})...)
	b := protowire.AppendTag(nil, tfpb.FieldMetaGraphs, protowire.BytesType)
	out, err := Functions(protowire.AppendBytes(b, graph), true)
	if err != nil {
		t.Fatal(err)
	}
	if functions, _ := left(t, out); len(functions) != 9 {
		t.Errorf("left are %q", functions)
	}
}

// Everything but functions is left as it was, and every signature of every fixture
// is the same graph: reading it needs all functions that are called.
func TestFixtures(t *testing.T) {
	trimmed := 0
	for _, name := range fixture.Names(t) {
		dir := fixture.Dir(t, name)
		b, err := fs.ReadFile(os.DirFS(dir), "saved_model.pb")
		if err != nil {
			t.Fatal(err)
		}
		before := describe(t, dir)
		out, err := Functions(b, true)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), out, 0o644); err != nil {
			t.Fatal(err)
		}
		if after := describe(t, dir); !maps.Equal(before, after) {
			t.Errorf("%s: the graphs differ: %v, want %v", name, after, before)
		}
		if !proto.Equal(withoutFunctions(t, b), withoutFunctions(t, out)) {
			t.Errorf("%s: what is left differs by more than functions", name)
		}
		if 2*len(out) < len(b) {
			trimmed++
		}
		if again, err := Functions(out, true); err != nil || len(again) != len(out) {
			t.Errorf("%s: %d bytes when trimmed again, %d before: %v", name, len(again), len(out), err)
		}
	}
	if trimmed < 5 {
		t.Errorf("%d fixtures are less than half as large, want those of Keras 2", trimmed)
	}
}

// describe returns how many nodes each signature's graph has, functions inlined.
func describe(t *testing.T, dir string) map[string]int {
	t.Helper()
	m, err := savedmodel.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := m.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]int{}
	for _, s := range meta.Signatures() {
		g, err := meta.Flatten(s.Name)
		if err != nil {
			nodes[s.Name+": "+err.Error()] = 0
			continue
		}
		nodes[s.Name] = len(g.Nodes)
	}
	return nodes
}

func withoutFunctions(t *testing.T, b []byte) *pb.SavedModel {
	t.Helper()
	m := &pb.SavedModel{}
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	for _, g := range m.MetaGraphs {
		if l := g.GraphDef.GetLibrary(); l != nil {
			l.Function, l.Gradient = nil, nil
		}
	}
	return m
}

// A file that is cut short anywhere, or changed in any byte, is an error or another
// file, and no panic.
func TestDamagedFiles(t *testing.T) {
	b := marshal(t, read(t, saved))
	for n := range b {
		if out, err := Functions(b[:n], true); err == nil && len(out) > n {
			t.Errorf("%d bytes became %d", n, len(out))
		}
		damaged := slices.Clone(b)
		for _, bit := range []byte{1, 0x80} {
			damaged[n] ^= bit
			if out, err := Functions(damaged, false); err == nil && len(out) > len(b)+8 {
				t.Errorf("byte %d changed: %d bytes became %d", n, len(b), len(out))
			}
		}
	}
	for _, b := range []string{"\x12\x7f", "\x12\x02\x12\x05", "\xff"} {
		if _, err := Functions([]byte(b), true); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}
