package reduce

import (
	"bytes"
	"fmt"
	"go/format"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// Repro is a self-contained failing check.
type Repro struct {
	// Model and Candidate are the directories; Candidate may be empty.
	Model, Candidate string
	Signature        string
	Tags             []string
	// Names are the candidate's names by the model's.
	Names    map[string]string
	Settings compare.Settings
	Inputs   map[string]*lockstep.Tensor
}

// WriteGoTest writes a Go test that fails as long as the check does. It needs
// lockstep's module, the build tag tensorflow and the models.
func (r Repro) WriteGoTest(w io.Writer) error {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("//go:build tensorflow\n\n// Written by lockstep check --reduce: the least inputs that still diverge.\n// go test -tags tensorflow, with the flags that make build prints, runs it.\npackage reduced\n\n")
	p("import (\n\"context\"\n\"os\"\n")
	if r.needsMath() {
		p("\"math\"\n")
	}
	p("\"testing\"\n\n")
	for _, pkg := range []string{"", "/compare", "/compare/render", "/parity", "/tfbridge"} {
		p("\"github.com/lockstep-go/lockstep%s\"\n", pkg)
	}
	p(")\n\nfunc TestReduced(t *testing.T) {\n")
	if len(r.Tags) == 0 || slices.Equal(r.Tags, []string{"serve"}) {
		r.Tags = nil
	}
	var options string
	if r.Signature != "" {
		options += fmt.Sprintf(", tfbridge.WithSignature(%q)", r.Signature)
	}
	if r.Tags != nil {
		options += fmt.Sprintf(", tfbridge.WithTags(%s)", quoted(r.Tags))
	}
	p("reference, err := tfbridge.Open(%q%s)\nif err != nil {\nt.Fatal(err)\n}\ndefer reference.Close()\n", r.Model, options)
	p("model := parity.Model{Dir: %q", r.Model)
	if r.Signature != "" {
		p(", Signature: %q", r.Signature)
	}
	if r.Tags != nil {
		p(", Tags: %#v", r.Tags)
	}
	if r.Candidate != "" {
		p(", Candidate: %q", r.Candidate)
	}
	if len(r.Names) > 0 {
		p(", Names: %#v", r.Names)
	}
	p("}\noptions := parity.Options{NoDiagnosis: true, Inputs: map[string]*lockstep.Tensor{}}\n")
	if len(r.Settings) > 0 {
		p("options.Settings = %s\n", settingsGo(r.Settings))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Inputs)) {
		t := r.Inputs[name]
		values, goType, err := literals(t)
		if err != nil {
			return err
		}
		p("if options.Inputs[%q], err = lockstep.New([]%s{%s}", name, goType, strings.Join(values, ", "))
		for _, d := range t.Shape() {
			p(", %d", d)
		}
		p("); err != nil {\nt.Fatal(err)\n}\n")
	}
	p("result, err := parity.Check(context.Background(), model, parity.Opened(reference), options)\nif err != nil {\nt.Fatal(err)\n}\n")
	p("if result.Report.Verdict() != compare.InStep {\nif err := render.Text(os.Stdout, result.Report, render.TextOptions{}); err != nil {\nt.Error(err)\n}\nt.Error(\"the engines diverge\")\n}\n}\n")
	out, err := format.Source(b.Bytes())
	if err != nil {
		return fmt.Errorf("reduce: %w", err)
	}
	_, err = w.Write(out)
	return err
}

func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, strconv.Quote(w))
	}
	return strings.Join(out, ", ")
}

// needsMath tells whether a number has no literal.
func (r Repro) needsMath() bool {
	for _, t := range r.Inputs {
		if !t.DType().IsFloat() {
			continue
		}
		d, err := t.Float64s()
		if err == nil && slices.ContainsFunc(d, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) || v == 0 && math.Signbit(v) }) {
			return true
		}
	}
	return false
}

// literals writes the elements of a tensor as exact Go literals.
func literals(t *lockstep.Tensor) (values []string, goType string, err error) {
	switch t.DType() {
	case lockstep.Float32:
		return written(t, "float32", func(v float32) string { return float(float64(v), 32) })
	case lockstep.Float64:
		return written(t, "float64", func(v float64) string { return float(v, 64) })
	case lockstep.Int32:
		return written(t, "int32", func(v int32) string { return fmt.Sprint(v) })
	case lockstep.Int64:
		return written(t, "int64", func(v int64) string { return fmt.Sprint(v) })
	case lockstep.Bool:
		return written(t, "bool", func(v bool) string { return fmt.Sprint(v) })
	case lockstep.String:
		return nil, "", fmt.Errorf("reduce: %s cannot be written as Go", t)
	}
	return nil, "", fmt.Errorf("reduce: %s cannot be written as Go", t)
}

func written[E lockstep.Element](t *lockstep.Tensor, goType string, write func(E) string) ([]string, string, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, "", err
	}
	out := make([]string, len(d))
	for i, v := range d {
		out[i] = write(v)
	}
	return out, goType, nil
}

func float(v float64, bits int) string {
	text := strconv.FormatFloat(v, 'g', -1, bits)
	switch {
	case math.IsNaN(v):
		text = "math.NaN()"
	case math.IsInf(v, 1):
		text = "math.Inf(1)"
	case math.IsInf(v, -1):
		text = "math.Inf(-1)"
	case v == 0 && math.Signbit(v):
		text = "math.Copysign(0, -1)" // Go has no literal for it
	default:
		return text
	}
	if bits == 32 {
		return "float32(" + text + ")"
	}
	return text
}

// settingsGo writes settings as Go code.
func settingsGo(s compare.Settings) string {
	var all []string
	for i := range s {
		var parts []string
		add := func(format string, value any) { parts = append(parts, fmt.Sprintf(format, value)) }
		if s[i].Tensors != "" {
			add("Tensors: %q", s[i].Tensors)
		}
		if s[i].Atol != nil {
			add("Atol: new(float64(%v))", *s[i].Atol)
		}
		if s[i].Rtol != nil {
			add("Rtol: new(float64(%v))", *s[i].Rtol)
		}
		if s[i].ULP != nil {
			add("ULP: new(uint64(%d))", *s[i].ULP)
		}
		if s[i].AllowNonFinite != nil {
			add("AllowNonFinite: new(%v)", *s[i].AllowNonFinite)
		}
		all = append(all, "{"+strings.Join(parts, ", ")+"}")
	}
	return "compare.Settings{" + strings.Join(all, ", ") + "}"
}
