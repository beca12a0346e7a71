//go:build tensorflow

package tfbridge

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

const (
	indexFile = "variables/variables.index"
	dataFile  = "variables/variables.data-00000-of-00001"
)

// broken says how a good model's folder becomes a bad one, and what Open must
// say of it.
type broken struct {
	name    string
	fixture string // seed_units1_keras3 if empty
	change  func(t *testing.T, dir string) string
	options []Option
	want    []string
	is      error
}

// inPlace is a change that leaves the folder where it is.
func inPlace(change func(t *testing.T, dir string)) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		change(t, dir)
		return dir
	}
}

func cut(name string, keep func(size int) int) func(*testing.T, string) string {
	return rewrite(name, func(b []byte) []byte { return b[:keep(len(b))] })
}

func rewrite(name string, change func([]byte) []byte) func(*testing.T, string) string {
	return inPlace(func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(b), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

func remove(name string) func(*testing.T, string) string {
	return inPlace(func(t *testing.T, dir string) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	})
}

// edit changes the one meta graph of saved_model.pb.
func edit(change func(*pb.MetaGraphDef)) func(*testing.T, string) string {
	return inPlace(func(t *testing.T, dir string) {
		path := filepath.Join(dir, graphFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m pb.SavedModel
		if err := proto.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		change(m.GetMetaGraphs()[0])
		if b, err = proto.Marshal(&m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

func rename(info *pb.TensorInfo, name string) {
	info.Encoding = &pb.TensorInfo_Name{Name: name}
}

// borrow replaces files by another fixture's.
func borrow(from string, names ...string) func(*testing.T, string) string {
	return inPlace(func(t *testing.T, dir string) {
		for _, name := range names {
			b, err := fs.ReadFile(fixture.FS(t, from), name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func half(n int) int { return n / 2 }

func brokenModels() []broken {
	return []broken{
		{name: "no such directory", change: func(_ *testing.T, dir string) string { return dir + "-gone" },
			want: []string{"-gone: no such directory"}, is: fs.ErrNotExist},
		{name: "a file", change: func(_ *testing.T, dir string) string { return filepath.Join(dir, graphFile) },
			want: []string{"is a file", "give the directory that it lies in"}, is: lockstep.ErrNotSavedModel},
		{name: "an empty directory", change: func(t *testing.T, _ string) string { return t.TempDir() },
			want: []string{"has no saved_model.pb"}, is: lockstep.ErrNotSavedModel},
		{name: "the directory above", change: func(_ *testing.T, dir string) string { return filepath.Dir(dir) },
			want: []string{"has no saved_model.pb"}, is: lockstep.ErrNotSavedModel},
		{name: "an empty name", change: func(*testing.T, string) string { return "" }, want: []string{"no such directory"}},

		{name: "empty graph file", change: cut(graphFile, func(int) int { return 0 }), want: []string{"holds no graph"}, is: lockstep.ErrNotSavedModel},
		{name: "graph file cut in half", change: cut(graphFile, half), want: []string{"saved_model.pb", "cut short"}},
		{name: "graph file lacks its last byte", change: cut(graphFile, func(n int) int { return n - 1 }), want: []string{"saved_model.pb", "cut short"}},
		{name: "graph file is text", change: rewrite(graphFile, func([]byte) []byte { return []byte("<html>not found</html>") }), want: []string{"saved_model.pb", "damaged"}},
		{name: "graph file is zeros", change: rewrite(graphFile, func(b []byte) []byte { return make([]byte, len(b)) }), want: []string{"saved_model.pb", "damaged"}},

		{name: "wrong tag", options: []Option{WithTags("train")}, want: []string{"no graph with the tags {train}; it has {serve}"}},
		{name: "a tag too many", options: []Option{WithTags("serve", "gpu")}, want: []string{"{gpu, serve}; it has {serve}"}},
		{name: "missing signature", options: []Option{WithSignature("predict")}, want: []string{`no signature "predict"; it has: serve, serving_default`}},
		{name: "no default among several", change: edit(func(g *pb.MetaGraphDef) {
			g.SignatureDef["other"] = g.SignatureDef["serving_default"]
			delete(g.SignatureDef, "serving_default")
		}), want: []string{"has no signature serving_default; name one of: other, serve"}},
		{name: "no signatures", fixture: "not_callable", want: []string{"no signature that can be called", "save_traces=False"}},
		{name: "an output that is not in the graph", change: edit(func(g *pb.MetaGraphDef) {
			rename(g.SignatureDef["serving_default"].Outputs["output_0"], "nowhere:0")
		}), want: []string{`"output_0"`, `no node "nowhere"`}},
		{name: "an output that the operation does not have", change: edit(func(g *pb.MetaGraphDef) {
			rename(g.SignatureDef["serving_default"].Outputs["output_0"], "StatefulPartitionedCall_1:7")
		}), want: []string{`"output_0"`, "7"}},
		{name: "two inputs in one", change: edit(func(g *pb.MetaGraphDef) {
			in := g.SignatureDef["serving_default"].Inputs
			rename(in["encoder_input"], in["decoder_input"].GetName())
		}), want: []string{`"decoder_input" and "encoder_input"`, `"serving_default_decoder_input:0"`}},
		{name: "an input that is not in the graph", change: edit(func(g *pb.MetaGraphDef) {
			rename(g.SignatureDef["serving_default"].Inputs["encoder_input"], "nowhere:0")
		}), want: []string{`"encoder_input"`, `"nowhere"`}},
		{name: "an operation that TensorFlow does not know", change: edit(func(g *pb.MetaGraphDef) {
			g.GraphDef.Node = append(g.GraphDef.Node, &node_def_go_proto.NodeDef{Name: "stranger", Op: "NoSuchOp"})
		}), want: []string{"loading", "NoSuchOp"}},

		{name: "no variables", change: remove("variables"), want: []string{"no variables/variables.index", "weights are missing"}},
		{name: "no index", change: remove(indexFile), want: []string{"no variables/variables.index"}},
		{name: "index cut in half", change: cut(indexFile, half), want: []string{indexFile}},
		{name: "index empty", change: cut(indexFile, func(int) int { return 0 }), want: []string{indexFile}},
		{name: "a bit of the index flipped", change: rewrite(indexFile, func(b []byte) []byte { b[len(b)/3] ^= 1; return b }), want: []string{indexFile}},
		{name: "no data", change: remove(dataFile), want: []string{dataFile, "no such file", "copy the model again"}},
		{name: "data cut in half", change: cut(dataFile, half), want: []string{dataFile, "the file has 1202: it is cut short"}},
		{name: "data empty", change: cut(dataFile, func(int) int { return 0 }), want: []string{dataFile, "the file has 0: it is cut short"}},
		{name: "data damaged", change: rewrite(dataFile, func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }), want: []string{"loading", "hecksum"}},
		{name: "checkpoint of another size", change: borrow("seed_keras3", indexFile, dataFile),
			want: []string{"the checkpoint has float32 (", "the graph wants float32 (", "the checkpoint belongs to another model"}},
		{name: "checkpoint of another model", change: borrow("not_gru", indexFile, dataFile), want: []string{"another model"}},
		{name: "index of another model", change: borrow("seed_keras3", indexFile), want: []string{"another model"}},
		{name: "data of another model", change: borrow("no_bias_keras3", dataFile), want: []string{"loading"}},
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range brokenModels() {
		t.Run(c.name, func(t *testing.T) {
			name := c.fixture
			if name == "" {
				name = "seed_units1_keras3"
			}
			dir := fixture.Dir(t, name)
			if c.change != nil {
				dir = c.change(t, dir)
			}
			m, err := Open(dir, c.options...)
			if err == nil {
				m.Close()
				t.Fatalf("it opens; want an error that says %q", c.want)
			}
			if !strings.HasPrefix(err.Error(), "tfbridge: ") {
				t.Errorf("%q does not begin with the package", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%v", w, err)
				}
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			t.Log(err)
		})
	}
}

// The only signature is the default one, whatever it is called.
func TestTheOnlySignatureIsTaken(t *testing.T) {
	dir := fixture.Dir(t, "seed_units1_keras3")
	edit(func(g *pb.MetaGraphDef) { delete(g.SignatureDef, "serving_default") })(t, dir)
	if got := openDir(t, dir).Signature().Name; got != "serve" {
		t.Errorf("signature %q, want serve", got)
	}
}

func tensor[E lockstep.Element](t *testing.T, data []E, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.New(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func zeros(t *testing.T, dtype lockstep.DType, shape ...int) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.Zeros(dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestRunRefuses(t *testing.T) {
	m := openFixture(t, "seed_units1_keras3")
	encoder, decoder := zeros(t, lockstep.Float32, 2, 10, 1), zeros(t, lockstep.Float32, 2, 3, 1)
	type tensors = map[string]*lockstep.Tensor
	for _, c := range []struct {
		name   string
		inputs tensors
		want   []string
	}{
		{"no inputs", nil, []string{"no input decoder_input float32 (?, ?, 1)", "no input encoder_input float32 (?, 10, 1)", "got none"}},
		{"a missing input", tensors{"encoder_input": encoder}, []string{"no input decoder_input", `got "encoder_input"`}},
		{"a nil tensor", tensors{"encoder_input": encoder, "decoder_input": nil}, []string{`"decoder_input" is missing`}},
		{"an input too many", tensors{"encoder_input": encoder, "decoder_input": decoder, "mask": decoder}, []string{`no input "mask"; it has "decoder_input", "encoder_input"`}},
		{"a wrong name", tensors{"encoder": encoder, "decoder_input": decoder}, []string{"no input encoder_input", `no input "encoder"`}},
		{"the graph's name for it", tensors{"serving_default_encoder_input:0": encoder, "decoder_input": decoder}, []string{`no input "serving_default_encoder_input:0"`}},
		{"float64", tensors{"encoder_input": zeros(t, lockstep.Float64, 2, 10, 1), "decoder_input": decoder}, []string{`"encoder_input" has the type float64, want`}},
		{"strings", tensors{"encoder_input": zeros(t, lockstep.String, 2, 10, 1), "decoder_input": decoder}, []string{"has the type string"}},
		{"a scalar", tensors{"encoder_input": zeros(t, lockstep.Float32), "decoder_input": decoder}, []string{"shape () of rank 0, want (?, 10, 1) of rank 3"}},
		{"rank 2", tensors{"encoder_input": zeros(t, lockstep.Float32, 2, 10), "decoder_input": decoder}, []string{"rank 2, want (?, 10, 1) of rank 3"}},
		{"rank 4", tensors{"encoder_input": zeros(t, lockstep.Float32, 1, 2, 10, 1), "decoder_input": decoder}, []string{"rank 4, want"}},
		// libtensorflow takes these and answers something.
		{"11 steps into 10", tensors{"encoder_input": zeros(t, lockstep.Float32, 2, 11, 1), "decoder_input": decoder}, []string{"axis 1 is 11, want 10"}},
		{"9 steps into 10", tensors{"encoder_input": zeros(t, lockstep.Float32, 2, 9, 1), "decoder_input": decoder}, []string{"axis 1 is 9, want 10"}},
		{"two features", tensors{"encoder_input": encoder, "decoder_input": zeros(t, lockstep.Float32, 2, 3, 2)}, []string{"axis 2 is 2, want 1"}},
		// What only running finds.
		{"two batch sizes", tensors{"encoder_input": encoder, "decoder_input": zeros(t, lockstep.Float32, 3, 3, 1)}, []string{"running ", "seed_units1_keras3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, run := m.Run(context.Background(), c.inputs)
			_, trace := m.Trace(context.Background(), c.inputs, lockstep.States)
			for call, err := range map[string]error{"Run": run, "Trace": trace} {
				if err == nil {
					t.Errorf("%s: no error, want one that says %q", call, c.want)
					continue
				}
				if !strings.HasPrefix(err.Error(), "tfbridge: ") {
					t.Errorf("%s: %q does not begin with the package", call, err)
				}
				for _, w := range c.want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s: the error does not say %q: %v", call, w, err)
					}
				}
			}
		})
	}
	// None of it has harmed the model.
	if _, err := m.Run(context.Background(), fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")); err != nil {
		t.Error(err)
	}
}

// An empty batch has an empty answer. A decoder of no steps has none in
// TensorFlow, which cannot stack what it has not computed.
func TestEmptyInputs(t *testing.T) {
	m := openFixture(t, "states_out_keras3")
	trace := func(batch, steps int) (*lockstep.Trace, error) {
		return m.Trace(context.Background(), map[string]*lockstep.Tensor{
			"encoder_input": zeros(t, lockstep.Float32, batch, 10, 3),
			"decoder_input": zeros(t, lockstep.Float32, batch, steps, 2),
		}, lockstep.States)
	}
	got, err := trace(0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if out := got.Outputs["output_0"].String(); out != "float32 (0, 3, 2)" {
		t.Errorf("an empty batch: the output is %s", out)
	}
	if c := got.States["decoder/state_c"].String(); c != "float32 (0, 5)" {
		t.Errorf("an empty batch: the state is %s", c)
	}
	for _, batch := range []int{0, 2} {
		if _, err := trace(batch, 0); err == nil || !strings.Contains(err.Error(), "stack elements of an empty list") {
			t.Errorf("batch %d, no steps: %v, want TensorFlow's error", batch, err)
		}
	}
}

func TestNotANumberTravels(t *testing.T) {
	m := openFixture(t, "seed_units1_keras3")
	nan := make([]float32, 10)
	nan[3] = float32(math.NaN())
	trace, err := m.Trace(context.Background(), map[string]*lockstep.Tensor{
		"encoder_input": tensor(t, nan, 1, 10, 1), "decoder_input": zeros(t, lockstep.Float32, 1, 1, 1),
	}, lockstep.States)
	if err != nil {
		t.Fatal(err)
	}
	h, err := trace.States["encoder/state_h"].Float64s()
	if err != nil || !math.IsNaN(h[0]) {
		t.Errorf("state_h = %v, %v, want NaN", h, err)
	}
}

func TestAClosedModelOfTensorFlow(t *testing.T) {
	m := openFixture(t, "seed_units1_keras3")
	inputs := fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, m, inputs)
}

func TestContextThatHasEnded(t *testing.T) {
	m := openFixture(t, "seed_units1_keras3")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Run(ctx, fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
