package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/archive"
)

// job is one model to check or to verify, with its own settings.
type job struct {
	model  string
	golden string
	// The fields below are from lockstep.yaml, empty where it does not set
	// them.
	signature        string
	tags             []string
	inputs, expected string
	settings         compare.Settings
	entry            *configModel
	drift            *float64
	earlier          string
	rename           map[string]string
}

// jobFlags are those of a command that takes several models.
type jobFlags struct {
	config   string
	failFast bool
	goldens  bool // a missing file after a model is meant as its golden
}

func (f *jobFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.config, "config", "", "the file that lists the models (default "+configName+", if no MODEL is given)")
	cmd.Flags().BoolVar(&f.failFast, "fail-fast", false, "stop after the first model that fails")
}

// stops tells whether --fail-fast ends the work before the models that are left,
// and says so.
func (f *jobFlags) stops(cmd *cobra.Command, left int, failed bool) bool {
	if !f.failFast || !failed || left == 0 {
		return false
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "lockstep: --fail-fast: %d models were not looked at\n", left)
	return true
}

// withJob says which signature and which graph are meant: those of the command
// line, else of lockstep.yaml.
func (f *modelFlags) withJob(cmd *cobra.Command, j job) modelFlags {
	m := *f
	if !cmd.Flags().Changed("signature") {
		m.signature = j.signature
	}
	if !cmd.Flags().Changed("tags") && j.tags != nil {
		m.tags = j.tags
	}
	return m
}

// jobs returns the models of the command line, or of the config if it names
// none.
func (f *jobFlags) jobs(cmd *cobra.Command, args []string) ([]job, error) {
	if len(args) > 0 {
		if f.config != "" {
			return nil, usagef("--config lists the models, and the command line names some: give one of the two")
		}
		return f.jobsOf(args)
	}
	name := f.config
	if name == "" {
		name = configName
	}
	c, err := readConfig(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.config == "":
		return nil, usagef("%s needs MODEL, a model's directory, or a %s here that lists some: see lockstep help %s", cmd.CommandPath(), configName, strings.TrimPrefix(cmd.CommandPath(), "lockstep "))
	case err != nil:
		return nil, usagef("%w", err)
	}
	return c.jobs(filepath.Dir(name))
}

// jobs gives every model that the entries match its own job.
func (c *config) jobs(dir string) ([]job, error) {
	within := func(path string) string { return pathIn(dir, path) }
	var out []job
	for i := range c.Models {
		m := &c.Models[i]
		models, err := expand(within(m.Model))
		if err != nil {
			return nil, err
		}
		for _, model := range models {
			j := job{
				model: model, golden: within(m.Golden), signature: m.Signature, tags: m.Tags, inputs: within(m.Inputs), expected: within(m.Expected),
				settings: m.settings(), entry: m, drift: (*float64)(m.Drift), earlier: within(m.Earlier), rename: m.Rename,
			}
			if isDir(j.golden) {
				j.golden = filepath.Join(j.golden, filepath.Base(model)+goldenExt)
			} else if j.golden != "" && len(models) > 1 {
				return nil, usagef("models[%d].golden: %s is one file, and %s are %d models: give a directory", i, j.golden, m.Model, len(models))
			}
			out = append(out, j)
		}
	}
	return out, nil
}

// goldenExt is the file name extension of a golden beside its model.
const goldenExt = ".golden"

// jobsOf reads MODEL [GOLDEN] MODEL [GOLDEN] ...: a golden is a file and
// belongs to the model of its name, or else to the one before it, so that a
// shell's expansion of models/* works. A missing file after a model without a
// golden is its golden, not a second model.
func (f *jobFlags) jobsOf(args []string) ([]job, error) {
	var jobs []job
	var files []string
	after := map[string]int{} // the model before a file
	for _, arg := range args {
		names, err := expand(arg)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			behind := f.goldens && len(jobs) > 0 && !slices.Contains(slices.Collect(maps.Values(after)), len(jobs)-1)
			if filepath.Ext(name) == goldenExt && !isDir(name) || isFile(name) && len(jobs) > 0 && !archive.Is(name) || behind && isMissing(name) {
				files, after[name] = append(files, name), len(jobs)-1
				continue
			}
			jobs = append(jobs, job{model: name})
		}
	}
	for _, file := range files {
		at := after[file]
		for i := range jobs {
			if filepath.Clean(jobs[i].model)+goldenExt == filepath.Clean(file) {
				at = i
			}
		}
		if at < 0 {
			return nil, usagef("%s is a golden, and there is no model before it", file)
		}
		if jobs[at].golden != "" {
			return nil, usagef("%s and %s are both goldens of %s", jobs[at].golden, file, jobs[at].model)
		}
		jobs[at].golden = file
	}
	return jobs, nil
}

// pathIn returns a path of lockstep.yaml as seen from where the program runs.
func pathIn(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isMissing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
