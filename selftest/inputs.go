package selftest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/native"
)

// Made are inputs that Inputs made.
type Made struct {
	Inputs map[string]*lockstep.Tensor
	// Rows says of each row of the batch what it is.
	Rows []string
	// Coverage is theirs.
	Coverage *Coverage
	// One are the first steps alone, in batches as large, where the model
	// takes one step (T=1), nil otherwise.
	One map[string]*lockstep.Tensor
}

// The rows that every set begins with: what a series can be like.
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
	// Steps is the length of axes that the signature leaves open, but for the
	// batch; Rows bounds that.
	Steps, Rows int
}

// rounds and tries bound the search for rows that drive more.
const rounds, tries = 12, 48

// Inputs makes a batch that drives each gate of each unit low, linear and high,
// as far as random search finds rows that do. The same seed makes the same batch
// on every machine, given the same kernels (native.Kernels).
func Inputs(ctx context.Context, m *native.Model, o InputOptions) (*Made, error) {
	sig := m.Signature()
	for _, s := range sig.Inputs {
		if s.UnknownRank || len(s.Shape) == 0 || s.Shape[0] >= 0 {
			return nil, fmt.Errorf("selftest: input %s has no open batch axis, so that no rows can be added to it", s)
		}
	}
	g := &generator{sig: sig, o: o, rng: rand.New(rand.NewPCG(o.Seed, 2)), words: vocabulary(m)}
	var rows []map[string]*lockstep.Tensor
	out := &Made{}
	add := func(row map[string]*lockstep.Tensor, name string) {
		rows, out.Rows = append(rows, row), append(out.Rows, name)
	}
	for _, shape := range shapes {
		if len(rows) == max(o.Rows, 1) {
			break
		}
		row, err := g.row(func(step, steps int) float64 { return shape.at(g.rng, step, steps) })
		if err != nil {
			return nil, err
		}
		add(row, shape.name)
	}
	t, err := trace(ctx, m, rows)
	if err != nil { // not all of these are inputs that the model takes
		all, names := rows, out.Rows
		rows, out.Rows = nil, nil
		for i, row := range all {
			if _, alone := trace(ctx, m, all[i:i+1]); alone == nil {
				add(row, names[i])
			}
		}
		if len(rows) == 0 {
			return nil, fmt.Errorf("selftest: the model takes none of the series that are tried: %w", err)
		}
		if t, err = trace(ctx, m, rows); err != nil {
			return nil, err
		}
	}
	out.Coverage = Cover(t)
	for range rounds {
		if out.Coverage.Driven == out.Coverage.All || len(rows) >= o.Rows {
			break
		}
		if err := g.search(ctx, m, out.Coverage, o.Rows-len(rows), add); err != nil {
			return nil, err
		}
		out.Coverage.count(t)
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

// trace runs rows as one batch.
func trace(ctx context.Context, m *native.Model, rows []map[string]*lockstep.Tensor) (*lockstep.Trace, error) {
	in, err := stack(rows)
	if err != nil {
		return nil, err
	}
	return m.Trace(ctx, in, lockstep.Steps)
}

// search tries rows of many sizes and adds, the best first, those that drive
// something new.
func (g *generator) search(ctx context.Context, m *native.Model, c *Coverage, left int, add func(map[string]*lockstep.Tensor, string)) error {
	var rows []map[string]*lockstep.Tensor
	var names []string
	for range tries {
		size := 0.1 * math.Exp(g.rng.Float64()*math.Log(1000))
		level := size * g.rng.NormFloat64()
		hold := 1 + g.rng.IntN(4) // how many steps a level is held
		seed := g.rng.Uint64()
		row, err := g.row(held(seed, size, level, hold))
		if err != nil {
			return err
		}
		rows, names = append(rows, row), append(names, fmt.Sprintf("sought: size %.2g about %.2g", size, level))
	}
	t, err := trace(ctx, m, rows)
	if err != nil {
		return ctx.Err() // the model does not take one of them: others are tried
	}
	each := byRow(t)
	for range min(left, len(each)) {
		best, most := -1, 0
		for i, d := range each {
			if n := c.fresh(d); n > most {
				best, most = i, n
			}
		}
		if best < 0 {
			return nil
		}
		c.add(each[best])
		add(rows[best], names[best])
	}
	return nil
}

// held makes numbers that stay for some steps, each feature another.
func held(seed uint64, size, level float64, hold int) func(step, steps int) float64 {
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

// one makes rows of one step, where every sequence may be as short.
func (g *generator) one(ctx context.Context, m *native.Model, like map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	open := false
	for _, s := range g.sig.Inputs {
		open = open || slices.Contains(s.Shape[1:], -1)
	}
	if !open {
		return nil, nil
	}
	for _, t := range like {
		in, err := compare.RandomInputs(g.sig, g.o.Seed, compare.Sizes{Batch: t.Shape()[0], Steps: 1})
		if err != nil {
			return nil, err
		}
		if _, err := m.Run(ctx, in); err != nil {
			return nil, nil // the model does not take one step
		}
		return in, nil
	}
	return nil, nil
}
