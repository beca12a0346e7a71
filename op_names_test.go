package lockstep_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/ops"
)

// rewriting are the packages that may know operations by their names: they read
// or write graphs in TensorFlow's own terms. All else asks the operation's Spec.
var rewriting = []string{
	"internal/recurrent",   // proves which operations of a loop are a cell
	"internal/controlflow", // makes loops and branches of TensorFlow 1's
	"native/savedmodel",    // inlines calls, follows identities and variables
	"tfbridge",             // adds nodes to a graph that libtensorflow runs
	"internal/fault",       // plants mistakes in a graph
	"internal/fixture",     // edits graphs for tests
	"internal/graphtest",   // draws graphs for tests
	"internal/cudnn",       // writes loops in the place of operations
	"internal/inside",      // finds attentions in a graph
}

// What is known of an operation is in one place: its name is a string in one
// file, that of its family.
func TestOperationsStandInOneFile(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("NOT RUN: no git checkout: ", err)
	}
	files := map[string][]string{}
	for _, file := range strings.Fields(string(out)) {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(rewriting, filepath.ToSlash(filepath.Dir(file))) {
			continue
		}
		for _, name := range stringsIn(t, file) {
			if _, known := ops.Specs[name]; known && !slices.Contains(files[name], file) {
				files[name] = append(files[name], file)
			}
		}
	}
	for name := range ops.Specs {
		if len(files[name]) != 1 || !strings.HasPrefix(filepath.ToSlash(files[name][0]), "internal/op/") {
			t.Errorf("operation %s is in %q, want one file below internal/op", name, files[name])
		}
	}
}

func stringsIn(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}
