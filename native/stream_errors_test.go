package native

import (
	"context"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func TestNewStreamRefusesWrongArguments(t *testing.T) {
	m := load1(t, "seed_keras3")
	encoder := random(t, 2, 10, 1)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for what, c := range map[string]struct {
		ctx   context.Context
		batch int
		fixed tensors
		words string
	}{
		"no batch":        {t.Context(), 0, tensors{"encoder_input": encoder}, "a batch of 0"},
		"negative batch":  {t.Context(), -1, tensors{"encoder_input": encoder}, "a batch of -1"},
		"unknown input":   {t.Context(), 2, tensors{"encoder": encoder}, `no input "encoder"`},
		"nil":             {t.Context(), 2, tensors{"encoder_input": nil}, `"encoder_input" is missing`},
		"type":            {t.Context(), 2, tensors{"encoder_input": zeros64(t, 2, 10, 1)}, "float64"},
		"shape":           {t.Context(), 2, tensors{"encoder_input": random(t, 2, 9, 1)}, "axis 1 is 9"},
		"another batch":   {t.Context(), 3, tensors{"encoder_input": encoder}, "batch"},
		"nothing fixed":   {t.Context(), 2, nil, "10 steps, no more and no fewer"},
		"nothing is fed":  {t.Context(), 2, tensors{"encoder_input": encoder, "decoder_input": random(t, 2, 4, 1)}, "none is left to be fed"},
		"no time":         {cancelled, 2, tensors{"encoder_input": encoder}, "context canceled"},
		"a batch of one":  {t.Context(), 3, tensors{"encoder_input": random(t, 1, 10, 1)}, "batch"},
		"one and another": {t.Context(), 1, tensors{"encoder_input": encoder}, "batch"},
	} {
		if s, err := m.NewStream(c.ctx, c.batch, c.fixed); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, error %v, want one that says %q", what, s, err, c.words)
		}
	}
}

func zeros64(t testing.TB, shape ...int) *lockstep.Tensor {
	x, err := lockstep.Zeros(lockstep.Float64, shape...)
	ok(t, err)
	return x
}

func TestStepRefusesWrongInputs(t *testing.T) {
	m := load1(t, "seed_tfkeras")
	inputs := seedInputs(t, 2, 4)
	want, err := m.Run(t.Context(), inputs)
	ok(t, err)
	s, err := m.NewStream(t.Context(), 2, tensors{"encoder_input": inputs["encoder_input"]})
	ok(t, err)
	for step := range 4 {
		for what, c := range map[string]struct {
			inputs tensors
			words  string
		}{
			"nothing":          {nil, `"decoder_input" is no tensor`},
			"nil":              {tensors{"decoder_input": nil}, `"decoder_input" is no tensor`},
			"two steps":        {tensors{"decoder_input": random(t, 2, 2, 1)}, "want float32 (2, 1, 1)"},
			"another batch":    {tensors{"decoder_input": random(t, 3, 1, 1)}, "want float32 (2, 1, 1)"},
			"type":             {tensors{"decoder_input": zeros64(t, 2, 1, 1)}, "want float32 (2, 1, 1)"},
			"rank":             {tensors{"decoder_input": random(t, 2, 1)}, "want float32 (2, 1, 1)"},
			"what is not fed":  {tensors{"decoder_input": random(t, 2, 1, 1), "encoder_input": inputs["encoder_input"]}, `"encoder_input" is no input that is fed`},
			"an unknown input": {tensors{"decoder_input": random(t, 2, 1, 1), "x": random(t, 1)}, `"x" is no input that is fed`},
		} {
			if _, err := s.Step(t.Context(), c.inputs); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: error %v, want one that says %q", what, err, c.words)
			}
		}
		// None of them was a step.
		got, err := s.Step(t.Context(), tensors{"decoder_input": part(t, inputs["decoder_input"], 1, step, 1)})
		ok(t, err)
		if err := nearly(got["output"], part(t, want["output"], 1, step, 1), 0); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
	}
}

// A step that was begun and failed leaves the states anywhere: the stream must
// begin again.
func TestStreamAfterAFailedStep(t *testing.T) {
	m := load1(t, "seed_tfkeras")
	inputs := seedInputs(t, 2, 4)
	want, err := m.Run(t.Context(), inputs)
	ok(t, err)
	s, err := m.NewStream(t.Context(), 2, tensors{"encoder_input": inputs["encoder_input"]})
	ok(t, err)
	step := func(ctx context.Context, i int) (tensors, error) {
		return s.Step(ctx, tensors{"decoder_input": part(t, inputs["decoder_input"], 1, i, 1)})
	}
	for n := 0; ; n++ {
		_, err = step(t.Context(), 0)
		ok(t, err)
		if _, err = step(&ending{t.Context(), n}, 1); err == nil {
			break
		}
		if n > 1000 {
			t.Fatal("a step that is not cancelled does not end")
		}
		if _, err := step(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "must begin again") {
			t.Fatalf("after a step that failed: error %v", err)
		}
		s.Reset()
		for i := range 4 {
			got, err := step(t.Context(), i)
			ok(t, err)
			if err := nearly(got["output"], part(t, want["output"], 1, i, 1), 0); err != nil {
				t.Fatalf("after Reset: step %d: %v", i, err)
			}
		}
		s.Reset()
	}
}
