package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// BenchmarkStart times the program from its start to its first answer, and
// prints its size: built without cgo and without symbols, as the Containerfile
// builds it.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "forecast")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	address := regexp.MustCompile(`address=(\S+)`)
	for b.Loop() {
		cmd := exec.Command(program, "-addr", "localhost:0")
		log, err := cmd.StderrPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		line, err := bufio.NewReader(log).ReadString('\n')
		found := address.FindStringSubmatch(line)
		if err != nil || found == nil {
			b.Fatalf("%q, %v", line, err)
		}
		r, err := http.Post("http://"+found[1]+"/forecast", "application/json", strings.NewReader(good))
		if err != nil {
			b.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			b.Fatal(r.Status)
		}
		b.StopTimer()
		cmd.Process.Kill()
		cmd.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
