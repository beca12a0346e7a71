package native

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/internal/streaming"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

type settings struct {
	source.Options
	verify []func(lockstep.Engine) error // see WithVerify
}

// Option changes how Load works.
type Option func(*settings)

// WithTags chooses the meta graph by its tags; without it, it is the one with the
// tag "serve", else the only one.
func WithTags(tags ...string) Option {
	return func(s *settings) { s.Tags = slices.Clone(tags) }
}

// WithSignature chooses the signature; without it, it is serving_default, else
// the only one that the model has.
func WithSignature(name string) Option {
	return func(s *settings) { s.Signature = name }
}

// WithWorkers lets a call share the rows of a large batch out to up to n
// goroutines: each takes some rows through the whole model, where the graph is
// proven to treat rows alone, and elsewhere through each recurrent layer. The
// results are the same bits. The default is 1: a service that answers in many
// goroutines already keeps the cores busy. Where the work is too little for a
// second goroutine, as always with a batch of 1, the call uses one; so do the
// first calls of each shape, which are timed.
func WithWorkers(n int) Option {
	return func(s *settings) { s.Workers = max(n, 1) }
}

// WithMemory bounds the bytes of all tensors of one call, inputs included: a
// call that needs more fails with lockstep.ErrMemory, and says which operation
// needed how much. The default is half of the least of the machine's memory,
// the cgroup's limit and GOMEMLIMIT. Without such a bound, Go ends the process
// when memory runs out.
func WithMemory(bytes int64) Option {
	return func(s *settings) { s.Memory = max(bytes, 1) }
}

// WithVerify makes Load call a function with the model, ready to run, and return
// its error instead of the model if it fails: such as golden.Verifier's, which
// refuses a model that does not reproduce its golden. Several are all called.
func WithVerify(verify func(lockstep.Engine) error) Option {
	return func(s *settings) { s.verify = append(s.verify, verify) }
}

// Load reads the SavedModel in dir, or in a zip of one. It fails if an operation that the signature
// needs is not supported, and then names every one of them.
func Load(dir string, options ...Option) (*Model, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

// LoadFS reads the SavedModel at the root of fsys, which may be embedded, or a
// *zip.Reader of what Load reads.
func LoadFS(fsys fs.FS, options ...Option) (*Model, error) {
	saved, err := savedmodel.OpenFS(fsys)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return load(saved, options)
}

func load(saved *savedmodel.SavedModel, options []Option) (*Model, error) {
	s := chosen(options)
	src, err := source.Read(saved, s.Options)
	if err != nil {
		return nil, err
	}
	m, err := newModel(src)
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

// newModel makes the model of a signature, if it is fully supported.
func newModel(src *source.Source) (*Model, error) {
	if err := src.Check(); err != nil {
		return nil, err
	}
	weights, err := src.Weights()
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return compile(src, weights)
}

func compile(src *source.Source, weights lockstep.Weights) (*Model, error) {
	m := &Model{signature: src.Graph.Signature, source: src, weights: weights, layers: describeLayers(src.Found), loops: unknownLoops(src.Found)}
	var err error
	if m.program, err = src.Compile(false); err != nil {
		return nil, err
	}
	m.batches = streaming.NewBatches(m.program, src.Options.Workers, openBatch(m.signature))
	return m, nil
}

// openBatch tells whether the first axis of every input may have any length.
func openBatch(s lockstep.Signature) bool {
	return !slices.ContainsFunc(s.Inputs, func(in lockstep.TensorSpec) bool {
		return in.UnknownRank || len(in.Shape) == 0 || in.Shape[0] >= 0
	})
}
