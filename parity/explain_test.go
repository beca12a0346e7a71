package parity_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

// Expected values with a known fault are explained by it, beside the conclusion of
// what the engines show: whether they agree, one did not run, or another one's
// fault is explained too. Values that are the model's are not.
func TestExpectedValuesAreExplained(t *testing.T) {
	const name = "seed_units1_keras3"
	dir := fixture.Dir(t, name)
	inputs := fixture.Tensors(t, name, "inputs.npz")
	engine := load(t, dir)
	with := func(f fault.Fault) *native.Model {
		bad, err := engine.Edit(f.Plant)
		if err != nil {
			t.Fatal(err)
		}
		return bad
	}
	missing := fault.Fault{Kind: fault.BiasMissing, Layer: "decoder"}
	expected, err := with(missing).Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	sound := fixture.Tensors(t, name, "expected.npz")
	broken := parity.Reference{Name: "tensorflow", Open: func(context.Context) (lockstep.Tracer, func() error, error) { return nil, nil, errors.New("broken") }}
	faulty := parity.Opened(&reference{Model: with(fault.Fault{Kind: fault.ForgetBias, Layer: "encoder"})})
	for what, c := range map[string]struct {
		reference        parity.Reference
		expected         map[string]*lockstep.Tensor
		o                parity.Options
		answers, engines string
		blame            string
	}{
		"the engines agree":     {parity.Opened(engine), expected, parity.Options{}, "bias missing in layer decoder", "", "suspect the export"},
		"one engine ran":        {broken, expected, parity.Options{}, "bias missing in layer decoder", "", "suspect the export"},
		"all differ":            {faulty, expected, parity.Options{}, "bias missing in layer decoder", "the forget gate's bias of one added twice in layer encoder", "all differ"},
		"the reference differs": {faulty, sound, parity.Options{}, "", "the forget gate's bias of one added twice in layer encoder", "the fault is in reference"},
		"no diagnosis":          {parity.Opened(engine), expected, parity.Options{NoDiagnosis: true}, "", "", "suspect the export"},
	} {
		c.o.Inputs, c.o.Expected = inputs, c.expected
		got, err := parity.Check(t.Context(), parity.Model{Dir: dir}, c.reference, c.o)
		if err != nil {
			t.Fatal(err)
		}
		answers, engines := "", ""
		if d := got.Report.Answers; d != nil && len(d.Causes) > 0 {
			answers = d.Causes[0].Text
		}
		if d := got.Report.Diagnosis; d != nil && len(d.Causes) > 0 {
			engines = d.Causes[0].Text
		}
		if notes := strings.Join(got.Report.Notes, "\n"); answers != c.answers || engines != c.engines || !strings.Contains(notes, c.blame) || strings.Contains(notes, "from answers alone") != (c.answers != "") {
			t.Errorf("%s: from answers %q, want %q; of the engines %q, want %q\n%s", what, answers, c.answers, engines, c.engines, notes)
		}
	}
}
