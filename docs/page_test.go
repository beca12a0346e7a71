package docs

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// block is one fenced block of a page.
type block struct {
	line  int
	lang  string // sh, text, or that of a file
	needs string // what stands behind the language: tensorflow or keras
	file  string // the name before the block: `main.go`:
	text  string
}

var fileName = regexp.MustCompile("^`([\\w./-]+)`:$")

// blocks reads the blocks of a page.
func blocks(t *testing.T, name string) []block {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []block
	var open *block
	file, line := "", 0
	for s := bufio.NewScanner(f); s.Scan(); {
		line++
		fence, isFence := strings.CutPrefix(s.Text(), "```")
		switch {
		case open != nil && isFence:
			out, open = append(out, *open), nil
		case open != nil:
			open.text += s.Text() + "\n"
		case isFence:
			open = &block{line: line, file: file}
			open.lang, open.needs, _ = strings.Cut(fence, " ")
		case fileName.MatchString(s.Text()):
			file = fileName.FindStringSubmatch(s.Text())[1]
			continue
		case s.Text() == "":
			continue
		}
		file = ""
	}
	if open != nil {
		t.Fatalf("%s:%d: the block has no end", name, open.line)
	}
	return out
}

// reader follows a page.
type reader struct {
	page, dir, state string
	port             int
	has              map[string]bool
	path             string // before PATH
}

func newReader(t *testing.T, page string) *reader {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the pages are for a Unix shell")
	}
	for _, tool := range []string{"bash", "make", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := &reader{page: page, dir: t.TempDir(), state: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port, has: map[string]bool{"": true, "tensorflow": withTensorFlow}}
	if keras := os.Getenv("LOCKSTEP_KERAS"); keras != "" && withTensorFlow {
		// The reader's python is one that has Keras.
		r.has["keras"], r.path = true, t.TempDir()
		if err := os.WriteFile(filepath.Join(r.path, "python"), []byte("#!/bin/sh\nexec '"+keras+"' \"$@\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// ours says what a page leaves to its reader.
func (r *reader) ours(text string) string {
	root, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	text = strings.ReplaceAll(text, "/path/to/checkout", root)
	return strings.ReplaceAll(text, "localhost:8080", fmt.Sprintf("localhost:%d", r.port))
}

// run runs a block in the folder, and with the variables, that the last one left.
func (r *reader) run(t *testing.T, b block) string {
	t.Helper()
	script := fmt.Sprintf("[ ! -e '%[1]s/env' ] || . '%[1]s/env'\n[ ! -e '%[1]s/dir' ] || cd \"$(cat '%[1]s/dir')\"\n%[2]s\npwd > '%[1]s/dir'; export -p > '%[1]s/env'\n", r.state, r.ours(b.text))
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-c", script)
	cmd.Dir, cmd.WaitDelay = r.dir, time.Minute
	for _, v := range os.Environ() {
		// A reader has neither the make that runs this test nor its flags.
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "MAKE") && name != "MFLAGS" && !strings.HasPrefix(name, "CGO_") && name != "LOCKSTEP_MODELS" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TF_CPP_MIN_LOG_LEVEL=3", "PATH="+r.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s:%d: %v:\n%s\n%s", r.page, b.line, err, b.text, out)
	}
	return string(out)
}

// follow does what the page says and wants what it shows.
func follow(t *testing.T, page string) {
	t.Helper()
	fixture.Slow(t)
	all := blocks(t, page)
	if withTensorFlow && !slices.ContainsFunc(all, func(b block) bool { return b.needs != "" }) {
		t.Skipf("docs/%s needs no TensorFlow: the tests of a build without it follow it", page)
	}
	r := newReader(t, page)
	out, left, ran := "", "", 0
	for _, b := range all {
		switch {
		case b.lang == "console": // for a reader alone
		case !r.has[b.needs] && b.lang == "sh":
			t.Logf("%s:%d: left out, it wants %s", page, b.line, b.needs)
			left = b.needs
		case b.lang == "sh":
			out, left = r.run(t, b), ""
			ran++
		case b.lang == "text" && left == "":
			if miss := missing(out, b.text); miss != "" {
				t.Errorf("%s:%d: the page shows a line that did not come out: %q\n%s", page, b.line, miss, out)
			}
		case b.lang == "text":
		case b.file != "":
			dir := r.dir
			if at, err := os.ReadFile(filepath.Join(r.state, "dir")); err == nil {
				dir = strings.TrimSpace(string(at))
			}
			path := filepath.Join(dir, b.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(r.ours(b.text)), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s:%d: a block of %q that is neither run nor a file", page, b.line, b.lang)
		}
	}
	if ran == 0 {
		t.Errorf("%s: nothing was run", page)
	}
}

var (
	number = regexp.MustCompile(`[-+]?\d[\d.]*(e[-+]?\d+)?`)
	spaces = regexp.MustCompile(`\s+`)
)

// plain leaves out what differs from run to run and from machine to machine.
func plain(line string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(number.ReplaceAllString(line, "#"), " "))
}

// missing returns the first line of want that does not follow in out behind the
// one before it, "" for none. Numbers count as equal; "..." stands for any words, and on a line of its own
// for any lines.
func missing(out, want string) string {
	lines := strings.Split(out, "\n")
	for _, w := range strings.Split(want, "\n") {
		w = plain(w)
		if w == "" || w == "..." {
			continue
		}
		for {
			if len(lines) == 0 {
				return w
			}
			got := plain(lines[0])
			lines = lines[1:]
			if pattern := strings.ReplaceAll(regexp.QuoteMeta(w), `\.\.\.`, ".*"); regexp.MustCompile("^" + pattern + "$").MatchString(got) {
				break
			}
		}
	}
	return ""
}

func TestMissing(t *testing.T) {
	out := "in step: 3 tensors\n\n  a  1.5e-07\n  b  2\n"
	for want, miss := range map[string]string{
		"in step: 4 tensors\n...\n  b 7\n": "", "in st...\n": "", "a 1\nb 2\nc 3\n": "c #", "b 1\na 2\n": "a #", "in step\n": "in step", "... 2 tensors": "",
	} {
		if got := missing(out, want); got != miss {
			t.Errorf("%q: %q, want %q", want, got, miss)
		}
	}
}

// Most pages need no TensorFlow, but for the blocks that say so; those for a
// check are nothing without it.
func TestService(t *testing.T) { follow(t, "service.md") }

func TestCI(t *testing.T) { follow(t, "ci.md") }

func TestInstall(t *testing.T) { follow(t, "install.md") }

func TestExplain(t *testing.T) { follow(t, "explain.md") }

func TestForecast(t *testing.T) { follow(t, "forecast.md") }

func TestGPU(t *testing.T) { follow(t, "gpu.md") }

func TestReport(t *testing.T) {
	if !withTensorFlow {
		t.Skip("docs/report.md wants a build with TensorFlow: make test-tensorflow")
	}
	follow(t, "report.md")
}

func TestParity(t *testing.T) {
	if !withTensorFlow {
		t.Skip("docs/parity.md wants a build with TensorFlow: make test-tensorflow")
	}
	if os.Getenv("LOCKSTEP_KERAS") == "" {
		t.Skip("docs/parity.md wants Keras: LOCKSTEP_KERAS is the python of one that make keras installed; make test-tensorflow sets it")
	}
	follow(t, "parity.md")
}
