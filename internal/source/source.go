// Package source holds what a model is compiled from: one signature of a
// SavedModel as a flat graph, the recurrent layers that were recognised in it,
// and its weights.
//
// [Open] reads it; [Source.Compile] makes the program that runs it, and
// [Source.Oracle] computes the bounds of its rounding. Package native is the
// public face of both. lockstep's own commands work on a Source directly: they
// try inputs on its graph (internal/inputs), and edit a copy before it is
// compiled (internal/fault).
package source

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/kernel"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Options say what is read of a SavedModel, and how it runs.
type Options struct {
	Tags      []string // of the meta graph; none is "serve", else the only one's
	Signature string   // "" is serving_default, else the only one
	// Workers is how many goroutines the rows of a batch may be shared out to;
	// 0 is one. Memory bounds the bytes of a call's tensors; 0 is what
	// memory.Budget says.
	Workers int
	Memory  int64
}

// Source is a signature of a SavedModel and what was recognised in it. It is
// immutable, except the copy that an edit gets.
type Source struct {
	Graph   *savedmodel.Graph
	Found   *recurrent.Findings
	Options Options

	// The fields below are set by edits.

	// Loops change what recognised loops read, by the loop.
	Loops map[*savedmodel.Node]engine.CellEdit
	// Instead are tensors that are read in the place of others, by those.
	Instead map[savedmodel.Ref]savedmodel.Ref
	// ChangeInputs, if not nil, replaces the inputs of a call.
	ChangeInputs func(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error)

	meta      *savedmodel.MetaGraph
	read      *values             // which copies share
	files     *recurrent.Findings // Found as the files have it
	edited    bool
	constants map[*savedmodel.Node]*lockstep.Tensor            // the weights that edits put in
	replaced  map[*savedmodel.Variable]*lockstep.Tensor        // see SetVariable
	convert   func(*lockstep.Tensor) (*lockstep.Tensor, error) // see ConvertWeights, nil without
	oracle    func() (*Oracle, error)                          // made when first asked for
}

// values are the variables and lookup tables that were read so far, and the weights
// that were computed of variables, each once.
type values struct {
	mu       sync.Mutex
	of       map[*savedmodel.Variable]*lockstep.Tensor
	tables   map[*savedmodel.LookupTable]*value.LookupTable
	computed map[savedmodel.Ref]*lockstep.Tensor
	bytes    int64
}

// Open reads the SavedModel in a directory.
func Open(dir string, o Options) (*Source, error) {
	saved, err := savedmodel.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return Read(saved, o)
}

// Read chooses the signature of a SavedModel and analyses its graph.
func Read(saved *savedmodel.SavedModel, o Options) (*Source, error) {
	memory.Raise(o.Memory)
	meta, err := saved.MetaGraph(o.Tags...)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return ReadMeta(meta, o)
}

// ReadMeta is Read of a meta graph that was chosen.
func ReadMeta(meta *savedmodel.MetaGraph, o Options) (*Source, error) {
	if _, err := kernel.Chosen(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	graph, err := meta.Flatten(o.Signature)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	found, err := recurrent.Find(meta, graph)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	s := &Source{
		Graph: graph, Found: found, Options: o, meta: meta, files: found,
		read: &values{of: map[*savedmodel.Variable]*lockstep.Tensor{}, tables: map[*savedmodel.LookupTable]*value.LookupTable{}, computed: map[savedmodel.Ref]*lockstep.Tensor{}},
	}
	s.oracle = sync.OnceValues(s.newOracle)
	return s, nil
}

// Edited tells whether the source is no longer what the files say.
func (s *Source) Edited() bool { return s.edited }

// Inputs returns a call's inputs after ChangeInputs.
func (s *Source) Inputs(ctx context.Context, inputs map[string]*lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	if s.ChangeInputs == nil {
		return inputs, nil
	}
	return s.ChangeInputs(ctx, inputs)
}

// Edit returns a copy that was edited. The edit gets the copy; it may change
// the fields of Source as their comments say, and layers from EditLayer.
func (s *Source) Edit(edit func(*Source) error) (*Source, error) {
	out := *s
	found := *s.Found
	found.Layers, found.Recurrences = slices.Clone(found.Layers), slices.Clone(found.Recurrences)
	out.Found, out.edited = &found, true
	out.Loops, out.constants = map[*savedmodel.Node]engine.CellEdit{}, map[*savedmodel.Node]*lockstep.Tensor{}
	out.replaced, out.Instead = map[*savedmodel.Variable]*lockstep.Tensor{}, map[savedmodel.Ref]savedmodel.Ref{}
	maps.Copy(out.Loops, s.Loops)
	maps.Copy(out.constants, s.constants)
	maps.Copy(out.replaced, s.replaced)
	maps.Copy(out.Instead, s.Instead)
	out.oracle = sync.OnceValues(out.newOracle)
	if err := edit(&out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Layer returns the recurrent layer of a name and the loop that runs it.
func (s *Source) Layer(name string) (*recurrent.Layer, *recurrent.Recurrence, error) {
	for _, r := range s.Found.Recurrences {
		for _, l := range r.Cells {
			if l.Name == name {
				return l, r, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("there is no recurrent layer %q", name)
}

// EditLayer is Layer for an edit: it replaces the layer and the loop by copies,
// and returns them.
func (s *Source) EditLayer(name string) (*recurrent.Layer, *recurrent.Recurrence, error) {
	l, r, err := s.Layer(name)
	if err != nil {
		return nil, nil, err
	}
	layer, loop := *l, *r
	loop.Cells = replace(r.Cells, l, &layer)
	if r.Mask != nil {
		mask := *r.Mask
		loop.Mask = &mask
	}
	s.Found.Layers = replace(s.Found.Layers, l, &layer)
	s.Found.Recurrences = replace(s.Found.Recurrences, r, &loop)
	return &layer, &loop, nil
}

func replace[T comparable](list []T, old, is T) []T {
	out := slices.Clone(list)
	if i := slices.Index(out, old); i >= 0 {
		out[i] = is
	}
	return out
}
