package lockstep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// workflow is as much of GitHub's syntax as the workflows use; another key is an
// error, so that a misspelt one is found.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Concurrency map[string]string
	Jobs        map[string]struct {
		RunsOn   string `yaml:"runs-on"`
		Timeout  int    `yaml:"timeout-minutes"`
		Strategy struct {
			FailFast bool `yaml:"fail-fast"`
			Matrix   map[string][]string
		}
		Env   map[string]string
		Steps []struct {
			Name, Uses, Run, If string
			With, Env           map[string]string
		}
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(b, into, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var (
	action     = regexp.MustCompile(`^[\w-]+/[\w-]+@v\d+$`)
	expression = regexp.MustCompile(`\$\{\{ matrix\.(\w+) \}\}`)
	target     = regexp.MustCompile(`(?m)^([a-z][\w-]*):`)
	assignment = regexp.MustCompile(`^[A-Z_]+=\S*$`)
)

// Workflows run what exists here: targets of the Makefile, go's own commands and
// scripts of the repository. Actions have the number of their major version.
func TestWorkflows(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, found := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets[found[1]] = true
	}
	files, err := filepath.Glob(filepath.Join(".github", "workflows", "*.yml"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d workflows, %v, want ci, nightly and release", len(files), err)
	}
	for _, name := range files {
		var w workflow
		readYAML(t, name, &w)
		if w.Name == "" || len(w.On) == 0 || len(w.Permissions) == 0 || len(w.Jobs) == 0 {
			t.Errorf("%s has no name, event, permissions or job", name)
		}
		for id, job := range w.Jobs {
			if job.Timeout == 0 || job.RunsOn == "" {
				t.Errorf("%s: job %s has no timeout or no runner", name, id)
			}
			for _, step := range job.Steps {
				if (step.Uses == "") == (step.Run == "") {
					t.Errorf("%s: a step of %s wants either an action or a command: %+v", name, id, step)
				}
				if step.Uses != "" && !action.MatchString(step.Uses) {
					t.Errorf("%s: %s: the action %q is not owner/name@vN", name, id, step.Uses)
				}
				for _, command := range commands(step.Run, job.Strategy.Matrix) {
					if err := exists(command, targets); err != nil {
						t.Errorf("%s: %s: %q: %v", name, id, command, err)
					}
				}
			}
		}
	}
}

// commands lists the commands of a step, once for every value of its matrix.
func commands(run string, matrix map[string][]string) []string {
	var all []string
	for line := range strings.Lines(run) {
		for command := range strings.SplitSeq(line, "&&") {
			command = strings.TrimSpace(command)
			from := expression.FindStringSubmatch(command)
			if from == nil {
				all = append(all, command)
				continue
			}
			for _, value := range matrix[from[1]] {
				all = append(all, strings.ReplaceAll(command, from[0], value))
			}
			if len(matrix[from[1]]) == 0 {
				all = append(all, command) // of no value, which exists says
			}
		}
	}
	return all
}

// exists tells why a workflow may not run a command.
func exists(command string, targets map[string]bool) error {
	words := strings.Fields(command)
	switch {
	case len(words) == 0:
		return fmt.Errorf("it is empty")
	case words[0] == "make" && len(words) > 1:
		for _, word := range words[1:] {
			if !targets[word] && !assignment.MatchString(word) {
				return fmt.Errorf("the Makefile has no target %q", word)
			}
		}
		return nil
	case words[0] == "go" && len(words) == 3 && (words[1] == "vet" || words[1] == "test") && words[2] == "./...":
		return nil
	case strings.HasPrefix(command, "sudo apt-get "):
		return nil
	case len(words) == 1:
		info, err := os.Stat(filepath.FromSlash(words[0]))
		if err != nil {
			return err
		}
		if info.IsDir() || info.Mode()&0o111 == 0 && os.PathSeparator == '/' {
			return fmt.Errorf("it is no program")
		}
		return nil
	}
	return fmt.Errorf("want make with targets, go vet or go test of ./..., or a script of this repository: what is longer belongs there")
}

func TestCommandsOfWorkflows(t *testing.T) {
	targets := map[string]bool{"fuzz": true, "a": true}
	matrix := map[string][]string{"target": {"a", "b"}}
	for run, wrong := range map[string]int{
		"make fuzz FUZZTIME=300s": 0, "make fuzzz": 1, "make": 1, "go test ./...": 0, "go run ./x": 1, ".ci/run": 0, ".ci/runs": 1, ".ci": 1, "README.md": 1,
		"make ${{ matrix.target }}": 1, "make ${{ matrix.other }}": 1, "make a && make b\nmake c": 2, "curl example.com": 1,
	} {
		got := 0
		for _, command := range commands(run, matrix) {
			if exists(command, targets) != nil {
				got++
			}
		}
		if got != wrong {
			t.Errorf("%q: %d commands are refused, want %d", run, got, wrong)
		}
	}
}

// Forms for issues ask for something, and for what lockstep version prints.
func TestIssueForms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(".github", "ISSUE_TEMPLATE", "*.yml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files, %v, want three forms and a configuration", len(files), err)
	}
	for _, name := range files {
		if filepath.Base(name) == "config.yml" {
			var c struct {
				Blank bool `yaml:"blank_issues_enabled"`
			}
			readYAML(t, name, &c)
			continue
		}
		var form struct {
			Name, Description string
			Labels            []string
			Body              []struct {
				Type, ID   string
				Attributes struct {
					Label, Description, Render string
					Options                    []string
				}
				Validations struct{ Required bool }
			}
		}
		readYAML(t, name, &form)
		version := false
		for _, field := range form.Body {
			version = version || strings.Contains(field.Attributes.Label, "lockstep version")
			if (field.Type == "dropdown") != (len(field.Attributes.Options) > 0) || field.Type != "dropdown" && field.Type != "textarea" || field.Attributes.Label == "" {
				t.Errorf("%s: the field %q is neither a text nor a choice, or has no label", name, field.ID)
			}
		}
		if form.Name == "" || form.Description == "" || !version {
			t.Errorf("%s has no name or description, or does not ask for lockstep version", name)
		}
	}
}

// The notice names the version of what is vendored.
func TestNotice(t *testing.T) {
	notice, err := os.ReadFile("NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("internal", "page", "uplot", "uPlot.iife.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	operations, err := os.ReadFile(filepath.Join("native", "savedmodel", "opdefs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string]struct {
		text []byte
		find string
	}{
		"uPlot":      {script, `\(v([\d.]+)\)`},
		"TensorFlow": {operations, `from TensorFlow ([\d.]+)\.\n`},
	} {
		found := regexp.MustCompile(in.find).FindSubmatch(in.text)
		if found == nil {
			t.Fatalf("the version of %s is not found", what)
		}
		if want := fmt.Sprintf("%s %s (", what, found[1]); !strings.Contains(string(notice), want) {
			t.Errorf("NOTICE does not name %q", want)
		}
	}
}
