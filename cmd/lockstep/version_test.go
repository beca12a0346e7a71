package main

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/tfbridge"
)

// What the linker was told counts before what go build noted.
func TestVersionOfABuild(t *testing.T) {
	noted := &debug.BuildInfo{Main: debug.Module{Version: "v0.0.1"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	for _, c := range []struct {
		name, version, commit string
		build                 *debug.BuildInfo
		first, second         string
	}{
		{"a checkout", "", "", noted, "lockstep v0.0.1", "commit      abc, modified"},
		{"a release", "1.2.3", "def", noted, "lockstep 1.2.3", "commit      def, modified"},
		{"without version control", "", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "lockstep (devel)", "commit      not noted"},
		{"nothing noted", "", "", nil, "lockstep (unknown version)", "commit      not noted"},
	} {
		var b bytes.Buffer
		if err := describeProgram(c.version, c.commit, c.build).text(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if lines[0] != c.first || lines[1] != c.second {
			t.Errorf("%s: %q and %q, want %q and %q", c.name, lines[0], lines[1], c.first, c.second)
		}
	}
}

// Text and JSON say the same of the kernels and of TensorFlow.
func TestVersionFormats(t *testing.T) {
	code, text, errs := call("version")
	if code != exitInStep || errs != "" {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	code, out, errs := call("version", "--format", "json")
	if code != exitInStep || errs != "" {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	var p programInfo
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.Schema != 1 || p.TensorFlow != tfbridge.Built() {
		t.Errorf("schema %d, tensorflow %v, want 1 and %v", p.Schema, p.TensorFlow, tfbridge.Built())
	}
	if !strings.Contains(text, "\nkernels     "+p.Kernels) {
		t.Errorf("kernels in use are %q; the text is\n%s", p.Kernels, text)
	}
	for _, name := range p.Available {
		if !strings.Contains(text, name) {
			t.Errorf("the text does not name the kernels %q:\n%s", name, text)
		}
	}
}
