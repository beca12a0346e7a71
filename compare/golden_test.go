package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-go/lockstep"
)

var update = flag.Bool("update", false, "write the goldens in testdata instead of comparing with them")

// ramp makes values that every machine computes alike: multiples of 1/1024.
func ramp(t testing.TB, shape ...int) *lockstep.Tensor {
	t.Helper()
	n, err := lockstep.NumElements(shape)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32((i*37)%512-256)/1024 + 1.0/2048
	}
	return tensor(t, data, shape...)
}

// nudged is a copy of x with steps, in units in the last place, added to every
// element: n(i) for the element i.
func nudged(t testing.TB, x *lockstep.Tensor, n func(i int) int) *lockstep.Tensor {
	t.Helper()
	ref, err := lockstep.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, len(ref))
	for i := range ref {
		data[i] = moveULP(ref[i], n(i))
	}
	return tensor(t, data, x.Shape()...)
}

func seed(t testing.TB) (ref, cand set, o Options) {
	o.Order = []string{"output_0", "encoder/state_h", "encoder/state_c", "decoder/state_h", "decoder/state_c"}
	ref, cand = set{}, set{}
	for k, name := range o.Order {
		shape := []int{8, 16}
		if k == 0 {
			shape = []int{8, 10, 1}
		}
		ref[name] = ramp(t, shape...)
		cand[name] = nudged(t, ref[name], func(i int) int { return i % (k + 3) })
	}
	return ref, cand, o
}

// drifted is seed with a candidate whose output leaves tolerance in the row 2
// at step 3, and in others later.
func drifted(t testing.TB) (ref, cand set, o Options) {
	ref, cand, o = seed(t)
	cand["output_0"] = nudged(t, ref["output_0"], func(i int) int {
		if row, step := i/10, i%10; row >= 2 && step >= 3 && row*step%2 == 0 {
			return 1000 << step
		}
		return 1
	})
	return ref, cand, o
}

func compared(title, reference, candidate string, ref, cand set, o Options, rule Rule) Comparison {
	return Comparison{Title: title, Reference: reference, Candidate: candidate, Results: Judge(Measure(ref, cand, o), Uniform(rule))}
}

func goldenReports(t testing.TB) map[string]*Report {
	ref, cand, o := seed(t)
	_, off, _ := drifted(t)
	weights := set{"encoder/kernel": ramp(t, 1, 64), "encoder/bias": ramp(t, 64)}
	negativeZero := set{"encoder/kernel": weights["encoder/kernel"], "encoder/bias": nudged(t, weights["encoder/bias"], func(i int) int { return i / 40 })}
	const model = "testdata/seed_keras3"
	one := func(c Comparison) *Report { return &Report{Model: model, Comparisons: []Comparison{c}} }

	hostileRef, hostileCand := hostile(t)
	return map[string]*Report{
		"pass":     one(compared("", "tensorflow", "native", ref, cand, o, DefaultRule())),
		"diverged": one(compared("", "tensorflow", "native", ref, off, o, DefaultRule())),
		"ulp":      one(compared("outputs", "tensorflow", "native", ref, cand, o, Rule{ULP: 4})),
		"several": {Model: model, Notes: []string{"the random seed was 1"}, Comparisons: []Comparison{
			compared("outputs and states", "tensorflow", "native", ref, cand, o, DefaultRule()),
			compared("outputs", "keras", "tensorflow", set{"output_0": ref["output_0"]}, set{"output_0": ref["output_0"]}, o, DefaultRule()),
			compared("weights", "libtensorflow", "file", weights, weights, Options{Layout: PlainLayout}, Rule{Bits: true}),
		}},
		"several_diverged": {Model: model, Notes: []string{"the random seed was 1"}, Comparisons: []Comparison{
			compared("outputs and states", "tensorflow", "native", ref, cand, o, DefaultRule()),
			compared("outputs", "keras", "native", set{"output_0": ref["output_0"]}, set{"output_0": off["output_0"]}, o, DefaultRule()),
			compared("weights", "libtensorflow", "file", weights, negativeZero, Options{Layout: PlainLayout}, Rule{Bits: true}),
		}},
		"hostile": {Comparisons: []Comparison{{
			Reference: "a.npz", Candidate: "b.npz",
			Results: Judge(Measure(hostileRef, hostileCand, Options{}), Uniform(DefaultRule())),
			Notes:   []string{"written by a test\x1b[31m"},
		}}},
		"not_finite":    one(compared("", "tensorflow", "native", set{"x": vec(t, f32(1, float32(nan), 2)...)}, set{"x": vec(t, f32(1, float32(nan), 2)...)}, o, DefaultRule())),
		"missing":       one(compared("", "tensorflow", "native", ref, set{"output_0": cand["output_0"]}, Options{Order: []string{"encoder/state_c", "output_0"}}, DefaultRule())),
		"nothing":       one(compared("", "tensorflow", "native", nil, nil, o, DefaultRule())),
		"no_comparison": {Model: model},
	}
}

