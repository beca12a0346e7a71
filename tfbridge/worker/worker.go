// Package worker runs tfbridge in a child process, so that a crash of
// libtensorflow ends the child and is an error here, never the end of the
// program and never an exit code that could be mistaken for a verdict.
//
// The child is the same program again (or another that calls Serve), started
// with a command line of the caller's choice. One child serves any number of
// models, one request at a time, over its standard input and output.
package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/plain"
)

// ErrCrashed is wrapped by the error of a request during which the child
// ended, and of every request after it.
var ErrCrashed = errors.New("the TensorFlow process ended")

// grace is how long a child may take to end once it has nothing more to do.
const grace = 10 * time.Second

// Process is a running child. It may be used by several goroutines; requests
// wait for each other.
type Process struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	to    *sender
	from  *receiver
	log   *tail
	ended error // the error of every further request; nil while the child lives
}

// Start runs a child that calls Serve. Its standard error is hidden, since
// TensorFlow logs there at start. A crash shows what it wrote last.
func Start(name string, args ...string) (*Process, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = os.Environ()
	if _, set := os.LookupEnv("TF_CPP_MIN_LOG_LEVEL"); !set {
		cmd.Env = append(cmd.Env, "TF_CPP_MIN_LOG_LEVEL=1") // warnings and worse
	}
	// Other holders of the child's standard error must not block us.
	cmd.WaitDelay = time.Second
	p := &Process{cmd: cmd, log: &tail{limit: 64 << 10}}
	cmd.Stderr = p.log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("worker: starting the TensorFlow process: %w", err)
	}
	preferVictim(cmd.Process.Pid)
	p.in, p.to, p.from = in, newSender(in), newReceiver(out)
	return p, nil
}

// Alive tells whether the child can still be asked.
func (p *Process) Alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended == nil
}

// Version loads libtensorflow in the child and returns its version.
func (p *Process) Version() (string, error) {
	res, err := p.call(context.Background(), request{Op: opVersion})
	return res.Version, err
}

// Close ends the child, and with it every model that it has open. It waits for
// the running request.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return nil // it was waited for when it ended
	}
	p.ended = fmt.Errorf("worker: %w: it was closed", ErrCrashed)
	if err := p.wait(grace); err != nil {
		return fmt.Errorf("worker: the TensorFlow process did not end well: %w%s", err, p.log.quote())
	}
	return nil
}

// wait waits for the child to end, and stops it after a time.
func (p *Process) wait(grace time.Duration) error {
	p.in.Close()
	timer := time.AfterFunc(grace, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	err := p.cmd.Wait()
	plain.RemoveLinks(p.cmd.Process.Pid)
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it ended well, and another process holds its standard error
	}
	return err
}

// call sends one request and waits for its answer. When ctx ends first the
// child is stopped: a run inside libtensorflow cannot be.
func (p *Process) call(ctx context.Context, req request) (response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return response{}, p.ended
	}
	if err := ctx.Err(); err != nil {
		return response{}, fmt.Errorf("worker: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { p.cmd.Process.Kill() })
	var res response
	err := p.to.send(&req)
	if err == nil {
		err = p.from.receive(&res)
	}
	switch {
	case !stop(): // also where the answer was faster
		p.wait(0)
		p.ended = fmt.Errorf("worker: %w: it was stopped while %s (%v)", ErrCrashed, req.doing(), ctx.Err())
		return response{}, fmt.Errorf("worker: %w while %s", ctx.Err(), req.doing())
	case err != nil:
		return response{}, p.crash(req, err)
	case res.Err != "":
		return response{}, res.error()
	}
	return res, nil
}

// crash describes how a child ended that does not answer properly.
func (p *Process) crash(req request, why error) error {
	patience := grace
	gone := errors.Is(why, io.EOF) || errors.Is(why, io.ErrUnexpectedEOF) || errors.Is(why, syscall.EPIPE)
	if !gone {
		patience = 0
	}
	how := "it exited without an answer"
	if err := p.wait(patience); err != nil {
		how = err.Error()
	}
	hint := "this is a crash inside libtensorflow, not a verdict"
	switch {
	case errors.Is(why, lockstep.ErrMemory):
		how, hint = why.Error(), "what it answered was not read"
	case !gone:
		how, hint = why.Error(), "it is no lockstep worker, or another version of it"
	case how == "signal: killed":
		hint = "something stopped it, as a system does that runs out of memory; this is not a verdict"
	}
	p.ended = fmt.Errorf("worker: %w while %s (%s)", ErrCrashed, req.doing(), how)
	return fmt.Errorf("%w: %s%s", p.ended, hint, p.log.quote())
}

// Model is a model that the child has open. It is a lockstep.Tracer.
type Model struct {
	process *Process
	id      int
	sig     lockstep.Signature
	version string
}

// Options choose what to open of a SavedModel, and how; see tfbridge.Option.
type Options struct {
	Tags      []string
	Signature string
	Threads   int
	// Unoptimized is tfbridge.WithoutOptimizer.
	Unoptimized bool
}

// Open opens the SavedModel in dir in the child.
func (p *Process) Open(ctx context.Context, dir string, o Options) (*Model, error) {
	res, err := p.call(ctx, request{Op: opOpen, Dir: dir, Options: o})
	if err != nil {
		return nil, err
	}
	return &Model{process: p, id: res.Model, sig: res.Signature, version: res.Version}, nil
}

// Name returns "tensorflow".
func (m *Model) Name() string { return "tensorflow" }

// Version returns libtensorflow's version.
func (m *Model) Version() string { return m.version }

// Signature returns the signature that Run runs.
func (m *Model) Signature() lockstep.Signature { return m.sig }

// Run computes the signature's outputs, as tfbridge.Model.Run does.
func (m *Model) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	trace, err := m.Trace(ctx, inputs, lockstep.Outputs)
	if err != nil {
		return nil, err
	}
	return trace.Outputs, nil
}

