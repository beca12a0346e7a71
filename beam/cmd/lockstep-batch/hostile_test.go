package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// reasons reads what failed: the reasons by key, time and row.
func reasons(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	all, err := filepath.Glob(filepath.Join(dir, "failed-*.csv"))
	must(t, err)
	for _, path := range all {
		f, err := os.Open(path)
		must(t, err)
		lines, err := csv.NewReader(f).ReadAll()
		must(t, errorsJoin(err, f.Close()))
		for _, l := range lines[1:] {
			out[strings.Join(l[:3], "/")] = l[3]
		}
	}
	return out
}

// lines writes steps of a series, the values 0, 1, 2 and so on.
func lines(key string, from, to int) string {
	var b strings.Builder
	for t := from; t < to; t++ {
		fmt.Fprintf(&b, "%s,%d,%d\n", key, t, t)
	}
	return b.String()
}

// Rows that cannot be used fail with a reason, in whatever part they are, and take nothing else with them.
func TestBadRows(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	text := "store,day,sales\n" +
		lines("good", 0, 30) + // rows 0 to 29
		lines("nan", 0, 15) + "nan,15,NaN\n" + lines("nan", 16, 41) + // 30 to 70
		lines("text", 0, 15) + "text,15,abc\n" + lines("text", 16, 41) + // 71 to 111
		lines("fields", 0, 25) + "fields,25\n" + lines("fields", 26, 41) + // 112 to 152
		lines("order", 0, 25) + "order,24,1\n" + lines("order", 26, 61) + // 153 to 213
		lines("short", 0, 19) + // 214 to 232
		lines("time", 0, 20) + "time,noon,1\n" + lines("time", 21, 31) + // 233 to 263
		lines("quote", 0, 20) + "quote,20,\"1\"2\n" + lines("quote", 21, 31) + // 264 to 294
		lines("after", 0, 40) + // 295 to 334
		lines("good", 30, 60) // again: 335 to 364
	want := map[string]string{
		"nan/9/30": `"decoder_input" is NaN`, "nan/19/40": `"encoder_input" is NaN`,
		"text/9/71": `row 86: "abc" is no number`, "text/19/81": `row 86: "abc" is no number`,
		"fields/19/122": "row 137: it has 2 fields, and the header 3", "fields/29/132": "row 137: it has 2 fields",
		"order/19/163": `row 178: the time "24"`, "order/29/173": `row 178: the time "24"`, "order/39/183": `row 178: the time "24"`, "order/49/193": `row 178`,
		"short/18/232": "19 values, and a window needs 20",
		"time/19/243":  `row 253: the time "noon"`, "quote/19/274": "row 284: ", "good/39/335": "rows of a key must be together", "good/49/345": "together",
	}
	windows := 2 + 1 + 1 + 1 + 1 + 1 + 1 + 3
	for _, rows := range []string{"1", "7", "100", "250000"} {
		folder := t.TempDir()
		writeFile(t, filepath.Join(folder, "in.csv"), text)
		out := filepath.Join(folder, "out")
		code, stdout, stderr := command(t, slices.Concat([]string{dir, "--input", filepath.Join(folder, "in.csv"), "--output", out, "--horizon", "10", "--part-rows", rows}, series)...)
		expect, predictions := map[string]string{}, windows
		for at, reason := range want {
			// Whether a key comes again is seen in a part; in others it is a series of its own.
			if !strings.HasPrefix(at, "good/") || rows == "250000" {
				expect[at] = reason
			}
		}
		if rows != "250000" {
			predictions += 2
		}
		if rows == "1" { // parts end after the rows whose keys cannot be read
			expect["fields/40/152"], expect["quote/30/294"] = "the key of the row before cannot be read", "the key of the row before cannot be read"
		}
		got := reasons(t, out)
		if code != 1 || !strings.HasPrefix(stdout, fmt.Sprintf("%d predictions, %d failed", predictions, len(expect))) {
			t.Errorf("parts of %s rows: exit code %d: %s%s", rows, code, stdout, stderr)
		}
		for at, reason := range expect {
			if !strings.Contains(got[at], reason) {
				t.Errorf("parts of %s rows: %s failed with %q, want %q", rows, at, got[at], reason)
			}
			delete(got, at)
		}
		if len(got) > 0 {
			t.Errorf("parts of %s rows: also failed: %v", rows, got)
		}
	}
}

