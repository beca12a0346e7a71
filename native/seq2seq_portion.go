package native

import (
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/rows"
)

// seq2seqJob is what a call of a Seq2SeqRunner computes.
type seq2seqJob[F Float] struct {
	kind       int
	dst, input []F // (batch, steps, features) of the outputs and of the inputs
	steps      int
}

const (
	encoding = iota
	decoding
	forecasting // whose input has one step
)

// seq2seqPortion is some rows of a batch, which one goroutine computes through
// all steps, in its own memory.
type seq2seqPortion[F Float] struct {
	runner      *Seq2SeqRunner[F]
	first, last int // rows, in this call
	from, to    int // those that are computed now, all at once
	h, c        []F // theirs of the runner's

	x, z []F // one step: inputs (rows, features), gates (rows, width)
	y    []F // one step: outputs (rows, output features)
	hs   []F // some steps of one row: h (together, units)

	scratch []F
}

// atOnce is how many rows are taken through all steps before the next: so many that
// what is kept of them stays in the cache.
const atOnce = 256

// together is how many steps of one row the decoder computes before the head
// runs: few enough that their h does not push the weights out of the caches.
const together = 16

func newSeq2SeqPortion[F Float](r *Seq2SeqRunner[F], most int) *seq2seqPortion[F] {
	m := r.model
	most = min(most, atOnce)
	return &seq2seqPortion[F]{
		runner:  r,
		x:       make([]F, most*max(m.EncoderFeatures, m.DecoderFeatures)),
		z:       make([]F, most*max(m.encoder.Width(), m.decoder.Width())),
		y:       make([]F, most*m.OutputFeatures),
		hs:      make([]F, together*m.Units),
		scratch: make([]F, max(m.encoder.Scratch(most), m.decoder.Scratch(most))),
	}
}

// run shares a call's rows out.
func (r *Seq2SeqRunner[F]) run(kind int, dst, input []F, steps int) {
	m := r.model
	work := rows.Work(4*m.Units, m.Units+max(m.EncoderFeatures, m.DecoderFeatures))
	n := rows.Shares(len(r.portions), r.batch, r.batch*steps*work)
	for i, p := range r.portions[:n] {
		p.first, p.last = rows.Of(r.batch, i, n)
	}
	r.job = seq2seqJob[F]{kind, dst, input, steps}
	r.team.Run(n)
	r.job = seq2seqJob[F]{} // the caller's values are not kept
}

func (p *seq2seqPortion[F]) run() {
	n, units := p.last-p.first, p.runner.model.Units
	parts := max(1, (n+atOnce-1)/atOnce)
	for i := range parts {
		from, to := rows.Of(n, i, parts)
		p.from, p.to = p.first+from, p.first+to
		p.h, p.c = p.runner.h[p.from*units:p.to*units], p.runner.c[p.from*units:p.to*units]
		p.runRows()
	}
}

func (p *seq2seqPortion[F]) runRows() {
	m, job := p.runner.model, &p.runner.job
	switch job.kind {
	case encoding:
		if p.to-p.from == 1 {
			kernel.Steps(m.encoder, p.h, p.c, p.input(0, job.steps, m.EncoderFeatures), nil, p.z, p.scratch, job.steps)
			return
		}
		for t := range job.steps {
			p.cell(m.encoder, p.row(t, m.EncoderFeatures))
		}
	case decoding:
		if p.to-p.from == 1 && kernel.Together(m.decoder) {
			p.decodeRow()
			return
		}
		for t := range job.steps {
			p.decode(p.row(t, m.DecoderFeatures))
			p.put(t)
		}
	case forecasting:
		n := m.OutputFeatures
		copy(p.y, job.input[p.from*n:p.to*n])
		for t := range job.steps {
			copy(p.x, p.y[:(p.to-p.from)*n])
			p.decode(p.x)
			p.put(t)
		}
	}
}

// cell takes one step of a layer: x (rows, features).
func (p *seq2seqPortion[F]) cell(l kernel.Cell[F], x []F) {
	l.Next(p.h, p.c, x, p.z, p.scratch, p.to-p.from)
}

// decode takes one step of the decoder and its head; the outputs are then in y.
func (p *seq2seqPortion[F]) decode(x []F) {
	p.cell(p.runner.model.decoder, x)
	p.runner.model.dense.Apply(p.y, p.h, p.to-p.from)
}

// decodeRow takes all steps of the decoder and its head for one row.
func (p *seq2seqPortion[F]) decodeRow() {
	m, job := p.runner.model, &p.runner.job
	o := m.OutputFeatures
	y := job.dst[p.from*job.steps*o:][:job.steps*o]
	for t := 0; t < job.steps; t += together {
		n := min(together, job.steps-t)
		kernel.Steps(m.decoder, p.h, p.c, p.input(t, n, m.DecoderFeatures), p.hs, p.z, p.scratch, n)
		m.dense.Apply(y[t*o:(t+n)*o], p.hs, n)
	}
}

// input is that of n steps of the first row, from step t on.
func (p *seq2seqPortion[F]) input(t, n, features int) []F {
	return p.runner.job.input[(p.from*p.runner.job.steps+t)*features:][:n*features]
}

// row gathers step t of every sequence of the input.
func (p *seq2seqPortion[F]) row(t, features int) []F {
	job := &p.runner.job
	for i := range p.to - p.from {
		copy(p.x[i*features:(i+1)*features], job.input[((p.from+i)*job.steps+t)*features:])
	}
	return p.x
}

// put scatters y into step t of the outputs.
func (p *seq2seqPortion[F]) put(t int) {
	job, n := &p.runner.job, p.runner.model.OutputFeatures
	for i := range p.to - p.from {
		copy(job.dst[((p.from+i)*job.steps+t)*n:][:n], p.y[i*n:])
	}
}
