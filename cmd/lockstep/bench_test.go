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
