package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// inspect says in which loop or branch a layer stands, in words and as a field.
func TestInspectNestedLayers(t *testing.T) {
	for name, want := range map[string]string{
		"nested_map_gru_keras3": "the body of loop ",
		"nested_branch_keras3":  "the branch for true of ",
		"gru_masked_keras3":     "",
	} {
		dir := fixture.Dir(t, name)
		code, stdout, stderr := call("inspect", dir, "--format", "json")
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", name, code, stderr)
		}
		var doc inspection
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
			t.Fatal(err)
		}
		l := doc.Layers[0]
		if !strings.HasPrefix(l.Within, want) || want == "" && l.Within != "" || !doc.Native {
			t.Errorf("%s: layer %s stands in %q, want %q; native: %v", name, l.Name, l.Within, want, doc.Native)
		}
		_, stdout, _ = call("inspect", dir)
		if line := "loop " + l.Loop + " in " + l.Within; strings.Contains(stdout, line) != (want != "") {
			t.Errorf("%s: %q is in the text: %v", name, line, want == "")
		}
	}
}