// What is wrong with a whole file, a model or the command ends the job before the first row, with no result.
func TestRefused(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	good := "store,day,sales\n" + lines("a", 0, 20)
	writeFile(t, at("good.csv"), good)
	writeFile(t, at("empty.csv"), "")
	writeFile(t, at("empty.parquet"), "")
	writeFile(t, at("text.parquet"), good)
	writeFile(t, at("text.npz"), good)
	writeFile(t, at("names.csv"), "store,date,sales\na,1,2\n")
	writeFile(t, at("twice.csv"), "store,day,day\na,1,2\n")
	writeFile(t, at("open.csv"), good+"b,1,\"2\n")
	writeFile(t, at("rows.txt"), good)
	must(t, parquet.WriteFile(at("types.parquet"), []struct {
		Store string `parquet:"store"`
		Day   int64  `parquet:"day"`
		Sales string `parquet:"sales"`
	}{{"a", 1, "x"}}))
	damaged, err := os.ReadFile(filepath.Join(dir, "saved_model.pb"))
	must(t, err)
	must(t, os.CopyFS(at("damaged"), os.DirFS(dir)))
	must(t, os.WriteFile(filepath.Join(at("damaged"), "saved_model.pb"), damaged[:len(damaged)/2], 0o644))
	other := fixture.Path("seed_units1_keras3")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "no such file", []string{dir, "--input", at("none*.csv")}},
		{2, "empty.csv: it is empty", []string{dir, "--input", at("empty.csv")}},
		{2, "empty.parquet: it is empty", []string{dir, "--input", at("empty.parquet")}},
		{2, "no Parquet file", []string{dir, "--input", at("text.parquet")}},
		{2, "not an .npz", []string{dir, "--input", at("text.npz")}},
		{2, `no column "day"; it has ["store" "date" "sales"]`, []string{dir, "--input", at("names.csv")}},
		{2, `two columns are called "day"`, []string{dir, "--input", at("twice.csv")}},
		{2, "never ends", []string{dir, "--input", at("open.csv")}},
		{2, "ends in .csv, .parquet or .npz", []string{dir, "--input", at("rows.txt")}},
		{2, `column "sales" is STRING, want numbers`, []string{dir, "--input", at("types.parquet")}},
		{2, "names.csv", []string{dir, "--input", at("good.csv"), "--input", at("names.csv")}},
		{3, "saved_model.pb", []string{at("damaged"), "--input", at("good.csv")}},
		{3, "nowhere", []string{at("nowhere"), "--input", at("good.csv")}},
		{2, "a past of 9", []string{dir, "--input", at("good.csv"), "--past", "9"}},
		{2, "--rows -1", []string{dir, "--input", at("good.csv"), "--rows", "-1"}},
		{2, "unknown flag", []string{dir, "--input", at("good.csv"), "--inptu", "x"}},
		{1, "golden", []string{dir, "--input", at("good.csv"), "--golden", filepath.Join(other, "nothing.golden")}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := slices.Concat(c.args, []string{"--output", out, "--horizon", "10"}, series)
		code, stdout, stderr := command(t, args...)
		if c.want == "golden" {
			c.code = code // of a missing file: not a drift
		}
		if code != c.code || code == 0 || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%v: exit code %d, want %d: %s%s, want %q", c.args[1:], code, c.code, stdout, stderr, c.want)
		}
		if found, _ := filepath.Glob(filepath.Join(out, "*")); len(found) > 0 {
			t.Errorf("%v: there are files: %q", c.args, found)
		}
	}
}

// A part that cannot be read is named; the others are done, and what is left is done when it can be read.
func TestDamagedPart(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(7, 400, 400)
	in := filepath.Join(folder, "in.parquet")
	d.write(t, in)
	sound, err := os.ReadFile(in)
	must(t, err)
	broken := slices.Clone(sound)
	for i := 200; i < 400; i++ {
		broken[i] ^= 0xff
	}
	must(t, os.WriteFile(in, broken, 0o644))
	out := filepath.Join(folder, "out")
	args := slices.Concat([]string{dir, "--input", in, "--output", out, "--horizon", "10", "--part-rows", "300"}, series)
	code, _, stderr := command(t, args...)
	if code != 3 || !strings.Contains(stderr, "in.parquet: row ") || !strings.Contains(stderr, "parts could not be done; the others are in") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(out, "part-*")); len(found) == 0 {
		t.Error("no part is done")
	}
	must(t, os.WriteFile(in, sound, 0o644))
	if code, _, stderr = command(t, args...); code != 2 || !strings.Contains(stderr, "they differ in inputs") {
		t.Errorf("other inputs: exit code %d: %s", code, stderr)
	}
}

// A job goes on with what is its own, and touches nothing else.
func TestGoesOn(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(8, 40, 40, 40, 40)
	in, out := filepath.Join(folder, "in.csv"), filepath.Join(folder, "out")
	d.write(t, in)
	args := slices.Concat([]string{dir, "--input", in, "--output", out, "--horizon", "10", "--part-rows", "40"}, series)
	code, stdout, stderr := command(t, args...)
	if code != 0 || !strings.Contains(stdout, "4 parts: ") {
		t.Fatal(code, stdout, stderr)
	}
	before := tree(t, out)
	must(t, os.Remove(filepath.Join(out, "part-00001.csv")))
	writeFile(t, filepath.Join(out, "part-00002.csv"), "changed")
	must(t, os.WriteFile(filepath.Join(out, ".lockstep", "part-00003.json"), nil, 0o644))
	if code, stdout, stderr = command(t, args...); code != 0 || !strings.Contains(stdout, "4 parts, of which 1 were done before") {
		t.Fatal(code, stdout, stderr)
	}
	after := tree(t, out)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s differs", name)
		}
	}
	if code, _, stderr = command(t, append(args, "--states")...); code != 2 || !strings.Contains(stderr, "they differ in config") {
		t.Errorf("other settings: exit code %d: %s", code, stderr)
	}
	args[4] = folder
	if code, _, stderr = command(t, args...); code != 2 || !strings.Contains(stderr, `has a file "in.csv"`) {
		t.Errorf("a folder with other files: exit code %d: %s", code, stderr)
	}
}

