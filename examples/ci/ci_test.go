package ci

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"go.yaml.in/yaml/v4"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// root is the checkout of lockstep, which the recipes find as .lockstep.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// repository is the folder of a user: two models, their goldens, lockstep.yaml.
func repository(t *testing.T) string {
	t.Helper()
	fixture.Slow(t)
	if runtime.GOOS == "windows" {
		t.Skip("the recipes are for a Unix shell")
	}
	for _, tool := range []string{"bash", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	for _, err := range []error{
		fixture.Unpack(fixture.Path("seed_keras3", "saved_model.zip"), filepath.Join(dir, "models", "seed")),
		fixture.Unpack(filepath.Join(root(t), "compare", "golden", "testdata", "keras2.zip"), filepath.Join(dir, "models", "keras2")),
		os.Mkdir(filepath.Join(dir, "goldens"), 0o755),
		os.Symlink(root(t), filepath.Join(dir, ".lockstep")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{
		"examples/ci/lockstep.yaml":                       "lockstep.yaml",
		"compare/comparetest/testdata/seed_keras3.golden": "goldens/seed.golden",
		"compare/golden/testdata/trace.golden":            "goldens/keras2.golden",
		"examples/ci/lockstep.mk":                         "lockstep.mk",
	} {
		b, err := os.ReadFile(filepath.Join(root(t), from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// spoil changes one weight of the seed model in the repository.
func spoil(t *testing.T, dir string) {
	t.Helper()
	dir = filepath.Join(dir, "models", "seed")
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fixture.ChangeWeight(t, dir, weights.Get("encoder/kernel"), 9, func(v float32) float32 { return v + 0.5 })
}

// shell runs a script as GitHub's and GitLab's runners do: it ends with the
// first command that fails.
func shell(t *testing.T, dir, script string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS") { // of the make that runs this test
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(b, into, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// workflow is as much of GitHub's syntax as the recipe uses; another key is an
// error, so that a misspelt one is found.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		If      string
		RunsOn  string `yaml:"runs-on"`
		Timeout int    `yaml:"timeout-minutes"`
		Steps   []struct {
			Name, Uses, Run, If string
			With                map[string]string
		}
	}
}

func github(t *testing.T) workflow {
	var w workflow
	readYAML(t, "github.yml", &w)
	return w
}

// run runs the commands of a job one after the other, up to the first that fails.
func (w *workflow) run(t *testing.T, job, dir string) (string, error) {
	t.Helper()
	var all strings.Builder
	ran := 0
	for _, s := range w.Jobs[job].Steps {
		if s.Run == "" {
			continue
		}
		ran++
		out, err := shell(t, dir, s.Run)
		all.WriteString(out)
		if err != nil {
			return all.String(), fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if ran == 0 {
		t.Fatalf("the job %q runs nothing", job)
	}
	return all.String(), nil
}

// Without TensorFlow, sound models pass, and a changed weight is annotated and
// ends the job.
func TestGitHubVerifies(t *testing.T) {
	w, dir := github(t), repository(t)
	out, err := w.run(t, "verify", dir)
	if err != nil || strings.Count(out, "::notice title=lockstep%3A models/") != 2 {
		t.Fatalf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 0)
	spoil(t, dir)
	out, err = w.run(t, "verify", dir)
	if err == nil || !strings.Contains(err.Error(), "Verify the models: exit status 4") ||
		!strings.Contains(out, "::error title=lockstep%3A models/seed%3A diverged::weights changed: encoder/kernel") || !strings.Contains(out, "::notice title=lockstep%3A models/keras2") {
		t.Errorf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 1)
}

// junitOf reads lockstep.xml; the second suite has failures or none.
func junitOf(t *testing.T, dir, first, second string, failed int) {
	t.Helper()
	suites, err := junit.IngestFile(filepath.Join(dir, "lockstep.xml"))
	if err != nil || len(suites) != 2 {
		t.Fatal(suites, err)
	}
	for i, name := range []string{first, second} {
		if s := suites[i]; s.Name != name || s.Totals.Tests == 0 || (s.Totals.Failed > 0) != (i == 1 && failed > 0) || s.Totals.Error > 0 {
			t.Errorf("%s: %+v", s.Name, s.Totals)
		}
	}
}

// What cannot be run here is at least what its hosts take: steps are a command or
// an action of a pinned major version, TensorFlow has its own schedule, and
// what is cached is where it is fetched to.
func TestGitHubWorkflow(t *testing.T) {
	w := github(t)
	for _, event := range []string{"push", "pull_request", "schedule", "workflow_dispatch"} {
		if _, ok := w.On[event]; !ok {
			t.Errorf("it does not run on %s", event)
		}
	}
	if w.Jobs["verify"].If != "" || !strings.Contains(w.Jobs["check"].If, "schedule") || len(w.Jobs) != 2 {
		t.Errorf("jobs: %+v", w.Jobs)
	}
	pinned := regexp.MustCompile(`^actions/[a-z-]+@v\d+$`)
	cached := ""
	for name, job := range w.Jobs {
		if job.RunsOn == "" || job.Timeout == 0 {
			t.Errorf("%s runs nowhere, or without an end", name)
		}
		for _, s := range job.Steps {
			if (s.Uses == "") == (s.Run == "") || s.Uses != "" && !pinned.MatchString(s.Uses) {
				t.Errorf("%s: %+v", name, s)
			}
			if strings.HasPrefix(s.Uses, "actions/cache@") {
				cached = s.With["path"]
				for _, pattern := range regexp.MustCompile(`hashFiles\('([^']*)'\)`).FindAllStringSubmatch(s.With["key"], -1) {
					files, _ := filepath.Glob(filepath.Join(root(t), strings.TrimPrefix(pattern[1], ".lockstep/")))
					if !slices.ContainsFunc(files, func(f string) bool { return filepath.Base(f) == "pins.json" }) {
						t.Errorf("the key of the cache is not by the version of libtensorflow: %q", files)
					}
				}
			}
			for key, value := range s.With {
				if strings.HasPrefix(key, "go-version-file") || key == "cache-dependency-path" {
					if _, err := os.Stat(filepath.Join(root(t), strings.TrimPrefix(value, ".lockstep/"))); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	where, err := shell(t, root(t), "HOME=/home/runner XDG_CACHE_HOME= LOCKSTEP_CACHE= python3 tfbridge/libtensorflow/fetch.py --cache")
	if err != nil || strings.TrimSpace(where) != strings.Replace(cached, "~", "/home/runner", 1) {
		t.Errorf("cached is %q, and libtensorflow is in %s, %v", cached, where, err)
	}
}

// gitlab is as much of GitLab's syntax as the recipe uses.
type gitlab struct {
	Variables map[string]string
	Verify    gitlabJob `yaml:"verify models"`
	Check     gitlabJob `yaml:"check models"`
}

type gitlabJob struct {
	Image string
	Rules []struct{ If string }
	Cache struct {
		Key   string
		Paths []string
	}
	Script    []string
	Artifacts struct {
		When    string
		Paths   []string
		Reports struct{ JUnit string }
	}
}

// run runs a job's script; what it caches is there already.
func (g *gitlab) run(t *testing.T, job gitlabJob, dir string) (string, error) {
	t.Helper()
	env := []string{"CI_PROJECT_DIR=" + dir}
	for name, value := range g.Variables {
		env = append(env, name+"="+strings.ReplaceAll(value, "$CI_PROJECT_DIR", dir))
	}
	if err := os.MkdirAll(filepath.Join(dir, ".cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]string{"go": "go env GOMODCACHE", "lockstep": "python3 .lockstep/tfbridge/libtensorflow/fetch.py --cache"} {
		if !slices.Contains(job.Cache.Paths, ".cache/"+name) {
			continue
		}
		at, err := shell(t, dir, command)
		if err != nil {
			t.Fatal(at, err)
		}
		link := filepath.Join(dir, ".cache", name)
		os.Remove(link)
		if err := os.Symlink(strings.TrimSpace(at), link); err != nil {
			t.Fatal(err)
		}
		if name == "go" {
			if want := "$CI_PROJECT_DIR/.cache/go"; g.Variables["GOMODCACHE"] != want {
				t.Errorf("GOMODCACHE is %q, and what is cached is %q", g.Variables["GOMODCACHE"], want)
			}
			// By its own path, by which the modules are compiled already.
			env = append(env, "GOMODCACHE="+strings.TrimSpace(at))
		}
	}
	return shell(t, dir, strings.Join(job.Script, "\n"), env...)
}

func TestGitLabVerifies(t *testing.T) {
	var g gitlab
	readYAML(t, "gitlab.yml", &g)
	dir := repository(t)
	if out, err := g.run(t, g.Verify, dir); err != nil || !regexp.MustCompile(`models/seed +in step`).MatchString(out) {
		t.Fatalf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 0)
	spoil(t, dir)
	if out, err := g.run(t, g.Verify, dir); err == nil || !strings.Contains(out, "weights changed: encoder/kernel") {
		t.Errorf("%v:\n%s", err, out)
	}
	junitOf(t, dir, "models/keras2", "models/seed", 1)
	for _, job := range []gitlabJob{g.Verify, g.Check} {
		if job.Artifacts.Reports.JUnit != "lockstep.xml" || job.Artifacts.When != "always" || job.Image == "" {
			t.Errorf("%+v", job)
		}
	}
}

func TestMakeVerifies(t *testing.T) {
	dir := repository(t)
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("test: verify-models\ninclude lockstep.mk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := shell(t, dir, "make test"); err != nil || !regexp.MustCompile(`models/keras2 +in step`).MatchString(out) {
		t.Fatalf("%v:\n%s", err, out)
	}
	spoil(t, dir)
	if out, err := shell(t, dir, "make test"); err == nil || !strings.Contains(out, "weights changed: encoder/kernel") {
		t.Errorf("%v:\n%s", err, out)
	}
	out, err := shell(t, dir, "make -n record-models")
	if err != nil || !bytes.Contains([]byte(out), []byte("golden record models/keras2 -o goldens/keras2.golden")) {
		t.Errorf("%v:\n%s", err, out)
	}
}
