package compare

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What an engine's answer is above what it shows of its layers counts for the
// candidate and against the reference, within what rounding may do.
func TestAnswersBesideWhatIsShown(t *testing.T) {
	vector := func(v ...float32) *lockstep.Tensor { return fixture.Vector(t, v...) }
	for name, c := range map[string]struct {
		reference, candidate *lockstep.Tensor // the answers; both show 1, 2
		want                 []float64
		said                 int
	}{
		"the same":         {vector(1, 2), vector(1, 2), nil, 0},
		"the candidate":    {vector(1, 2), vector(1.5, 2), []float64{0.5, 0}, 1},
		"the reference":    {vector(1, 2.25), vector(1, 2), []float64{0, -0.25}, 1},
		"both":             {vector(1.25, 2), vector(1.5, 1), []float64{0.25, -1}, 2},
		"beyond the limit": {vector(1, 2), vector(1.5, 5), []float64{0.5, 0}, 1},
	} {
		trace := func(engine string, y *lockstep.Tensor) *lockstep.Trace {
			return &lockstep.Trace{Engine: engine, Outputs: set{"y": y}, Traced: set{"y": vector(1, 2)}}
		}
		b := &between{
			check:     &Check{limits: func() (limits, error) { return limits{bound: set{"y": fixture.Vector(t, 1.0, 1)}}, nil }},
			reference: trace("one", c.reference), candidate: trace("other", c.candidate),
			// The engines differ by 1, so that rounding may well do as much.
			given: [2]map[string]exactTolerance{{"y": {exact: []float64{1, 2}}}, {"y": {exact: []float64{2, 2}}}},
		}
		if err := b.consistent(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.again["y"], c.want) || len(b.notes) != c.said {
			t.Errorf("%s: %v, %q, want %v and %d notes", name, b.again, b.notes, c.want, c.said)
		}
		if c.said == 1 && !strings.HasPrefix(b.notes[0], map[bool]string{true: "other", false: "one"}[c.want[1] >= 0]) {
			t.Errorf("%s: %q", name, b.notes)
		}
		b.check.limits = func() (limits, error) { return limits{}, errors.New("no oracle") }
		if err := b.consistent(); (err != nil) != (c.said > 0) {
			t.Errorf("%s, without limits: %v", name, err)
		}
	}
}

// A trace whose states do not fit its steps is an error, whichever engine's it is.
func TestStepsThatDoNotFit(t *testing.T) {
	trace := func(initial ...float32) *lockstep.Trace {
		return &lockstep.Trace{Layers: []string{"lstm"}, Steps: set{
			"lstm/x": fixture.NewTensor(t, []float32{1, 2}, 1, 2, 1), "lstm/h": fixture.NewTensor(t, []float32{1, 2}, 1, 2, 1),
			"lstm/initial_h": fixture.NewTensor(t, initial, 1, len(initial)),
		}}
	}
	for _, c := range [][2]*lockstep.Trace{{trace(1, 2), trace(1)}, {trace(1), trace(1, 2)}} {
		s := &stepTolerances{reference: c[0], candidate: c[1]}
		if err := s.layer("lstm", "lstm", [2]map[string]*lockstep.Tensor{}, [2]map[string]*lockstep.Tensor{}); err == nil || !strings.Contains(err.Error(), "h: ") {
			t.Errorf("error %v", err)
		}
	}
}
