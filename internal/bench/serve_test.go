package bench

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestServe(t *testing.T) {
	var out strings.Builder
	calls := 0
	err := Serve(strings.NewReader("run 2 3\nrun 5 1\n"), &out, []string{"Engine 1"}, []float64{0.25, -1.5}, func() error { calls++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`^version Engine 1\nanswer 0\.25 -1\.5\ntook \d+ allocs=\S+\ntook \d+ allocs=\S+\n$`); !want.MatchString(out.String()) {
		t.Errorf("it says %q, want %s", out.String(), want)
	}
	if want := 2 + 2*3 + 3 + 5; calls != want {
		t.Errorf("%d calls, want %d: those asked for, and a few before that do not count", calls, want)
	}
}

func TestServeRefuses(t *testing.T) {
	for _, line := range []string{"", "run", "run 1", "run 1 2 3", "walk 1 1", "run 0 1", "run 1 0", "run -1 1", "run x 1", "run 1 x", "run 1 99999999"} {
		err := Serve(strings.NewReader(line+"\n"), new(strings.Builder), nil, []float64{1}, func() error { return nil })
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("asked %q", line)) {
			t.Errorf("%q: the error is %v", line, err)
		}
	}
	broken := errors.New("broken")
	for _, at := range []int{1, 2} {
		calls := 0
		err := Serve(strings.NewReader("run 1 1\n"), new(strings.Builder), nil, []float64{1}, func() error {
			if calls++; calls == at {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("call %d fails: the error is %v", at, err)
		}
	}
}

func TestParseTook(t *testing.T) {
	got, err := parseTook("took 1500 overhead=20 allocs=0.5 else=1")
	if want := (Timing{Median: 1500 * time.Nanosecond, Overhead: 20 * time.Nanosecond, Allocs: 0.5}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, line := range []string{"", "took", "took x", "took -1", "took 1 overhead", "gave 1"} {
		if _, err := parseTook(line); err == nil {
			t.Errorf("%q passes", line)
		}
	}
}
