//go:build unix

package worker

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
)

var (
	_ lockstep.Tracer  = (*Model)(nil)
	_ lockstep.Weigher = (*Model)(nil)
)

// The child of these tests is the test binary itself; its first argument says
// what kind of child it is.
const childMark = "lockstep-test-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == childMark {
		child(os.Args[2])
	}
	os.Exit(m.Run())
}

// child is what a child does; it does not return.
func child(kind string) {
	firstRequest := func() {
		var req request
		if err := gob.NewDecoder(os.Stdin).Decode(&req); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	signal := func(s syscall.Signal) {
		syscall.Kill(os.Getpid(), s)
		time.Sleep(time.Minute)
	}
	switch kind {
	case "serve":
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "noisy": // others write to standard output once it serves
		begun := make(chan struct{})
		go func() {
			<-begun
			for ; ; time.Sleep(time.Millisecond) {
				fmt.Println("noise of Go")
				syscall.Write(1, []byte("noise of C\n"))
			}
		}()
		Serve(&announcing{in: os.Stdin, begun: begun}, os.Stdout)
		os.Exit(0)
	case "killed":
		firstRequest()
		signal(syscall.SIGKILL)
	case "aborts": // as a failed CHECK does, Go's traceback included
		firstRequest()
		fmt.Fprintln(os.Stderr, "I0000 00:00:1.2 3 port.cc:153] greetings")
		fmt.Fprintln(os.Stderr, "F0000 00:00:1.2 3 tensor.cc:896] Check failed: dtype() == expected_dtype (11 vs. 3)")
		for i := range 500 {
			fmt.Fprintln(os.Stderr, "goroutine", i, "[select]: a line of a long traceback")
		}
		signal(syscall.SIGABRT)
	case "panics":
		firstRequest()
		panic("a bug of ours")
	case "exits":
		firstRequest()
		os.Exit(0)
	case "talkative": // ends without a reason, after 20 MB of words
		firstRequest()
		for i := range 200_000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("word ", 20), i)
		}
		os.Exit(5)
	case "garbage": // and does not end
		firstRequest()
		os.Stdout.Write([]byte("\x07garbage"))
		time.Sleep(time.Minute)
	case "hangs":
		firstRequest()
		time.Sleep(time.Minute)
	case "leaves": // somebody behind who holds its standard error
		firstRequest()
		sleep := exec.Command("sleep", "60")
		sleep.Stderr = os.Stderr
		sleep.Start()
		gob.NewEncoder(os.Stdout).Encode(response{Version: strconv.Itoa(sleep.Process.Pid)})
		os.Exit(0)
	case "parent": // starts its own child and is killed
		p, err := Start(os.Args[0], childMark, "serve")
		if err != nil {
			panic(err)
		}
		fmt.Println(p.cmd.Process.Pid)
		time.Sleep(time.Minute)
	}
	fmt.Fprintln(os.Stderr, "no such child:", kind)
	os.Exit(4)
}

// announcing closes begun when something has been read.
type announcing struct {
	in    io.Reader
	begun chan struct{}
	once  sync.Once
}

func (a *announcing) Read(b []byte) (int, error) {
	n, err := a.in.Read(b)
	a.once.Do(func() { close(a.begun) })
	return n, err
}

func start(t *testing.T, kind string) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(self, childMark, kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if state := stateOf(p.cmd.Process.Pid); state != "" {
			t.Errorf("process %d is left behind: state %s", p.cmd.Process.Pid, state)
		}
	})
	return p
}

// stateOf returns the state of a process, as ps shows it, "" if there is none.
func stateOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:1]
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q:\n%v", w, err)
		}
	}
}