// checks is a program lockstep that ends as it is told, and keeps what it was given.
func checks(t *testing.T, code int) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a script of a shell")
	}
	path := filepath.Join(t.TempDir(), "lockstep")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\necho \"$@\" >> %s.args\necho it diverged\nexit %d\n", path, code), 0o755))
	return path
}

// The sample is drawn from all parts, and checked by lockstep with what was written.
func TestVerify(t *testing.T) {
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(9, 60, 60, 200, 30)
	in := filepath.Join(folder, "in.parquet")
	d.write(t, in)
	args := func(more ...string) []string {
		return slices.Concat([]string{dir, "--input", in, "--horizon", "10", "--part-rows", "50", "--verify", "9"}, series, more)
	}
	program := checks(t, 0)
	code, stdout, stderr := command(t, args("--output", filepath.Join(folder, "a"), "--lockstep", program)...)
	if code != 0 || !strings.Contains(stdout, "verified: 9 predictions agree") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	given, err := os.ReadFile(program + ".args")
	if err != nil || strings.Count(string(given), "check "+dir+" --inputs ") != 1 || !strings.Contains(string(given), " --expected ") {
		t.Errorf("lockstep is started with %s, %v", given, err)
	}
	code, stdout, stderr = command(t, args("--output", filepath.Join(folder, "b"), "--lockstep", checks(t, 1))...)
	if code != 1 || !strings.Contains(stdout, "9 predictions do NOT agree") || !strings.Contains(stderr, "it diverged") {
		t.Errorf("a divergence: exit code %d: %s%s", code, stdout, stderr)
	}
	code, _, stderr = command(t, args("--output", filepath.Join(folder, "c"), "--lockstep", checks(t, 3))...)
	if code != 3 || !strings.Contains(stderr, "--verify") {
		t.Errorf("no verdict: exit code %d: %s", code, stderr)
	}
}

// The same by lockstep itself, which has TensorFlow in it; and a changed prediction is found.
func TestVerifyByTensorFlow(t *testing.T) {
	if os.Getenv("LOCKSTEP_PROGRAM") == "" {
		const why = "LOCKSTEP_PROGRAM is not set: it names a lockstep with TensorFlow, as make test-beam sets it"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(10, 60, 60, 200, 30)
	for i, c := range []struct{ in, format string }{{"csv", "parquet"}, {"parquet", "csv"}, {"npz", "npz"}} {
		in := filepath.Join(folder, "in."+c.in)
		d.write(t, in)
		for j, more := range [][]string{{"--horizon", "10"}, {"--forecast", "--horizon", "5"}} {
			out := filepath.Join(folder, fmt.Sprint("out", i, j))
			args := slices.Concat([]string{dir, "--input", in, "--output", out, "--format", c.format, "--verify", "9"}, series, more)
			code, stdout, stderr := command(t, args...)
			if code != 0 || !strings.Contains(stdout, "verified: 9 predictions agree with TensorFlow") {
				t.Errorf("%v %v: exit code %d: %s%s", c, more, code, stdout, stderr)
			}
		}
	}
}

// The portable runner that Beam has in Python writes the files that Prism does.
func TestRunners(t *testing.T) {
	python := os.Getenv("LOCKSTEP_BEAM_PYTHON")
	if python == "" {
		t.Skip("LOCKSTEP_BEAM_PYTHON is not set: it names a Python with apache-beam, as make batch-runners sets it")
	}
	dir, folder := fixture.Dir(t, "seed_keras3"), t.TempDir()
	d := makeData(11, 200, 20, 61, 300, 19)
	in := filepath.Join(folder, "in.parquet")
	d.write(t, in)
	args := func(out string, more ...string) []string {
		return slices.Concat([]string{dir, "--input", in, "--output", out, "--horizon", "10", "--part-rows", "90", "--allow-failed"}, series, more)
	}
	if code, _, stderr := command(t, args(filepath.Join(folder, "prism"))...); code != 0 {
		t.Fatal(stderr)
	}
	server := exec.Command(python, "-m", "apache_beam.runners.portability.local_job_service_main", "--port_file", filepath.Join(folder, "port"), "--port", "0")
	must(t, server.Start())
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	port := waitFor(t, filepath.Join(folder, "port"))
	program, err := os.Executable()
	must(t, err)
	cmd := withEnv(exec.Command(program, args(filepath.Join(folder, "python"), "--runner", "universal", "--endpoint", "localhost:"+port, "--environment_type", "LOOPBACK")...), asProgram+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	same(t, filepath.Join(folder, "prism"), filepath.Join(folder, "python"))
}
