package tfbridge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
)

// A Model is these.
var (
	_ lockstep.Tracer  = (*Model)(nil)
	_ lockstep.Weigher = (*Model)(nil)
)

// fake is a session without libtensorflow. What it does while it is closed is
// what libtensorflow would crash on.
type fake struct {
	t       *testing.T
	hold    chan struct{} // calls wait for it, if there is one
	begun   chan struct{} // gets one value a call
	running atomic.Int32
	closed  atomic.Bool
}

func (f *fake) call() {
	if f.closed.Load() {
		f.t.Error("the session was used after it was closed")
	}
	f.running.Add(1)
	defer f.running.Add(-1)
	if f.begun != nil {
		f.begun <- struct{}{}
	}
	if f.hold != nil {
		<-f.hold
	}
}

func (f *fake) signature() lockstep.Signature {
	return lockstep.Signature{Name: "serve", Inputs: []lockstep.TensorSpec{{Name: "x", DType: lockstep.Float32, Shape: []int{-1, 2}}}}
}

func (f *fake) run(in map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	f.call()
	return in, nil
}

func (f *fake) trace(in map[string]*lockstep.Tensor, _ lockstep.Detail) (*lockstep.Trace, error) {
	f.call()
	return &lockstep.Trace{Outputs: in}, nil
}

func (f *fake) inner(map[string]*lockstep.Tensor, []lockstep.GivenTensor, []lockstep.InnerTensor) ([]*lockstep.Tensor, error) {
	f.call()
	return nil, nil
}

func (f *fake) prepare([]lockstep.InnerTensor) error {
	f.call()
	return nil
}

func (f *fake) loop(map[string]*lockstep.Tensor, []lockstep.GivenTensor, lockstep.LoopTensors) (sessionLoop, error) {
	f.call()
	return f, nil
}

func (f *fake) next(int64) ([]lockstep.Iteration, error) {
	f.call()
	return []lockstep.Iteration{{}}, nil
}

func (f *fake) results() ([]*lockstep.Tensor, error) {
	f.call()
	return nil, nil
}

func (f *fake) weights() (lockstep.Weights, error) {
	f.call()
	return lockstep.Weights{{Name: "w"}}, nil
}

func (f *fake) close() error {
	if f.running.Load() != 0 {
		f.t.Error("the session was closed during a call")
	}
	if f.closed.Swap(true) {
		f.t.Error("the session was closed twice")
	}
	return nil
}

func newFake(t *testing.T) (*fake, *Model, map[string]*lockstep.Tensor) {
	f := &fake{t: t}
	x, err := lockstep.Zeros(lockstep.Float32, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return f, &Model{sig: f.signature(), session: f}, map[string]*lockstep.Tensor{"x": x}
}

func TestCallsPassThrough(t *testing.T) {
	_, m, in := newFake(t)
	ctx := context.Background()
	out, err := m.Run(ctx, in)
	if err != nil || out["x"] != in["x"] {
		t.Errorf("Run: %v, %v", out, err)
	}
	trace, err := m.Trace(ctx, in, lockstep.States)
	if err != nil || trace.Outputs["x"] != in["x"] {
		t.Errorf("Trace: %v, %v", trace, err)
	}
	weights, err := m.Weights()
	if err != nil || len(weights) != 1 {
		t.Errorf("Weights: %v, %v", weights, err)
	}
	if m.Name() != "tensorflow" || m.Signature().Name != "serve" {
		t.Errorf("Name %q, Signature %v", m.Name(), m.Signature())
	}
}

func TestInputsAreCheckedBeforeTheSessionIsAsked(t *testing.T) {
	f, m, in := newFake(t)
	f.begun = make(chan struct{}) // a call would hang
	x, _ := lockstep.Zeros(lockstep.Float32, 1, 3)
	for name, c := range map[string]struct {
		in   map[string]*lockstep.Tensor
		want string
	}{
		"fixed axis": {map[string]*lockstep.Tensor{"x": x}, "axis 1 is 3, want 2"},
		"missing":    {nil, "no input x"},
	} {
		if _, err := m.Run(context.Background(), c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Run: %v, want %q", name, err, c.want)
		}
		if _, err := m.Trace(context.Background(), c.in, lockstep.States); err == nil || !strings.HasPrefix(err.Error(), "tfbridge: ") {
			t.Errorf("%s: Trace: %v, want %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Run(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("Run after the context ended: %v", err)
	}
	if _, err := m.Trace(ctx, in, lockstep.Outputs); !errors.Is(err, context.Canceled) {
		t.Errorf("Trace after the context ended: %v", err)
	}
}

func TestAClosedModelAnswersWithErrClosed(t *testing.T) {
	_, m, in := newFake(t)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, m, in)
	if m.Signature().Name != "serve" {
		t.Error("the signature is gone")
	}
}

func wantClosed(t *testing.T, m *Model, in map[string]*lockstep.Tensor) {
	t.Helper()
	_, run := m.Run(context.Background(), in)
	_, trace := m.Trace(context.Background(), in, lockstep.States)
	_, weights := m.Weights()
	for call, err := range map[string]error{"Run": run, "Trace": trace, "Weights": weights, "Close": m.Close()} {
		if !errors.Is(err, ErrClosed) || err.Error() != "tfbridge: the model is closed" {
			t.Errorf("%s after Close: %v, want ErrClosed", call, err)
		}
	}
}

func TestCloseWaitsForCallsUnderWay(t *testing.T) {
	f, m, in := newFake(t)
	f.hold, f.begun = make(chan struct{}), make(chan struct{})
	const calls = 3
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if _, err := m.Run(context.Background(), in); err != nil {
				t.Errorf("a run that had begun before Close: %v", err)
			}
		})
	}
	for range calls {
		<-f.begun
	}
	closed := make(chan error)
	go func() { closed <- m.Close() }()
	select {
	case <-closed:
		t.Error("Close returned during calls")
	case <-time.After(20 * time.Millisecond):
	}
	close(f.hold)
	wg.Wait()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	f.begun = nil
	wantClosed(t, m, in)
}

func TestOpenRefusesImpossibleThreads(t *testing.T) {
	for _, n := range []int{-1, 1025} {
		_, err := Open(t.TempDir(), WithThreads(n))
		if err == nil || !strings.Contains(err.Error(), "threads asked for, want 1 to 1024, or 0 for one a core") {
			t.Errorf("%d threads: %v", n, err)
		}
	}
}
