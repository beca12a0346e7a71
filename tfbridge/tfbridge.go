// Package tfbridge runs a SavedModel in libtensorflow and shows what happens
// inside it: it is lockstep's reference engine, and the only package with cgo.
//
// Without the build tag "tensorflow" the package compiles everywhere, has the
// same API, and Open returns lockstep.ErrNoTensorFlow. With it, libtensorflow
// is found when the first model is opened, not when the program starts, if the
// program was linked as `make build` links it; a program that links
// libtensorflow directly works as well.
//
// # How tfgo is used
//
// The TensorFlow binding is that of github.com/galeone/tfgo,
// github.com/galeone/tensorflow/tensorflow/go. Its calls are used directly,
// instead of tfgo's, which hide what is needed here:
//
//   - tf.LoadSavedModel for tfgo.LoadModel, which panics on every failure and
//     whose Model has no Close and keeps the session, the graph and the
//     signatures to itself;
//   - Graph.Operation for Model.Op, which panics on a wrong name and which
//     has nothing but that hidden graph to look in;
//   - Graph.ImportWithOptions and Graph.AddOperation, which need that graph,
//     to fetch a layer's inner tensors and to read variables;
//   - Session.Run for Model.Exec, which panics where Run returns the error.
//
// For users of tfgo: Open gets the directory, and Run the names of the
// signature where Exec needed graph operations. The tests run a tfgo user's own
// code (LoadModel, Op, Exec) and this package on one model, with equal answers.
//
// # Memory
//
// The binding frees graphs and tensors in finalizers, and Go's collector does
// not see the C memory behind them. So Close runs a collection, and so does
// every run that brings the tensors handed out since the last one above 64 MiB.
//
// # Crashes
//
// Errors and panics of the binding come back as errors. libtensorflow itself
// can end the whole process on bad input (a failed CHECK); package
// tfbridge/worker runs this one in a child process to prevent that.
package tfbridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
)

// errNotLinked is why nothing can be opened in a build without TensorFlow.
var errNotLinked = lockstep.NoTensorFlow(errors.New("tfbridge: this program was built without TensorFlow; in a checkout of lockstep, `make build` makes one with it"))

// ErrClosed is wrapped by the error of every call after Close.
var ErrClosed = errors.New("the model is closed")

// Model is a SavedModel in a libtensorflow session, ready to run one of its
// signatures. It may be used by several goroutines. Close frees the session.
type Model struct {
	sig lockstep.Signature

	mu      sync.RWMutex // held for reading while a call uses the session
	session session      // nil once closed
}

