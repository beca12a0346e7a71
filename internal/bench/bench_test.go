package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// child is the variable that makes this binary a contender: its value says
// which.
const child = "LOCKSTEP_BENCH_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(child); kind != "" {
		if err := beChild(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func beChild(kind string) error {
	calls := 0
	call := func() error {
		if calls++; kind == "tires" && calls > 2 {
			return errors.New("no call is left")
		}
		return nil
	}
	switch kind {
	case "mute":
		return errors.New("no voice")
	case "rambles":
		fmt.Println("well, you see")
	case "empty":
		fmt.Println("answer")
	case "words":
		fmt.Println("answer 1 two")
	case "vague":
		fmt.Println("answer 1")
		fmt.Println("took a while")
		fmt.Scanln()
	default:
		return Serve(os.Stdin, os.Stdout, []string{"Engine 1", kind}, []float64{1, 0.1, -2e-30}, call)
	}
	return nil
}

func contender(kind string) Contender {
	return Contender{Name: kind, Command: func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+kind)
		return cmd
	}}
}

func TestContenderAnswersAndRuns(t *testing.T) {
	p, err := Start(contender("good").Command(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(p.Answer) != "[1 0.1 -2e-30]" || strings.Join(p.Versions, ", ") != "Engine 1, good" || p.Took <= 0 {
		t.Errorf("it answers %v, is %q and took %v", p.Answer, p.Versions, p.Took)
	}
	for range 2 {
		if _, err := p.Run(3, 4); err != nil {
			t.Error(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestContendersThatFail(t *testing.T) {
	for kind, want := range map[string]string{
		"mute":    "it ended without an answer (exit status 1): no voice",
		"rambles": `it wrote "well, you see", want its answer`,
		"empty":   "its answer is empty",
		"words":   `its answer has "two" for value 1`,
	} {
		if _, err := Start(contender(kind).Command(t.Context())); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", kind, err, want)
		}
	}
	for kind, want := range map[string]string{
		"vague": `it wrote "took a while", want its times`,
		"tires": "it ended without an answer (exit status 1): no call is left",
	} {
		p, err := Start(contender(kind).Command(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(5, 5); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", kind, err, want)
		}
	}
	if _, err := Start(exec.Command("/nowhere/at-all")); err == nil {
		t.Error("a program that is not there starts")
	}
}

func options() Options {
	return Options{
		Rounds: 3, Slice: time.Microsecond, Starts: 2,
		Check:    func(string, []float64) (float64, error) { return 0.5, nil },
		Progress: func(string, ...any) {},
	}
}

func TestRaceGivesTurns(t *testing.T) {
	o := options()
	var seen []string
	o.Progress = func(format string, args ...any) { seen = append(seen, fmt.Sprintf(format, args...)) }
	results, err := Race(t.Context(), []Contender{contender("a"), contender("b")}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		var starts []int
		for _, x := range r.Rounds {
			starts = append(starts, x.Start)
		}
		if r.Name != string(rune('a'+i)) || !slices.Equal(starts, []int{0, 1, 1}) || len(r.Starts) != 2 || r.Error != 0.5 || r.Rounds[0].Calls < 3 {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	const want = "start 1 of 2: a, start 1 of 2: b, round 1 of 3: a, round 1 of 3: b, start 2 of 2: a, start 2 of 2: b, round 2 of 3: a, round 2 of 3: b, round 3 of 3: a, round 3 of 3: b"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

func TestRaceEndsWithAnError(t *testing.T) {
	if _, err := Race(t.Context(), []Contender{contender("a"), contender("mute")}, options()); err == nil || !strings.HasPrefix(err.Error(), "mute: ") {
		t.Errorf("a contender without an answer: %v", err)
	}
	o := options()
	wrong := errors.New("wrong")
	o.Check = func(name string, answer []float64) (float64, error) { return 0, wrong }
	if _, err := Race(t.Context(), []Contender{contender("a")}, o); !errors.Is(err, wrong) {
		t.Errorf("an answer that is wrong: %v", err)
	}
	o = options()
	o.Rounds = 0
	if results, err := Race(t.Context(), []Contender{contender("a")}, o); err != nil || len(results[0].Rounds) != 0 {
		t.Errorf("no rounds: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Race(ctx, []Contender{contender("a")}, options()); err == nil {
		t.Error("a race that is cancelled goes on")
	}
}

// Of each start the least median counts, and of the starts the one in the middle.
func TestTypical(t *testing.T) {
	for _, c := range []struct {
		rounds []Round
		want   float64
	}{
		{[]Round{{Median: 3}, {Median: 2}, {Median: 4}}, 2},
		{[]Round{{Median: 9}, {Median: 7}, {Median: 1, Start: 1}, {Median: 5, Start: 2}, {Median: 8, Start: 2}}, 5},
		{[]Round{{Median: 6}, {Median: 2, Start: 1}}, 2},
		{nil, math.Inf(1)},
	} {
		if got := (&Result{Rounds: c.rounds}).Typical().Median; got != c.want {
			t.Errorf("%v: the typical round is %v, want %v", c.rounds, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		call, slice    time.Duration
		calls, samples int
	}{
		{0, time.Millisecond, 50_000, 20},
		{1500, 100 * time.Millisecond, 34, 1960},
		{sample, time.Millisecond, 1, 20},
		{sample + 1, time.Millisecond, 1, 19},
		{time.Second, time.Millisecond, 1, 3},
	} {
		if calls, samples := split(c.call, c.slice); calls != c.calls || samples != c.samples {
			t.Errorf("a call of %v in %v: %d calls, %d samples, want %d and %d", c.call, c.slice, calls, samples, c.calls, c.samples)
		}
	}
}
