//go:build tensorflow

package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// setting is one of TensorFlow's; a process has one.
type setting struct {
	Name    string
	Threads int
	Env     []string
}

var settings = []setting{
	{"default", 0, nil},
	{"single-threaded", 1, nil},
	{"oneDNN off", 0, []string{oneDNNOff}},
}

const oneDNNOff = "TF_ENABLE_ONEDNN_OPTS=0"

// childSetting has a process check the models under one setting, and write what
// it found there.
var (
	childSetting = flag.String("alarms", "", "for the test's own use: the setting, as JSON")
	childOut     = flag.String("alarms-out", "", "for the test's own use: where to write")
	alarmModels  = flag.Int("alarm-models", 1000, "how many random models the long form takes")
)

// alarmed is what one random model's check said, comparison by comparison.
type alarmed struct {
	Model        string
	Steps, Batch int
	Gain         float64
	Margins      map[string]float64 // by comparison
	Diverged     []string           // the comparisons that did
	First        string
	Weak         string // the output without a typical bound that tells, and why

	amplifies bool // a loop that is no known layer may amplify rounding
}

// No sound model, whatever its weights, is said to diverge in the steps of its
// layers, however TensorFlow is set up.
func TestFalseAlarms(t *testing.T) {
	if *childSetting != "" {
		t.Skip("a child")
	}
	if os.Getenv(structuresFolder) == "" {
		if *long || os.Getenv("CI") != "" {
			t.Fatalf("%s names no folder: run make false-alarms", structuresFolder)
		}
		t.Skipf("%s names no folder: run make false-alarms", structuresFolder)
	}
	n := 24
	if *long {
		n = *alarmModels
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d models (%d structures: recurrent layers of 1 to 256 units, alone, stacked, in both directions, in front of normalizations and attention, behind convolutions, and loops that are no known layer; each with random weights, 1 to 500 steps and recurrent gains from 0.3 to 5, the loops at most 60 steps, and their outputs not judged with gains above 1), each under three settings of TensorFlow. A margin is the largest |difference|/bound.\n\n", n, len(structures(t)))
	b.WriteString("| TensorFlow | models | comparison | false alarms | largest margin | median margin |\n| --- | --- | --- | --- | --- | --- |\n")
	var alarms []string
	found := runChildren(t, n)
	for i, s := range settings {
		all := found[i]
		for _, title := range titlesOf(all) {
			count := 0
			var margins []float64
			for _, a := range all {
				m, ok := a.Margins[title]
				if !ok {
					continue
				}
				margins = append(margins, m)
				if slices.Contains(a.Diverged, title) {
					count++
					alarms = append(alarms, fmt.Sprintf("%s: %s, %d steps, batch %d, gain %.2g: %s diverges: %s", s.Name, a.Model, a.Steps, a.Batch, a.Gain, title, a.First))
				}
			}
			slices.Sort(margins)
			fmt.Fprintf(&b, "| %s | %d | %s | %d | %.3g | %.3g |\n", s.Name, len(margins), title, count, margins[len(margins)-1], margins[len(margins)/2])
		}
	}
	weak := map[string]int{}
	for _, all := range found {
		for _, a := range all {
			if a.Weak != "" {
				weak[a.Model]++
			}
		}
	}
	t.Logf("outputs without a typical bound that tells, by structure: %v", weak)
	if len(alarms) > 0 {
		fmt.Fprintf(&b, "\nFalse alarms: %d\n\n", len(alarms))
		for _, a := range alarms {
			fmt.Fprintf(&b, "- %s\n", a)
		}
		t.Errorf("%d false alarms", len(alarms))
	}
	t.Logf("\n%s", b.String())
	if *long {
		write(t, "false-alarms", b.String())
	}
}

// titlesOf lists the comparisons; the steps of layers must be among them.
func titlesOf(all []alarmed) []string {
	out := []string{"single steps", "free running"}
	for _, a := range all {
		for title := range a.Margins {
			if !slices.Contains(out, title) {
				out = append(out, title)
			}
		}
	}
	slices.Sort(out[2:])
	return out
}

// runChildren checks the models in child processes, one under each setting and
// as many at a time as there are processors.
func runChildren(t *testing.T, n int) [][]alarmed {
	t.Helper()
	out, errs := make([][]alarmed, len(settings)), make([]error, len(settings))
	free := make(chan bool, max(1, runtime.NumCPU()))
	var wait sync.WaitGroup
	for i, s := range settings {
		file := filepath.Join(t.TempDir(), "found.json")
		wait.Go(func() {
			free <- true
			defer func() { <-free }()
			out[i], errs[i] = runChild(s, n, file)
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return out
}

func runChild(s setting, n int, file string) ([]alarmed, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAlarmsOfASetting$", "-alarms="+string(text), "-alarms-out="+file, fmt.Sprintf("-alarm-models=%d", n), "-test.timeout=3h")
	cmd.Env = append(append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=2"), s.Env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", s.Name, err, log.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []alarmed
	if err := json.Unmarshal(b, &all); err != nil || len(all) != n {
		return nil, fmt.Errorf("%s: %d models, want %d: %w", s.Name, len(all), n, err)
	}
	return all, nil
}

// TestAlarmsOfASetting is what the processes of TestFalseAlarms run.
func TestAlarmsOfASetting(t *testing.T) {
	if *childSetting == "" {
		t.Skip("TestFalseAlarms runs it")
	}
	var s setting
	if err := json.Unmarshal([]byte(*childSetting), &s); err != nil {
		t.Fatal(err)
	}
	templates := map[string]lockstep.Weights{}
	var all []alarmed
	for i := range *alarmModels {
		all = append(all, checkRandom(t, s, uint64(i), templates))
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*childOut, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkRandom checks the i-th random model.
func checkRandom(t *testing.T, s setting, i uint64, templates map[string]lockstep.Weights) alarmed {
	t.Helper()
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(7, i))
	dirs := slices.DeleteFunc(structures(t), func(dir string) bool {
		// Without oneDNN, TensorFlow has no such convolution on a CPU.
		return slices.Contains(s.Env, oneDNNOff) && strings.HasPrefix(filepath.Base(dir), "channels_first")
	})
	from := dirs[(i*31+uint64(rng.IntN(len(dirs))))%uint64(len(dirs))]
	a := alarmed{
		Model: filepath.Base(from), Margins: map[string]float64{}, Batch: 1 + rng.IntN(4),
		Steps: int(math.Round(math.Exp(rng.Float64() * math.Log(500)))),
		Gain:  0.3 * math.Exp(rng.Float64()*math.Log(5/0.3)),
	}
	if strings.HasPrefix(a.Model, "loop_") {
		// Its iterations are compared one by one, but no outputs are computed from
		// those: where a loop may amplify rounding without end, they are not judged.
		a.Steps, a.amplifies = min(a.Steps, 60), a.Gain > 1
	}
	if templates[from] == nil {
		m, err := native.Load(from)
		if err != nil {
			t.Fatal(err)
		}
		if templates[from], err = m.Weights(); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp(t.TempDir(), "model")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	var old, changed []*lockstep.Tensor
	for _, w := range templates[from] {
		old, changed = append(old, w.Tensor), append(changed, randomWeight(t, rng, w, a.Gain))
	}
	if err := fixture.ReplaceWeights(dir, old, changed); err != nil {
		t.Fatalf("%s: %v", a.Model, err)
	}
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	tf, err := tfbridge.Open(dir, tfbridge.WithThreads(s.Threads))
	if err != nil {
		t.Fatal(err)
	}
	defer tf.Close()
	x := m.Signature().Inputs[0]
	shape := slices.Clone(x.Shape)
	shape[0] = a.Batch
	if shape[1] < 0 {
		shape[1] = a.Steps
	}
	in := map[string]*lockstep.Tensor{x.Name: normal(t, rng, 0.2*math.Exp(rng.Float64()*math.Log(15)), shape...)}
	oracle, err := m.Oracle()
	if err != nil {
		t.Fatal(err)
	}
	checked, err := compare.Check{Reference: tf, Candidate: m, Inputs: in, Oracle: oracle, SameGraph: true}.Run(ctx)
	if err != nil {
		t.Fatalf("%s: %v", a.Model, err)
	}
	for _, title := range []string{"single steps", "free running"} {
		if len(m.Layers()) > 0 && !slices.ContainsFunc(checked.Report.Comparisons, func(c compare.Comparison) bool { return c.Title == title && len(c.Results) > 0 }) {
			t.Fatalf("%s: there is no comparison of %s", a.Model, title)
		}
	}
	for k := range checked.Report.Comparisons {
		c := &checked.Report.Comparisons[k]
		for i := range c.Results {
			if _, fixed := c.Results[i].Rule.Tolerance.(compare.FixedTolerance); fixed && c.Results[i].DType().IsFloat() && !a.decided(c) && !(a.amplifies && c.Title == "outputs and states") {
				t.Errorf("%s: %s is judged by %s, which nothing derives", a.Model, c.Results[i].Name, c.Results[i].Rule)
			}
		}
		if !a.amplifies || c.Title != "outputs and states" {
			a.add(c)
		}
	}
	if !a.amplifies {
		a.values(t, oracle, in, checked)
	}
	return a
}

// decided tells whether a comparison's results have no bound: in 16 bits none has, and
// where rounding decides which way a loop goes its outputs have none.
func (a *alarmed) decided(c *compare.Comparison) bool {
	loops := []string{"_crf_", "_beam_search_", "_until_", "_branch_"}
	return strings.Contains(a.Model, "_mixed_") || c.Title == "outputs and states" && slices.ContainsFunc(loops, func(kind string) bool { return strings.Contains(a.Model, kind) })
}

func (a *alarmed) add(c *compare.Comparison) {
	a.Margins[c.Title] = min(c.Margin(), math.MaxFloat64)
	if c.Verdict() == compare.InStep {
		return
	}
	a.Diverged = append(a.Diverged, c.Title)
	if first := c.First(); first != nil && first.First != nil {
		a.First = fmt.Sprintf("%s at %s, %v and %v, bound %.3g", first.Name, &first.First.Place, first.First.Reference, first.First.Candidate, first.First.Bound)
	}
}

// values judges the outputs alone, as those of a party that shows no steps, where
// there is a typical bound that can tell them from others: a chaotic recurrence has
// none.
func (a *alarmed) values(t *testing.T, oracle lockstep.Oracle, in map[string]*lockstep.Tensor, checked *compare.CheckResult) {
	t.Helper()
	if a.Steps > 100 {
		return // 33 evaluations in float64
	}
	reference := checked.Reference.Outputs
	rules, err := compare.OracleRules(t.Context(), oracle, in, reference, compare.Uniform(compare.DefaultRule()))
	if err != nil {
		t.Fatal(err)
	}
	c := compare.Comparison{Title: "values without steps", Results: compare.Judge(compare.Measure(reference, checked.Candidate.Outputs, compare.Options{}), rules)}
	for i := range c.Results {
		if b, ok := c.Results[i].Rule.Tolerance.(compare.BoundTolerance); !ok || b.Weak != "" {
			a.Weak = fmt.Sprint(c.Results[i].Name, ": ", c.Results[i].Rule)
			return
		}
	}
	a.add(&c)
}
