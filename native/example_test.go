package native_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// seedModel unpacks a SavedModel that Keras wrote; yours is a directory already.
func seedModel() (dir string, remove func()) {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	dir = filepath.Join(tmp, "seed_keras3")
	if err := fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(tmp) }
}

// A model is loaded once; what it takes and returns are tensors by name.
func ExampleLoad() {
	dir, remove := seedModel()
	defer remove()

	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range m.Signature().Inputs {
		fmt.Println("takes", in)
	}
	for _, out := range m.Signature().Outputs {
		fmt.Println("returns", out)
	}
	for _, l := range m.Layers() {
		fmt.Println("native layer:", l.Kind, l.Name)
	}
	// Output:
	// takes decoder_input float32 (?, ?, 1)
	// takes encoder_input float32 (?, 10, 1)
	// returns output_0 float32 (?, ?, 1)
	// native layer: LSTM encoder
	// native layer: LSTM decoder
}

// Any number of goroutines may call Run; what it returns is the caller's.
func ExampleModel_Run() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}

	past := []float32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50}
	encoder, err := lockstep.New(past, 1, 10, 1) // one sequence of ten steps of one feature
	if err != nil {
		log.Fatal(err)
	}
	decoder, err := lockstep.New([]float32{50, 45, 40, 35}, 1, 4, 1)
	if err != nil {
		log.Fatal(err)
	}
	out, err := m.Run(context.Background(), map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder})
	if err != nil {
		log.Fatal(err)
	}
	values, err := lockstep.Data[float32](out["output_0"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out["output_0"], "of", len(values), "values")
	// Output: float32 (1, 4, 1) of 4 values
}

// RunInto writes into tensors of the caller's, and allocates nothing once a call
// with inputs of the same shapes has been made.
func ExampleModel_RunInto() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}

	encoder, _ := lockstep.Zeros(lockstep.Float32, 1, 10, 1)
	decoder, _ := lockstep.Zeros(lockstep.Float32, 1, 4, 1)
	output, _ := lockstep.Zeros(lockstep.Float32, 1, 4, 1)
	inputs := map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder}
	outputs := map[string]*lockstep.Tensor{"output_0": output}

	x, _ := lockstep.Data[float32](decoder) // the tensor's own elements
	for call := range 3 {
		x[0] = float32(call)
		if err := m.RunInto(context.Background(), inputs, outputs); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(outputs["output_0"])
	// Output: float32 (1, 4, 1)
}

// A Runner belongs to one goroutine and uses its memory again: its outputs are
// to be read before the next call.
func ExampleModel_NewRunner() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}

	r := m.NewRunner()
	for _, steps := range []int{4, 8} {
		encoder, _ := lockstep.Zeros(lockstep.Float32, 1, 10, 1)
		decoder, _ := lockstep.Zeros(lockstep.Float32, 1, steps, 1)
		out, err := r.Run(context.Background(), map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(out["output_0"])
	}
	// Output:
	// float32 (1, 4, 1)
	// float32 (1, 8, 1)
}

// A Stream takes a sequence as it comes, one step at a time, and gives for each
// step what Run gives for the whole.
func ExampleModel_NewStream() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	// What the encoder reads belongs to the whole sequence.
	past, _ := lockstep.New([]float32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50}, 1, 10, 1)
	s, err := m.NewStream(ctx, 1, map[string]*lockstep.Tensor{"encoder_input": past})
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range []float32{50, 45, 40} {
		step, _ := lockstep.New([]float32{v}, 1, 1, 1)
		out, err := s.Step(ctx, map[string]*lockstep.Tensor{"decoder_input": step})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(out["output_0"])
	}
	s.Reset() // to begin another sequence
	// Output:
	// float32 (1, 1, 1)
	// float32 (1, 1, 1)
	// float32 (1, 1, 1)
}

// Inspect describes a model whether or not Load takes it.
func ExampleInspect() {
	dir, remove := seedModel()
	defer remove()

	d, err := native.Inspect(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signature", d.Signature)
	for _, l := range d.Layers {
		fmt.Println(l.Kind, l.Name, l.Activation, l.RecurrentActivation)
	}
	for _, w := range d.Weights {
		fmt.Println(w.Name, lockstep.FormatShape(w.Shape))
	}
	fmt.Println("refused:", d.Reason)
	// Output:
	// signature serving_default
	// LSTM encoder tanh sigmoid
	// LSTM decoder tanh sigmoid
	// encoder/kernel (1, 256)
	// encoder/recurrent_kernel (64, 256)
	// encoder/bias (256,)
	// decoder/kernel (1, 256)
	// decoder/recurrent_kernel (64, 256)
	// decoder/bias (256,)
	// dense/kernel (64, 1)
	// dense/bias (1,)
	// refused: <nil>
}

// The eight-tensor model can be made of its weights alone, wherever they come
// from; its runner works on plain slices.
func ExampleNewSeq2Seq() {
	tensor := func(shape ...int) *lockstep.Tensor {
		t, err := lockstep.Zeros(lockstep.Float32, shape...)
		if err != nil {
			log.Fatal(err)
		}
		return t
	}
	const units = 3
	s, err := native.NewSeq2Seq(lockstep.Weights{
		{Name: "encoder/kernel", Tensor: tensor(1, 4*units)},
		{Name: "encoder/recurrent_kernel", Tensor: tensor(units, 4*units)},
		{Name: "encoder/bias", Tensor: tensor(4 * units)},
		{Name: "decoder/kernel", Tensor: tensor(1, 4*units)},
		{Name: "decoder/recurrent_kernel", Tensor: tensor(units, 4*units)},
		{Name: "decoder/bias", Tensor: tensor(4 * units)},
		{Name: "dense/kernel", Tensor: tensor(units, 1)},
		{Name: "dense/bias", Tensor: tensor(1)},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := s.NewRunner(1) // for batches of up to one row
	if err := r.Encode([]float32{1, 2, 3}, 1); err != nil {
		log.Fatal(err)
	}
	outputs := make([]float32, 2)
	if err := r.Decode(outputs, []float32{3, 4}); err != nil { // teacher forcing
		log.Fatal(err)
	}
	fmt.Println(outputs)
	// Output: [0 0]
}

func ExampleSeq2SeqRunner_Forecast() {
	dir, remove := seedModel()
	defer remove()
	m, err := native.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	series := []float32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50} // (1, 10, 1)

	s, err := m.Seq2Seq()
	if err != nil {
		log.Fatal(err)
	}
	r := s.NewRunner(1)
	if err := r.Encode(series, 1); err != nil {
		log.Fatal(err)
	}
	// The last known value is the first that the decoder reads.
	next := make([]float32, 5)
	if err := r.Forecast(next, series[len(series)-1:], len(next)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(next), "steps ahead")
	// Output: 5 steps ahead
}
