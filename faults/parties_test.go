package faults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/diagnose"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

// partiesFolder names the folder that parties.py made.
const partiesFolder = "LOCKSTEP_PARTIES"

// What Keras predicts from a model with a mistake is said to have it, and what it
// predicts from the model itself to need no explanation.
func TestAnswersOfKeras(t *testing.T) {
	if os.Getenv(partiesFolder) == "" {
		if *long {
			t.Fatalf("%s names no folder: run make faults", partiesFolder)
		}
		t.Skipf("%s names no folder: run make faults", partiesFolder)
	}
	dirs, err := filepath.Glob(filepath.Join(os.Getenv(partiesFolder), "*", "kinds.json"))
	if err != nil || len(dirs) < 30 {
		t.Fatalf("%d parties in %s: %v", len(dirs), os.Getenv(partiesFolder), err)
	}
	right := 0
	for _, file := range dirs {
		dir := filepath.Dir(file)
		var kinds []string
		b, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(b, &kinds)
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := native.Load(filepath.Join(dir, "model"))
		if err != nil {
			t.Fatal(err)
		}
		a := diagnose.Answers{Model: m, Inputs: tensorsIn(t, dir, "inputs.npz"), Values: tensorsIn(t, dir, "sound.npz")}
		found, err := a.Run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		if !found.Agree {
			t.Errorf("%s: Keras's own answers are explained: margin %.3g: %s", dir, found.Left, found.AnswersWords("keras"))
		}
		a.Values = tensorsIn(t, dir, "faulty.npz")
		if found, err = a.Run(t.Context()); err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		is := slices.ContainsFunc(found.Causes, func(c diagnose.Cause) bool {
			var have []string
			for _, f := range c.Faults {
				have = append(have, string(f.Kind))
			}
			return slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(kinds)))
		})
		if is {
			right++
		}
		t.Logf("%s: %v: %v: %s", filepath.Base(dir), kinds, is, found.AnswersWords("keras"))
	}
	text := fmt.Sprintf("What Keras predicts from %d models with a mistake (%s and others): the mistake is the cause that is named, or one of those that these answers do not tell from it, in %d (%.1f %%).",
		len(dirs), strings.Join([]string{"gates", "biases", "activations", "normalizations", "paddings"}, ", "), right, percent(right, len(dirs)))
	t.Log(text)
	if right*100 < 95*len(dirs) {
		t.Errorf("%d of %d, want 95 %%", right, len(dirs))
	}
	if *long {
		write(t, "faults: answers of Keras", text+"\n")
	}
}

func tensorsIn(t *testing.T, dir, name string) map[string]*lockstep.Tensor {
	t.Helper()
	all, err := npz.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return lockstep.ByName(all)
}
