//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

// What TestMeasure runs in processes of their own, to see their memory.
const (
	asLoop         = "LOCKSTEP_BATCH_TEST_LOOP" // a plain loop: the model, the input and the output
	measureWindows = "LOCKSTEP_BATCH_WINDOWS"   // how many windows, with commas between
	measureRuns    = "LOCKSTEP_BATCH_RUNS"      // how often each, 1 without it
)

const windowsOfSeries = 100

// TestMeasure prints what windows of the seed model take, and a plain loop over native with two workers beside it.
func TestMeasure(t *testing.T) {
	list := os.Getenv(measureWindows)
	if list == "" {
		t.Skipf("%s is not set: it measures, by hand", measureWindows)
	}
	runs := 1
	if text := os.Getenv(measureRuns); text != "" {
		fmt.Sscan(text, &runs)
	}
	dir := fixture.Dir(t, "seed_keras3")
	program, err := os.Executable()
	must(t, err)
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		must(t, err)
		folder := t.TempDir()
		in := filepath.Join(folder, "in.parquet")
		writeMany(t, in, n)
		best := map[string]usage{}
		for run := range runs {
			out := filepath.Join(folder, fmt.Sprint("out", run))
			args := slices.Concat([]string{dir, "--input", in, "--output", out, "--horizon", "10"}, series)
			for _, one := range []struct {
				name string
				cmd  *exec.Cmd
			}{
				{"batch", withEnv(exec.Command(program, args...), asProgram+"=1")},
				{"loop", withEnv(exec.Command(program, dir, in, filepath.Join(folder, "loop.parquet")), asLoop+"=1")},
			} {
				u := use(t, one.cmd)
				if b, ok := best[one.name]; !ok || u.wall < b.wall {
					best[one.name] = u
				}
			}
			if run == 0 {
				compareParquet(t, out, filepath.Join(folder, "loop.parquet"), n)
			}
			must(t, os.RemoveAll(out))
		}
		b, l := best["batch"], best["loop"]
		fmt.Printf("%d windows: batch %.1f s, %.1f s of CPU, %d MB; loop %.1f s, %.1f s of CPU, %d MB; ratio %.2f, of CPU %.2f\n", n,
			b.wall.Seconds(), b.cpu.Seconds(), b.megabytes, l.wall.Seconds(), l.cpu.Seconds(), l.megabytes, b.wall.Seconds()/l.wall.Seconds(), b.cpu.Seconds()/l.cpu.Seconds())
	}
}

type usage struct {
	wall, cpu time.Duration
	megabytes int64
}

func use(t *testing.T, cmd *exec.Cmd) usage {
	t.Helper()
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return usage{time.Since(begin), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), most(cmd.ProcessState)}
}

func writeMany(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	w := parquet.NewGenericWriter[record](f, parquet.Compression(&parquet.Snappy))
	rng := rand.New(rand.NewPCG(1, 1))
	steps := 10 * (windowsOfSeries + 1)
	rows := make([]record, steps)
	for i := range n / windowsOfSeries {
		x := 0.0
		for at := range rows {
			step := rng.NormFloat64() + 5
			if at/10%2 == 1 {
				step = -step
			}
			x += step
			rows[at] = record{fmt.Sprint("series ", i), int64(at), x}
		}
		_, err := w.Write(rows)
		must(t, err)
	}
	must(t, errorsJoin(w.Close(), f.Close()))
}

// prediction is a row of the output.
type prediction struct {
	Store  string    `parquet:"store"`
	Day    string    `parquet:"day"`
	Row    int64     `parquet:"row"`
	Output []float32 `parquet:"output_0,list"`
}

func compareParquet(t *testing.T, dir, file string, n int) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(dir, "part-*.parquet"))
	must(t, err)
	want, err := os.Open(file)
	must(t, err)
	defer want.Close()
	b := parquet.NewGenericReader[prediction](want)
	defer b.Close()
	rows := 0
	for _, part := range parts {
		f, err := os.Open(part)
		must(t, err)
		a := parquet.NewGenericReader[prediction](f)
		for {
			x, y := make([]prediction, 64), make([]prediction, 64)
			read, err := a.Read(x)
			for at := 0; at < read; {
				more, err := b.Read(y[at:read])
				if more == 0 {
					t.Fatal(err)
				}
				at += more
			}
			for i := range x[:read] {
				if x[i].Store != y[i].Store || x[i].Day != y[i].Day || !slices.Equal(x[i].Output, y[i].Output) {
					t.Fatalf("%v, and the loop %v", x[i], y[i])
				}
			}
			rows += read
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
		}
		must(t, errorsJoin(a.Close(), f.Close()))
	}
	if rows != n {
		t.Errorf("%d rows, want %d", rows, n)
	}
}

// loop is what a person would write without Beam: the same input, calls of 256 windows, the same output.
func loop(dir, in, out string) error {
	m, err := native.Load(dir, native.WithWorkers(2))
	if err != nil {
		return err
	}
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	to, err := os.Create(out)
	if err != nil {
		return err
	}
	r := parquet.NewGenericReader[record](f)
	w := parquet.NewGenericWriter[prediction](to, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(1<<15))
	b := looped{model: m, to: w}
	rows := make([]record, 1000)
	var current []record
	for {
		n, err := r.Read(rows)
		for _, row := range rows[:n] {
			if len(current) > 0 && current[0].Store != row.Store {
				current = nil
			}
			if current = append(current, row); len(current) == 20 {
				if err := b.add(current); err != nil {
					return err
				}
				current = append([]record(nil), current[10:]...)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	return errorsJoin(w.Close(), to.Close())
}

type looped struct {
	model            *native.Model
	to               *parquet.GenericWriter[prediction]
	rows             []prediction
	encoder, decoder []float32
}

func (b *looped) add(window []record) error {
	for i, r := range window {
		if i < 10 {
			b.encoder = append(b.encoder, float32(r.Sales))
		} else {
			b.decoder = append(b.decoder, float32(r.Sales))
		}
	}
	b.rows = append(b.rows, prediction{Store: window[0].Store, Day: strconv.FormatInt(window[9].Day, 10)})
	if len(b.rows) == 256 {
		return b.flush()
	}
	return nil
}

func (b *looped) flush() error {
	n := len(b.rows)
	if n == 0 {
		return nil
	}
	x, err := lockstep.New(b.encoder, n, 10, 1)
	if err != nil {
		return err
	}
	y, err := lockstep.New(b.decoder, n, 10, 1)
	if err != nil {
		return err
	}
	out, err := b.model.Run(context.Background(), map[string]*lockstep.Tensor{"encoder_input": x, "decoder_input": y})
	if err != nil {
		return err
	}
	values, err := lockstep.Data[float32](out["output_0"])
	if err != nil {
		return err
	}
	for i := range b.rows {
		b.rows[i].Output = values[i*10 : (i+1)*10]
	}
	_, err = b.to.Write(b.rows)
	b.rows, b.encoder, b.decoder = b.rows[:0], b.encoder[:0], b.decoder[:0]
	return err
}
