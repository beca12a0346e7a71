//go:build tensorflow

package tfbridge

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// tfSession is a model in libtensorflow, and what its files say about it.
type tfSession struct {
	dir   string // or a zip, for messages
	saved *tf.SavedModel
	// release ends the use of the path that libtensorflow was given: a model may
	// open an asset while it runs.
	release func()
	meta    *savedmodel.MetaGraph
	graph   *savedmodel.Graph // the signature, its function calls inlined
	sig     lockstep.Signature

	inputs  map[string]tf.Output
	outputs []string // in order of name, as fetches
	fetches []tf.Output

	keeper keeper

	// Found once, when first needed: with the layers inside loops and branches, and
	// without.
	states   [2]func() stateTaps
	stepping [2]func() steppers
	reading  func() ([]weightTap, error)
	probing  func() (*innerGraph, error)
}

func open(dir string, s settings) (session, error) {
	if err := load(); err != nil {
		return nil, err
	}
	// Everything that can be wrong with the files is found by our own reader
	// first: its messages say more, and libtensorflow accepts a checkpoint of
	// another model.
	model, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	meta, err := model.MetaGraph(s.tags...)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	sig, err := meta.Signature(s.signature)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	if err := sig.CheckTypes(); err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	graph, err := meta.Flatten(sig.Name)
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	if err := graph.CheckVariables(); err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	config, err := proto.Marshal(&corepb.ConfigProto{
		IntraOpParallelismThreads: int32(s.threads),
		InterOpParallelismThreads: int32(s.threads),
		UsePerSessionThreads:      s.threads > 0,
		GraphOptions:              &corepb.GraphOptions{RewriteOptions: rewrites(s.unoptimized)},
	})
	if err != nil {
		return nil, fmt.Errorf("tfbridge: %w", err)
	}
	m := &tfSession{dir: dir, meta: meta, graph: graph, sig: sig}
	for i, nested := range []bool{true, false} {
		m.states[i] = sync.OnceValue(func() stateTaps { return m.findStates(nested) })
		m.stepping[i] = sync.OnceValue(func() steppers { return m.findSteppers(nested) })
	}
	m.reading = sync.OnceValues(m.findWeights)
	m.probing = sync.OnceValues(m.findInner)
	err = guard("loading "+dir, func() (err error) {
		m.saved, m.release, err = loadFiles(dir, model, meta, &tf.SessionOptions{Config: config})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := m.bind(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// rewrites limits how TensorFlow may rewrite a graph; nil for its default. The
// switch for all of it (disable_meta_optimizer) and the one that leaves functions
// as they are do not reach the functions that a signature calls, which are then
// optimized each by itself. So functions are inlined, and everything else is
// off.
func rewrites(none bool) *corepb.RewriterConfig {
	if !none {
		return nil
	}
	const off = corepb.RewriterConfig_OFF
	return &corepb.RewriterConfig{
		DisableModelPruning: true,
		LayoutOptimizer:     off, ConstantFolding: off, ShapeOptimization: off, Remapping: off, ArithmeticOptimization: off,
		DependencyOptimization: off, LoopOptimization: off, DebugStripper: off,
		AutoMixedPrecision: off, CommonSubgraphElimination: off, ScopedAllocatorOptimization: off, PinToHostOptimization: off,
		ImplementationSelector: off, MemoryOptimization: corepb.RewriterConfig_NO_MEM_OPT,
	}
}

// bind finds the operations for the signature's names.
func (m *tfSession) bind() error {
	names, ok := m.saved.Signatures[m.sig.Name]
	if !ok {
		return fmt.Errorf("tfbridge: libtensorflow does not see the signature %q in %s", m.sig.Name, m.dir)
	}
	m.inputs = map[string]tf.Output{}
	for name, info := range names.Inputs {
		out, err := m.operation(info.Name)
		if err != nil {
			return fmt.Errorf("tfbridge: input %q: %w", name, err)
		}
		m.inputs[name] = out
	}
	for _, name := range slices.Sorted(maps.Keys(names.Outputs)) {
		out, err := m.operation(names.Outputs[name].Name)
		if err != nil {
			return fmt.Errorf("tfbridge: output %q: %w", name, err)
		}
		m.outputs = append(m.outputs, name)
		m.fetches = append(m.fetches, out)
	}
	return nil
}

// operation resolves a tensor's name, "node:1" or "node", in the session's graph.
func (m *tfSession) operation(tensor string) (tf.Output, error) {
	name, index := tensor, 0
	if i := strings.LastIndexByte(tensor, ':'); i >= 0 {
		n, err := strconv.Atoi(tensor[i+1:])
		if err != nil {
			return tf.Output{}, fmt.Errorf("%q is not the name of a tensor", tensor)
		}
		name, index = tensor[:i], n
	}
	op := m.saved.Graph.Operation(name)
	if op == nil {
		return tf.Output{}, fmt.Errorf("the graph has no operation %q", name)
	}
	if index < 0 || index >= op.NumOutputs() {
		return tf.Output{}, fmt.Errorf("operation %q has %d outputs, no output %d", name, op.NumOutputs(), index)
	}
	return op.Output(index), nil
}

func (m *tfSession) signature() lockstep.Signature { return m.sig }

func (m *tfSession) run(inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	done, err := m.beginCall()
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := m.fetch(inputs, m.fetches)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*lockstep.Tensor, len(results))
	for i, name := range m.outputs {
		out[name] = results[i]
	}
	return out, nil
}

// fetch runs the session on the signature's inputs and brings the wanted
// tensors back, in their order. An input that is also wanted, which
// libtensorflow refuses, comes back as it is.
func (m *tfSession) fetch(inputs map[string]*lockstep.Tensor, want []tf.Output) ([]*lockstep.Tensor, error) {
	results := make([]*lockstep.Tensor, len(want))
	fed := make(map[tf.Output]*lockstep.Tensor, len(inputs))
	given := map[string]*lockstep.Tensor{}
	for name, t := range inputs {
		at := m.inputs[name]
		fed[at], given[tensorName(at)] = t, t
	}
	var fetches []tf.Output
	var places []int
	for i, out := range want {
		if results[i] = given[tensorName(out)]; results[i] == nil {
			fetches, places = append(fetches, out), append(places, i)
		}
	}
	got, err := m.fetchFed(fed, fetches)
	for i, t := range got {
		results[places[i]] = t
	}
	return results, err
}

// tensorName identifies a tensor; the binding makes a new Operation at each
// look-up by name.
func tensorName(out tf.Output) string { return fmt.Sprintf("%s:%d", out.Op.Name(), out.Index) }

// fetchFed is fetch with any tensors fed, and none of them wanted.
func (m *tfSession) fetchFed(fed map[tf.Output]*lockstep.Tensor, want []tf.Output) ([]*lockstep.Tensor, error) {
	feeds := make(map[tf.Output]*tf.Tensor, len(fed))
	for at, t := range fed {
		var err error
		if feeds[at], err = toTensorFlow(t); err != nil {
			return nil, fmt.Errorf("tfbridge: running %s: %q: %w", m.dir, at.Op.Name(), err)
		}
	}
	all, err := m.sessionRun(feeds, want)
	if err != nil {
		return nil, err
	}
	return fromAll(all)
}

// sessionRun runs the session on libtensorflow's own tensors.
func (m *tfSession) sessionRun(feeds map[tf.Output]*tf.Tensor, want []tf.Output) (results []*tf.Tensor, err error) {
	if len(want) == 0 {
		return nil, nil
	}
	err = guard("running "+m.dir, func() error {
		results, err = m.saved.Session.Run(feeds, want, nil)
		return withHint(err)
	})
	return results, err
}

// withHint says what helps where TensorFlow has an operation by oneDNN alone. It
// decides by the processor whether that is used.
func withHint(err error) error {
	if err == nil || !strings.Contains(err.Error(), "currently only supports the NHWC tensor format on the CPU") {
		return err
	}
	return fmt.Errorf("%w; with TF_ENABLE_ONEDNN_OPTS=1 in the environment it may run: that is not TensorFlow's default on this processor", err)
}

func (m *tfSession) close() error {
	return guard("closing "+m.dir, func() error {
		err := m.saved.Session.Close()
		m.release()
		// The binding frees graphs and tensors in finalizers, which Go's
		// collector does not hurry, since it does not see their memory.
		m.saved, m.inputs, m.fetches, m.reading, m.probing = nil, nil, nil, nil, nil
		m.states, m.stepping = [2]func() stateTaps{}, [2]func() steppers{}
		runtime.GC()
		return err
	})
}

// guard runs a call into the binding; a panic of the binding is an error.
func guard(doing string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("tfbridge: %s: the TensorFlow binding panicked: %v", doing, p)
		}
	}()
	if err := call(); err != nil {
		return fmt.Errorf("tfbridge: %s: %w", doing, err)
	}
	return nil
}
