// Package worker runs tfbridge in a child process, so that a crash of
// libtensorflow ends the child and is an error here, never the end of the
// program and never an exit code that could be taken for a verdict.
//
// The child is the same program again (or another that calls Serve), started
// with a command line of the caller's choice. One child serves any number of
// models, one request at a time, over its standard input and output.
package worker

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// ErrCrashed is wrapped by the error of a request during which the child
// ended, and of every request after it.
var ErrCrashed = errors.New("the TensorFlow process ended")

// Process is a running child. It may be used by several goroutines; requests
// wait for each other.
type Process struct {
	mu      sync.Mutex
	cmd     *exec.Cmd
	in      io.WriteCloser
	enc     *gob.Encoder
	dec     *gob.Decoder
	log     *tail
	crashed error
}

// Start runs a child that calls Serve. What it writes to standard error is
// kept back: TensorFlow greets there. A crash shows the last lines of it.
func Start(name string, args ...string) (*Process, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = os.Environ()
	if _, set := os.LookupEnv("TF_CPP_MIN_LOG_LEVEL"); !set {
		cmd.Env = append(cmd.Env, "TF_CPP_MIN_LOG_LEVEL=1") // warnings and worse
	}
	p := &Process{cmd: cmd, log: &tail{limit: 8 << 10}}
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
	p.in, p.enc, p.dec = in, gob.NewEncoder(in), gob.NewDecoder(out)
	return p, nil
}

// Alive tells whether the child can still be asked.
func (p *Process) Alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crashed == nil
}

// Version loads libtensorflow in the child and returns its version.
func (p *Process) Version() (string, error) {
	res, err := p.call(context.Background(), request{Op: opVersion})
	return res.Version, err
}

// Close ends the child, and with it every model that it has open.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crashed != nil {
		return nil // it was waited for when it ended
	}
	p.crashed = fmt.Errorf("worker: %w: it was closed", ErrCrashed)
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("worker: the TensorFlow process did not end well: %w%s", err, p.log.quote())
	}
	return nil
}

// call sends one request and waits for its answer. When ctx ends first the
// child is stopped: a run inside libtensorflow cannot be.
func (p *Process) call(ctx context.Context, req request) (response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crashed != nil {
		return response{}, p.crashed
	}
	if err := ctx.Err(); err != nil {
		return response{}, fmt.Errorf("worker: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { p.cmd.Process.Kill() })
	defer stop()

	var res response
	err := p.enc.Encode(req)
	if err == nil {
		err = p.dec.Decode(&res)
	}
	if err != nil {
		return response{}, p.ended(ctx, req)
	}
	if res.Err != "" {
		return response{}, errors.New(res.Err)
	}
	return res, nil
}

// ended waits for a child that no longer answers and says how it ended.
func (p *Process) ended(ctx context.Context, req request) error {
	p.in.Close()
	how := "it exited without an answer"
	if err := p.cmd.Wait(); err != nil {
		how = err.Error()
	}
	p.crashed = fmt.Errorf("worker: %w (%s)%s", ErrCrashed, how, p.log.quote())
	if ctx.Err() != nil {
		p.crashed = fmt.Errorf("worker: %w", ctx.Err())
		return p.crashed
	}
	return fmt.Errorf("worker: %w while %s (%s): this is a crash inside libtensorflow, not a verdict%s", ErrCrashed, req.doing(), how, p.log.quote())
}

// Model is a model that the child has open. It is a lockstep.Tracer.
type Model struct {
	process *Process
	id      int
	sig     lockstep.Signature
	version string
}

// Options choose what of a SavedModel is opened, and how; see tfbridge.Option.
type Options struct {
	Tags      []string
	Signature string
	Threads   int
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
	sent, err := toWire(inputs)
	if err != nil {
		return nil, err
	}
	res, err := m.process.call(ctx, request{Op: opTrace, Model: m.id, Inputs: sent, Detail: detail})
	if err != nil {
		return nil, err
	}
	trace := &lockstep.Trace{Engine: m.Name(), Layers: res.Layers}
	if trace.Outputs, err = fromWire(res.Outputs); err != nil {
		return nil, err
	}
	if trace.States, err = fromWire(res.States); err != nil {
		return nil, err
	}
	return trace, nil
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

// Close frees the model in the child.
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

// quote returns the last lines, indented, for the end of an error.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	// A Go traceback is long and its head says what happened.
	if len(lines) > 12 {
		lines = append(lines[:12:12], "…")
	}
	return "; it last wrote:\n    " + strings.Join(lines, "\n    ")
}
