//go:build tensorflow

package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/tfbridge"
)

func open(t *testing.T, p *Process, name string) *Model {
	t.Helper()
	m, err := p.Open(context.Background(), fixture.Dir(t, name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sameTensors wants the same names and the same bits.
func sameTensors(t *testing.T, got, want map[string]*lockstep.Tensor) {
	t.Helper()
	if len(got) != len(want) || (got == nil) != (want == nil) {
		t.Errorf("%d tensors, want %d", len(got), len(want))
	}
	for name, w := range want {
		if !got[name].BitEqual(w) {
			t.Errorf("%s is %s here and %s there, or differs", name, got[name], w)
		}
	}
}

// sameLoop compares the iterations of a loop.
func sameLoop(t *testing.T, name string, m *Model, here *tfbridge.Model, inputs map[string]*lockstep.Tensor) {
	t.Helper()
	all := operationsOf(t, name, inputs)
	i := slices.IndexFunc(all, func(op lockstep.Operation) bool { return op.Loop != nil })
	want := lockstep.LoopTensors{Node: all[i].Node, Results: all[i].Results}
	for _, op := range all[i].Loop.Condition {
		want.Condition = append(want.Condition, op.Results...)
	}
	for _, op := range all[i].Loop.Body {
		want.Body = append(want.Body, op.Results...)
	}
	run := func(engine lockstep.LoopProber) (out []*lockstep.Tensor, iterations int) {
		l, err := engine.Loop(t.Context(), inputs, nil, want)
		if err != nil {
			t.Fatal(err)
		}
		for over := false; !over; {
			some, err := l.Next(t.Context(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range some {
				over = !it.Holds
				out = append(append(out, it.Condition...), it.Body...)
				iterations++
			}
		}
		last, err := l.Results(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Next(t.Context(), 0); engine == lockstep.LoopProber(m) && err == nil {
			t.Error("no error of a loop that was closed")
		}
		return append(out, last...), iterations
	}
	a, n := run(m)
	b, k := run(here)
	if n != k || n < 2 || len(a) != len(b) {
		t.Fatalf("%s: %d iterations with %d tensors, want %d with %d", name, n, len(a), k, len(b))
	}
	for i := range a {
		if !a[i].BitEqual(b[i]) {
			t.Errorf("%s: tensor %d is %s, want %s", name, i, a[i], b[i])
		}
	}
	want.Node = "none"
	if _, err := m.Loop(t.Context(), inputs, nil, want); err == nil {
		t.Error("no error for a loop that there is not")
	}
}

// One child serves several models, and answers as tfbridge does in this process.
func TestTheChildAnswersAsTfbridge(t *testing.T) {
	p := start(t, "serve")
	version, err := p.Version()
	if err != nil || version != tfbridge.Version() {
		t.Errorf("version %q, %v", version, err)
	}
	names := []string{"states_out_keras3", "seed_units1_keras3", "not_lstm_classifier", "module_autograph_lstm"}
	var models []*Model
	for _, name := range names {
		models = append(models, open(t, p, name))
	}
	for i, name := range names {
		m := models[i]
		here, err := tfbridge.Open(fixture.Dir(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer here.Close()
		if m.Name() != here.Name() || m.Version() != version {
			t.Errorf("name %q, version %q", m.Name(), m.Version())
		}
		if a, b := m.Signature(), here.Signature(); a.Name != b.Name || !slices.EqualFunc(a.Inputs, b.Inputs, sameSpec) || !slices.EqualFunc(a.Outputs, b.Outputs, sameSpec) {
			t.Errorf("%s: signature %v, want %v", name, a, b)
		}
		inputs := fixture.Tensors(t, name, "inputs.npz")
		for _, detail := range []lockstep.Detail{lockstep.Outputs, lockstep.States} {
			got, err := m.Trace(context.Background(), inputs, detail)
			if err != nil {
				t.Fatal(err)
			}
			want, err := here.Trace(context.Background(), inputs, detail)
			if err != nil {
				t.Fatal(err)
			}
			if got.Engine != want.Engine || !slices.Equal(got.Layers, want.Layers) {
				t.Errorf("%s: engine %q, layers %q, want %q, %q", name, got.Engine, got.Layers, want.Engine, want.Layers)
			}
			sameTensors(t, got.Outputs, want.Outputs)
			sameTensors(t, got.States, want.States)
		}
		sameInner(t, name, m, here, inputs)
		if name == "module_autograph_lstm" {
			sameLoop(t, name, m, here, inputs)
		}
		run, err := m.Run(context.Background(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		want, err := here.Run(context.Background(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		sameTensors(t, run, want)

		weights, err := m.Weights()
		wantWeights, wantErr := here.Weights()
		if wantErr != nil {
			if err == nil || err.Error() != wantErr.Error() {
				t.Errorf("%s: weights %v, want %v", name, err, wantErr)
			}
			continue
		}
		if err != nil || len(weights) != len(wantWeights) {
			t.Fatalf("%s: %d weights, %v", name, len(weights), err)
		}
		for k, w := range wantWeights {
			if weights[k].Name != w.Name || !weights[k].Tensor.BitEqual(w.Tensor) {
				t.Errorf("%s: weight %d is %s, want %s, or differs", name, k, weights[k].Name, w.Name)
			}
		}
	}

	// A model that is closed is closed, and its neighbours are not.
	inputs := fixture.Tensors(t, names[0], "inputs.npz")
	if err := models[0].Close(); err != nil {
		t.Error(err)
	}
	if _, err := models[0].Run(context.Background(), inputs); !errors.Is(err, tfbridge.ErrClosed) {
		t.Errorf("a run after Close: %v, want ErrClosed", err)
	}
	if err := models[0].Close(); !errors.Is(err, tfbridge.ErrClosed) {
		t.Errorf("Close after Close: %v, want ErrClosed", err)
	}
	if _, err := models[1].Run(context.Background(), fixture.Tensors(t, names[1], "inputs.npz")); err != nil {
		t.Error(err)
	}
	if _, err := models[1].Run(context.Background(), inputs); err == nil || !strings.Contains(err.Error(), "axis 2 is 3, want 1") {
		t.Errorf("another model's inputs: %v", err)
	}
	if err := p.Close(); err != nil { // with two models open
		t.Error(err)
	}
}

func sameSpec(a, b lockstep.TensorSpec) bool { return a.String() == b.String() }

func TestOptionsTravel(t *testing.T) {
	p := start(t, "serve")
	dir := fixture.Dir(t, "seed_units1_keras3")
	m, err := p.Open(context.Background(), dir, Options{Tags: []string{"serve"}, Signature: "serve", Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if m.Signature().Name != "serve" {
		t.Errorf("signature %q, want serve", m.Signature().Name)
	}
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{Tags: []string{"train"}}, "no graph with the tags {train}"},
		{Options{Signature: "predict"}, `no signature "predict"`},
		{Options{Threads: -1}, "-1 threads asked for"},
	} {
		_, err := p.Open(context.Background(), dir, c.options)
		wantWords(t, err, "tfbridge: ", c.want)
	}
}

// addCrash gives the model's initialiser, which loading runs and which no
// signature reaches, a sum to compute, one of whose constants is not of the
// type that it says: in libtensorflow a failed CHECK ends the process.
func addCrash(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "saved_model.pb")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m pb.SavedModel
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	type attrs = map[string]*attr_value_go_proto.AttrValue
	dtype := func(d types_go_proto.DataType) *attr_value_go_proto.AttrValue {
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: d}}
	}
	constant := func(name string, says types_go_proto.DataType, value *tensor_go_proto.TensorProto) *node_def_go_proto.NodeDef {
		return &node_def_go_proto.NodeDef{Name: name, Op: "Const", Attr: attrs{
			"dtype": dtype(says),
			"value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: value}},
		}}
	}
	one := func(d types_go_proto.DataType) *tensor_go_proto.TensorProto {
		return &tensor_go_proto.TensorProto{Dtype: d, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, IntVal: []int32{1}}
	}
	meta := m.GetMetaGraphs()[0]
	g := meta.GetGraphDef()
	g.Node = append(g.Node,
		constant("crash/x", types_go_proto.DataType_DT_INT32, one(types_go_proto.DataType_DT_INT32)),
		constant("crash/y", types_go_proto.DataType_DT_INT32, one(types_go_proto.DataType_DT_QINT8)),
		&node_def_go_proto.NodeDef{Name: "crash/sum", Op: "AddV2", Input: []string{"crash/x", "crash/y"}, Attr: attrs{"T": dtype(types_go_proto.DataType_DT_INT32)}},
	)
	init := meta.GetSignatureDef()["__saved_model_init_op"].GetOutputs()["__saved_model_init_op"].GetName()
	i := slices.IndexFunc(g.Node, func(n *node_def_go_proto.NodeDef) bool { return n.GetName() == init })
	if i < 0 {
		t.Fatalf("the model has no initialiser %q", init)
	}
	g.Node[i].Input = append(g.Node[i].Input, "^crash/sum")
	if b, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A real crash: libtensorflow aborts, and we read about it.
func TestACrashInsideTensorFlow(t *testing.T) {
	p := start(t, "serve")
	good := open(t, p, "seed_units1_keras3")
	dir := fixture.Dir(t, "seed_units1_keras3")
	addCrash(t, dir)
	_, err := p.Open(context.Background(), dir, Options{})
	if !errors.Is(err, ErrCrashed) {
		t.Fatalf("error %v, want ErrCrashed: does libtensorflow check this now?", err)
	}
	t.Log(err)
	wantWords(t, err, "while loading "+dir, "a crash inside libtensorflow, not a verdict", "it last wrote:\n    F", "Check failed")
	if _, err := good.Weights(); !errors.Is(err, ErrCrashed) {
		t.Errorf("the other model: %v, want ErrCrashed", err)
	}
	// A new child is all it takes.
	p = start(t, "serve")
	open(t, p, "seed_units1_keras3")
}

// long returns inputs that take a minute.
func long(t *testing.T) map[string]*lockstep.Tensor {
	t.Helper()
	encoder, err := lockstep.Zeros(lockstep.Float32, 1, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := lockstep.Zeros(lockstep.Float32, 1, 3_000_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*lockstep.Tensor{"encoder_input": encoder, "decoder_input": decoder}
}

func TestTheChildIsKilledWhileItRuns(t *testing.T) {
	p := start(t, "serve")
	m := open(t, p, "seed_units1_keras3")
	time.AfterFunc(500*time.Millisecond, func() { syscall.Kill(p.cmd.Process.Pid, syscall.SIGKILL) })
	_, err := m.Run(context.Background(), long(t))
	if !errors.Is(err, ErrCrashed) {
		t.Fatalf("error %v, want ErrCrashed", err)
	}
	wantWords(t, err, "while running the model (signal: killed)", "out of memory")
}

func TestTheContextEndsWhileItRuns(t *testing.T) {
	p := start(t, "serve")
	sent := &hook{Writer: p.in}
	p.to = newSender(sent)
	m := open(t, p, "seed_units1_keras3")
	if _, err := m.Run(context.Background(), fixture.Tensors(t, "seed_units1_keras3", "inputs.npz")); err != nil {
		t.Fatal(err) // from now on a request is one write
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var begun time.Time
	sent.then = func() {
		begun = time.Now()
		time.AfterFunc(300*time.Millisecond, cancel)
	}
	_, err := m.Run(ctx, long(t))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	wantWords(t, err, "while running the model")
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// A parent that dies while libtensorflow runs is noticed as well.
func TestTheChildEndsInTheMiddleOfARun(t *testing.T) {
	p := start(t, "serve")
	m := open(t, p, "seed_units1_keras3")
	time.AfterFunc(500*time.Millisecond, func() { p.in.Close() })
	begun := time.Now()
	if _, err := m.Run(context.Background(), long(t)); !errors.Is(err, ErrCrashed) {
		t.Errorf("error %v, want ErrCrashed", err)
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}
