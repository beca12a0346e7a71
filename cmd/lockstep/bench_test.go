package main

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/bench"
)

func TestParseWork(t *testing.T) {
	in := inputFlags{seed: 5}
	in.sizes.Batch, in.sizes.Steps = 3, 10
	for arg, want := range map[string]struct {
		dir          string
		batch, steps int
	}{
		"m":                   {"m", 3, 10},
		"a/m,batch=32":        {"a/m", 32, 10},
		"m,steps=7,batch=1":   {"m", 1, 7},
		"odd,name,batch=2":    {"odd,name", 2, 10},
		"m,batch=1,of":        {"m,batch=1,of", 3, 10},
		"m,batch=32,steps=99": {"m", 32, 99},
	} {
		w, err := parseWork(arg, in)
		if err != nil || w.dir != want.dir || w.in.sizes.Batch != want.batch || w.in.sizes.Steps != want.steps || w.in.seed != 5 {
			t.Errorf("%s is %+v, %v, want %+v", arg, w, err, want)
		}
	}
}

func TestVersions(t *testing.T) {
	got := strings.Join(versions([]*bench.Result{
		{Name: "a", Versions: []string{"kernels k"}}, {Name: "b", Versions: []string{"kernels k"}}, {Name: "c"},
		{Name: "d", Versions: []string{"Engine 1", "Python 3"}}, {Name: "e", Versions: []string{"kernels k"}},
	}), "\n")
	const want = "a, b: kernels k\nd: Engine 1, Python 3\ne: kernels k"
	if got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// --engines leaves out the others, in its own order, and names what there is.
func TestBenchChoosesEngines(t *testing.T) {
	all := []bench.Contender{{Name: "native"}, {Name: "native-go"}, {Name: "tensorflow"}}
	for _, c := range []struct {
		engines []string
		want    string
	}{{nil, "native native-go tensorflow"}, {[]string{"tensorflow", "native"}, "tensorflow native"}, {[]string{"torch"}, ""}} {
		f := benchFlags{engines: c.engines}
		got, err := f.chosen(all)
		names := make([]string, len(got))
		for i, g := range got {
			names[i] = g.Name
		}
		if strings.Join(names, " ") != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: %q, %v, want %q", c.engines, names, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "native, native-go, tensorflow") {
			t.Errorf("%v: it does not say what there is", err)
		}
	}
}
