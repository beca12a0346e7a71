package cudnn

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// whole are the attributes of an operation that is replaced.
const whole = `attr { key: "T" value { type: DT_FLOAT } } attr { key: "rnn_mode" value { s: "gru" } }`

// model is a file with one operation in a function: its inputs are the function's
// arguments.
func model(t testing.TB, op, inputs, attrs, rest string) []byte {
	t.Helper()
	var in, args strings.Builder
	for _, name := range strings.Fields(inputs) {
		fmt.Fprintf(&in, "input: %q ", name)
		fmt.Fprintf(&args, "input_arg { name: %q type: DT_FLOAT } ", name)
	}
	text := fmt.Sprintf(`meta_graphs { graph_def {
		node { name: "call" op: "PartitionedCall" attr { key: "f" value { func { name: "f" } } } }
		library { function {
			signature { name: "f" %s output_arg { name: "y" type: DT_FLOAT } }
			node_def { name: "rnn" op: %q %s %s }
			%s
			ret { key: "y" value: "rnn:output:0" }
		} }
	} }`, args.String(), op, in.String(), attrs, rest)
	return encoded(t, text)
}

// encoded is a SavedModel that is given as text.
func encoded(t testing.TB, text string) []byte {
	t.Helper()
	m := &pb.SavedModel{}
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ops counts the operations in a file.
func ops(t *testing.T, b []byte) map[string]int {
	t.Helper()
	m := &pb.SavedModel{}
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, g := range m.MetaGraphs {
		for _, n := range g.GraphDef.Node {
			out[n.Op]++
		}
		for _, f := range g.GraphDef.Library.GetFunction() {
			for _, n := range f.NodeDef {
				out[n.Op]++
			}
		}
	}
	return out
}

const five, four = "x h c p l", "x h c p"

func shapes(list ...[]int64) string {
	var b strings.Builder
	b.WriteString(`attr { key: "_output_shapes" value { list { `)
	for _, shape := range list {
		b.WriteString("shape { ")
		for _, n := range shape {
			fmt.Fprintf(&b, "dim { size: %d } ", n)
		}
		b.WriteString("} ")
	}
	return b.String() + "} } }"
}

// What is not expressible is refused with the reason, and stays as it is.
func TestRefused(t *testing.T) {
	const mode = `attr { key: "T" value { type: DT_FLOAT } }`
	for _, c := range []struct{ name, op, inputs, attrs, rest, want string }{
		{"skip_input", "CudnnRNN", four, whole + `attr { key: "input_mode" value { s: "skip_input" } }`, "", `"input_mode"`},
		{"auto_select", "CudnnRNN", four, whole + `attr { key: "input_mode" value { s: "auto_select" } }` + shapes([]int64{-1, -1, 4}, []int64{1, -1, 4}),
			"", ""}, // the features are not known: the graph checks
		{"dropout", "CudnnRNNV2", four, whole + `attr { key: "dropout" value { f: 0.5 } }`, "", `"dropout" is 0.5`},
		{"projection", "CudnnRNNV3", five, whole + `attr { key: "num_proj" value { i: 3 } }`, "", `"num_proj" is 3`},
		{"mode", "CudnnRNNV3", five, mode + `attr { key: "rnn_mode" value { s: "other" } }`, "", `"rnn_mode" is "other"`},
		{"direction", "CudnnRNNV3", five, whole + `attr { key: "direction" value { s: "up" } }`, "", `"direction" is "up"`},
		{"type", "CudnnRNNV3", five, `attr { key: "T" value { type: DT_INT32 } }`, "", `"T" is DT_INT32`},
		{"no type", "CudnnRNNV3", five, ``, "", `"T" is DT_INVALID`},
		{"inputs", "CudnnRNNV3", four, whole, "", "4 inputs, want 5"},
		{"layers", "CudnnRNNV3", five, whole + shapes([]int64{-1, -1, 4}, []int64{3, -1, 4}), "", "3 layers in one"},
		{"layers of batch-major", "CudnnRNNV3", five, whole + `attr { key: "time_major" value { b: false } }` + shapes([]int64{-1, -1, 4}, []int64{-1, 2, 4}), "", "2 layers in one"},
		{"layers of two directions", "CudnnRNN", four, whole + `attr { key: "direction" value { s: "bidirectional" } }` + shapes([]int64{-1, -1, 8}, []int64{4, -1, 4}), "", "2 layers in one"},
		{"one of two directions", "CudnnRNN", four, whole + `attr { key: "direction" value { s: "bidirectional" } }` + shapes([]int64{-1, -1, 8}, []int64{1, -1, 4}), "", "layers and directions"},
		{"no units", "CudnnRNNV3", five, whole + shapes([]int64{-1, -1, 0}, []int64{1, -1, 0}), "", "no units"},
		{"too large", "CudnnRNNV3", five, whole + shapes([]int64{-1, -1, 1 << 30}, []int64{1, -1, 1 << 30}), "", "too large"},
		{"reserve_space", "CudnnRNN", four, whole, `node_def { name: "i" op: "Identity" input: "rnn:reserve_space:0" }`, "reserve_space"},
		{"host_reserved", "CudnnRNNV3", five, whole, `node_def { name: "i" op: "Identity" input: "rnn:host_reserved:0" }`, "host_reserved"},
		{"none", "CudnnRNNV3", five, whole, "", ""},
	} {
		b := model(t, c.op, c.inputs, c.attrs, c.rest)
		out, found, err := Lower(b, false)
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %d operations, %v", c.name, len(found), err)
			continue
		}
		left := ops(t, out)[c.op]
		switch refused := found[0].Refused; {
		case c.want == "" && (refused != nil || left != 0):
			t.Errorf("%s: refused: %v", c.name, refused)
		case c.want != "" && (refused == nil || !strings.Contains(refused.Error(), c.want) || left != 1):
			t.Errorf("%s: refused: %v, want an error that says %q", c.name, refused, c.want)
		case c.want != "" && !bytes.Contains(out, []byte(RefusedAttr)):
			t.Errorf("%s: the graph does not say that it is refused", c.name)
		}
	}
}

