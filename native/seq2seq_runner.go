package native

import (
	"errors"
	"fmt"

	"github.com/lockstep-go/lockstep/internal/rows"
)

// Seq2SeqRunner runs a Seq2Seq in its own memory: after it is made, its calls
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
	h, c  []F // (capacity, units)

	portions []*seq2seqPortion[F]
	team     *rows.Team
	job      seq2seqJob[F] // of the call that runs
}

// errNoSeq2SeqRunner is the error of a Seq2SeqRunner that NewRunner did not
// make.
var errNoSeq2SeqRunner = errors.New("native: a Seq2SeqRunner is made by Seq2Seq.NewRunner")

// NewRunner makes a Seq2SeqRunner for batches of up to the given number of rows and
// for any number of steps. Its states are zero, as for Keras's default.
func (m *Seq2Seq[F]) NewRunner(batch int) *Seq2SeqRunner[F] {
	if m.encoder == nil {
		return &Seq2SeqRunner[F]{} // of a model that NewSeq2Seq did not make
	}
	batch = max(batch, 1)
	r := &Seq2SeqRunner[F]{model: m, batch: 1, h: make([]F, batch*m.Units), c: make([]F, batch*m.Units)}
	r.SetWorkers(m.workers)
	return r
}

// SetWorkers lets a call share the rows of a large batch out to up to n
// goroutines, as WithWorkers does for a Model, and makes their memory. At first
// it is 1, or what the Model that the Seq2Seq is of was loaded with. It must
// not run concurrently with a call.
func (r *Seq2SeqRunner[F]) SetWorkers(n int) {
	if r.model == nil {
		return
	}
	n = max(1, min(n, r.capacity()))
	r.portions = nil
	var work []func()
	for i := range n {
		// The most rows that it may have: a share of i+1 portions.
		p := newSeq2SeqPortion(r, (r.capacity()+i)/(i+1))
		r.portions = append(r.portions, p)
		work = append(work, p.run)
	}
	r.team = rows.NewTeam(work...)
}

// Encode reads input (batch, steps, EncoderFeatures) from zero states; the
// states are then the encoder's final ones, with which the decoder begins.
func (r *Seq2SeqRunner[F]) Encode(input []F, batch int) error {
	if r.model == nil {
		return errNoSeq2SeqRunner
	}
	steps, err := r.steps("encoder input", input, batch, r.model.EncoderFeatures)
	if err != nil {
		return err
	}
	r.batch = batch
	clear(r.h)
	clear(r.c)
	r.run(encoding, nil, input, steps)
	return nil
}

// Decode reads input (batch, steps, DecoderFeatures) from the current states
// and writes the outputs (batch, steps, OutputFeatures) to dst, which must have
// their length. The batch is that of the states.
func (r *Seq2SeqRunner[F]) Decode(dst, input []F) error {
	if r.model == nil {
		return errNoSeq2SeqRunner
	}
	steps, err := r.steps("decoder input", input, r.batch, r.model.DecoderFeatures)
	if err != nil {
		return err
	}
	if err := r.wantLen("outputs", dst, r.batch*steps*r.model.OutputFeatures); err != nil {
		return err
	}
	r.run(decoding, dst, input, steps)
	return nil
}

// Step takes one time step of the decoder: input (batch, DecoderFeatures),
// outputs (batch, OutputFeatures) to dst.
func (r *Seq2SeqRunner[F]) Step(dst, input []F) error {
	if r.model == nil {
		return errNoSeq2SeqRunner
	}
	if err := r.wantLen("decoder input of one step", input, r.batch*r.model.DecoderFeatures); err != nil {
		return err
	}
	if err := r.wantLen("outputs of one step", dst, r.batch*r.model.OutputFeatures); err != nil {
		return err
	}
	r.run(decoding, dst, input, 1)
	return nil
}

// Forecast runs the decoder on its own outputs: first (batch, DecoderFeatures)
// is the input of the first step, and each step's output the next one's
// input, so both must have as many features. It writes steps outputs,
// (batch, steps, OutputFeatures), to dst.
func (r *Seq2SeqRunner[F]) Forecast(dst, first []F, steps int) error {
	m := r.model
	if m == nil {
		return errNoSeq2SeqRunner
	}
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
	r.run(forecasting, dst, first, steps)
	return nil
}

// State returns the states after the last call, each (batch, units). They are
// the Seq2SeqRunner's own: copy what should outlive the next call.
func (r *Seq2SeqRunner[F]) State() (h, c []F) {
	if r.model == nil {
		return nil, nil
	}
	n := r.batch * r.model.Units
	return r.h[:n], r.c[:n]
}

// SetState sets the states that the decoder continues from, each (batch,
// units).
func (r *Seq2SeqRunner[F]) SetState(h, c []F, batch int) error {
	if r.model == nil {
		return errNoSeq2SeqRunner
	}
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
