//go:build tensorflow

package faults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// setting is one of TensorFlow's; a process has one.
type setting struct {
	Name    string
	Threads int
	Env     []string
}

// settings begin with the default, with whose outputs those of the others are
// compared.
var settings = []setting{
	{"default", 0, nil},
	{"single-threaded", 1, nil},
	{"oneDNN off", 0, []string{oneDNNOff}},
}

const oneDNNOff = "TF_ENABLE_ONEDNN_OPTS=0"

// engines are those of predict.py.
var engines = []string{"keras", "torch", "onnxruntime", "litert"}

var (
	childJob      = flag.String("alarms", "", "for the test's own use: what a child is to do, as JSON")
	alarmModels   = flag.Int("alarm-models", 2000, "how many random models the long form takes")
	alarmFamilies = flag.Bool("alarm-families", false, "take the families that "+structuresFolder+" has, however few, instead of all; nothing is written")
	alarmsFolder  = flag.String("alarms-folder", "", "a folder for what was found: a run that ended early continues there")
)

// job is a part of the models under one setting, in a process of its own.
type job struct {
	Setting  setting
	From, To int
	Folder   string // of what was computed of each model
	Out      string // what was found
}

// No sound model of any family, whatever its weights, is said to diverge from
// TensorFlow, however that is set up; nor are values without steps, of TensorFlow
// under other settings and of other engines.
func TestFalseAlarms(t *testing.T) {
	if *childJob != "" {
		t.Skip("a child")
	}
	if os.Getenv(structuresFolder) == "" {
		if *long || os.Getenv("CI") != "" {
			t.Fatalf("%s names no folder: run make false-alarms", structuresFolder)
		}
		t.Skipf("%s names no folder: run make false-alarms", structuresFolder)
	}
	p := openPopulation(t)
	n, portion := len(p.families), len(p.families)
	if *long {
		n, portion = *alarmModels, 100
	}
	folder := *alarmsFolder
	if folder == "" {
		folder = t.TempDir()
	}
	predict(t, p, n, folder)
	var found [][]alarmed
	for _, under := range [][]setting{settings[:1], settings[1:]} {
		found = append(found, runSettings(t, under, n, portion, folder)...)
	}
	table := alarmTable{models: n, structures: p.structures(), found: found}
	text := table.text()
	t.Logf("\n%s", text)
	if alarms := table.alarms(); len(alarms) > 0 {
		t.Errorf("%d false alarms", len(alarms))
	}
	if *long && !*alarmFamilies {
		write(t, "false-alarms", text)
	}
}

// number is the name of a model's folder.
func number(i int) string { return fmt.Sprintf("%04d", i) }

// computes tells whether an engine is to compute a model: in the long form all of
// them, or the first of each structure if it needs a converter.
func computes(engine string, i int, first bool) bool {
	if !*long {
		return engine == "keras" && i%8 == 4
	}
	return first || engine == "keras" || engine == "torch"
}

// predict has other engines compute the models that they have not computed yet.
func predict(t *testing.T, p *population, n int, folder string) {
	t.Helper()
	python := os.Getenv("LOCKSTEP_KERAS")
	if python == "" {
		if *long || os.Getenv("CI") != "" {
			t.Fatal("LOCKSTEP_KERAS names no Python: run make false-alarms")
		}
		t.Log("LOCKSTEP_KERAS names no Python: nothing is compared with other engines")
		return
	}
	type listed struct {
		Number    string `json:"number"`
		Structure string `json:"structure"`
	}
	lists, seen := make([][]listed, len(engines)), map[string]bool{}
	for i := range n {
		d := p.draw(t, i)
		if d.refused != nil {
			continue
		}
		beside := filepath.Join(folder, number(i))
		d.give(t, beside)
		for k, engine := range engines {
			done := exists(filepath.Join(beside, engine+".npz")) || exists(filepath.Join(beside, engine+".txt"))
			if !done && computes(engine, i, !seen[d.structure.Name]) {
				lists[k] = append(lists[k], listed{number(i), d.structure.Name})
			}
		}
		seen[d.structure.Name] = true
	}
	parallel(t, len(engines), func(k int) error {
		if len(lists[k]) == 0 {
			return nil
		}
		list := filepath.Join(folder, engines[k]+"-models.json")
		b, err := json.Marshal(lists[k])
		if err != nil {
			return err
		}
		if err := os.WriteFile(list, b, 0o644); err != nil {
			return err
		}
		if out, err := exec.Command(python, "predict.py", engines[k], folder, list).CombinedOutput(); err != nil {
			return fmt.Errorf("predict.py %s: %w\n%s", engines[k], err, out)
		}
		return nil
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// runSettings checks the models in child processes, and returns what they found by
// setting.
func runSettings(t *testing.T, under []setting, n, portion int, folder string) [][]alarmed {
	t.Helper()
	var jobs []job
	for _, s := range under {
		for from := 0; from < n; from += portion {
			out := fmt.Sprintf("%s-%s.json", strings.ReplaceAll(s.Name, " ", "-"), number(from))
			jobs = append(jobs, job{s, from, min(n, from+portion), folder, filepath.Join(folder, out)})
		}
	}
	parallel(t, len(jobs), func(k int) error { return jobs[k].run() })
	var out [][]alarmed
	for i, j := range jobs {
		b, err := os.ReadFile(j.Out)
		if err != nil {
			t.Fatal(err)
		}
		var some []alarmed
		if err := json.Unmarshal(b, &some); err != nil || len(some) != j.To-j.From {
			t.Fatalf("%s: %d models, want %d: %v", j.Out, len(some), j.To-j.From, err)
		}
		if i == 0 || j.Setting.Name != jobs[i-1].Setting.Name {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], some...)
	}
	return out
}

// parallel does things, as many at a time as there are processors.
func parallel(t *testing.T, n int, do func(k int) error) {
	t.Helper()
	errs := make([]error, n)
	free := make(chan bool, max(1, runtime.NumCPU()))
	var wait sync.WaitGroup
	for k := range n {
		free <- true
		wait.Go(func() {
			defer func() { <-free }()
			errs[k] = do(k)
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (j job) run() error {
	if exists(j.Out) {
		return nil
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAlarmsOfASetting$", "-alarms="+string(text), "-test.timeout=3h", fmt.Sprintf("-alarm-families=%v", *alarmFamilies))
	cmd.Env = append(append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=2"), j.Setting.Env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s, models from %d on: %w\n%s", j.Setting.Name, j.From, err, log.String())
	}
	return nil
}

// TestAlarmsOfASetting is what the processes of TestFalseAlarms run.
func TestAlarmsOfASetting(t *testing.T) {
	if *childJob == "" {
		t.Skip("TestFalseAlarms runs it")
	}
	var j job
	if err := json.Unmarshal([]byte(*childJob), &j); err != nil {
		t.Fatal(err)
	}
	p := openPopulation(t)
	var all []alarmed
	for i := j.From; i < j.To; i++ {
		all = append(all, checkRandom(t, j.Setting, i, p, j.Folder))
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		return
	}
	if err := os.WriteFile(j.Out, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
