package native

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

type settings struct {
	tags      []string
	signature string
	verify    []func(lockstep.Engine) error // see WithVerify
	workers   int
	memory    int64
}

// Option changes how Load works.
type Option func(*settings)

// WithTags chooses the meta graph by its tags; without it, the tag is "serve".
func WithTags(tags ...string) Option {
	return func(s *settings) { s.tags = slices.Clone(tags) }
}

// WithSignature chooses the signature; without it, it is serving_default, else
// the only one that the model has.
func WithSignature(name string) Option {
	return func(s *settings) { s.signature = name }
}

// WithWorkers lets a call share the rows of a large batch out to up to n
// goroutines, in recurrent layers: each takes some sequences through all steps, and
// the results are the same bits. Without it, or with less than 1, that is 1: a
// service that answers in many goroutines has the cores busy already. Where the
// work is too little for a second goroutine, as with a batch of 1 always, the
// call stays on its own.
func WithWorkers(n int) Option {
	return func(s *settings) { s.workers = max(n, 1) }
}

// WithMemory bounds the bytes that the tensors of one call take together, inputs
// included: a call that wants more fails with lockstep.ErrMemory, and says which
// operation wanted how much. Without it, that is half of the memory that the machine
// has, the process's cgroup allows and GOMEMLIMIT says. Go has no error for a system
// that is out of memory, and ends the process.
func WithMemory(bytes int64) Option {
	return func(s *settings) { s.memory = max(bytes, 1) }
}

// WithVerify makes Load call a function with the model, ready to run, and return
// its error instead of a model that fails it: such as golden.Verifier's, which
// refuses a model that does not reproduce its golden. Each of several is called.
func WithVerify(verify func(lockstep.Engine) error) Option {
	return func(s *settings) { s.verify = append(s.verify, verify) }
}

