package native

import (
	"fmt"

	"github.com/lockstep-go/lockstep/native/internal/kernel"
)

// Seq2SeqRunner runs a Seq2Seq in memory of its own: after it is made, its calls
// allocate nothing. It keeps the recurrent states (h, c) from call to call:
//
//	Encode, then Decode        outputs for given decoder inputs (teacher forcing)
//	Encode, then Step, Step …  the same, one time step at a time
//	Encode, then Forecast      outputs fed back as the next inputs
//
// Values are row-major: an input is (batch, steps, features), a state
// (batch, units), an output (batch, steps, output features). A Seq2SeqRunner belongs
// to one goroutine.
type Seq2SeqRunner[F Float] struct {
	model *Seq2Seq[F]
	batch int // rows of the states in use

	h, c []F // (capacity, units)
	x, z []F // one step: inputs (capacity, features), gates (capacity, width)
	y    []F // one step: outputs (capacity, output features)

	scratch []F
}

// NewRunner makes a Seq2SeqRunner for batches of up to the given number of rows and
// for any number of steps. Its states are zero, as for Keras's default.
func (m *Seq2Seq[F]) NewRunner(batch int) *Seq2SeqRunner[F] {
	batch = max(batch, 1)
	return &Seq2SeqRunner[F]{
		model: m,
		batch: 1,
		h:     make([]F, batch*m.Units),
		c:     make([]F, batch*m.Units),
		x:     make([]F, batch*max(m.EncoderFeatures, m.DecoderFeatures)),
		z:     make([]F, batch*max(m.encoder.Width(), m.decoder.Width())),
		y:     make([]F, batch*m.OutputFeatures),

		scratch: make([]F, max(m.encoder.Scratch(batch), m.decoder.Scratch(batch))),
	}
}

// Encode reads input (batch, steps, EncoderFeatures) from zero states; the
// states are then the encoder's final ones, with which the decoder begins.
func (r *Seq2SeqRunner[F]) Encode(input []F, batch int) error {
	steps, err := r.steps("encoder input", input, batch, r.model.EncoderFeatures)
	if err != nil {
		return err
	}
	r.batch = batch
	clear(r.h)
	clear(r.c)
	for t := range steps {
		r.cell(r.model.encoder, r.row(input, t, steps, r.model.EncoderFeatures))
	}
	return nil
}

// Decode reads input (batch, steps, DecoderFeatures) from the states as they
// are and writes the outputs (batch, steps, OutputFeatures) to dst, which must
// have their length. The batch is that of the states.
func (r *Seq2SeqRunner[F]) Decode(dst, input []F) error {
	steps, err := r.steps("decoder input", input, r.batch, r.model.DecoderFeatures)
	if err != nil {
		return err
	}
	if err := r.wantLen("outputs", dst, r.batch*steps*r.model.OutputFeatures); err != nil {
		return err
	}
	for t := range steps {
		r.decode(r.row(input, t, steps, r.model.DecoderFeatures))
		r.put(dst, t, steps)
	}
	return nil
}

// Step takes one time step of the decoder: input (batch, DecoderFeatures),
// outputs (batch, OutputFeatures) to dst.
func (r *Seq2SeqRunner[F]) Step(dst, input []F) error {
	if err := r.wantLen("decoder input of one step", input, r.batch*r.model.DecoderFeatures); err != nil {
		return err
	}
	if err := r.wantLen("outputs of one step", dst, r.batch*r.model.OutputFeatures); err != nil {
		return err
	}
	r.decode(input)
	copy(dst, r.y)
	return nil
}

