package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

func someWorks() []Workload {
	rounds := func(overhead float64, medians ...float64) []Round {
		var out []Round
		for i, m := range medians {
			out = append(out, Round{Median: m, Overhead: overhead, Calls: 100, Start: i / 2})
		}
		return out
	}
	return []Workload{
		{Model: "small", Batch: 1, Steps: 10, Inputs: "inputs: random", Results: []*Result{
			{Name: "native", Rounds: rounds(0, 1100, 1000, 1200, 1300, 900, 1500), Starts: []time.Duration{13e6, 12e6}, Resident: 14_200_000, Error: 9e-8},
			{Name: "native-go", Rounds: rounds(0, 2000), Starts: []time.Duration{13e6}, Error: 9e-8},
			{Name: "peer", Rounds: rounds(500, 120_500), Allocs: 6, Error: 1e-7},
		}},
		{Model: "large", Batch: 32, Steps: 1000, Inputs: "inputs: random", Results: []*Result{
			{Name: "native", Rounds: rounds(0, 1.5e9)},
			{Name: "peer", Allocs: math.NaN()}, // not timed
		}},
	}
}

func TestText(t *testing.T) {
	const want = `a machine

Times as long as native:

  native  native-go  peer  model  batch  steps
   1.00×      2.00×  120×  small      1     10
   1.00×          –     –  large     32   1000

small, batch 1, 10 steps; inputs: random

  ratio     engine   a call   rounds from..to  overhead  allocations  max abs  first answer  resident
  1.00×     native  1.00 µs   900 ns..1.50 µs         –          0.0  9.0e-08       12.0 ms   14.2 MB
  2.00×  native-go  2.00 µs  2.00 µs..2.00 µs         –          0.0  9.0e-08       13.0 ms         –
   120×       peer   120 µs    120 µs..120 µs    500 ns          6.0  1.0e-07             –         –

large, batch 32, 1000 steps; inputs: random

  ratio  engine  a call  rounds from..to  overhead  allocations  max abs  first answer  resident
  1.00×  native  1.50 s   1.50 s..1.50 s         –          0.0  0.0e+00             –         –
      –    peer       –                –         –            –  0.0e+00             –         –
`
	wantText(t, func(out *strings.Builder) error { return Text(out, []string{"a machine"}, someWorks()) }, want)
}

func TestMarkdown(t *testing.T) {
	const want = `a machine

| a call of | native | native-go | peer |
| --- | --- | --- | --- |
| small, batch 1, 10 steps | 1.00 µs | 2.00×, 2.00 µs | 120×, 120 µs |
| large, batch 32, 1000 steps | 1.50 s | – | – |
| from start to first answer | 12.0 ms | 13.0 ms | – |
| resident after it | 14.2 MB | – | – |
`
	wantText(t, func(out *strings.Builder) error { return Markdown(out, []string{"a machine"}, someWorks()) }, want)
}

func TestBenchmarks(t *testing.T) {
	const want = `goos: here

BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 1100.0 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 1000.0 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 1200.0 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 1300.0 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 900.0 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=native 100 1500.0 ns/op
BenchmarkStart/model=small/batch=1/steps=10/engine=native 1 13000000 ns/op 14200000 resident-B
BenchmarkStart/model=small/batch=1/steps=10/engine=native 1 12000000 ns/op 14200000 resident-B
BenchmarkCall/model=small/batch=1/steps=10/engine=native-go 100 2000.0 ns/op
BenchmarkStart/model=small/batch=1/steps=10/engine=native-go 1 13000000 ns/op
BenchmarkCall/model=small/batch=1/steps=10/engine=peer 100 120500.0 ns/op
BenchmarkCall/model=large/batch=32/steps=1000/engine=native 100 1500000000.0 ns/op
`
	wantText(t, func(out *strings.Builder) error { return Benchmarks(out, []string{"goos: here"}, someWorks()) }, want)
}

func wantText(t *testing.T, write func(*strings.Builder) error, want string) {
	t.Helper()
	var out strings.Builder
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("it writes\n%s\nwant\n%s", out.String(), want)
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		1.44: "1.44 ns", 999.4: "999 ns", 999.6: "1.00 µs", 9999: "10.0 µs", 99960: "100 µs", 1e6: "1.00 ms", 1.234e9: "1.23 s", 1e12: "1000 s", math.Inf(1): "–",
	} {
		if got := duration(ns); got != want {
			t.Errorf("%v ns is %q, want %q", ns, got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	sentence, lines := Machine(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC))
	if !strings.HasPrefix(sentence, "2026-11-25; ") || !strings.HasPrefix(lines[0], "goos: ") {
		t.Errorf("%q, %q", sentence, lines)
	}
}