// session is what the build with TensorFlow supplies.
type session interface {
	signature() lockstep.Signature
	run(inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)
	trace(inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (*lockstep.Trace, error)
	weights() (lockstep.Weights, error)
	prepare(want []lockstep.InnerTensor) error
	inner(inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) ([]*lockstep.Tensor, error)
	loop(inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want lockstep.LoopTensors) (sessionLoop, error)
	// close is called once, when no other call is running.
	close() error
}

// sessionLoop is a loop in progress in a session.
type sessionLoop interface {
	next(bytes int64) ([]lockstep.Iteration, error)
	results() ([]*lockstep.Tensor, error)
}

type settings struct {
	tags        []string
	signature   string
	threads     int
	unoptimized bool
}

// maxThreads keeps a mistyped number from ending the process: libtensorflow
// starts all threads at once and aborts if it cannot.
const maxThreads = 1024

// Option changes how Open works.
type Option func(*settings)

// WithTags chooses the meta graph by its tags; without it, it is the one with the
// tag "serve", else the only one.
func WithTags(tags ...string) Option {
	return func(s *settings) { s.tags = slices.Clone(tags) }
}

// WithSignature chooses the signature; without it, it is serving_default, else
// the only one that the model has.
func WithSignature(name string) Option {
	return func(s *settings) { s.signature = name }
}

// WithThreads gives the session n threads to run operations on; without it,
// sessions share one a core. The threads inside one operation belong to the
// process: the first model that it opens says how many.
func WithThreads(n int) Option {
	return func(s *settings) { s.threads = n }
}

// WithoutOptimizer runs the graph as it is written: TensorFlow's graph optimizer,
// Grappler, fuses and rewrites operations otherwise, which may change what a model
// computes.
func WithoutOptimizer() Option {
	return func(s *settings) { s.unoptimized = true }
}

// Open loads the SavedModel in dir, or in a zip of one, which is unpacked until
// Close, into a libtensorflow session. What
// libtensorflow does not check, that the checkpoint's shapes are those of the
// graph's variables, is checked here.
func Open(dir string, options ...Option) (*Model, error) {
	var s settings
	for _, o := range options {
		o(&s)
	}
	if s.threads < 0 || s.threads > maxThreads {
		return nil, fmt.Errorf("tfbridge: %d threads asked for, want 1 to %d, or 0 for one a core", s.threads, maxThreads)
	}
	inner, err := open(dir, s)
	if err != nil {
		return nil, err
	}
	return &Model{sig: inner.signature(), session: inner}, nil
}

// Built tells whether this build has TensorFlow in it, wherever the library is.
func Built() bool { return built }

// Available returns nil if this build can open models, lockstep.ErrNoTensorFlow or the
// reason why libtensorflow could not be loaded otherwise.
func Available() error { return available() }

// Version returns libtensorflow's version, such as "2.21.0", and "" where
// there is none.
func Version() string { return version() }

// FreeMemory gives memory back to the system that neither Go nor libtensorflow uses
// any more. It takes some milliseconds.
func FreeMemory() { freeMemory() }

// Name returns "tensorflow".
func (m *Model) Name() string { return "tensorflow" }

// Signature returns the signature that Run runs.
func (m *Model) Signature() lockstep.Signature { return m.sig }

// Run computes the signature's outputs. The inputs must be exactly those of
// the signature in name, type, rank and fixed axes; libtensorflow would take
// others and answer something. A stateful layer (stateful=True) begins with the
// states in the model's files at each call, as in the native engine. A run that has
// begun is not interrupted when ctx ends.
func (m *Model) Run(ctx context.Context, inputs map[string]*lockstep.Tensor) (out map[string]*lockstep.Tensor, err error) {
	if err := m.check(ctx, inputs); err != nil {
		return nil, err
	}
	err = m.use(func(s session) (err error) {
		out, err = s.run(inputs)
		return err
	})
	return out, err
}

// Trace computes the outputs and what detail asks for. The inner tensors are
// fetched out of the model's own graph; the model need not offer them.
func (m *Model) Trace(ctx context.Context, inputs map[string]*lockstep.Tensor, detail lockstep.Detail) (trace *lockstep.Trace, err error) {
	if err := m.check(ctx, inputs); err != nil {
		return nil, err
	}
	err = m.use(func(s session) (err error) {
		trace, err = s.trace(inputs, detail)
		return err
	})
	return trace, err
}

// Inner computes tensors inside the signature's graph, from the inputs and from
// others of its tensors. TensorFlow's graph optimizer then fuses none of them with
// what follows: each is the result of one operation.
func (m *Model) Inner(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want []lockstep.InnerTensor) (out []*lockstep.Tensor, err error) {
	if err := m.check(ctx, inputs); err != nil {
		return nil, err
	}
	err = m.use(func(s session) (err error) {
		out, err = s.inner(inputs, given, want)
		return err
	})
	return out, err
}

// Prepare prepares Inner for all tensors that it will be asked for, in whatever runs.
func (m *Model) Prepare(ctx context.Context, want []lockstep.InnerTensor) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tfbridge: %w", err)
	}
	return m.use(func(s session) error { return s.prepare(want) })
}

// Loop runs the iterations of a loop inside the signature's graph, by its condition and
// its body, which are imported into the session's graph. It begins with the variables
// that Inner would compute.
func (m *Model) Loop(ctx context.Context, inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want lockstep.LoopTensors) (lockstep.LoopRun, error) {
	if err := m.check(ctx, inputs); err != nil {
		return nil, err
	}
	l := &loopInModel{model: m}
	err := m.use(func(s session) (err error) {
		l.of, err = s.loop(inputs, given, want)
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// loopInModel is a loop in progress, as long as the model is open.
type loopInModel struct {
	model *Model
	of    sessionLoop
}

func (l *loopInModel) Next(ctx context.Context, bytes int64) (out []lockstep.Iteration, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	err = l.model.use(func(session) (err error) {
		out, err = l.of.next(bytes)
		return err
	})
	return out, err
}

func (l *loopInModel) Results(context.Context) (out []*lockstep.Tensor, err error) {
	err = l.model.use(func(session) (err error) {
		out, err = l.of.results()
		return err
	})
	return out, err
}

func (l *loopInModel) Close() error { return nil }

// Weights reads the weights out of the running session, in the order of
// Keras's get_weights(). Which variable is which is found by following the
// graph from the recurrent loops, never from names or their order. It fails
// for a model that is no LSTM sequence-to-sequence model, saying what it is.
func (m *Model) Weights() (weights lockstep.Weights, err error) {
	err = m.use(func(s session) (err error) {
		weights, err = s.weights()
		return err
	})
	return weights, err
}

// Close frees the session, after running calls have returned.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session == nil {
		return fmt.Errorf("tfbridge: %w", ErrClosed)
	}
	s := m.session
	m.session = nil
	return s.close()
}

// use keeps the session open while call runs.
func (m *Model) use(call func(session) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.session == nil {
		return fmt.Errorf("tfbridge: %w", ErrClosed)
	}
	return call(m.session)
}

func (m *Model) check(ctx context.Context, inputs map[string]*lockstep.Tensor) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tfbridge: %w", err)
	}
	if err := m.sig.CheckInputs(inputs); err != nil {
		return fmt.Errorf("tfbridge: %w", err)
	}
	return nil
}
