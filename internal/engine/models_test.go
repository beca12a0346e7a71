package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// TestModels interprets whole models, loops and all, and holds them against
// what Keras predicts.
func TestModels(t *testing.T) {
	const root = "../../testdata"
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, d := range dirs {
		switch d.Name() {
		case "not_callable", // it has no signature
			"seed_keras3_broken": // its graph is not what Keras predicts
			continue
		}
		cases, err := filepath.Glob(filepath.Join(root, d.Name(), "inputs*.npz"))
		if err != nil || len(cases) == 0 {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			recipe := fixture.ReadRecipe(t, d.Name())
			for _, inputs := range cases {
				c := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(inputs), "inputs"), ".npz")
				runFixture(t, compileFixture(t, d.Name(), recipe.SignatureOf(c)), inputs)
				ran++
			}
		})
	}
	if ran == 0 {
		t.Error("no model was run")
	}
}

func compileFixture(t *testing.T, name, signature string) *Program {
	t.Helper()
	saved, err := savedmodel.OpenFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Flatten(signature)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(g, Options{Variable: func(handle savedmodel.Ref) (*lockstep.Tensor, error) {
		v, ok, err := m.Variable(handle)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s is no variable", handle)
		}
		return m.Value(v)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func runFixture(t *testing.T, p *Program, inputs string) {
	t.Helper()
	in, err := npz.ReadFile(inputs)
	if err != nil {
		t.Fatal(err)
	}
	want, err := npz.ReadFile(filepath.Join(filepath.Dir(inputs), strings.Replace(filepath.Base(inputs), "inputs", "expected", 1)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := runTwice(t, p, lockstep.ByName(in))
	if err != nil {
		t.Errorf("%s: %v", inputs, err)
		return
	}
	for name, x := range got {
		if err := graphtest.Agree(x, lockstep.ByName(want)[name], 1e-5); err != nil {
			t.Errorf("%s: %q: %v", inputs, name, err)
		}
	}
}
