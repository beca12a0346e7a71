package native

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// The models that were exported with cuDNN are recognised as those without.
func TestCuDNNLayers(t *testing.T) {
	for name, want := range map[string]string{
		"cudnn_seq2seq_keras3":              "encoder LSTM, decoder LSTM",
		"cudnn_gru_masked_sequences_keras3": "gru GRU masked",
		"cudnn_layer_lstm_tfkeras":          "cu_dnnlstm LSTM",
		"module_cudnn_gru_bidirectional":    "cell GRU masked, cell_1 GRU masked",
	} {
		m, err := LoadFS(fixture.FS(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, l := range m.Layers() {
			s := l.Name + " " + l.Kind
			if l.Masked {
				s += " masked"
			}
			got = append(got, s)
		}
		if strings.Join(got, ", ") != want || len(m.Loops()) > 0 {
			t.Errorf("%s: layers %s and loops %v, want %s", name, strings.Join(got, ", "), m.Loops(), want)
		}
		if _, seq2seq := m.Seq2Seq(); (seq2seq == nil) != (name == "cudnn_seq2seq_keras3") {
			t.Errorf("%s: a sequence-to-sequence model: %v", name, seq2seq)
		}
	}
}

// lengthsOf are inputs of the module of two directions: 2 sequences of 3 steps.
func lengthsOf(t *testing.T, steps int, lengths ...int32) map[string]*lockstep.Tensor {
	t.Helper()
	return map[string]*lockstep.Tensor{
		"x": fixture.Ramp(t, 2, steps, 3), "h": fixture.Ramp(t, 2, 2, 4), "lengths": fixture.NewTensor(t, lengths, len(lengths)),
	}
}

// Lengths that a sequence cannot have are errors, and of those that it can have the
// padded steps are zeros, and the states those of the last step.
func TestCuDNNLengths(t *testing.T) {
	m, err := LoadFS(fixture.FS(t, "module_cudnn_gru_bidirectional"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lengths := range [][]int32{{4, 1}, {-1, 3}, {math.MinInt32, 1}, {math.MaxInt32, 1}, {3}, {}, {1, 2, 3}} {
		if out, err := m.Run(context.Background(), lengthsOf(t, 3, lengths...)); err == nil {
			t.Errorf("lengths %v: %v, want an error", lengths, out)
		}
	}
	inputs := lengthsOf(t, 3, 0, 2)
	out, err := m.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	y, h := floats(t, out["y"]), floats(t, out["last_h"])
	if slices.ContainsFunc(y[:24], func(v float32) bool { return v != 0 }) || slices.ContainsFunc(y[40:], func(v float32) bool { return v != 0 }) {
		t.Errorf("the padded steps are %v", y)
	}
	if initial := floats(t, inputs["h"]); !slices.Equal(h[:8], initial[:8]) {
		t.Errorf("the states of no steps are %v, want %v", h[:8], initial[:8])
	}
	if !slices.Equal(h[8:12], y[32:36]) || !slices.Equal(h[12:], y[28:32]) {
		t.Errorf("the states of two steps are %v, and the outputs %v", h[8:], y[24:40])
	}
}

// NaN stays in its sequence, and neither no steps nor no sequences are a panic.
func TestCuDNNEdges(t *testing.T) {
	m, err := LoadFS(fixture.FS(t, "module_cudnn_gru_bidirectional"))
	if err != nil {
		t.Fatal(err)
	}
	inputs := lengthsOf(t, 3, 3, 3)
	x := slices.Clone(floats(t, inputs["x"]))
	x[0] = float32(math.NaN())
	inputs["x"] = fixture.NewTensor(t, x, 2, 3, 3)
	out, err := m.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	isNaN := func(v float32) bool { return v != v }
	if y := floats(t, out["y"]); !slices.ContainsFunc(y[:24], isNaN) || slices.ContainsFunc(y[24:], isNaN) {
		t.Errorf("the outputs are %v", y)
	}
	for _, empty := range []map[string]*lockstep.Tensor{
		lengthsOf(t, 0, 0, 0),
		{"x": fixture.Ramp(t, 0, 3, 3), "h": fixture.Ramp(t, 0, 2, 4), "lengths": fixture.NewTensor(t, []int32{}, 0)},
	} {
		if out, err := m.Run(context.Background(), empty); err == nil && floats(t, out["y"]) == nil {
			t.Errorf("no error and no output")
		}
	}
}

// A file whose notes of shapes are not true gives no number.
func TestCuDNNFalseNotes(t *testing.T) {
	inputs := fixture.Tensors(t, "module_cudnn_gru_bidirectional", "inputs.npz")
	for _, length := range []int64{1, 2, 3, 5, 8, 1 << 20, 1 << 40} {
		for axis := range 3 {
			for _, noted := range []string{"x", "h"} {
				dir := fixture.Dir(t, "module_cudnn_gru_bidirectional")
				if !falseNotes(t, dir, noted, axis, length) {
					continue
				}
				m, err := Load(dir)
				if err != nil {
					continue
				}
				out, err := m.Run(context.Background(), inputs)
				if err != nil {
					continue
				}
				for key, want := range fixture.Tensors(t, "module_cudnn_gru_bidirectional", "expected.npz") {
					have, want := floats(t, out[key]), floats(t, want)
					for i := range want {
						if math.Abs(float64(have[i]-want[i])) > 1e-5 {
							t.Fatalf("axis %d of %s noted as %d: %s differs by %g", axis, noted, length, key, have[i]-want[i])
						}
					}
				}
			}
		}
	}
}

// falseNotes notes another length of an axis of the operation's input, or states.
func falseNotes(t *testing.T, dir, of string, axis int, length int64) bool {
	input := map[string]int{"x": 0, "h": 1}[of]
	return fixture.TryEditGraph(t, dir, func(m *pb.SavedModel) {
		for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range f.NodeDef {
				if n.Op != "CudnnRNNV3" {
					continue
				}
				for _, source := range f.NodeDef {
					if strings.HasPrefix(n.Input[input], source.Name+":") {
						if dims := source.Attr["_output_shapes"].GetList().Shape[0].Dim; len(dims) > axis {
							dims[axis].Size = length
						}
					}
				}
			}
		}
	})
}

// What cannot be a loop is refused by name, node and reason, also to Inspect.
func TestCuDNNRefused(t *testing.T) {
	dir := fixture.Dir(t, "module_cudnn_gru_bidirectional")
	fixture.EditGraph(t, dir, func(m *pb.SavedModel) {
		for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range f.NodeDef {
				if n.Op == "CudnnRNNV3" {
					n.Attr["direction"] = n.Attr["rnn_mode"]
				}
			}
		}
	})
	_, err := Load(dir)
	for _, want := range []string{"CudnnRNNV3", `attribute "direction" is "gru", which is not supported`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	if d, err := Inspect(dir); err != nil || d.Reason == nil {
		t.Errorf("Inspect: %+v, %v", d, err)
	}
}
