package lockstep_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lockstep-go/lockstep"

// architecture has the table of the layout: which package of this module may
// import which, tests aside.
const architecture = "docs/architecture.md"

// row is one row of that table.
type row struct {
	place   string
	imports []string
	all     bool // it may import everything
	pack    bool // it is a package of this module
}

// Imports of others that only some packages may have; a pattern that ends in
// /... stands for a folder. cgo and the binding stay in tfbridge, and a service
// that imports native gets neither a command line nor TensorFlow's generated
// protobufs.
var foreign = map[string][]string{
	"C":                      {"tfbridge"},
	"github.com/galeone/...": {"tfbridge", "internal/fixture", "internal/graphtest"},
	"github.com/galeone/tensorflow/tensorflow/go": {"tfbridge"},
	"github.com/spf13/cobra":                      {"cmd/lockstep"},
	"gonum.org/v1/plot":                           {"internal/chart"},
	"unsafe":                                      {"tfbridge", "internal/tfpb"},
	"testing":                                     {"internal/fixture", "internal/graphtest", "internal/reporttest", "compare/comparetest"},
	"github.com/jstemmer/go-junit-report/v2/junit": {"compare/render/junit"},
}

// The most Go files that a package may have, tests aside, and the most lines of
// a Go file; what is over it is listed here until it is split.
const (
	mostFiles = 40
	mostLines = 400
)

var overgrown = map[string]string{}

var (
	code = regexp.MustCompile("^`([^`]+)`$")
	dash = "–"

	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
)

// readLayout reads the table's rows.
func readLayout(t *testing.T, text string) []row {
	t.Helper()
	_, text, found := strings.Cut(text, "| place | what lives there | may import |\n| --- | --- | --- |\n")
	if !found {
		t.Fatalf("%s has no table of places, what lives there and what it may import", architecture)
	}
	var rows []row
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 {
			t.Fatalf("%s: a row has %d cells, want 3: %s", architecture, len(cells), line)
		}
		place := code.FindStringSubmatch(strings.TrimSpace(cells[0]))
		if place == nil {
			t.Fatalf("%s: a place is not one name in backticks: %s", architecture, line)
		}
		r := row{place: place[1], pack: true}
		switch may := strings.TrimSpace(cells[2]); may {
		case "no package of ours":
		case "everything":
			r.all = true
		case dash:
			r.pack = false
		default:
			for _, name := range strings.Split(may, ", ") {
				quoted := code.FindStringSubmatch(name)
				if quoted == nil {
					t.Fatalf("%s: %s may import %q, which is no name in backticks", architecture, r.place, name)
				}
				r.imports = append(r.imports, quoted[1])
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// The table has each place once and each import further up.
func checkRows(t *testing.T, rows []row) map[string]row {
	t.Helper()
	byPlace := map[string]row{}
	for _, r := range rows {
		if _, twice := byPlace[r.place]; twice {
			t.Errorf("%s has two rows for %s", architecture, r.place)
		}
		for _, i := range r.imports {
			if above, ok := byPlace[i]; !ok || !above.pack {
				t.Errorf("%s: %s may import %s, which is no package in a row above it", architecture, r.place, i)
			}
		}
		byPlace[r.place] = r
		if info, err := os.Stat(filepath.FromSlash(r.place)); err != nil || !info.IsDir() {
			t.Errorf("%s has a row for %s, which is no folder", architecture, r.place)
		}
	}
	return byPlace
}

func TestLayout(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	layout := checkRows(t, readLayout(t, string(text)))
	for _, tags := range []string{"", "tensorflow"} {
		out, err := exec.Command("go", "list", "-tags", tags, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(string(out)) {
			fields := strings.Fields(line)
			seen[local(fields[0])] = true
			checkImports(t, layout, local(fields[0]), fields[1:])
		}
		for place, r := range layout {
			if r.pack && !seen[place] {
				t.Errorf("%s has a row for %s, which is no package (tags %q)", architecture, place, tags)
			}
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

func checkImports(t *testing.T, layout map[string]row, name string, imports []string) {
	r, listed := layout[name]
	if !listed || !r.pack {
		t.Errorf("package %s has no row in %s", name, architecture)
		return
	}
	for _, i := range imports {
		if i == module || strings.HasPrefix(i, module+"/") {
			if !r.all && !slices.Contains(r.imports, local(i)) {
				t.Errorf("package %s imports %s; by %s it may import %q", name, local(i), architecture, r.imports)
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

// No package and no file outgrows what a person reads at a sitting.
func TestSizes(t *testing.T) {
	files, over := map[string]int{}, map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || name == "build" || name == "bin") {
			return filepath.SkipDir
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, "_test.go") {
			files[path.Dir(name)]++
		}
		if n := bytes.Count(text, []byte("\n")); n > mostLines && !generated.Match(text) {
			over[name] = true
			if overgrown[name] == "" {
				t.Errorf("%s has %d lines, want at most %d: split it", name, n, mostLines)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range files {
		over[dir] = n > mostFiles
		if over[dir] && overgrown[dir] == "" {
			t.Errorf("%s has %d Go files, tests aside, want at most %d: split it", dir, n, mostFiles)
		}
	}
	for name := range overgrown {
		if !over[name] {
			t.Errorf("%s is listed as overgrown and is not: take it off the list", name)
		}
	}
}
