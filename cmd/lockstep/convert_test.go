package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// entries lists what is in a folder.
func entries(t *testing.T, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// What convert writes has the variables' bytes and no operation of cuDNN, and says
// which became a loop.
func TestConvert(t *testing.T) {
	dir, to := fixture.Dir(t, "cudnn_seq2seq_keras3"), filepath.Join(t.TempDir(), "on_cpu")
	if err := os.WriteFile(filepath.Join(dir, "fingerprint.pb"), []byte("of the other graph"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "assets.extra", "deeper"), 0o755); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call("convert", dir, "-o", to)
	if code != exitInStep || strings.Count(stdout, "became a loop") < 2 {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if got := entries(t, to); got != "assets assets.extra saved_model.pb variables" && got != "assets.extra saved_model.pb variables" {
		t.Errorf("it holds %q", got)
	}
	for _, name := range []string{"variables.index", "variables.data-00000-of-00001"} {
		was, err := os.ReadFile(filepath.Join(dir, "variables", name))
		if err != nil {
			t.Fatal(err)
		}
		if is, err := os.ReadFile(filepath.Join(to, "variables", name)); err != nil || !bytes.Equal(is, was) {
			t.Errorf("%s is not the same: %v", name, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(to, "saved_model.pb"))
	if err != nil || bytes.Contains(b, []byte("op\x12\x0aCudnnRNNV3")) {
		t.Errorf("the graph has operations of cuDNN: %v", err)
	}
	if got := entries(t, filepath.Dir(to)); got != "on_cpu" {
		t.Errorf("beside it is %q", got)
	}
	inputs := fixture.Path("cudnn_seq2seq_keras3", "inputs.npz")
	var outputs []string
	for _, model := range []string{dir, to} {
		outputs = append(outputs, filepath.Join(t.TempDir(), "out.npz"))
		if code, _, stderr := call("run", model, "--engine", "native", "--inputs", inputs, "--outputs", outputs[len(outputs)-1]); code != exitInStep {
			t.Fatal(stderr)
		}
	}
	if code, stdout, _ := call("diff", outputs[0], outputs[1], "--atol", "0", "--rtol", "0"); code != exitInStep {
		t.Errorf("the two models compute different values:\n%s", stdout)
	}
}

// convert writes nothing where it must not, or where a part would be missing.
func TestConvertRefuses(t *testing.T) {
	dir, there := fixture.Dir(t, "module_cudnn_gru_bidirectional"), t.TempDir()
	sideways := fixture.Dir(t, "module_cudnn_gru_bidirectional")
	fixture.EditGraph(t, sideways, func(m *pb.SavedModel) {
		for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range f.NodeDef {
				if n.Op == "CudnnRNNV3" {
					n.Attr["direction"] = n.Attr["rnn_mode"]
				}
			}
		}
	})
	damaged := fixture.Dir(t, "module_cudnn_gru_bidirectional")
	if err := os.Truncate(filepath.Join(damaged, "saved_model.pb"), 1000); err != nil {
		t.Fatal(err)
	}
	free := filepath.Join(there, "new")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no output", []string{dir}, exitUsage, "-o DIR"},
		{"a folder", []string{dir, "-o", there}, exitUsage, "exists already"},
		{"inside", []string{dir, "-o", filepath.Join(dir, "inner")}, exitUsage, "inside of"},
		{"no cuDNN", []string{fixture.Dir(t, "gru_states_keras3"), "-o", free}, exitUsage, "no operation of cuDNN"},
		{"no parent", []string{dir, "-o", filepath.Join(there, "none", "new")}, exitNotRun, "no such file"},
		{"no model", []string{there, "-o", free}, exitNotRun, "saved_model.pb"},
		{"damaged", []string{damaged, "-o", free}, exitNotRun, "damaged"},
		{"refused", []string{sideways, "-o", free}, exitNotRun, `attribute "direction" is "gru"`},
	} {
		before := entries(t, there)
		code, stdout, stderr := call(append([]string{"convert"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: exit code %d, want %d: %s%s, want an error that says %q", c.name, code, c.code, stdout, stderr, c.says)
		}
		if after := entries(t, there); after != before {
			t.Errorf("%s: there is %q", c.name, after)
		}
	}
}
