package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Process is a contender that has answered.
type Process struct {
	Answer   []float64
	Versions []string
	Took     time.Duration // from its start to its answer
	Resident int64         // bytes then; 0 where the system does not tell

	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// Start starts a contender and waits for its answer.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd}
	cmd.Stderr = &p.stderr
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for p.Answer == nil {
		line, err := p.line()
		if err != nil {
			return nil, err
		}
		p.Took = time.Since(begin)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "version":
			p.Versions = append(p.Versions, rest)
		case "answer":
			if p.Answer, err = parseAnswer(rest); err != nil {
				return nil, p.fail(err)
			}
		default:
			return nil, p.fail(fmt.Errorf("it wrote %.60q, want its answer", line))
		}
	}
	p.Resident = resident(cmd.Process.Pid)
	return p, nil
}

func parseAnswer(text string) ([]float64, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil, errors.New("its answer is empty")
	}
	answer := make([]float64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, fmt.Errorf("its answer has %q for value %d", f, i)
		}
		answer[i] = v
	}
	return answer, nil
}

// Timing is a contender's answer to run.
type Timing struct {
	Median, Overhead time.Duration // of a sample
	Allocs           float64       // a call; NaN if it is not given
}

// Run lets the contender time a number of samples of a number of calls.
func (p *Process) Run(calls, samples int) (Timing, error) {
	if _, err := fmt.Fprintf(p.in, "run %d %d\n", calls, min(samples, most)); err != nil {
		return Timing{}, p.fail(err)
	}
	line, err := p.line()
	if err != nil {
		return Timing{}, err
	}
	t, err := parseTook(line)
	if err != nil {
		return Timing{}, p.fail(err)
	}
	return t, nil
}

func parseTook(line string) (Timing, error) {
	t := Timing{Allocs: math.NaN()}
	bad := fmt.Errorf("it wrote %.60q, want its times", line)
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[0] != "took" {
		return t, bad
	}
	fields[1] = "median=" + fields[1]
	for _, f := range fields[1:] {
		name, text, _ := strings.Cut(f, "=")
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || v < 0 {
			return t, bad
		}
		switch name {
		case "median":
			t.Median = time.Duration(v)
		case "overhead":
			t.Overhead = time.Duration(v)
		case "allocs":
			t.Allocs = v
		}
	}
	return t, nil
}

// Close ends the contender and waits for its end.
func (p *Process) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}

func (p *Process) line() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", p.fail(fmt.Errorf("it ended without an answer"))
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// fail ends the contender and returns the error with the last that it wrote.
func (p *Process) fail(err error) error {
	p.in.Close()
	p.cmd.Process.Kill()
	if ended := p.cmd.Wait(); ended != nil {
		err = fmt.Errorf("%w (%v)", err, ended)
	}
	said := strings.TrimSpace(p.stderr.String())
	if said == "" {
		return err
	}
	lines := strings.Split(said, "\n")
	return fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-8):], "\n"))
}

// resident reads a process's resident memory where there is /proc.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