// Operations that no graph reaches are left alone, unless all are to be replaced.
func TestReached(t *testing.T) {
	b := bytes.ReplaceAll(model(t, "CudnnRNNV3", five, whole, ""), []byte("PartitionedCall"), []byte("PartitionedCatt"))
	b = bytes.ReplaceAll(b, []byte("\x01f"), []byte("\x01g")) // the call's function, and the function's own name
	if out, found, err := Lower(b, true); err != nil || len(found) != 1 || ops(t, out)["CudnnRNNV3"] != 0 {
		t.Errorf("all: %v, %v", found, err)
	}
	m := &pb.SavedModel{}
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	m.MetaGraphs[0].GraphDef.Node = nil
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if out, found, err := Lower(b, false); err != nil || len(found) != 0 || !bytes.Equal(out, b) {
		t.Errorf("what is not reached: %v, %v", found, err)
	}
}

// In the main graph, whose tensors go by number, the results that are for training
// do not become others.
func TestMainGraph(t *testing.T) {
	text := `meta_graphs { graph_def {
		node { name: "x" op: "Placeholder" } node { name: "h" op: "Placeholder" } node { name: "p" op: "Placeholder" }
		node { name: "rnn" op: "CudnnRNN" input: "x" input: "h" input: "h" input: "p" ` + whole + ` }
		node { name: "y" op: "Identity" input: "rnn:1" }
	} }`
	out, found, err := Lower(encoded(t, text), false)
	if err != nil || len(found) != 1 || found[0].Refused != nil {
		t.Fatalf("%v, %v", found, err)
	}
	m := &pb.SavedModel{}
	if err := proto.Unmarshal(out, m); err != nil {
		t.Fatal(err)
	}
	rnn := m.MetaGraphs[0].GraphDef.Node[3]
	if rnn.Op != "StatefulPartitionedCall" || len(rnn.Attr["Tout"].GetList().Type) != 3 {
		t.Errorf("the call is %v", rnn)
	}
}

