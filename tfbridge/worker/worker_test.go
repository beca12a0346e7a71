//go:build unix

package worker

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/tfbridge"
)

func TestACrashSaysWhatHappened(t *testing.T) {
	for _, c := range []struct {
		kind  string
		want  []string
		never []string
	}{
		{"killed", []string{"while loading /models/m (signal: killed)", "out of memory", "not a verdict"}, []string{"crash inside"}},
		{"aborts", []string{"while loading /models/m (exit status 2)", "a crash inside libtensorflow, not a verdict", "it last wrote:\n    F0000 00:00:1.2 3 tensor.cc:896] Check failed", "…"}, []string{"greetings", "goroutine 20 "}},
		{"panics", []string{"(exit status 2)", "it last wrote:\n    panic: a bug of ours"}, nil},
		{"exits", []string{"(it exited without an answer)", "not a verdict"}, nil},
		{"talkative", []string{"(exit status 5)", "…\n", " 199999"}, []string{" 199900"}},
		{"garbage", []string{"(gob: ", "it is no lockstep worker, or another version of it"}, []string{"crash inside"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			p := start(t, c.kind)
			if !p.Alive() {
				t.Error("it is not alive before it has been asked")
			}
			begun := time.Now()
			_, err := p.Open(context.Background(), "/models/m", Options{})
			if !errors.Is(err, ErrCrashed) {
				t.Fatalf("error %v, want ErrCrashed", err)
			}
			wantWords(t, err, append(c.want, "worker: the TensorFlow process ended while loading /models/m")...)
			for _, w := range c.never {
				if strings.Contains(err.Error(), w) {
					t.Errorf("the error says %q:\n%v", w, err)
				}
			}
			if lines := strings.Count(err.Error(), "\n"); lines > 14 {
				t.Errorf("the error has %d lines", lines)
			}
			if d := time.Since(begun); d > 5*time.Second {
				t.Errorf("it took %v to find out", d)
			}
			if p.Alive() {
				t.Error("it is alive after it ended")
			}

			// Whatever is asked later says it too, and does not wait.
			_, open := p.Open(context.Background(), "/models/n", Options{})
			_, version := p.Version()
			m := &Model{process: p, id: 1}
			_, run := m.Run(context.Background(), nil)
			_, weights := m.Weights()
			for call, err := range map[string]error{"Open": open, "Version": version, "Run": run, "Weights": weights, "Model.Close": m.Close()} {
				if !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "while loading /models/m") {
					t.Errorf("%s after the crash: %v", call, err)
				}
			}
			for range 2 {
				if err := p.Close(); err != nil {
					t.Errorf("Close after the crash: %v", err)
				}
			}
		})
	}
}

func TestACrashSaysWhatItWasDoing(t *testing.T) {
	for doing, call := range map[string]func(*Model) error{
		"running the model":     func(m *Model) error { _, err := m.Run(context.Background(), nil); return err },
		"reading the weights":   func(m *Model) error { _, err := m.Weights(); return err },
		"closing the model":     func(m *Model) error { return m.Close() },
		"loading libtensorflow": func(m *Model) error { _, err := m.process.Version(); return err },
	} {
		err := call(&Model{process: start(t, "exits"), id: 1})
		if !errors.Is(err, ErrCrashed) {
			t.Errorf("%s: %v", doing, err)
		}
		wantWords(t, err, "ended while "+doing)
	}
}

func TestTheContextStopsTheChild(t *testing.T) {
	p := start(t, "hangs")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := p.Open(ctx, "/models/m", Options{})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrCrashed) {
		t.Errorf("error %v, want the context's and no crash", err)
	}
	wantWords(t, err, "while loading /models/m")
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if p.Alive() {
		t.Error("the child is alive")
	}
	_, err = p.Open(context.Background(), "/models/n", Options{})
	if !errors.Is(err, ErrCrashed) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the next request: %v, want ErrCrashed alone", err)
	}
	wantWords(t, err, "it was stopped while loading /models/m (context deadline exceeded)")
}

// hook calls then after each write.
type hook struct {
	io.Writer
	then func()
}

func (h *hook) Write(b []byte) (int, error) {
	n, err := h.Writer.Write(b)
	if h.then != nil {
		h.then()
	}
	return n, err
}

