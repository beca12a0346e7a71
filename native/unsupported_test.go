package native

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// foreign returns a fixture's files with other operations instead of some
// nodes: change returns a node's.
func foreign(t testing.TB, name string, change func(n *node_def_go_proto.NodeDef) (op string)) fs.FS {
	t.Helper()
	from := fixture.FS(t, name)
	files := fstest.MapFS{}
	ok(t, fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, path)
		files[path] = &fstest.MapFile{Data: b}
		return err
	}))
	saved := &pb.SavedModel{}
	ok(t, proto.Unmarshal(files["saved_model.pb"].Data, saved))
	meta := saved.MetaGraphs[0]
	nodes := slices.Clone(meta.GraphDef.Node)
	for _, f := range meta.GraphDef.Library.Function {
		nodes = append(nodes, f.NodeDef...)
	}
	changed := 0
	for _, n := range nodes {
		op := change(n)
		if op == "" {
			continue
		}
		n.Op = op
		changed++
	}
	if changed == 0 {
		t.Fatalf("%s: nothing was changed", name)
	}
	b, err := proto.Marshal(saved)
	ok(t, err)
	files["saved_model.pb"] = &fstest.MapFile{Data: b}
	return files
}

// Load names every operation that is not supported at once, wherever it stands,
// with its node, its layer and the signature.
func TestUnsupportedOperationsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		// ops are operations of TensorFlow's that are not supported, by those
		// in whose place they are put, which have the same inputs and outputs.
		ops   map[string]string
		words []string
	}{
		"seed_keras3": {
			map[string]string{"BiasAdd": "BiasAddV1", "Tanh": "Spence", "LogicalAnd": "IgammaGradA"},
			[]string{
				`signature "serving_default": layer "functional_1/encoder_lstm_1": node `,
				`node "functional_1/encoder_lstm_1/while/lstm_cell_1/Tanh" (Spence) of "StatefulPartitionedCall_1/StatefulPartitionedCall/functional_1/encoder_lstm_1/while"`,
				`layer "functional_1/decoder_lstm_1"`, "(BiasAddV1)", "(IgammaGradA)", "the operation is not supported",
			},
		},
		"seed_tfkeras": {
			map[string]string{"BiasAdd": "BiasAddV1", "Tanh": "Spence"},
			[]string{
				`signature "serving_default": layer "model/encoder_lstm`, `layer "model/decoder_lstm`, `layer "model/output/dense"`,
				`node "while/Tanh" (Spence) of "StatefulPartitionedCall/StatefulPartitionedCall/model/encoder_lstm/PartitionedCall/while"`, "(BiasAddV1)",
			},
		},
	} {
		_, err := LoadFS(foreign(t, name, func(n *node_def_go_proto.NodeDef) string { return c.ops[n.Op] }))
		if err == nil {
			t.Errorf("%s: loaded", name)
			continue
		}
		t.Logf("%s: %v", name, err)
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error lacks %q", name, w)
			}
		}
		var unsupported *lockstep.UnsupportedError
		if !errors.As(err, &unsupported) {
			t.Errorf("%s: the error lists no operations", name)
			continue
		}
		named := map[string]bool{}
		for _, o := range unsupported.Operations {
			named[o.Op] = true
		}
		for _, op := range c.ops {
			if !named[op] {
				t.Errorf("%s: the error does not list %s", name, op)
			}
		}
		lines := strings.Split(err.Error(), "\n")
		slices.Sort(lines)
		if len(slices.Compact(slices.Clone(lines))) != len(lines) {
			t.Errorf("%s: the error says something twice", name)
		}
	}
}

// An operation that is not supported keeps nothing from being loaded if no output
// needs it: the copy of a cell's first step that Keras leaves beside each loop.
func TestUnsupportedOperationsAsideDoNotMatter(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_tfkeras"} {
		m, err := LoadFS(foreign(t, name, func(n *node_def_go_proto.NodeDef) string {
			if n.Op == "Tanh" && !strings.Contains(n.Name, "while") {
				return "Spence"
			}
			return ""
		}))
		ok(t, err)
		_, err = m.Run(t.Context(), fixture.Tensors(t, name, "inputs.npz"))
		ok(t, err)
	}
}
