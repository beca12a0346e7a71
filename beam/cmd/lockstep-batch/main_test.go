package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

// asProgram makes the test's program the command itself, so that it can be killed.
const asProgram = "LOCKSTEP_BATCH_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	if len(os.Args) == 4 && os.Getenv(asLoop) != "" {
		if err := loop(os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command runs the command in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var series = []string{"--key", "store", "--time", "day", "--series", "sales"}

// Every format in and out, parts of every size: each window once, with the bits of Model.Run.
func TestWindowsOfFiles(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	d := makeData(1, 20, 45, 29, 200, 20, 61, 30)
	want := windows(t, dir, d)
	for i, c := range []struct{ in, format, rows string }{
		{"csv", "parquet", "1"}, {"csv", "csv", "47"}, {"parquet", "npz", "1"}, {"parquet", "csv", "36"}, {"parquet", "parquet", "250000"}, {"npz", "parquet", "10"},
	} {
		folder := t.TempDir()
		d.write(t, filepath.Join(folder, "in."+c.in))
		out := filepath.Join(folder, "out")
		args := slices.Concat([]string{dir, "--input", filepath.Join(folder, "in.*"), "--output", out, "--horizon", "10", "--format", c.format, "--part-rows", c.rows, "--rows", strconv.Itoa(1 + 5*i)}, series)
		code, stdout, stderr := command(t, args...)
		if code != 0 || !strings.HasPrefix(stdout, fmt.Sprintf("%d predictions, 0 failed", len(want))) {
			t.Fatalf("%v: exit code %d: %s%s", c, code, stdout, stderr)
		}
		sameBits(t, fmt.Sprint(c), predicted(t, out, "output_0"), want)
	}
}

// Rows that have all inputs: numbers, ids, in a CSV's columns and in an npz.
func TestRows(t *testing.T) {
	for _, name := range []string{"embedding_mask_zero_keras3", "gru_states_keras3", "bidirectional_last_keras3"} {
		dir, folder := fixture.Dir(t, name), t.TempDir()
		in := fixture.Ordered(t, name, "inputs.npz")
		must(t, npz.WriteFile(filepath.Join(folder, "in.npz"), in))
		writeCSV(t, filepath.Join(folder, "in.csv"), in)
		m, err := native.Load(dir)
		must(t, err)
		want, err := m.Trace(t.Context(), lockstep.ByName(in), lockstep.States)
		must(t, err)
		maps.Copy(want.Outputs, want.States)
		for _, format := range []string{"npz", "csv"} {
			out := filepath.Join(folder, "out-"+format)
			code, _, stderr := command(t, dir, "--input", filepath.Join(folder, "in."+format), "--output", out, "--states", "--part-rows", "2", "--rows", "3")
			if code != 0 {
				t.Fatalf("%s: %s: %s", name, format, stderr)
			}
			if format == "npz" {
				tensors, err := npz.ReadFile(filepath.Join(out, "part-00000.npz"))
				must(t, err)
				for output, y := range want.Outputs {
					if got := lockstep.ByName(tensors)[output]; !got.BitEqual(y) {
						t.Errorf("%s: %q has other bits than Model.Trace", name, output)
					}
				}
				continue
			}
			for output, y := range want.Outputs {
				flat, err := lockstep.Data[float32](y)
				must(t, err)
				rows := map[string][]float32{}
				for i := range y.Shape()[0] {
					size := len(flat) / y.Shape()[0]
					rows[fmt.Sprint(i)] = flat[i*size : (i+1)*size]
				}
				got := map[string][]float32{}
				files, err := filepath.Glob(filepath.Join(out, "part-*.csv"))
				must(t, err)
				if len(files) != (y.Shape()[0]+1)/2 {
					t.Errorf("%s: %d files", name, len(files))
				}
				maps.Copy(got, predicted(t, out, output))
				sameBits(t, name+" "+output, got, rows)
			}
		}
	}
}

// writeCSV writes inputs flat, in columns name[0], name[1] and so on.
func writeCSV(t *testing.T, path string, in []lockstep.NamedTensor) {
	t.Helper()
	var lines [][]string
	lines = append(lines, nil)
	for _, nt := range in {
		values, err := nt.Tensor.Float64s()
		must(t, err)
		n := nt.Tensor.Shape()[0]
		size := len(values) / n
		for len(lines) <= n {
			lines = append(lines, nil)
		}
		for i := range size {
			lines[0] = append(lines[0], fmt.Sprintf("%s[%d]", nt.Name, i))
			for row := range n {
				lines[row+1] = append(lines[row+1], strconv.FormatFloat(values[row*size+i], 'g', -1, 64))
			}
		}
	}
	f, err := os.Create(path)
	must(t, err)
	must(t, errorsJoin(csv.NewWriter(f).WriteAll(lines), f.Close()))
}

// A forecast of the last window of every series is the model that is fed what it said.
func TestForecast(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(2, 10, 33, 9, 57)
	d.write(t, filepath.Join(folder, "in.csv"))
	out := filepath.Join(folder, "out")
	args := slices.Concat([]string{dir, "--input", filepath.Join(folder, "in.csv"), "--output", out, "--forecast", "--horizon", "6", "--last"}, series)
	code, stdout, stderr := command(t, args...)
	if code != 1 || !strings.HasPrefix(stdout, "3 predictions, 1 failed") || !strings.Contains(stderr, "1 rows or windows") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	m, err := native.Load(dir)
	must(t, err)
	for at, y := range predicted(t, out, "output_0") {
		key, last, _ := strings.Cut(at, "/")
		values := d.series[key]
		if last != strconv.Itoa(len(values)-1) || len(y) != 6 {
			t.Fatalf("%s: the window ends at %s of %d, and %d are forecast", key, last, len(values), len(y))
		}
		x := make([]float32, 10)
		for i := range x {
			x[i] = float32(values[len(values)-10+i])
		}
		encoder, err := lockstep.New(x, 1, 10, 1)
		must(t, err)
		decoder, err := lockstep.New(append([]float32{x[9]}, y[:5]...), 1, 6, 1)
		must(t, err)
		want, err := m.Run(t.Context(), map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder})
		must(t, err)
		if again, err := lockstep.Data[float32](want["output_0"]); err != nil || !slices.Equal(again, y) {
			t.Errorf("%s: %v, want %v", key, y, again)
		}
	}
}

