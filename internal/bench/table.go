package bench

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep/internal/table"
)

// Text writes the ratios of all works, then the details of each. Every ratio is
// to the first contender of the work, without the overhead of a call where that
// is known; max abs is the largest difference to the reference.
func Text(to io.Writer, about []string, works []Workload) error {
	out := new(bytes.Buffer)
	for _, line := range about {
		fmt.Fprintln(out, line)
	}
	if len(works) > 1 && len(works[0].Results) > 1 {
		columns := names(works)
		fmt.Fprintf(out, "\nTimes as long as %s:\n\n", columns[0])
		t := table.Table{Align: "r", Indent: 2}
		t.Add(append(columns, "model", "batch", "steps")...)
		for _, work := range works {
			var row []string
			for _, name := range columns {
				row = append(row, ratioText(work, work.result(name)))
			}
			t.Add(append(row, work.Model, strconv.Itoa(work.Batch), strconv.Itoa(work.Steps))...)
		}
		t.Write(out)
	}
	for _, work := range works {
		fmt.Fprintf(out, "\n%s\n\n", work)
		t := table.Table{Align: "r", Indent: 2}
		t.Add("ratio", "engine", "a call", "rounds from..to", "overhead", "allocations", "max abs", "first answer", "resident")
		for _, r := range work.Results {
			t.Add(ratioText(work, r), r.Name, duration(r.Typical().Median), r.between(), orDash(r.Typical().Overhead, duration), allocations(r.Allocs),
				fmt.Sprintf("%.1e", r.Error), orDash(r.firstAnswer(), duration), orDash(float64(r.Resident), megabytes))
		}
		t.Write(out)
	}
	return write(to, out)
}

func write(to io.Writer, out *bytes.Buffer) error {
	_, err := out.WriteTo(to)
	return err
}

// Markdown writes the works as one table to paste into a document: the first
// contender's times, and the others' ratios to them and times; then start-up
// and memory, of the first work.
func Markdown(to io.Writer, about []string, works []Workload) error {
	out := new(bytes.Buffer)
	columns := names(works)
	fmt.Fprintf(out, "%s\n\n", strings.Join(about, "\n"))
	fmt.Fprintf(out, "| a call of | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+1))
	row := func(label string, cell func(r *Result) string, of Workload) {
		fmt.Fprintf(out, "| %s |", label)
		for _, name := range columns {
			text := "–"
			if r := of.result(name); r != nil {
				text = cell(r)
			}
			fmt.Fprintf(out, " %s |", text)
		}
		fmt.Fprintln(out)
	}
	for _, work := range works {
		row(fmt.Sprintf("%s, batch %d, %d steps", work.Model, work.Batch, work.Steps), func(r *Result) string {
			if len(r.Rounds) == 0 {
				return "–"
			}
			if r == work.Results[0] {
				return duration(r.Typical().Median)
			}
			return fmt.Sprintf("%s, %s", ratioText(work, r), duration(r.Typical().Median))
		}, work)
	}
	row("from start to first answer", func(r *Result) string { return orDash(r.firstAnswer(), duration) }, works[0])
	row("resident after it", func(r *Result) string { return orDash(float64(r.Resident), megabytes) }, works[0])
	return write(to, out)
}

// Benchmarks writes what benchstat reads, a line a round and a start:
//
//	benchstat -col /engine FILE
func Benchmarks(to io.Writer, configuration []string, works []Workload) error {
	out := new(bytes.Buffer)
	for _, line := range configuration {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out)
	for _, work := range works {
		for _, r := range work.Results {
			name := fmt.Sprintf("model=%s/batch=%d/steps=%d/engine=%s", work.Model, work.Batch, work.Steps, r.Name)
			for _, round := range r.Rounds {
				fmt.Fprintf(out, "BenchmarkCall/%s %d %.1f ns/op\n", name, round.Calls, round.Median)
			}
			for _, took := range r.Starts {
				fmt.Fprintf(out, "BenchmarkStart/%s 1 %d ns/op", name, took.Nanoseconds())
				if r.Resident > 0 {
					fmt.Fprintf(out, " %d resident-B", r.Resident)
				}
				fmt.Fprintln(out)
			}
		}
	}
	return write(to, out)
}

func (w Workload) String() string {
	return fmt.Sprintf("%s, batch %d, %d steps; %s", w.Model, w.Batch, w.Steps, w.Inputs)
}

func (w Workload) result(name string) *Result {
	for _, r := range w.Results {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// names are those of all contenders, in the order in which they first occur.
func names(works []Workload) []string {
	var out []string
	for _, w := range works {
		for _, r := range w.Results {
			if !slices.Contains(out, r.Name) {
				out = append(out, r.Name)
			}
		}
	}
	return out
}

func ratioText(w Workload, r *Result) string {
	if r == nil || len(r.Rounds) == 0 {
		return "–"
	}
	ratio := net(r) / net(w.Results[0])
	if ratio >= 99.5 {
		return fmt.Sprintf("%.0f×", ratio)
	}
	return fmt.Sprintf("%#.3g×", ratio)
}

// net is a call's time without that of an empty call.
func net(r *Result) float64 { return r.Typical().Median - r.Typical().Overhead }

func (r *Result) between() string {
	if len(r.Rounds) == 0 {
		return "–"
	}
	least, most := math.Inf(1), 0.0
	for _, x := range r.Rounds {
		least, most = min(least, x.Median), max(most, x.Median)
	}
	return duration(least) + ".." + duration(most)
}

func (r *Result) firstAnswer() float64 {
	if len(r.Starts) == 0 {
		return 0
	}
	return float64(slices.Min(r.Starts).Nanoseconds())
}

func orDash(v float64, text func(float64) string) string {
	if v == 0 {
		return "–"
	}
	return text(v)
}

// duration writes nanoseconds with three digits.
func duration(ns float64) string {
	if math.IsInf(ns, 0) || math.IsNaN(ns) {
		return "–"
	}
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= 0.9995*unit.ns {
			return digits(ns/unit.ns) + " " + unit.name
		}
	}
	return digits(ns) + " ns"
}

func digits(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func allocations(n float64) string {
	if math.IsNaN(n) {
		return "–"
	}
	return fmt.Sprintf("%.1f", n)
}

func megabytes(bytes float64) string { return digits(bytes/1e6) + " MB" }
