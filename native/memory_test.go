package native_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/random"
	"github.com/lockstep-go/lockstep/native"
)

// A call that wants more than WithMemory allows fails, in every way to make one,
// names the operation, and leaves the model as it was.
func TestWithMemory(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	m, err := native.Load(dir, native.WithMemory(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	small, err := random.Inputs(m.Signature(), 1, random.Sizes{Batch: 3, Steps: 10})
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Run(t.Context(), small)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sizes    random.Sizes
		portions bool   // a run takes some rows at a time, which fit
		where    string // that a run's error says
	}{
		{random.Sizes{Batch: 5000, Steps: 10}, true, ""},
		{random.Sizes{Batch: 80_000, Steps: 10}, false, "a batch of 80000 rows"},
		{random.Sizes{Batch: 1, Steps: 40_000}, false, "node "},
	} {
		large, err := random.Inputs(m.Signature(), 1, c.sizes)
		if err != nil {
			t.Fatal(err)
		}
		r := m.NewRunner()
		for how, call := range map[string]func() error{
			"Run":    func() error { _, err := m.Run(t.Context(), large); return err },
			"Runner": func() error { _, err := r.Run(t.Context(), large); return err },
			"Trace":  func() error { _, err := m.Trace(t.Context(), large, lockstep.Steps); return err },
		} {
			err, where := call(), c.where
			if how == "Trace" {
				where = "node "
			}
			switch {
			case c.portions && how != "Trace":
				if err != nil {
					t.Errorf("%s of %v: %v", how, c.sizes, err)
				}
			case !errors.Is(err, lockstep.ErrMemory) || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), "the memory budget is 8 MiB"):
				t.Errorf("%s of %v: %v", how, c.sizes, err)
			}
		}
	}
	o, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	large, err := random.Inputs(m.Signature(), 1, random.Sizes{Batch: 3000, Steps: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := o.Run(t.Context(), large, nil); !errors.Is(err, lockstep.ErrMemory) || !strings.Contains(err.Error(), "node ") {
		t.Errorf("the oracle: %v", err)
	}
	got, err := m.Run(t.Context(), small)
	if err != nil || !got["output_0"].BitEqual(want["output_0"]) {
		t.Errorf("after that: %s, %v", got["output_0"], err)
	}
	if _, err := native.Load(dir, native.WithMemory(50_000)); !errors.Is(err, lockstep.ErrMemory) || !strings.Contains(err.Error(), "variable ") {
		t.Errorf("loading with 50,000 bytes: %v", err)
	}
}
