package golden_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
)

func packed(t testing.TB, header string, names ...string) []byte {
	t.Helper()
	var all []lockstep.NamedTensor
	if header != "" {
		text, err := lockstep.New([]string{header})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, lockstep.NamedTensor{Name: "golden", Tensor: text})
	}
	for _, name := range names {
		all = append(all, lockstep.NamedTensor{Name: name, Tensor: fixture.NewTensor(t, []float32{1, 2}, 2)})
	}
	var b bytes.Buffer
	if err := npz.Write(&b, all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A file that is no golden, or one that contradicts itself, is refused in words.
func TestBadFiles(t *testing.T) {
	sum := strings.Repeat("0", 64)
	spec := `{"name":"x","dtype":"float32","shape":[2]}`
	sig := fmt.Sprintf(`{"format":1,"signature":{"name":"s","inputs":[%s],"outputs":[%s]}}`, spec, strings.ReplaceAll(spec, `"x"`, `"y"`))
	both := []string{"inputs/x", "outputs/y"}
	for _, c := range []struct {
		what, header string
		names        []string
		want         string // "" for none
	}{
		{"good", "", both, ""},
		{"good, with a header", sig, both, ""},
		{"no outputs", "", []string{"inputs/x"}, "no outputs"},
		{"another array", "", append(both, "output/y"), `its array "output/y" does not belong in a golden`},
		{"no name", "", append(both, "states/"), `its array "states/" does not belong`},
		{"no folder", "", append(both, "x"), `its array "x" does not belong`},
		{"an output and a state", "", append(both, "states/y"), "have the same name"},
		{"expected of nothing", "", append(both, "expected/z"), `"expected/z" belongs to no output`},
		{"candidate of nothing", "", append(both, "candidate/z"), `"candidate/z" belongs to no output`},
		{"steps of no layer", "", append(both, "steps/lstm/h"), `"steps/lstm/h" belongs to no layer that its header names`},
		{"steps of another rank", `{"format":1,"layers":["lstm"]}`, append(both, "steps/lstm/h"), `"steps/lstm/h" is float32 (2,), want 3 axes`},
		{"bounds of nothing", `{"format":1,"layers":["lstm"]}`, append(both, "bounds/lstm/h"), `"bounds/lstm/h" belongs to no array in steps/`},
		{"no JSON", "{", both, "its header is unreadable"},
		{"two values", `{"format":1}{}`, both, "something follows its header's JSON"},
		{"an unknown field", `{"format":1,"wieghts":[]}`, both, `unknown field "wieghts"`},
		{"another format", `{"format":2}`, both, "the format 2, want 1"},
		{"no format", `{}`, both, "the format 0, want 1"},
		{"a negative rule", `{"format":1,"rule":{"atol":-1,"rtol":0}}`, both, "atol is -1"},
		{"a rule that says nothing", `{"format":1,"rule":{}}`, both, "it has no rule"},
		{"a rule for some tensors", `{"format":1,"rule":{"tensors":"x","ulp":1}}`, both, "unknown field"},
		{"a file's sum", `{"format":1,"files":{"a":"00"}}`, both, `SHA-256 of the file "a"`},
		{"a weight's sum", `{"format":1,"weights":[{"name":"w","sha256":"x"}]}`, both, `weight "w"`},
		{"a weight twice", `{"format":1,"weights":[{"name":"w","sha256":"` + sum + `"},{"name":"w","sha256":"` + sum + `"}]}`, both, `weight "w"`},
		{"an unknown type", `{"format":1,"signature":{"name":"s","inputs":[{"name":"x","dtype":"float8","shape":[]}]}}`, both, `"float8"`},
		{"a wrong axis", strings.Replace(sig, "[2]", "[-2]", 1), both, "an axis of length -2"},
		{"other inputs", strings.Replace(sig, "[2]", "[3]", 1), both, "its inputs are not those of its signature"},
		{"a missing output", strings.ReplaceAll(sig, `"y"`, `"z"`), both, "it lacks the output z float32 (2,)"},
		{"an output more", sig, append(both, "outputs/z"), "its signature others"},
	} {
		_, err := golden.ReadFS(fstest.MapFS{"g": {Data: packed(t, c.header, c.names...)}}, "g")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
	if _, err := golden.ReadFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error(err)
	}
	if _, err := golden.ReadFile("testdata/nothing"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	if _, err := golden.ReadFS(os.DirFS("testdata"), "make.py"); err == nil || !strings.Contains(err.Error(), "it is not an .npz") {
		t.Error(err)
	}
}

// Whatever the bytes, reading ends in a golden that can be written or in an error.
func FuzzReadGolden(f *testing.F) {
	for _, name := range []string{"testdata/tensorflow.golden", "testdata/keras.golden", "testdata/trace.golden"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(packed(f, `{"format":1}`, "inputs/x", "outputs/y"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := golden.ReadFS(fstest.MapFS{"g": {Data: b}}, "g")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := g.Write(&out); err != nil {
			// Strings that numpy does not hold may be read and not written.
			t.Skip(err)
		}
	})
}
