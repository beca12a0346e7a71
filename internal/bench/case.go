package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/lockstep-go/lockstep"
)

// Case is one complete call of the eight-tensor model: all that a contender in
// another language needs to compute it.
type Case struct {
	Weights          lockstep.Weights
	Encoder, Decoder *lockstep.Tensor // inputs (batch, steps, features)
}

// Write writes the case as float32, little-endian and without a header: seven
// sizes, which are encoder features, decoder features, units, output features,
// batch, encoder steps and decoder steps; then encoder kernel, recurrent
// kernel and bias, the decoder's three, dense kernel and bias; then the
// encoder's and the decoder's input. A missing bias is zeros.
func (c Case) Write(out io.Writer) error {
	e, d := c.Encoder.Shape(), c.Decoder.Shape()
	if len(e) != 3 || len(d) != 3 || e[0] != d[0] {
		return fmt.Errorf("bench: inputs of the shapes %s and %s, want (batch, steps, features) of one batch", lockstep.FormatShape(e), lockstep.FormatShape(d))
	}
	recurrent, dense := c.Weights.Get("encoder/recurrent_kernel"), c.Weights.Get("dense/kernel")
	if recurrent == nil || dense == nil {
		return fmt.Errorf("bench: weights %q, want those of the sequence-to-sequence model", lockstep.Names(c.Weights))
	}
	units, outputs := recurrent.Shape()[0], dense.Shape()[1]
	sizes := []int{e[2], d[2], units, outputs, e[0], e[1], d[1]}
	values := make([]float32, 0, len(sizes))
	for _, n := range sizes {
		values = append(values, float32(n))
	}
	for _, w := range []struct {
		name   string
		length int
	}{
		{"encoder/kernel", e[2] * 4 * units}, {"encoder/recurrent_kernel", units * 4 * units}, {"encoder/bias", 4 * units},
		{"decoder/kernel", d[2] * 4 * units}, {"decoder/recurrent_kernel", units * 4 * units}, {"decoder/bias", 4 * units},
		{"dense/kernel", units * outputs}, {"dense/bias", outputs},
	} {
		t := c.Weights.Get(w.name)
		if t == nil {
			values = append(values, make([]float32, w.length)...)
			continue
		}
		data, err := lockstep.Data[float32](t)
		if err != nil {
			return fmt.Errorf("bench: weight %q: %w", w.name, err)
		}
		if len(data) != w.length {
			return fmt.Errorf("bench: weight %q has %d values, want %d", w.name, len(data), w.length)
		}
		values = append(values, data...)
	}
	for _, t := range []*lockstep.Tensor{c.Encoder, c.Decoder} {
		data, err := lockstep.Data[float32](t)
		if err != nil {
			return fmt.Errorf("bench: input: %w", err)
		}
		values = append(values, data...)
	}
	w := bufio.NewWriter(out)
	if err := binary.Write(w, binary.LittleEndian, values); err != nil {
		return err
	}
	return w.Flush()
}
