//go:build tensorflow

package tfbridge

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// passing writes fixture.SavedModelOf into a folder.
func passing(t *testing.T, d types_go_proto.DataType) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), fixture.SavedModelOf(t, d), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Of all of TensorFlow's types, those that tensors of ours can have go through a
// model, in both engines, and the others are refused by their names.
func TestEveryTypeOfASignature(t *testing.T) {
	ran := map[lockstep.DType]bool{}
	for d := types_go_proto.DataType(1); d <= 33; d++ {
		dir := passing(t, d)
		m, err := Open(dir)
		pure, errPure := native.Load(dir)
		if err != nil || errPure != nil {
			for _, err := range []error{err, errPure} {
				described, errDescribed := native.Inspect(dir)
				if errDescribed != nil {
					t.Fatal(errDescribed)
				}
				want := `signature "serving_default": input "x" is ` + described.Signatures[0].Inputs[0].TypeName() + ", and lockstep has no tensors of that type"
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(want, "invalid") {
					t.Errorf("type %d: error %v, want one with %q", d, err, want)
				}
			}
			continue
		}
		dtype := m.Signature().Inputs[0].DType
		ran[dtype] = true
		for _, shape := range [][]int{{}, {3}, {2, 0}, {2, 1, 3}} {
			x := full(t, dtype, shape...)
			for _, e := range []lockstep.Engine{m, pure} {
				got, err := e.Run(context.Background(), map[string]*lockstep.Tensor{"x": x})
				if err != nil || !got["same"].BitEqual(x) {
					t.Errorf("%s in %s comes back as %s, %v", x, e.Name(), got["same"], err)
				}
			}
		}
		m.Close()
	}
	if len(ran) != len(lockstep.DTypes()) {
		t.Errorf("%d types ran, want %d", len(ran), len(lockstep.DTypes()))
	}
}

// Models of quantized weights and of bytes run in TensorFlow to what Keras
// predicted; that a quantized weight is read is seen in its type.
func TestModelsOfBytes(t *testing.T) {
	for _, name := range []string{"reports/int8", "reports/uint8", "reports/seed_uint32"} {
		m := openFixture(t, name)
		got, err := m.Trace(context.Background(), fixture.Tensors(t, name, "inputs.npz"), lockstep.Steps)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for output, want := range fixture.Tensors(t, name, "expected.npz") {
			if _, err := difference(got.Outputs[output], want); err != nil {
				t.Errorf("%s: %s: %v", name, output, err)
			}
		}
		weights, err := m.Weights()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kernel := weights.Get("dense/kernel_1"); name == "reports/int8" && (kernel == nil || kernel.DType() != lockstep.Int8) {
			t.Errorf("%s: the dense kernel is %s", name, kernel)
		}
	}
}