// committed are the fixtures that have operations of cuDNN.
func committed(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range fixture.Names(t) {
		if !strings.Contains(name, "cudnn") {
			continue
		}
		b, err := fs.ReadFile(fixture.FS(t, name), "saved_model.pb")
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	if len(out) < 4 {
		t.Fatalf("%d fixtures of cuDNN, want 4 or more", len(out))
	}
	return out
}

// The operations are replaced and nothing else is, always alike, and once.
func TestFixtures(t *testing.T) {
	for name, b := range committed(t) {
		out, found, err := Lower(b, true)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %d operations, %v", name, len(found), err)
			continue
		}
		for _, op := range found {
			if op.Refused != nil {
				t.Errorf("%s: %v", name, op.Refused)
			}
		}
		before, after := ops(t, b), ops(t, out)
		calls := 0
		for _, op := range operations {
			calls += before[op]
			if after[op] != 0 {
				t.Errorf("%s: %d operations %s are left", name, after[op], op)
			}
		}
		if got := after["StatefulPartitionedCall"] - before["StatefulPartitionedCall"]; got != calls || after["StatelessWhile"] < calls {
			t.Errorf("%s: %d calls and %d loops in the place of %d operations", name, got, after["StatelessWhile"], calls)
		}
		again, _, err := Lower(b, true)
		if err != nil || !bytes.Equal(out, again) {
			t.Errorf("%s: a second time gives another file: %v", name, err)
		}
		if once, found, err := Lower(out, true); err != nil || len(found) != 0 || !bytes.Equal(once, out) {
			t.Errorf("%s: there are %d operations left: %v", name, len(found), err)
		}
	}
}

var operations = []string{"CudnnRNN", "CudnnRNNV2", "CudnnRNNV3"}

// A file that is cut short or changed is an error or another file, and no panic.
func TestDamagedFiles(t *testing.T) {
	b := model(t, "CudnnRNNV3", five, whole+shapes([]int64{-1, -1, 4}, []int64{1, -1, 4}), "")
	for n := range b {
		if out, _, err := Lower(b[:n], true); err == nil && len(out) > 200*n+20_000 {
			t.Errorf("%d bytes became %d", n, len(out))
		}
		damaged := slices.Clone(b)
		for _, bit := range []byte{1, 0x80} {
			damaged[n] ^= bit
			if out, _, err := Lower(damaged, true); err == nil && len(out) > 50_000 {
				t.Errorf("byte %d changed: %d bytes became %d", n, len(b), len(out))
			}
		}
	}
}

// A node that reads itself, or copies that go round, end.
func TestCycles(t *testing.T) {
	round := `node_def { name: "a" op: "Identity" input: "b:output:0" } node_def { name: "b" op: "Identity" input: "a:output:0" }
		node_def { name: "r" op: "ReverseV2" input: "r:output:0" input: "b:output:0" }`
	b := model(t, "CudnnRNNV3", "a:output:0 b:output:0 rnn:output_c:0 a:output:0 rnn:output_h:0", whole, round)
	if _, found, err := Lower(b, false); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

// FuzzLower replaces the operations of any file.
func FuzzLower(f *testing.F) {
	for _, b := range committed(f) {
		if len(b) < 100_000 {
			f.Add(b)
		}
	}
	f.Add(model(f, "CudnnRNNV3", five, whole, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, found, err := Lower(b, true)
		if err != nil {
			return
		}
		if len(found) == 0 && !bytes.Equal(out, b) {
			t.Error("a file without an operation was changed")
		}
		if limit := 2*len(b) + 40_000*len(found) + 1000; len(out) > limit {
			t.Errorf("%d bytes with %d operations became %d", len(b), len(found), len(out))
		}
		if _, left, err := Lower(out, true); err != nil || slices.ContainsFunc(left, func(op Operation) bool { return op.Refused == nil }) {
			t.Errorf("the result has %d operations left: %v", len(left), err)
		}
	})
}
