package native

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/rows"
)

// counting counts how often a call asks whether it was cancelled, which the
// goroutines that share a recurrent layer do at each step, and cancels it at last.
type counting struct {
	context.Context
	asked, most atomic.Int64
}

var errEnough = errors.New("enough")

func (c *counting) Err() error {
	if n := c.asked.Add(1); c.most.Load() > 0 && n > c.most.Load() {
		return errEnough
	}
	return nil
}

// shared are models of every kind of cell, with masks of both ways and initial
// states, that take any number of rows.
var shared = []string{
	"seed_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "gru_states_keras3", "simplernn_masked_zero_keras3",
	"simplernn_last_tfkeras", "lstm_masked_states_tfkeras", "embedding_mask_zero_keras3", "cells_mixed_keras3", "bidirectional_last_keras3",
}

// shareAll has a goroutine pay for next to nothing.
func shareAll(t *testing.T) {
	before := rows.Least
	rows.Least = 1 << 10
	t.Cleanup(func() { rows.Least = before })
}

// However many goroutines share the rows of a batch, the results are the same
// bits; a call allocates nothing, and one that is cancelled leaves nothing behind.
func TestGoroutinesShareABatch(t *testing.T) {
	shareAll(t)
	for _, name := range shared {
		t.Run(name, func(t *testing.T) {
			inputs := tensors{}
			for k, x := range fixture.Tensors(t, name, "inputs.npz") {
				inputs[k] = repeat(t, x, 0, 9)
				turned := turn(t, part(t, inputs[k], 0, 0, 5))
				put(inputs[k], turned, 0, 0, turned.Len())
			}
			few := tensors{}
			for k, x := range inputs {
				few[k] = part(t, x, 0, 0, 1)
			}
			// asked is how often a call asks whose shapes were met.
			asked := func(r *Runner, inputs, want tensors) int64 {
				t.Helper()
				ctx := &counting{Context: t.Context()}
				for range 2 {
					ctx.asked.Store(0)
					own, err := r.Run(ctx, inputs)
					ok(t, err)
					if err := same(own, want); err != nil {
						t.Error(err)
					}
				}
				return ctx.asked.Load()
			}
			reference := load1(t, name)
			want, err := reference.Run(t.Context(), inputs)
			ok(t, err)
			wantFew, err := reference.Run(t.Context(), few)
			ok(t, err)
			steps, err := reference.Trace(t.Context(), inputs, lockstep.Steps)
			ok(t, err)
			alone, aloneFew := asked(reference.NewRunner(), inputs, want), asked(reference.NewRunner(), few, wantFew)
			for _, n := range []int{1, 2, 3, 7} {
				m, err := LoadFS(fixture.FS(t, name), WithWorkers(n))
				ok(t, err)
				r := m.NewRunner()
				if got := asked(r, inputs, want); (got > alone) != (n > 1) {
					t.Errorf("%d workers ask %d times, one alone %d times", n, got, alone)
				}
				if got := asked(r, few, wantFew); got != aloneFew {
					t.Errorf("%d workers ask %d times with a batch of 1, one alone %d times", n, got, aloneFew)
				}
				half := &counting{Context: t.Context()}
				half.most.Store(alone / 2)
				if _, err := r.Run(half, inputs); !errors.Is(err, errEnough) {
					t.Errorf("%d workers, cancelled: error %v", n, err)
				}
				own, err := r.Run(t.Context(), inputs)
				ok(t, err)
				if err := same(own, want); err != nil {
					t.Errorf("%d workers, after a call that was cancelled: %v", n, err)
				}
				trace, err := m.Trace(t.Context(), inputs, lockstep.Steps)
				ok(t, err)
				if err := same(trace.Steps, steps.Steps); err != nil {
					t.Errorf("%d workers show other steps: %v", n, err)
				}
				if !poolsForget {
					if n := testing.AllocsPerRun(3, func() { _, err = r.Run(t.Context(), inputs); ok(t, err) }); n >= 1 {
						t.Errorf("%v allocations a call", n)
					}
				}
			}
		})
	}
}

// The same of a Seq2SeqRunner, in every call that it has.
func TestGoroutinesShareASeq2SeqBatch(t *testing.T) {
	shareAll(t)
	const capacity, batch, steps = 130, 121, 17
	loaded, err := LoadFS(fixture.FS(t, "seed_keras3"), WithWorkers(3))
	ok(t, err)
	m := seq2seqOf(t, loaded)
	x, d := floats(t, random(t, batch, steps, 1)), floats(t, random(t, batch, steps, 1))
	type call struct{ decoded, step, forecast, h, c []float32 }
	run := func(r *Seq2SeqRunner[float32]) call {
		y := call{decoded: make([]float32, batch*steps), step: make([]float32, batch), forecast: make([]float32, batch*steps)}
		ok(t, r.Encode(x, batch))
		ok(t, r.Decode(y.decoded, d))
		ok(t, r.Step(y.step, d[:batch]))
		ok(t, r.Forecast(y.forecast, y.step, steps))
		h, c := r.State()
		y.h, y.c = slices.Clone(h), slices.Clone(c)
		return y
	}
	alone := m.NewRunner(capacity)
	if n := len(alone.portions); n != 3 {
		t.Errorf("the runner of a model loaded with 3 workers has %d", n)
	}
	alone.SetWorkers(0)
	want := run(alone)
	for _, n := range []int{1, 2, 3, 7, 1000} {
		r := m.NewRunner(capacity)
		r.SetWorkers(n)
		for range 2 {
			got := run(r)
			if !slices.Equal(got.decoded, want.decoded) || !slices.Equal(got.step, want.step) || !slices.Equal(got.forecast, want.forecast) ||
				!slices.Equal(got.h, want.h) || !slices.Equal(got.c, want.c) {
				t.Errorf("%d workers compute other bits", n)
			}
		}
		if n > 1 && r.portions[1].to == 0 {
			t.Errorf("%d workers: the second was not used", n)
		}
		y := make([]float32, batch*steps)
		if n := testing.AllocsPerRun(5, func() { ok(t, r.Encode(x, batch)); ok(t, r.Decode(y, d)) }); n >= 1 && !poolsForget {
			t.Errorf("%v allocations a call", n)
		}
	}
}

// A service whose goroutines share out each call's rows besides.
func TestGoroutinesShareBatchesInGoroutines(t *testing.T) {
	shareAll(t)
	m, err := LoadFS(fixture.FS(t, "seed_keras3"), WithWorkers(2))
	ok(t, err)
	inputs := seedInputs(t, 40, 10)
	want, err := load1(t, "seed_keras3").Run(t.Context(), inputs)
	ok(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				out, err := m.Run(context.Background(), inputs)
				if err == nil {
					err = same(out, want)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
