package savedmodel

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/raw"
)

func metaGraph(t testing.TB, dir string, tags ...string) *MetaGraph {
	t.Helper()
	saved, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph(tags...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryFixtureReads(t *testing.T) {
	for _, name := range fixture.Names(t) {
		fromArchive, err := readAll(fixture.FS(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fromDisk, err := readAll(os.DirFS(fixture.Dir(t, name)))
		if err != nil || fromDisk != fromArchive {
			t.Errorf("%s: the archive and the directory read differently: %v", name, err)
		}
		m := metaGraph(t, fixture.Dir(t, name))
		if want := fixture.ReadRecipe(t, name).Versions["tensorflow"]; m.TensorFlowVersion() != want {
			t.Errorf("%s: TensorFlow %s wrote it, want %s", name, m.TensorFlowVersion(), want)
		}
		var names []string
		for _, s := range m.Signatures() {
			names = append(names, s.Name)
		}
		recipe := fixture.ReadRecipe(t, name)
		want := []string{"serving_default"}
		switch {
		case name == "not_callable":
			want = nil
		case strings.HasSuffix(recipe.Producer, "keras model.export"):
			want = []string{"serve", "serving_default"}
		case len(recipe.Settings.Cases) > 0:
			want = slices.Compact(slices.Sorted(maps.Values(recipe.Settings.Cases)))
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: signatures %q, want %q", name, names, want)
		}
	}
}

// The inputs and outputs that Keras computed expected values of are those that
// the signature names, and fit it.
func TestSignaturesFitTheFixtures(t *testing.T) {
	for _, name := range fixture.Names(t) {
		if name == "not_callable" {
			continue
		}
		sig, err := metaGraph(t, fixture.Dir(t, name)).Signature("")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sig.Name != "serving_default" {
			t.Errorf("%s: the default is %q", name, sig.Name)
		}
		if err := sig.CheckInputs(fixture.Tensors(t, name, "inputs.npz")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expected := fixture.Tensors(t, name, "expected.npz")
		for _, out := range sig.Outputs {
			if err := out.Check(expected[out.Name]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Every value of Keras's get_weights() is among the variables' values, bit for
// bit; which is whose is internal/recurrent' to say.
func TestVariablesHoldTheWeights(t *testing.T) {
	for _, name := range fixture.Names(t) {
		if _, err := os.Stat(fixture.Path(name, "weights.npz")); err != nil {
			continue
		}
		m := metaGraph(t, fixture.Dir(t, name))
		vars, err := m.Variables()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var values []*lockstep.Tensor
		for i, v := range vars {
			if i > 0 && vars[i-1].Name >= v.Name {
				t.Errorf("%s: variables %q and %q are out of order", name, vars[i-1].Name, v.Name)
			}
			value, err := m.Value(v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if value.DType() != v.DType || !slices.Equal(value.Shape(), v.Shape) {
				t.Errorf("%s: variable %q is %s, want %s %s", name, v.Name, value, v.DType, lockstep.FormatShape(v.Shape))
			}
			values = append(values, value)
		}
		for _, w := range fixture.Ordered(t, name, "weights.npz") {
			if !slices.ContainsFunc(values, w.Tensor.BitEqual) {
				t.Errorf("%s: no variable has the value of %s", name, w.Name)
			}
		}
	}
}

// Keras 3 stores every weight twice, and only one of the two is restored into
// the variables that the signature reads.
func TestVariablesFollowTheRestoreOperation(t *testing.T) {
	m := metaGraph(t, fixture.Dir(t, "seed_units1_keras3"))
	g, err := m.Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, n := range g.Nodes {
		if n.Op != "ReadVariableOp" {
			continue
		}
		v, ok, err := m.Variable(Ref{Node: n})
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", n.Name, ok, err)
		}
		if handle := n.Inputs[0].Through().Node; v.Node != handle.Name || v.Name != resourceName(handle) {
			t.Errorf("%s reads %q, and Variable says %q", n.Name, handle.Name, v.Node)
		}
		keys = append(keys, v.Key)
	}
	if len(keys) < 8 {
		t.Errorf("%d reads of variables, want 8 or more", len(keys))
	}
	for _, k := range keys {
		if !strings.HasPrefix(k, "_all_variables/") {
			t.Errorf("a variable is restored from %q, want one of _all_variables", k)
		}
	}
	if _, ok, err := m.Variable(g.Outputs["output_0"]); ok || err != nil {
		t.Errorf("the output counts as a variable: %v, %v", ok, err)
	}
	if _, ok, err := m.Variable(Ref{}); ok || err != nil {
		t.Errorf("no tensor counts as a variable: %v, %v", ok, err)
	}
}

// expected is what TensorFlow itself reads from a checkpoint (testdata/make.py).
type expected struct {
	Values map[string]struct {
		DType, Bytes string
		Shape        []int
		Strings      []string
	}
}

func TestValuesAreTensorFlows(t *testing.T) {
	// Variables of all types but the complex ones and those of 8 bits.
	for name, wantTypes := range map[string]int{"dtypes": len(lockstep.DTypes()) - 4, "own": 1, "signatures": 1, "sharded": 3} {
		var want expected
		b, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		m := metaGraph(t, "testdata/"+name)
		vars, err := m.Variables()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		types, read := map[lockstep.DType]bool{}, map[string]bool{}
		for _, v := range vars {
			w, ok := want.Values[v.Key]
			if !ok {
				t.Errorf("%s: %q is no key of the checkpoint", name, v.Key)
				continue
			}
			got, err := m.Value(v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			types[v.DType], read[v.Key] = true, true
			if got.DType().String() != w.DType || !slices.Equal(got.Shape(), w.Shape) {
				t.Errorf("%s: %q is %s, want %s %v", name, v.Key, got, w.DType, w.Shape)
			}
			if got.DType() == lockstep.String {
				list, err := lockstep.Data[string](got)
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range list {
					if hex.EncodeToString([]byte(s)) != w.Strings[i] {
						t.Errorf("%s: %q: string %d is %q", name, v.Key, i, s)
					}
				}
				continue
			}
			bits, err := raw.Encode(got)
			if err != nil || hex.EncodeToString(bits) != w.Bytes {
				t.Errorf("%s: %q has the bytes %x, want %s (%v)", name, v.Key, bits, w.Bytes, err)
			}
		}
		if len(types) != wantTypes {
			t.Errorf("%s: variables of %d types, want %d", name, len(types), wantTypes)
		}
		for key := range want.Values {
			if !read[key] && !strings.HasPrefix(key, "save_counter") {
				t.Errorf("%s: no variable is restored from %q", name, key)
			}
		}
	}
}

func TestTags(t *testing.T) {
	saved, err := Open("testdata/sharded")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tags      []string
		signature string
		words     []string
	}{
		{nil, "serving_default", nil},
		{[]string{"serve"}, "serving_default", nil},
		{[]string{"train", "gpu"}, "learn", nil},
		{[]string{"gpu", "train"}, "learn", nil},
		{[]string{"train"}, "", []string{"no graph with the tags {train}", "it has {serve}, {gpu, train}"}},
		{[]string{"serve", "serve"}, "", []string{"{serve, serve}"}},
		{[]string{""}, "", []string{"no graph with the tags {}"}},
	} {
		m, err := saved.MetaGraph(c.tags...)
		if c.words != nil {
			wantError(t, strings.Join(c.tags, "+"), err, c.words...)
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.tags, err)
			continue
		}
		if sig, err := m.Signature(""); err != nil || sig.Name != c.signature {
			t.Errorf("%q: signature %q, %v, want %q", c.tags, sig.Name, err, c.signature)
		}
	}
}

func TestSignatureChoice(t *testing.T) {
	for _, c := range []struct {
		dir, name, want string
		words           []string
	}{
		{"testdata/own", "", "mine", nil},
		{"testdata/own", "mine", "mine", nil},
		{"testdata/own", "serving_default", "", []string{`no signature "serving_default"`, "it has: mine"}},
		{"testdata/signatures", "two", "two", nil},
		{"testdata/signatures", "", "", []string{"no signature serving_default; name one of: one, two"}},
		{"testdata/signatures", "three", "", []string{`no signature "three"`, "it has: one, two"}},
		{"testdata/signatures", "__saved_model_init_op", "", []string{"no signature"}},
		{fixture.Dir(t, "seed_units1_keras3"), "", "serving_default", nil},
		{fixture.Dir(t, "seed_units1_keras3"), "serve", "serve", nil},
		{fixture.Dir(t, "not_callable"), "", "", []string{"no signature that can be called", "save_traces=False", "model.export"}},
	} {
		m := metaGraph(t, c.dir)
		sig, err := m.Signature(c.name)
		g, flatErr := m.Flatten(c.name)
		if c.words != nil {
			wantError(t, c.dir+" "+c.name, err, c.words...)
			wantError(t, c.dir+" "+c.name, flatErr, c.words...)
			continue
		}
		if err != nil || sig.Name != c.want || flatErr != nil || g.Signature.Name != c.want {
			t.Errorf("%s %q: %q (%v, %v), want %q", c.dir, c.name, sig.Name, err, flatErr, c.want)
		}
	}
}

func TestGraphsMayBeSharedByGoroutines(t *testing.T) {
	m := metaGraph(t, fixture.Dir(t, "seed_units1_keras3"))
	g, err := m.Flatten("")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := m.Flatten("serve"); err != nil {
				t.Error(err)
			}
			if err := g.CheckVariables(); err != nil {
				t.Error(err)
			}
			for _, n := range g.Nodes {
				if name := n.AttrFunc("body"); name != "" {
					if _, err := g.Function(name); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}
