//go:build tensorflow

package tfbridge

import (
	"context"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	tg "github.com/galeone/tfgo"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A tfgo user's program and this package answer alike, bit for bit. The user
// reads the operations' names off `saved_model_cli show`.
func TestAnswersAsTfgoDoes(t *testing.T) {
	for name, ops := range map[string]struct{ encoder, decoder, output string }{
		"seed_keras3":  {"serving_default_encoder_input", "serving_default_decoder_input", "StatefulPartitionedCall_1"},
		"seed_tfkeras": {"serving_default_encoder_input", "serving_default_decoder_input", "StatefulPartitionedCall"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fixture.Dir(t, name)
			ours := openDir(t, dir) // loads the library as well
			inputs := fixture.Tensors(t, name, "inputs.npz")

			// From here on it is as tfgo's README has it.
			encoder, err := tf.NewTensor(nested(t, inputs["encoder_input"]))
			if err != nil {
				t.Fatal(err)
			}
			decoder, err := tf.NewTensor(nested(t, inputs["decoder_input"]))
			if err != nil {
				t.Fatal(err)
			}
			model := tg.LoadModel(dir, []string{"serve"}, nil)
			results := model.Exec([]tf.Output{
				model.Op(ops.output, 0),
			}, map[tf.Output]*tf.Tensor{
				model.Op(ops.encoder, 0): encoder,
				model.Op(ops.decoder, 0): decoder,
			})
			theirs := results[0].Value().([][][]float32)

			out, err := ours.Run(context.Background(), inputs)
			if err != nil {
				t.Fatal(err)
			}
			got := nested(t, out[ours.Signature().Outputs[0].Name])
			if len(got) != len(theirs) {
				t.Fatalf("a batch of %d, tfgo has %d", len(got), len(theirs))
			}
			for i := range got {
				for j := range got[i] {
					if got[i][j][0] != theirs[i][j][0] {
						t.Errorf("[%d][%d] = %v, tfgo has %v", i, j, got[i][j], theirs[i][j])
					}
				}
			}
		})
	}
}

// tfgo panics where Run returns an error: what whoever leaves it gains.
func TestTfgoPanicsWhereOursIsAnError(t *testing.T) {
	dir := fixture.Dir(t, "seed_units1_keras3")
	ours := openDir(t, dir)
	defer func() {
		if recover() == nil {
			t.Error("tfgo did not panic: the package comment can be shortened")
		}
	}()
	if _, err := ours.Run(context.Background(), nil); err == nil {
		t.Error("no error for no inputs")
	}
	model := tg.LoadModel(dir, []string{"serve"}, nil)
	model.Exec([]tf.Output{model.Op("StatefulPartitionedCall_1", 0)}, nil)
}

// nested makes the slices of slices that tf.NewTensor takes.
func nested(t *testing.T, x *lockstep.Tensor) [][][]float32 {
	t.Helper()
	flat, err := lockstep.Data[float32](x)
	if err != nil || x.Rank() != 3 {
		t.Fatalf("%s: %v", x, err)
	}
	s := x.Shape()
	out := make([][][]float32, s[0])
	for i := range out {
		out[i] = make([][]float32, s[1])
		for j := range out[i] {
			k := (i*s[1] + j) * s[2]
			out[i][j] = flat[k : k+s[2]]
		}
	}
	return out
}