// Load reads the SavedModel in dir. It fails if an operation that the signature
// needs is not supported, and then names every one of them.
func Load(dir string, options ...Option) (*Model, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

// LoadFS reads the SavedModel at the root of fsys, which may be embedded.
func LoadFS(fsys fs.FS, options ...Option) (*Model, error) {
	saved, err := savedmodel.OpenFS(fsys)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

func load(saved *savedmodel.SavedModel, options []Option) (*Model, error) {
	s := chosen(options)
	src, err := read(saved, s)
	if err != nil {
		return nil, err
	}
	m, err := src.model()
	if err != nil {
		return nil, err
	}
	m.files = saved.Files()
	for _, verify := range s.verify {
		if err := verify(m); err != nil {
			return nil, fmt.Errorf("native: %w", err)
		}
	}
	return m, nil
}

func chosen(options []Option) settings {
	var s settings
	for _, o := range options {
		o(&s)
	}
	return s
}

// source is a signature of a SavedModel and what was recognised in it.
type source struct {
	meta   *savedmodel.MetaGraph
	graph  *savedmodel.Graph
	found  *recurrent.Found
	mu     *sync.Mutex                               // guards values, which copies of a source share
	values map[*savedmodel.Variable]*lockstep.Tensor // read so far: each is read once
	fault  planted                                   // nothing, but in a Model.WithFault

	workers int
	memory  int64 // see WithMemory
	bytes   int64 // of values
}

// read chooses the signature and looks at its graph.
func read(saved *savedmodel.SavedModel, s settings) (*source, error) {
	memory.Raise(s.memory)
	meta, err := saved.MetaGraph(s.tags...)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return readSignature(meta, s)
}

func readSignature(meta *savedmodel.MetaGraph, s settings) (*source, error) {
	if err := checkKernels(); err != nil {
		return nil, err
	}
	graph, err := meta.Flatten(s.signature)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	found, err := recurrent.Find(meta, graph)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return &source{
		meta: meta, graph: graph, found: found, mu: &sync.Mutex{},
		values: map[*savedmodel.Variable]*lockstep.Tensor{}, workers: s.workers, memory: s.memory,
	}, nil
}

// model makes the model of a signature, if all of it is supported.
func (src *source) model() (*Model, error) {
	if err := src.graph.Signature.CheckTypes(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	m := &Model{signature: src.graph.Signature, found: src.found, source: src}
	m.oracle = sync.OnceValues(src.newOracle)
	m.layers = describeLayers(src.found)
	for _, u := range src.found.Rest {
		m.loops = append(m.loops, Loop{Node: u.Loop.Name, Reason: u.Reason})
	}
	if err := src.meta.CheckData(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	var err error
	if m.weights, err = src.weights(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	m.program, err = engine.Compile(src.graph, src.options())
	if err != nil {
		return nil, fmt.Errorf("native: signature %q: %w", m.signature.Name, explain(err))
	}
	return m, nil
}

// options say how the signature is compiled: with the layers' final states
// beside its outputs.
func (src *source) options() engine.Options {
	extra := map[string]savedmodel.Ref{}
	for _, l := range src.found.Layers {
		for i, state := range l.FinalState {
			extra[l.Name+"/"+l.Kind.StateNames()[i]] = state
		}
	}
	return engine.Options{
		Variable:    src.variable,
		Weight:      src.weight,
		Recurrences: src.found.Recurrences,
		Slices:      src.found.Slices,
		Twists:      src.fault.twists,
		Extra:       extra,
		Workers:     src.workers,
		Memory:      src.memory,
	}
}

// variable returns the value of a variable by its handle.
func (src *source) variable(handle savedmodel.Ref) (*lockstep.Tensor, error) {
	v, ok, err := src.meta.Variable(handle)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s (%s) is no variable", handle, handle.Node.Op)
	}
	return src.fault.rounded(src.value(v))
}

// weight returns the value of a layer's weight, a variable or a constant.
func (src *source) weight(r savedmodel.Ref) (*lockstep.Tensor, error) {
	if t := src.fault.weights[r.Node]; t != nil {
		return t, nil
	}
	return src.fault.rounded(src.sound(r))
}

// sound is a layer's weight as the model has it.
func (src *source) sound(r savedmodel.Ref) (*lockstep.Tensor, error) {
	if v, ok, err := src.meta.Variable(r); err != nil || ok {
		if err != nil {
			return nil, err
		}
		return src.value(v)
	}
	return r.Through().Node.Const()
}

func (src *source) value(v *savedmodel.Variable) (*lockstep.Tensor, error) {
	src.mu.Lock()
	defer src.mu.Unlock()
	if t, ok := src.values[v]; ok {
		return t, nil
	}
	size, err := src.room(v)
	if err != nil {
		return nil, err
	}
	t, err := src.meta.Value(v)
	if err == nil {
		src.values[v] = t
		src.bytes += size
	}
	return t, err
}

// room returns the bytes of a variable's value, if the budget has room for them beside
// those that were read.
func (src *source) room(v *savedmodel.Variable) (int64, error) {
	limit := src.memory
	if limit == 0 {
		limit = memory.Budget()
	}
	size := float64(max(v.DType.Size(), 1)) // a shape of the graph may be anything
	for _, d := range v.Shape {
		size *= float64(d)
	}
	if float64(src.bytes)+size > float64(limit) {
		return 0, fmt.Errorf("variable %q, beside those that were read: %w", v.Name, &memory.Error{Want: size, Held: src.bytes, Budget: limit})
	}
	return int64(size), nil
}

// weights reads the signature's weights from the checkpoint, but for variables
// that cannot be read: if an output needs one of these, compiling refuses it by
// the node that does.
func (src *source) weights() (lockstep.Weights, error) {
	named, err := recurrent.Weights(src.meta, src.graph)
	if err != nil {
		return nil, err
	}
	out := make(lockstep.Weights, 0, len(named))
	for _, w := range named {
		if w.Variable.Err != nil {
			continue
		}
		t, err := src.value(w.Variable)
		if err != nil {
			return nil, err
		}
		out = append(out, lockstep.NamedTensor{Name: w.Name, Tensor: t})
	}
	return out, nil
}

// explain adds the layer, as far as a node's name tells it, to what is not
// supported.
func explain(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var out []error
	seen := map[string]bool{}
	for _, e := range joined.Unwrap() {
		var u op.Unsupported
		if !errors.As(e, &u) || seen[u.Error()] {
			continue
		}
		seen[u.Error()] = true
		node := u.Node
		if u.Within != "" {
			node = u.Within // a function's nodes have names of their own
		}
		if layer := layerOf(node); layer != "" {
			e = fmt.Errorf("layer %q: %w", layer, e)
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return err
	}
	return errors.Join(out...)
}

// layerOf returns the path of the layer that a node is of: its name without
// those of the calls that lead to it and its own.
func layerOf(node string) string {
	var path []string
	for _, part := range strings.Split(node, "/") {
		if !strings.HasPrefix(part, "StatefulPartitionedCall") && !strings.HasPrefix(part, "PartitionedCall") {
			path = append(path, part)
		}
	}
	if len(path) < 2 {
		return ""
	}
	return strings.Join(path[:len(path)-1], "/")
}
