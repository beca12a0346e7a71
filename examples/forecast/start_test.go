package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkStart times the program from its start to its first answer, and
// prints its size and the memory that it has then: built without cgo and without symbols, as the Containerfile
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
	resident := 0.0
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
		resident = max(resident, residentKiB(b, cmd.Process.Pid))
		cmd.Process.Kill()
		cmd.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	if resident > 0 {
		b.ReportMetric(resident*1024/1e6, "MB-resident")
	}
}

// residentKiB is the memory of a process that is in use, 0 where the system does
// not tell as Linux does.
func residentKiB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib
}