// Trace computes the outputs and what detail asks for.
func (m *Model) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error) {
	sent, err := toSend(inputs)
	if err != nil {
		return nil, err
	}
	res, err := m.process.call(ctx, request{Op: opTrace, Model: m.id, Inputs: sent, Detail: detail})
	if err != nil {
		return nil, err
	}
	trace := &lockstep.Trace{Engine: m.Name(), Layers: res.Layers, Unshown: res.Unshown}
	if trace.Outputs, err = fromWire(res.Outputs); err != nil {
		return nil, err
	}
	if detail >= lockstep.States {
		if trace.States, err = fromWire(res.States); err != nil {
			return nil, err
		}
	}
	if detail >= lockstep.Steps {
		if trace.Steps, err = fromWire(res.Steps); err != nil {
			return nil, err
		}
		if len(res.Traced) > 0 {
			if trace.Traced, err = fromWire(res.Traced); err != nil {
				return nil, err
			}
		}
	}
	return trace, nil
}

// copiesOfInputs is the number of copies in memory at once in this process: the
// caller's, and what is sent.
const copiesOfInputs = 2

// fit tells whether the memory budget has room for sending inputs.
func fit(inputs map[string]*lockstep.Tensor) error {
	total := 0
	for name, t := range inputs {
		if t == nil {
			continue // the child says so
		}
		total += t.Len() * max(t.DType().Size(), 1)
		if err := memory.Fits(total, copiesOfInputs); err != nil {
			return fmt.Errorf("worker: the inputs, with %q, %s: %w", name, t, err)
		}
	}
	return nil
}

// toSend are inputs as they are sent, if there is room for them.
func toSend(inputs map[string]*lockstep.Tensor) ([]wireTensor, error) {
	if err := fit(inputs); err != nil {
		return nil, err
	}
	return toWire(inputs)
}

// Prepare prepares Inner, as tfbridge.Model.Prepare does.
func (m *Model) Prepare(ctx context.Context, want []lockstep.InnerTensor) error {
	_, err := m.process.call(ctx, request{Op: opPrepare, Model: m.id, Want: want})
	return err
}

// Inner computes tensors inside the signature's graph, as tfbridge.Model.Inner does.
func (m *Model) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	req, err := m.from(request{Op: opInner, Want: want}, inputs, given)
	if err != nil {
		return nil, err
	}
	res, err := m.process.call(ctx, req)
	if err != nil {
		return nil, err
	}
	return listFromWire(res.Inner, len(want))
}

// from completes a request that computes from inputs and inner tensors.
func (m *Model) from(req request, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor) (request, error) {
	req.Model = m.id
	var err error
	if req.Inputs, err = toSend(inputs); err != nil {
		return req, err
	}
	for _, g := range given {
		w, err := wire(g.Name(), g.Value)
		if err != nil {
			return req, err
		}
		req.Given, req.Values = append(req.Given, g.InnerTensor), append(req.Values, w)
	}
	return req, nil
}

// Weights reads the weights out of the running session.
func (m *Model) Weights() (lockstep.Weights, error) {
	res, err := m.process.call(context.Background(), request{Op: opWeights, Model: m.id})
	if err != nil {
		return nil, err
	}
	weights := make(lockstep.Weights, len(res.Weights))
	for i, w := range res.Weights {
		t, err := w.tensor()
		if err != nil {
			return nil, err
		}
		weights[i] = lockstep.NamedTensor{Name: w.Name, Tensor: t}
	}
	return weights, nil
}

// Close frees the model in the child; calls after it are tfbridge.ErrClosed.
func (m *Model) Close() error {
	_, err := m.process.call(context.Background(), request{Op: opClose, Model: m.id})
	return err
}

// tail keeps the last bytes that are written to it.
type tail struct {
	mu    sync.Mutex
	limit int
	b     []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if len(t.b) > t.limit {
		t.b = bytes.Clone(t.b[len(t.b)-t.limit:])
	}
	return len(b), nil
}

// lastWords matches where a process says why it ends: TensorFlow's failed CHECK
// ("F0000 …" or "… F tensorflow/…"), Go's panic or fatal error, a signal.
var lastWords = regexp.MustCompile(`(?m)^(F\d{4} |\d{4}-\d\d-\d\d [\d:.]+: F |panic: |fatal error: |runtime: |SIG[A-Z]+: |terminate called ).*`)

// quote returns what was written last, indented, for the end of an error.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 12
	text := strings.TrimSpace(string(t.b))
	if text == "" {
		return ""
	}
	// What follows the reason is a traceback, which is long.
	if at := lastWords.FindStringIndex(text); at != nil {
		text = text[at[0]:]
		if lines := strings.Split(text, "\n"); len(lines) > most {
			text = strings.Join(lines[:most], "\n") + "\n…"
		}
	} else if lines := strings.Split(text, "\n"); len(lines) > most {
		text = "…\n" + strings.Join(lines[len(lines)-most:], "\n")
	}
	return "; it last wrote:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
}
