package lockstep_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lockstep-go/lockstep"

// layout says what of this module each package may import, tests aside; a
// pattern that ends in /... stands for a folder. It is the table of the
// README's section on the layout.
var layout = map[string][]string{
	".":                    {},
	"internal/raw":         {"."},
	"internal/npz":         {".", "internal/memory", "internal/raw", "internal/regular", "internal/whole"},
	"internal/memory":      {"."},
	"internal/plain":       {},
	"internal/regular":     {},
	"internal/whole":       {"internal/regular"},
	"internal/recurrent":   {".", "native/savedmodel"},
	"internal/inputs":      {".", "compare", "internal/engine", "internal/op", "internal/source", "internal/value", "native/savedmodel"},
	"internal/bench":       {".", "compare"},
	"internal/contender":   {".", "native", "internal/bench"},
	"bench/contender":      {".", "compare", "native", "internal/contender", "internal/npz"},
	"internal/fixture":     {".", "internal/npz", "internal/raw"},
	"native/savedmodel":    {".", "internal/memory", "internal/raw", "internal/regular", "internal/tfpb"},
	"internal/tfpb":        {},
	"internal/kernel":      {},
	"internal/rows":        {},
	"internal/rounding":    {"internal/recurrent"},
	"internal/value":       {".", "internal/memory"},
	"internal/op":          {".", "internal/kernel", "internal/memory", "internal/raw", "internal/recurrent", "internal/rounding", "internal/value", "native/savedmodel"},
	"internal/streaming":   {".", "internal/engine", "internal/op", "internal/recurrent", "internal/value", "native/savedmodel"},
	"internal/errbound":    {".", "internal/engine", "internal/op", "internal/recurrent", "internal/rounding", "internal/value", "native/savedmodel"},
	"internal/graphtest":   {".", "internal/fixture", "internal/npz", "internal/raw", "internal/recurrent", "native/savedmodel"},
	"internal/engine":      {".", "internal/kernel", "internal/memory", "internal/op", "internal/recurrent", "internal/rows", "internal/value", "native/savedmodel"},
	"internal/source":      {".", "internal/engine", "internal/errbound", "internal/kernel", "internal/memory", "internal/op", "internal/recurrent", "internal/rounding", "native/savedmodel"},
	"internal/fault":       {".", "internal/engine", "internal/recurrent", "internal/source", "native", "native/savedmodel"},
	"native":               {".", "internal/engine", "internal/kernel", "internal/memory", "internal/recurrent", "internal/rows", "internal/source", "internal/streaming", "native/savedmodel"},
	"tfbridge":             {".", "native/savedmodel", "internal/recurrent", "internal/plain", "internal/raw", "internal/regular"},
	"tfbridge/worker":      {".", "tfbridge", "internal/memory", "internal/plain", "internal/raw"},
	"compare":              {".", "internal/memory"},
	"compare/golden":       {".", "compare", "internal/npz", "internal/raw", "internal/regular", "internal/whole"},
	"compare/render/junit": {"compare"},
	"compare/comparetest":  {".", "compare", "compare/golden", "internal/inputs"},
	"compare/render/html":  {".", "compare", "internal/page"},
	"internal/page":        {},
	"internal/chart":       {"internal/page"},
	"cmd/lockstep":         {"..."},
	"internal/diagnose":    {".", "compare", "native", "internal/fault", "internal/source"},
	"internal/reduce":      {"."},
	"internal/explain":     {".", "native", "compare", "internal/forecast"},
	"internal/forecast":    {".", "internal/memory", "native"},
	"internal/selftest":    {".", "compare", "native", "internal/fault"},
	"faults":               {},
	"docs":                 {},
	"examples/ci":          {},
}

// Imports of others that only some packages may have, a pattern as above: cgo
// and the binding stay in tfbridge, and a service that imports native gets
// neither a command line nor TensorFlow's generated protobufs.
var foreign = map[string][]string{
	"C":                      {"tfbridge"},
	"github.com/galeone/...": {"tfbridge", "internal/fixture", "internal/graphtest"},
	"github.com/galeone/tensorflow/tensorflow/go": {"tfbridge"},
	"github.com/spf13/cobra":                      {"cmd/lockstep"},
	"gonum.org/v1/plot":                           {"internal/chart"},
	"unsafe":                                      {"tfbridge", "internal/tfpb"},
	"testing":                                     {"internal/fixture", "internal/graphtest", "compare/comparetest"},
	"github.com/jstemmer/go-junit-report/v2/junit": {"compare/render/junit"},
}

func TestLayout(t *testing.T) {
	for _, tags := range []string{"", "tensorflow"} {
		out, err := exec.Command("go", "list", "-tags", tags, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) != len(layout) {
			t.Errorf("%d packages, and the layout lists %d", len(lines), len(layout))
		}
		for _, line := range lines {
			fields := strings.Fields(line)
			checkImports(t, local(fields[0]), fields[1:])
		}
	}
}

// A service that imports native gets what runs a model, and nothing that compares,
// reports or plants faults.
func TestServiceImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./native").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/internal/engine") {
		t.Fatalf("native needs %q, and no engine", deps)
	}
	for _, dep := range deps {
		for _, no := range []string{"compare", "parity", "cmd", "tfbridge", "internal/fault", "internal/diagnose", "internal/selftest", "internal/inputs", "internal/npz"} {
			if name := local(dep); strings.HasPrefix(dep, module) && (name == no || strings.HasPrefix(name, no+"/")) {
				t.Errorf("native needs package %s", name)
			}
		}
	}
}

func checkImports(t *testing.T, name string, imports []string) {
	allowed, listed := layout[name]
	if !listed {
		t.Errorf("package %s is not in the layout", name)
		return
	}
	for _, i := range imports {
		if i == module || strings.HasPrefix(i, module+"/") {
			if !slices.Contains(allowed, local(i)) && !slices.Contains(allowed, "...") {
				t.Errorf("package %s imports %s; it may import %q", name, local(i), allowed)
			}
			continue
		}
		for pattern, only := range foreign {
			folder, isFolder := strings.CutSuffix(pattern, "...")
			if (i == pattern || isFolder && strings.HasPrefix(i, folder)) && !slices.Contains(only, name) {
				t.Errorf("package %s imports %s; only %q may", name, i, only)
			}
		}
	}
}

func local(importPath string) string {
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/"))
}
