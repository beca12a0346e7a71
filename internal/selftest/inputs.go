package selftest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

// InputSet are inputs that Inputs made.
type InputSet struct {
	Inputs map[string]*lockstep.Tensor
	// Rows describes each row of the batch.
	Rows []string
	// Coverage is theirs.
	Coverage *Coverage
	// One are the first steps alone, in batches of the same size, where the
	// model accepts one step (T=1), nil otherwise.
	One map[string]*lockstep.Tensor
}

// The rows that every set begins with: typical series.
var shapes = []struct {
	name string
	at   func(rng *rand.Rand, step, steps int) float64
}{
	{"normal", func(rng *rand.Rand, _, _ int) float64 { return rng.NormFloat64() }},
	{"tiny", func(rng *rand.Rand, _, _ int) float64 { return 1e-4 * rng.NormFloat64() }},
	{"large", func(rng *rand.Rand, _, _ int) float64 { return 10 * rng.NormFloat64() }},
	{"saturated", func(_ *rand.Rand, step, _ int) float64 { return 100 * (1 - 2*float64(step%2)) }},
	{"constant", func(*rand.Rand, int, int) float64 { return 1 }},
	{"zeros", func(*rand.Rand, int, int) float64 { return 0 }},
	{"spike, then decay", func(_ *rand.Rand, step, _ int) float64 {
		if step == 0 {
			return 20
		}
		return math.Exp(-float64(step) / 4)
	}},
	{"ramp", func(_ *rand.Rand, step, steps int) float64 { return 4*float64(step)/float64(max(steps-1, 1)) - 2 }},
	{"masked in the middle", func(rng *rand.Rand, step, steps int) float64 {
		if step >= steps/3 && step < 2*steps/3 {
			return 0
		}
		return rng.NormFloat64()
	}},
}

// InputOptions say how inputs are made.
type InputOptions struct {
	Seed uint64
	// Steps is the length of open axes other than the batch; Rows bounds the
	// batch.
	Steps, Rows int
	// Like, if not nil, are inputs that the model accepts. Rows have their
	// lengths, where the signature leaves them open, instead of Steps; and
	// their number, where the model accepts no other batch.
	Like map[string]*lockstep.Tensor
	// Fit, if not nil, turns an input's elements into ones that the model
	// accepts.
	Fit func(input string, t *lockstep.Tensor) error
}

// rounds and tries bound the search for rows that drive more.
const rounds, tries = 12, 48

// Inputs makes a batch that drives each gate of each unit low, linear and high,
// as far as a random search finds such rows. The same seed makes the same batch
// on every machine, given the same kernels (native.Kernels).
func Inputs(ctx context.Context, m *native.Model, o InputOptions) (*InputSet, error) {
	g := &generator{sig: m.Signature(), o: o, rng: rand.New(rand.NewPCG(o.Seed, 2)), words: vocabulary(m)}
	if err := g.fixBatch(); err != nil {
		return nil, err
	}
	all, err := g.shapes()
	if err != nil {
		return nil, err
	}
	all, t, err := g.accepted(ctx, m, all)
	if err != nil {
		return nil, err
	}
	most := o.Rows
	first := all
	if g.batch > 0 { // which are best is not known yet
		most, first = g.batch, all[:1]
	}
	rows := slices.Clone(first)
	out := &InputSet{Coverage: coverage(rows, t)}
	for range rounds {
		if out.Coverage.Driven == out.Coverage.All || len(rows) >= most {
			break
		}
		more, err := g.search(ctx, m, out.Coverage, most-len(rows))
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
		out.Coverage.count(t)
	}
	for i := 1; len(rows) < g.batch; i++ {
		rows = append(rows, all[i%len(all)])
	}
	for _, r := range rows {
		out.Rows = append(out.Rows, r.name)
	}
	if out.Inputs, err = stack(rows); err != nil {
		return nil, err
	}
	if t, err = m.Trace(ctx, out.Inputs, lockstep.Steps); err != nil {
		return nil, err
	}
	out.Coverage = Cover(t)
	out.One, err = g.one(ctx, m, out.Inputs)
	return out, err
}

// shapes makes the rows that every set begins with.
func (g *generator) shapes() ([]row, error) {
	var out []row
	for _, shape := range shapes {
		if len(out) == max(g.o.Rows, 1) && g.batch == 0 {
			break
		}
		inputs, err := g.row(func(step, steps int) float64 { return shape.at(g.rng, step, steps) })
		if err != nil {
			return nil, err
		}
		out = append(out, row{name: shape.name, inputs: inputs})
	}
	return out, nil
}

// search tries rows of many sizes and returns, best first, those that drive new
// regions.
func (g *generator) search(ctx context.Context, m *native.Model, c *Coverage, left int) ([]row, error) {
	var all []row
	for range tries {
		size := 0.1 * math.Exp(g.rng.Float64()*math.Log(1000))
		level := size * g.rng.NormFloat64()
		hold := 1 + g.rng.IntN(4) // how many steps a level is held
		seed := g.rng.Uint64()
		inputs, err := g.row(plateaus(seed, size, level, hold))
		if err != nil {
			return nil, err
		}
		all = append(all, row{name: fmt.Sprintf("sought: size %.2g about %.2g", size, level), inputs: inputs})
	}
	if _, err := g.drive(ctx, m, all); err != nil {
		return nil, ctx.Err() // the model rejects one of them: others are tried
	}
	var out []row
	for range min(left, len(all)) {
		best, most := -1, 0
		for i, r := range all {
			if n := c.fresh(r.drives); n > most {
				best, most = i, n
			}
		}
		if best < 0 {
			break
		}
		c.add(all[best].drives)
		out = append(out, all[best])
	}
	return out, nil
}

// plateaus makes numbers that stay the same for some steps, different for each
// feature.
func plateaus(seed uint64, size, level float64, hold int) func(step, steps int) float64 {
	at, last := 0, -1
	var rng *rand.Rand
	return func(step, _ int) float64 {
		if block := step / hold; rng == nil || step != last && block != at {
			at = block
			rng = rand.New(rand.NewPCG(seed, uint64(block)))
		} else if step != last {
			rng = rand.New(rand.NewPCG(seed, uint64(block))) // the same numbers again
		}
		last = step
		return level + size*rng.NormFloat64()
	}
}

// one makes rows of one step, where every sequence may have one step.
func (g *generator) one(ctx context.Context, m *native.Model, like map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	open := false
	for _, s := range g.sig.Inputs {
		open = open || slices.Contains(s.Shape[1:], -1)
	}
	if !open {
		return nil, nil
	}
	for _, t := range like {
		in, err := random.Inputs(g.sig, g.o.Seed, random.Sizes{Batch: t.Shape()[0], Steps: 1})
		if err != nil {
			return nil, err
		}
		if err := g.fit(in); err != nil {
			return nil, err
		}
		if _, err := m.Run(ctx, in); err != nil {
			return nil, nil // the model does not accept one step
		}
		return in, nil
	}
	return nil, nil
}