// A context that ends when the answer is there already has the child stopped
// all the same, and that must not look like a crash later.
func TestTheContextEndsWithTheAnswer(t *testing.T) {
	p := start(t, "serve")
	sent := &hook{Writer: p.in}
	p.to = newSender(sent)
	p.Version() // from now on a request is one write
	ctx, cancel := context.WithCancel(context.Background())
	sent.then = func() {
		time.Sleep(200 * time.Millisecond) // the answer waits in the pipe
		cancel()
	}
	_, err := p.Open(ctx, t.TempDir(), Options{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrCrashed) {
		t.Errorf("error %v, want the context's and no crash", err)
	}
	if p.Alive() {
		t.Error("the dead child counts as alive")
	}
	_, err = p.Version()
	wantWords(t, err, "the TensorFlow process ended: it was stopped while loading")
}

func TestAContextThatHasEndedStopsNothing(t *testing.T) {
	p := start(t, "serve")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Open(ctx, "/models/m", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := p.Open(context.Background(), "/models/m", Options{}); err == nil || errors.Is(err, ErrCrashed) {
		t.Errorf("error %v, want the child's", err)
	}
}

func TestErrorsTravel(t *testing.T) {
	p := start(t, "serve")
	dir := filepath.Join(t.TempDir(), "gone")
	_, err := p.Open(context.Background(), dir, Options{})
	if errors.Is(err, ErrCrashed) {
		t.Fatal(err)
	}
	_, here := tfbridge.Open(dir)
	if err == nil || here == nil || err.Error() != here.Error() {
		t.Errorf("the child says %v, want %v", err, here)
	}
	for _, kind := range []error{lockstep.ErrNoTensorFlow, fs.ErrNotExist, fs.ErrPermission, tfbridge.ErrClosed} {
		if errors.Is(err, kind) != errors.Is(here, kind) {
			t.Errorf("errors.Is(%q, %q) = %v in the parent alone", err, kind, errors.Is(err, kind))
		}
	}
	m := &Model{process: p, id: 99}
	if _, err := m.Weights(); !errors.Is(err, tfbridge.ErrClosed) {
		t.Errorf("a model that is not open: %v, want ErrClosed", err)
	}
	if _, err := m.Run(context.Background(), map[string]*lockstep.Tensor{"x": nil}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("a nil tensor: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Version(); !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "it was closed") {
		t.Errorf("after Close: %v", err)
	}
}

// What others print does not get between the answers, nor does it block.
func TestOthersMayPrint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("standard output is kept clean on Linux alone")
	}
	p := start(t, "noisy")
	for range 20 {
		if _, err := p.Open(context.Background(), "/models/m", Options{}); err == nil || errors.Is(err, ErrCrashed) {
			t.Fatalf("error %v, want the child's", err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestNobodyIsLeftBehind(t *testing.T) {
	count := func() (files, goroutines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), runtime.NumGoroutine()
	}
	self, _ := os.Executable()
	cycle := func(kind string) {
		p, err := Start(self, childMark, kind)
		if err != nil {
			t.Fatal(err)
		}
		p.Open(context.Background(), "/models/m", Options{})
		p.Close()
		if state := stateOf(p.cmd.Process.Pid); state != "" {
			t.Errorf("%s: process %d is left behind: state %s", kind, p.cmd.Process.Pid, state)
		}
	}
	cycle("serve")
	files, goroutines := count()
	for range 5 {
		for _, kind := range []string{"serve", "exits", "killed", "garbage"} {
			cycle(kind)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if f, g := count(); f > files || g > goroutines {
		t.Errorf("%d open files and %d goroutines, %d and %d before", f, g, files, goroutines)
	}
}

// When the parent dies, however suddenly, so does the child.
func TestTheChildFollowsItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self, childMark, "parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if stateOf(pid) == "" {
		t.Fatal("there is no child")
	}
	parent.Process.Kill()
	parent.Wait()
	wantGone(t, pid)
}

// wantGone waits for a process to end. A zombie has ended: who adopts it must
// take care of it.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	for range 100 {
		if s := stateOf(pid); s == "" || s == "Z" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d is still there: state %s", pid, stateOf(pid))
	syscall.Kill(pid, syscall.SIGKILL)
}

// A process that holds the child's standard error does not hold us.
func TestAGrandchildDoesNotHoldUs(t *testing.T) {
	p := start(t, "leaves")
	pid, err := p.Version()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(n, syscall.SIGKILL)
	begun := time.Now()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
}

func TestStartSaysWhatItCannotStart(t *testing.T) {
	_, err := Start("/no/such/program")
	wantWords(t, err, "worker: starting the TensorFlow process", "/no/such/program")
}

func TestServeSaysWhatItCannotRead(t *testing.T) {
	wantWords(t, Serve(strings.NewReader("\x07garbage"), io.Discard), "worker: reading a request")
	if err := Serve(strings.NewReader(""), io.Discard); err != nil {
		t.Errorf("the end of the input: %v", err)
	}
}

// Tensors keep their bits on the wire, whatever they are.
func TestTensorsTravel(t *testing.T) {
	for _, dtype := range lockstep.DTypes() {
		for _, shape := range [][]int{nil, {3}, {2, 0}, {2, 1, 2}} {
			x, err := lockstep.Zeros(dtype, shape...)
			if err != nil {
				t.Fatal(err)
			}
			switch data := any(x).(type) {
			case *lockstep.Tensor:
				if f, err := lockstep.Data[float32](data); err == nil && len(f) > 0 {
					f[0] = -0.1
				}
				if s, err := lockstep.Data[string](data); err == nil && len(s) > 0 {
					s[0] = "ä\x00"
				}
			}
			sent, err := toWire(map[string]*lockstep.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			r, w := io.Pipe()
			go newSender(w).send(&request{Inputs: sent})
			var got request
			if err := newReceiver(r).receive(&got); err != nil {
				t.Fatal(err)
			}
			back, err := fromWire(got.Inputs)
			if err != nil || !back["x"].BitEqual(x) {
				t.Errorf("%s comes back as %s, %v", x, back["x"], err)
			}
		}
	}
	r, w := io.Pipe()
	go func() {
		gob.NewEncoder(w).Encode(request{Inputs: []wireTensor{{Name: "x", DType: lockstep.Float32, Shape: []int{2}}}})
		w.Write([]byte{1})
		w.Close()
	}()
	if err := newReceiver(r).receive(&request{}); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("too few bytes: %v", err)
	}
}
