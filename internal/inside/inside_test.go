package inside_test

import (
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/inside"
	"github.com/lockstep-go/lockstep/native"
)

func seen(t *testing.T, name string) (*inside.Result, map[string]*lockstep.Tensor) {
	t.Helper()
	m, err := native.Load(fixture.Zip(name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := inside.Watch(t.Context(), m.Source(), m, fixture.Tensors(t, name, "inputs.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return r, fixture.Tensors(t, name, "expected.npz")
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6 {
			t.Errorf("%s: value %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

func values(t *testing.T, x *lockstep.Tensor) []float64 {
	t.Helper()
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The weights of an attention are the scores that Keras returns of it.
func TestAttentionScores(t *testing.T) {
	fixture.Made(t)
	for _, name := range []string{"attention_scores_keras3", "attention_scores_tfkeras"} {
		r, expected := seen(t, name)
		var scores *lockstep.Tensor
		for _, x := range expected {
			if sum := values(t, x); x.Rank() >= 3 && math.Abs(sumOf(sum[:x.Shape()[x.Rank()-1]])-1) < 1e-5 {
				scores = x
			}
		}
		if scores == nil || len(r.Parts) != 1 || r.Parts[0].Kind != inside.Attention {
			t.Fatalf("%s: scores %v, and %+v", name, scores, r)
		}
		if heads := len(r.Parts[0].Quantities); scores.Rank() == 3 && heads != 1 {
			t.Errorf("%s: %d heads", name, heads)
		}
		if scores.Rank() == 3 {
			near(t, name, values(t, r.Parts[0].Quantities[0].Values), values(t, scores))
		}
	}
}

func sumOf(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}

// Every head of an attention is a distribution over the keys, and a mask's keys have
// no weight.
func TestHeads(t *testing.T) {
	fixture.Made(t)
	for name, heads := range map[string]int{"guide_attention_seq2seq_keras3": 1, "mha_causal_keras3": 3, "mha_causal_tfkeras": 3} {
		r, _ := seen(t, name)
		if len(r.Parts) != 1 || len(r.Parts[0].Quantities) != heads {
			t.Errorf("%s: %+v, want one attention of %d heads", name, r, heads)
			continue
		}
		for _, q := range r.Parts[0].Quantities {
			v, keys := values(t, q.Values), q.Values.Shape()[2]
			for i := 0; i < len(v); i += keys {
				if math.Abs(sumOf(v[i:i+keys])-1) > 1e-5 {
					t.Fatalf("%s: the weights of query %d add up to %g", name, i/keys, sumOf(v[i:i+keys]))
				}
				query := i / keys % q.Values.Shape()[1]
				if strings.Contains(name, "causal") && query+1 < keys && sumOf(v[i+query+1:i+keys]) > 1e-6 {
					t.Fatalf("%s: query %d looks at later keys", name, query)
				}
			}
		}
	}
}

// The variables of a loop after its last iteration are what the model returns.
func TestLoopVariables(t *testing.T) {
	const name = "module_autograph_lstm"
	r, expected := seen(t, name)
	if len(r.Parts) != 1 || r.Parts[0].Kind != inside.Loop {
		t.Fatalf("%+v", r)
	}
	found := 0
	for _, q := range r.Parts[0].Quantities {
		shape, v := q.Values.Shape(), values(t, q.Values)
		for _, output := range []string{"state_h", "state_c"} {
			want := values(t, expected[output])
			if len(want) != shape[0]*shape[2] {
				continue
			}
			last := make([]float64, 0, len(want))
			for row := range shape[0] {
				last = append(last, v[(row*shape[1]+shape[1]-1)*shape[2]:][:shape[2]]...)
			}
			if math.Abs(last[0]-want[0]) < 1e-6 {
				near(t, q.Name+" and "+output, last, want)
				found++
			}
		}
	}
	if found != 2 {
		t.Errorf("%d of two states are among the variables %+v", found, r.Parts[0].Quantities)
	}
}

// blind shows nothing but outputs.
type blind struct{ lockstep.Engine }

// What cannot be shown is said.
func TestLeftOut(t *testing.T) {
	m, err := native.Load(fixture.Zip("module_autograph_lstm"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := inside.Watch(t.Context(), m.Source(), blind{m}, fixture.Tensors(t, "module_autograph_lstm", "inputs.npz"))
	if err != nil || len(r.Parts) > 0 || len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0], "native does not show") {
		t.Errorf("%+v, %v", r, err)
	}
}