// tree reads a folder's files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = strings.ReplaceAll(string(b), dir, "DIR")
		return err
	}))
	return out
}

// Killed again and again at random places, the job ends with the files of an undisturbed run.
func TestKilled(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	var lengths []int
	for i := range 400 {
		lengths = append(lengths, 15+i%90)
	}
	d := makeData(3, lengths...)
	d.write(t, filepath.Join(folder, "in.parquet"))
	args := func(out string) []string {
		return slices.Concat([]string{dir, "--input", filepath.Join(folder, "in.parquet"), "--output", out, "--horizon", "10", "--part-rows", "150", "--rows", "8", "--allow-failed"}, series)
	}
	whole := filepath.Join(folder, "whole")
	begin := time.Now()
	if code, _, stderr := command(t, args(whole)...); code != 0 {
		t.Fatal(stderr)
	}
	took := time.Since(begin)
	broken := filepath.Join(folder, "broken")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	program, err := os.Executable()
	must(t, err)
	killed := 0
	runs := 4
	if os.Getenv("LOCKSTEP_SLOW") != "" {
		runs = 20
	}
	for range runs {
		ctx, cancel := context.WithTimeout(t.Context(), took/4+time.Duration(rng.Int64N(int64(took))))
		cmd := exec.CommandContext(ctx, program, args(broken)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Run(); err != nil && ctx.Err() != nil {
			killed++
		} else if err == nil { // it is done: begin again, to be killed elsewhere
			same(t, whole, broken)
			must(t, os.RemoveAll(broken))
		}
		cancel()
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
	if code, _, stderr := command(t, args(broken)...); code != 0 {
		t.Fatal(stderr)
	}
	same(t, whole, broken)
	t.Logf("%d of %d runs were killed", killed, runs)
}

func same(t *testing.T, a, b string) {
	t.Helper()
	x, y := tree(t, a), tree(t, b)
	if !slices.Equal(slices.Sorted(maps.Keys(x)), slices.Sorted(maps.Keys(y))) {
		t.Fatalf("the files are %q, want %q", slices.Sorted(maps.Keys(y)), slices.Sorted(maps.Keys(x)))
	}
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s differs from that of an undisturbed run", name)
		}
	}
}

// waitFor returns what a file has, once it is there.
func waitFor(t *testing.T, path string) string {
	t.Helper()
	for range 600 {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			return strings.TrimSpace(string(b))
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("there is no %s after a minute", path)
	return ""
}

func withEnv(cmd *exec.Cmd, variable string) *exec.Cmd {
	cmd.Env = append(os.Environ(), variable)
	return cmd
}
