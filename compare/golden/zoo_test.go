package golden_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// A golden of every model that the native engine runs comes back and is in step,
// with the steps of every layer that shows them.
func TestZoo(t *testing.T) {
	run, traced := 0, 0
	for _, name := range append(fixture.Names(t), fixture.MadeNames(t)...) {
		m, err := native.LoadFS(fixture.FS(t, name))
		if err != nil {
			continue // not supported, and refused in words: native's own tests
		}
		run++
		t.Run(name, func(t *testing.T) {
			inputs := fixture.Tensors(t, name, "inputs.npz")
			r := golden.Recording{Model: name, Inputs: inputs, Files: m.Files(), Candidate: m, Trace: true, Rule: &compare.Setting{Atol: new(1e-5), Rtol: new(1e-4), AllowNonFinite: new(true)}}
			g, err := golden.Record(t.Context(), m, r)
			if err != nil && (strings.Contains(err.Error(), "shows no steps of a recurrent layer") || strings.Contains(err.Error(), "the steps have no known bounds")) {
				r.Trace = false
				g, err = golden.Record(t.Context(), m, r)
			}
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := g.Write(&b); err != nil {
				t.Fatal(err)
			}
			if g, err = golden.ReadFS(fstest.MapFS{"g": {Data: b.Bytes()}}, "g"); err != nil {
				t.Fatal(err)
			}
			result, err := g.Verify(t.Context(), m, golden.Options{Files: m.Files()})
			if err != nil || result.Change != golden.Same {
				t.Fatalf("%+v, %v", result, err)
			}
			if r.Trace {
				traced++
				if result.Report.Comparisons[0].Title != "single steps" || result.Report.Comparisons[0].Verdict() != compare.InStep {
					t.Errorf("%+v", result.Report.Comparisons)
				}
			}
		})
	}
	t.Logf("%d models, %d with steps", run, traced)
	if run == 0 || traced == 0 {
		t.Error("nothing was recorded")
	}
}
