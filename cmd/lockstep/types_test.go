package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// edited unpacks a fixture with an edited graph.
func edited(t *testing.T, name string, edit func(g *pb.MetaGraphDef)) string {
	t.Helper()
	dir := fixture.Dir(t, name)
	path := filepath.Join(dir, "saved_model.pb")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved := &pb.SavedModel{}
	if err := proto.Unmarshal(b, saved); err != nil {
		t.Fatal(err)
	}
	edit(saved.MetaGraphs[0])
	if b, err = proto.Marshal(saved); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inspect shows a weight of a type that no file of numpy's can have, and the
// others; that it could not write all of them is an error that names it.
func TestInspectWritesTheWeightsThatItCan(t *testing.T) {
	dir := edited(t, "reports/int8", func(g *pb.MetaGraphDef) {
		for _, n := range g.GraphDef.Node {
			if n.Op == "VarHandleOp" && n.Name == "dense/kernel_1" {
				n.Attr["dtype"].Value = &attr_value_go_proto.AttrValue_Type{Type: types_go_proto.DataType_DT_QINT8}
			}
		}
	})
	code, stdout, stderr := call("inspect", dir)
	for _, want := range []string{
		"signature serving_default", "lstm  LSTM", "dense/kernel_1         qint8    (4, 2)   variable dense/kernel_1                     cannot be read: ", "dense/bias_1           float32",
		`does not run this signature: native: signature "serving_default"`, `node "dense/kernel_1" (VarHandleOp)`, "its element type qint8 is not supported",
	} {
		if code != exitInStep || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("exit code %d, and the description lacks %q\n%s%s", code, want, stdout, stderr)
		}
	}
	file := filepath.Join(t.TempDir(), "w.npz")
	for _, format := range []string{"text", "json"} {
		code, stdout, stderr = call("inspect", dir, "--weights", file, "--format", format)
		if code != exitNotRun || !strings.Contains(stdout, "qint8") || !strings.Contains(stderr, "w.npz holds 5 of the 6 weights: ") || !strings.Contains(stderr, `weight "dense/kernel_1"`) {
			t.Errorf("exit code %d, standard error %q\n%s", code, stderr, stdout)
		}
		written, err := npz.ReadFile(file)
		if err != nil || len(written) != 5 {
			t.Errorf("%d weights are written, %v", len(written), err)
		}
	}
}

// Whatever types a signature has, inspect shows it, and run refuses it by name.
func TestTypesThatNoTensorCanHave(t *testing.T) {
	dir := edited(t, "seed_units1_keras3", func(g *pb.MetaGraphDef) {
		g.SignatureDef["serve"].Inputs["encoder_input"].Dtype = 29 // int4
		g.SignatureDef["serve"].Outputs["output_0"].Encoding = &pb.TensorInfo_CooSparse_{CooSparse: &pb.TensorInfo_CooSparse{}}
	})
	code, stdout, stderr := call("inspect", dir)
	for _, want := range []string{"encoder_input  int4", "a sparse tensor of float32", "The native engine runs this signature"} {
		if code != exitInStep || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("exit code %d, and the description lacks %q\n%s%s", code, want, stdout, stderr)
		}
	}
	// The other signature's graph cannot be followed: then all variables are shown.
	code, stdout, stderr = call("inspect", dir, "--signature", "serve")
	for _, want := range []string{"signature serve (described here)", "encoder_lstm/lstm_cell/kernel_1", "does not run this signature", "a sparse tensor of float32, which is not supported"} {
		if code != exitInStep || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("exit code %d, and the description lacks %q\n%s%s", code, want, stdout, stderr)
		}
	}
	dir = edited(t, "seed_units1_keras3", func(g *pb.MetaGraphDef) {
		g.SignatureDef["serving_default"].Inputs["encoder_input"].Dtype = 29
	})
	code, _, stderr = call("run", dir, "--inputs", fixture.Path("seed_units1_keras3", "inputs.npz"), "--outputs", filepath.Join(t.TempDir(), "o.npz"))
	if want := `input "encoder_input" is int4, and lockstep has no tensors of that type`; code != exitNotRun || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, standard error %q, want %q", code, stderr, want)
	}
}
