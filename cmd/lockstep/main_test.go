package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/tfbridge"
)

func TestMain(m *testing.M) {
	// The program starts itself to run TensorFlow, and to be timed; here that is
	// this binary.
	if len(os.Args) > 1 && (os.Args[1] == workerCommand || os.Args[1] == contenderCommand) {
		main()
	}
	testscript.Main(m, map[string]func(){"lockstep": main})
}

// scripts runs the scripts of a folder; each shows one behaviour.
func scripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script", dir),
		Setup: func(env *testscript.Env) error {
			// libtensorflow is found as in this process.
			env.Setenv("LOCKSTEP_LIBTENSORFLOW", os.Getenv("LOCKSTEP_LIBTENSORFLOW"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fixture": unpackFixture,
			"exits":   exits,
			"counts":  counts,
			"edit":    edit,
		},
		RequireExplicitExec: true,
	})
}

// unpackFixture puts a fixture into the script's folder: fixture NAME.
func unpackFixture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fixture NAME")
	}
	from := os.DirFS(fixture.Path(args[0]))
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), from))
	ts.Check(fixture.Unpack(fixture.Path(args[0], "saved_model.zip"), ts.MkAbs(filepath.Join(args[0], "saved_model"))))
}

// exits runs lockstep and wants an exit code: exits CODE ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARG...")
	}
	err := ts.Exec("lockstep", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("lockstep %s: exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// counts writes 0, 1, 2, … as numpy does: counts N FILE.npy.
func counts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: counts N FILE.npy")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i)
	}
	x, err := lockstep.New(values, n)
	ts.Check(err)
	ts.Check(npz.WriteFile(ts.MkAbs(args[1]), []lockstep.NamedTensor{{Name: "x", Tensor: x}}))
}

// call runs the program in this process.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// badModel makes a directory in which something is wrong.
type badModel struct {
	name string
	make func(t *testing.T) string // returns what to give as MODEL
	args []string                  // further arguments
	want string                    // what standard error says, a regular expression
}

func damaged(file string, damage func([]byte) []byte) func(*testing.T) string {
	return func(t *testing.T) string {
		dir := fixture.Dir(t, "seed_units1_keras3")
		path := filepath.Join(dir, file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b = damage(b); b == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
}

func good(t *testing.T) string { return fixture.Dir(t, "seed_units1_keras3") }

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[len(b)*at/100] ^= 0x40
		return b
	}
}

func flipAll(b []byte) []byte {
	for i := range b {
		b[i] ^= 1
	}
	return b
}

func remove([]byte) []byte { return nil }

const dataFile = "variables/variables.data-00000-of-00001"

var badModels = []badModel{
	{"no such directory", func(t *testing.T) string { return filepath.Join(t.TempDir(), "nowhere") }, nil, "no such directory"},
	{"a file", func(t *testing.T) string { return fixture.Path("seed_keras3", "inputs.npz") }, nil, "the zip has no saved_model.pb, at its root or in one folder: not a SavedModel"},
	{"a text", func(t *testing.T) string { return fixture.Path("seed_keras3", "recipe.json") }, nil, "is a file: not a SavedModel"},
	{"an empty directory", func(t *testing.T) string { return t.TempDir() }, nil, "has no saved_model.pb: not a SavedModel"},
	{"the directory above", func(t *testing.T) string {
		dir := fixture.Dir(t, "seed_units1_keras3")
		above := t.TempDir()
		if err := os.Rename(dir, filepath.Join(above, "saved_model")); err != nil {
			t.Fatal(err)
		}
		return above
	}, nil, "its folder saved_model is one: give that"},
	{"an empty graph", damaged("saved_model.pb", func(b []byte) []byte { return b[:0] }), nil, "holds no graph"},
	{"a cut graph", damaged("saved_model.pb", cut(1000)), nil, "damaged or cut short"},
	{"no index", damaged("variables/variables.index", remove), nil, "its weights are missing"},
	{"a cut index", damaged("variables/variables.index", cut(20)), nil, "the index is damaged or cut short"},
	{"a damaged index", damaged("variables/variables.index", flip(20)), nil, "the index is damaged or cut short"},
	{"no data", damaged(dataFile, remove), nil, "variables.data-00000-of-00001"},
	{"cut data", damaged(dataFile, func(b []byte) []byte { return b[:30] }), nil, "it is cut short or the index is damaged|Read less bytes"},
	{"damaged data", damaged(dataFile, flipAll), nil, "the bytes are damaged|Checksum does not match"},
	{"another model's checkpoint", func(t *testing.T) string {
		dir, other := fixture.Dir(t, "seed_units1_keras3"), fixture.Dir(t, "seed_keras3")
		if err := os.RemoveAll(filepath.Join(dir, "variables")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(other, "variables"), filepath.Join(dir, "variables")); err != nil {
			t.Fatal(err)
		}
		return dir
	}, nil, "the checkpoint belongs to another model"},
	{"no signature", func(t *testing.T) string { return fixture.Dir(t, "not_callable") }, nil, "has no signature that can be called"},
	{"a wrong tag", good, []string{"--tags", "train"}, `no graph with the tags \{train\}; it has \{serve\}`},
	{"a wrong signature", good, []string{"--signature", "predict"}, `no signature "predict"; it has: serve, serving_default`},
}

// Every bad model gets exit code 3 and one line that says what is wrong, from
// every command that reads models. A build with TensorFlow tries check too.
func TestBadModels(t *testing.T) {
	commands := map[string][]string{
		"run native": {"run", "--engine", "native", "--inputs", fixture.Path("seed_units1_keras3", "inputs.npz"), "--outputs", filepath.Join(t.TempDir(), "o.npz")},
		"inspect":    {"inspect", "--weights", filepath.Join(t.TempDir(), "w.npz")},
	}
	if tfbridge.Built() {
		commands["check"] = []string{"check"}
		commands["run tensorflow"] = []string{"run", "--engine", "tensorflow", "--inputs", fixture.Path("seed_units1_keras3", "inputs.npz"), "--outputs", filepath.Join(t.TempDir(), "o.npz")}
	}
	for _, bad := range badModels {
		dir := bad.make(t)
		for name, command := range commands {
			code, stdout, stderr := call(append(append(command, dir), bad.args...)...)
			if code != exitNotRun || stdout != "" {
				t.Errorf("%s, %s: exit code %d, want %d; standard output %q", name, bad.name, code, exitNotRun, stdout)
			}
			wantOneLine(t, name+", "+bad.name, stderr, bad.want)
		}
	}
}

func wantOneLine(t *testing.T, what, stderr, want string) {
	t.Helper()
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "lockstep: ") || !regexp.MustCompile(want).MatchString(stderr) {
		t.Errorf("%s: standard error %q, want one line with %q", what, stderr, want)
	}
}