// Forecast runs the decoder on its own outputs: first (batch, DecoderFeatures)
// is the input of the first step, and each step's output the next one's
// input, so both must have as many features. It writes steps outputs,
// (batch, steps, OutputFeatures), to dst.
func (r *Seq2SeqRunner[F]) Forecast(dst, first []F, steps int) error {
	m := r.model
	if m.OutputFeatures != m.DecoderFeatures {
		return fmt.Errorf("native: forecast: an output has %d features and a decoder input %d, so no output can be the next input", m.OutputFeatures, m.DecoderFeatures)
	}
	if steps < 0 {
		return fmt.Errorf("native: forecast: %d steps, want 0 or more", steps)
	}
	if err := r.wantLen("first decoder input", first, r.batch*m.DecoderFeatures); err != nil {
		return err
	}
	if err := r.wantLen("outputs", dst, r.batch*steps*m.OutputFeatures); err != nil {
		return err
	}
	copy(r.y, first)
	for t := range steps {
		copy(r.x, r.y[:r.batch*m.OutputFeatures])
		r.decode(r.x)
		r.put(dst, t, steps)
	}
	return nil
}

// State returns the states after the last call, each (batch, units). They are
// the Seq2SeqRunner's own: copy what should outlive the next call.
func (r *Seq2SeqRunner[F]) State() (h, c []F) {
	n := r.batch * r.model.Units
	return r.h[:n], r.c[:n]
}

// SetState sets the states that the decoder goes on from, each (batch, units).
func (r *Seq2SeqRunner[F]) SetState(h, c []F, batch int) error {
	if batch < 0 || batch > r.capacity() {
		return r.tooMany(batch)
	}
	if err := r.wantLen("state h", h, batch*r.model.Units); err != nil {
		return err
	}
	if err := r.wantLen("state c", c, batch*r.model.Units); err != nil {
		return err
	}
	r.batch = batch
	copy(r.h, h)
	copy(r.c, c)
	return nil
}

// cell takes one step of a layer: x (batch, features).
func (r *Seq2SeqRunner[F]) cell(l kernel.Cell[F], x []F) {
	l.Next(r.h, r.c, x, r.z, r.scratch, r.batch)
}

// decode takes one step of the decoder and its head; the outputs are then in y.
func (r *Seq2SeqRunner[F]) decode(x []F) {
	r.cell(r.model.decoder, x)
	r.model.dense.Apply(r.y, r.h, r.batch)
}

// row gathers step t of every sequence of input (batch, steps, features).
func (r *Seq2SeqRunner[F]) row(input []F, t, steps, features int) []F {
	if r.batch == 1 {
		return input[t*features : (t+1)*features]
	}
	for b := range r.batch {
		copy(r.x[b*features:(b+1)*features], input[(b*steps+t)*features:])
	}
	return r.x
}

// put scatters y into step t of dst (batch, steps, output features).
func (r *Seq2SeqRunner[F]) put(dst []F, t, steps int) {
	o := r.model.OutputFeatures
	for b := range r.batch {
		copy(dst[(b*steps+t)*o:(b*steps+t+1)*o], r.y[b*o:])
	}
}

// steps returns how many steps input (batch, steps, features) has.
func (r *Seq2SeqRunner[F]) steps(what string, input []F, batch, features int) (int, error) {
	if batch < 0 || batch > r.capacity() {
		return 0, r.tooMany(batch)
	}
	if batch == 0 {
		return 0, r.wantLen(what, input, 0)
	}
	if len(input)%(batch*features) != 0 {
		return 0, fmt.Errorf("native: %s has %d values, want batch × steps × features = %d × steps × %d", what, len(input), batch, features)
	}
	return len(input) / (batch * features), nil
}

// capacity is the largest batch that its memory is for.
func (r *Seq2SeqRunner[F]) capacity() int { return len(r.h) / r.model.Units }

func (r *Seq2SeqRunner[F]) tooMany(batch int) error {
	return fmt.Errorf("native: a batch of %d, and the runner was made for 0 to %d rows", batch, r.capacity())
}

func (r *Seq2SeqRunner[F]) wantLen(what string, values []F, want int) error {
	if len(values) != want {
		return fmt.Errorf("native: %s: %d values, want %d", what, len(values), want)
	}
	return nil
}
