package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/format"
	"github.com/lockstep-go/lockstep/internal/reporttest"
)

var update = flag.Bool("update", false, "write the goldens in testdata instead of comparing with them")

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
		t.Fatalf("%v; go test ./compare/render -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s has changed (-want +got); go test ./compare/render -update accepts it:\n%s", path, diff)
	}
}

func TestTextGolden(t *testing.T) {
	for name, r := range reporttest.Reports(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Text(&b, r, TextOptions{Details: 100}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", b.Bytes())
			if name == "pass" || name == "several" {
				b.Reset()
				if err := Text(&b, r, TextOptions{Verbose: true}); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"_verbose.txt", b.Bytes())
			}
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
	for name, r := range reporttest.Reports(t) {
		var plain, color bytes.Buffer
		if err := Text(&plain, r, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := Text(&color, r, TextOptions{Color: true}); err != nil {
			t.Fatal(err)
		}
		want := "\x1b[1;31mdiverged\x1b[0m: "
		if r.Verdict() == compare.InStep {
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
	reports := reporttest.Reports(t)
	for name, r := range reports {
		var b bytes.Buffer
		if err := JSON(&b, outcomesOf(r)); err != nil {
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
	reports := reporttest.Reports(t)
	for _, c := range []struct {
		name    string
		reports []*compare.Report
		want    string
	}{
		{"none", nil, "diverged"},
		{"all in step", []*compare.Report{reports["pass"], reports["several"]}, "in_step"},
		{"last diverged", []*compare.Report{reports["pass"], reports["diverged"]}, "diverged"},
		{"first diverged", []*compare.Report{reports["diverged"], reports["pass"]}, "diverged"},
	} {
		var b bytes.Buffer
		if err := JSON(&b, outcomesOf(c.reports...)); err != nil {
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
	r := reporttest.Reports(t)["pass"]
	for name, err := range map[string]error{"text": Text(broken{}, r, TextOptions{}), "json": JSON(broken{}, outcomesOf(r))} {
		if err == nil || !strings.HasPrefix(err.Error(), "render: writing the report") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// encoding/json cannot write these as numbers, and must not be asked to.
func TestJSONNumbers(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{nan, `"NaN"`}, {inf, `"Infinity"`}, {-inf, `"-Infinity"`}, {0.1, "0.1"}, {0, "0"}, {math.MaxFloat64, "1.7976931348623157e+308"}, {5e-324, "5e-324"},
	} {
		if got, err := json.Marshal(format.Number(c.x)); err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v, want %s", c.x, got, err, c.want)
		}
	}
	for v, want := range map[compare.Verdict]string{compare.InStep: "in_step", compare.Diverged: "diverged", compare.NoVerdict: "no_verdict"} {
		if got := verdictWord(v); got != want {
			t.Errorf("%s: %s, want %s", v, got, want)
		}
	}
}

// Elements are written with the digits of their own type.
func TestJSONValues(t *testing.T) {
	for _, c := range []struct {
		tensor *lockstep.Tensor
		want   string
	}{
		{fixture.Vector(t, float32(0.1)), "0.1"},
		{fixture.Vector(t, float32(math.Copysign(0, -1))), "-0"},
		{fixture.Vector(t, float32(math.SmallestNonzeroFloat32)), "1e-45"},
		{fixture.Vector(t, float32(nan)), `"NaN"`},
		{fixture.Vector(t, -inf), `"-Infinity"`},
		{fixture.Vector(t, 0.1), "0.1"},
		{fixture.Vector(t, lockstep.Float16Bits(0x2e66)), "0.1"},
		{fixture.Vector(t, lockstep.Float16Bits(0xfc00)), `"-Infinity"`},
		{fixture.Vector(t, int64(1<<53+1)), "9007199254740993"},
		{fixture.Vector(t, uint64(math.MaxUint64)), "18446744073709551615"},
		{fixture.Vector(t, true), "true"},
		{fixture.Vector(t, "NaN"), `"NaN"`},
		{fixture.Vector(t, "a \"b\"\n"), `"a \"b\"\n"`},
		{fixture.Vector(t, "\xff"), `"\ufffd"`},
	} {
		if got, err := json.Marshal(jsonValue{compare.ValueAt(c.tensor, 0)}); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.tensor, got, err, c.want)
		}
	}
	if got, err := json.Marshal(jsonValue{}); err != nil || string(got) != "null" {
		t.Errorf("no value is %s, %v", got, err)
	}
}