// hostile has one tensor for every way in which two can part.
func hostile(t testing.TB) (ref, cand set) {
	nan, inf := float32(nan), float32(inf)
	ref, cand = set{}, set{}
	add := func(name string, r, c *lockstep.Tensor) { ref[name], cand[name] = r, c }
	add("nan", tensor(t, f32(1, nan, 3, nan, 5, inf), 2, 3), tensor(t, f32(1, nan, nan, 4, inf, -inf), 2, 3))
	add("nan everywhere", vec(t, nan, nan), vec(t, nan, nan))
	add("type", vec[float32](t, 1), vec[float64](t, 1))
	add("shape", tensor(t, f32(1, 2), 1, 2), tensor(t, f32(1, 2), 2, 1))
	add("empty", tensor[float32](t, nil, 3, 0), tensor[float32](t, nil, 3, 0))
	add("scalar", tensor(t, f32(1)), tensor(t, f32(2)))
	add("overflow", vec(t, 1.5e308, 0), vec(t, -1.5e308, 0))
	add("zero reference", vec[float32](t, 0, 1), vec[float32](t, 1, 1))
	add("int64", vec[int64](t, -1<<63, 1<<53), vec[int64](t, 1<<63-1, 1<<53+1))
	add("bool", vec(t, true, false), vec(t, true, true))
	add("string", vec(t, "a", strings.Repeat("long ", 20)+"end"), vec(t, "a", strings.Repeat("long ", 20)+"END"))
	add("high rank", ramp(t, 1, 2, 1, 3), nudged(t, ramp(t, 1, 2, 1, 3), func(i int) int { return i << 16 }))
	add("nil", nil, nil)
	add("a/name/that/is/so/long/that/no/table/of/a/hundred/columns/could/ever/show/it/in/one/piece/state_h", ramp(t, 1, 1, 1, 1, 1, 1, 1, 1), ramp(t, 1, 1, 1, 1, 1, 1, 1, 1))
	ref["only in a\x07"] = vec[int32](t, 1)
	cand["only in b"] = vec[int32](t, 1)
	return ref, cand
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./compare -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s has changed (-want +got); go test ./compare -update accepts it:\n%s", path, diff)
	}
}

func TestTextGolden(t *testing.T) {
	for name, r := range goldenReports(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Text(&b, r, TextOptions{Details: 100}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", b.Bytes())
			for i, line := range strings.Split(b.String(), "\n") {
				if n := utf8.RuneCountInString(line); n > 100 && len(strings.Fields(line)) > 1 {
					t.Errorf("line %d has %d columns, want at most 100: %s", i+1, n, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("line %d ends in spaces: %q", i+1, line)
				}
			}
			if bytes.ContainsAny(b.Bytes(), "\x1b\x07") {
				t.Error("a control character came through")
			}
		})
	}
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestColorOnlyPaints(t *testing.T) {
	for name, r := range goldenReports(t) {
		var plain, color bytes.Buffer
		if err := Text(&plain, r, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := Text(&color, r, TextOptions{Color: true}); err != nil {
			t.Fatal(err)
		}
		want := "\x1b[1;31mdiverged\x1b[0m: "
		if r.Verdict() == InStep {
			want = "\x1b[32min step\x1b[0m: "
		}
		if !strings.HasPrefix(color.String(), want) {
			t.Errorf("%s: begins %.30q, want %q", name, color.String(), want)
		}
		if diff := cmp.Diff(plain.String(), escape.ReplaceAllString(color.String(), "")); diff != "" {
			t.Errorf("%s: colour changes the text (-plain +colour):\n%s", name, diff)
		}
	}
}

func TestJSONGolden(t *testing.T) {
	reports := goldenReports(t)
	for name, r := range reports {
		var b bytes.Buffer
		if err := JSON(&b, r); err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "pass" || name == "diverged" || name == "hostile" || name == "nothing" {
			golden(t, name+".json", b.Bytes())
		}
	}
}

func TestJSONOfSeveralModels(t *testing.T) {
	reports := goldenReports(t)
	for _, c := range []struct {
		name    string
		reports []*Report
		want    string
	}{
		{"none", nil, "diverged"},
		{"all in step", []*Report{reports["pass"], reports["several"]}, "in_step"},
		{"last diverged", []*Report{reports["pass"], reports["diverged"]}, "diverged"},
		{"first diverged", []*Report{reports["diverged"], reports["pass"]}, "diverged"},
	} {
		var b bytes.Buffer
		if err := JSON(&b, c.reports...); err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Schema  int
			Verdict string
			Reports []struct{ Model, Verdict string }
		}
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Schema != 1 || doc.Verdict != c.want || len(doc.Reports) != len(c.reports) {
			t.Errorf("%s: %+v, want schema 1, %s, %d reports", c.name, doc, c.want, len(c.reports))
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestRenderersReturnTheWritersError(t *testing.T) {
	r := goldenReports(t)["pass"]
	for name, err := range map[string]error{"text": Text(broken{}, r, TextOptions{}), "json": JSON(broken{}, r)} {
		if err == nil || !strings.HasPrefix(err.Error(), "compare: writing the report") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
