// Package cudnn replaces the operations of cuDNN's recurrent layers in a
// saved_model.pb by loops that any TensorFlow runs.
//
// A model that was exported where TensorFlow saw a GPU has CudnnRNN, CudnnRNNV2 or
// CudnnRNNV3 where another has a loop, and TensorFlow has these operations for GPUs
// alone. Each is replaced by a call of a function that computes the same: its loop
// has the form in which Keras exports a layer, so that everything that knows such
// loops knows these, and TensorFlow itself runs the result. Both engines are given
// that graph.
//
// What is not expressible stays as it is, with the reason in an attribute.
package cudnn

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// RefusedAttr is the attribute of an operation that is not replaced which says why.
const RefusedAttr = "_lockstep_refused"

// Operation is an operation of cuDNN in a file.
type Operation struct {
	Function string // that it stands in, "" for the main graph
	Node, Op string
	// Refused says why it is not replaced, nil if it is.
	Refused error
}

// maxOperations bounds what a small file may grow by: an operation's loop takes some
// ten thousand bytes.
const maxOperations = 4096

// marker is in every file that has one of the operations.
var marker = []byte("CudnnRNN")

// Lower replaces the operations in a saved_model.pb, of those functions that its
// graphs reach, or of all. Without any it returns the file.
func Lower(file []byte, all bool) ([]byte, []Operation, error) {
	if !bytes.Contains(file, marker) {
		return file, nil, nil
	}
	var found []Operation
	out, err := tfpb.Rewrite(file, tfpb.FieldMetaGraphs, func(graph []byte) ([]byte, error) {
		w := &writer{all: all, functions: map[string][]byte{}, reached: map[string]bool{}, changed: map[string][]byte{}}
		out, err := w.graph(graph)
		found = append(found, w.found...)
		return out, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cudnn: %w", err)
	}
	if len(found) == 0 {
		return file, nil, nil
	}
	return out, found, nil
}

// writer replaces the operations of a meta graph.
type writer struct {
	all       bool
	functions map[string][]byte // FunctionDefs by name
	order     []string
	main      []*tfpb.NodeDef
	reached   map[string]bool
	queue     []string

	found   []Operation
	changed map[string][]byte // functions that have other nodes now
	added   []byte            // a FunctionDefLibrary of new functions
	number  int
}

func (w *writer) graph(graph []byte) ([]byte, error) {
	if err := w.read(graph); err != nil {
		return nil, err
	}
	for _, name := range w.order {
		if bytes.Contains(w.functions[name], marker) && (w.all || w.reached[name]) {
			if err := w.function(name); err != nil {
				return nil, err
			}
		}
	}
	if err := w.lower(newBody("", w.main, nil)); err != nil {
		return nil, err
	}
	if len(w.found) == 0 { // none is reached: the graph stays as it is
		return graph, nil
	}
	first := true
	next := 0
	return tfpb.Rewrite(graph, tfpb.FieldGraphDef, func(def []byte) ([]byte, error) {
		out, err := tfpb.Rewrite(def, tfpb.FieldNode, func([]byte) ([]byte, error) {
			next++
			return marshal(w.main[next-1])
		})
		if err != nil {
			return nil, err
		}
		out, err = tfpb.Rewrite(out, tfpb.FieldLibrary, func(library []byte) ([]byte, error) {
			return tfpb.Rewrite(library, tfpb.FieldFunction, func(f []byte) ([]byte, error) {
				name, err := tfpb.FunctionName(f)
				if changed := w.changed[name]; changed != nil {
					return changed, err
				}
				return f, err
			})
		})
		if first && err == nil && len(w.added) > 0 { // pieces of a message are merged
			out = protowire.AppendBytes(protowire.AppendTag(out, tfpb.FieldLibrary, protowire.BytesType), w.added)
			first = false
		}
		return out, err
	})
}

func marshal(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// read reads the main graph, the functions' names, and what is reached of them.
func (w *writer) read(graph []byte) error {
	err := tfpb.Each(graph, tfpb.FieldGraphDef, func(def []byte) error {
		err := tfpb.Each(def, tfpb.FieldLibrary, func(library []byte) error {
			return tfpb.Each(library, tfpb.FieldFunction, func(f []byte) error {
				name, err := tfpb.FunctionName(f)
				if before, twice := w.functions[name]; twice && !bytes.Equal(before, f) {
					return fmt.Errorf("the library has two functions %q", name)
				} else if !twice {
					w.functions[name], w.order = f, append(w.order, name)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		return tfpb.Each(def, tfpb.FieldNode, func(b []byte) error {
			n := &tfpb.NodeDef{}
			if err := proto.Unmarshal(b, n); err != nil {
				return fmt.Errorf("a node: %w", err)
			}
			w.main = append(w.main, n)
			return nil
		})
	})
	if err != nil || w.all {
		return err
	}
	for _, n := range w.main {
		w.reach(n)
	}
	for len(w.queue) > 0 {
		name := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		def := &tfpb.FunctionDef{}
		if err := proto.Unmarshal(w.functions[name], def); err != nil {
			return fmt.Errorf("function %q: %w", name, err)
		}
		for _, n := range def.GetNodeDef() {
			w.reach(n)
		}
	}
	return nil
}

// reach notes the functions that a node calls or names.
func (w *writer) reach(n *tfpb.NodeDef) {
	add := func(name string) {
		if _, ok := w.functions[name]; ok && !w.reached[name] {
			w.reached[name] = true
			w.queue = append(w.queue, name)
		}
	}
	add(n.GetOp())
	for _, a := range n.GetAttr() {
		add(a.GetFunc().GetName())
		for _, f := range a.GetList().GetFunc() {
			add(f.GetName())
		}
	}
}

// function replaces the operations of a function.
func (w *writer) function(name string) error {
	def := &tfpb.FunctionDef{}
	if err := proto.Unmarshal(w.functions[name], def); err != nil {
		return fmt.Errorf("function %q: %w", name, err)
	}
	before := len(w.found)
	b := newBody(name, def.GetNodeDef(), def.GetRet())
	if name == "" {
		return errors.New("a function has no name")
	}
	shapes, err := argShapes(w.functions[name])
	if err != nil {
		return fmt.Errorf("function %q: %w", name, err)
	}
	for i, a := range def.GetSignature().GetInputArg() {
		b.args[a.GetName()] = nil
		if i < len(shapes) {
			b.args[a.GetName()] = shapes[i]
		}
	}
	if err := w.lower(b); err != nil || len(w.found) == before {
		return err
	}
	w.changed[name], err = marshal(def)
	return err
}

// The numbers of fields of FunctionDef and of its map of attributes.
const (
	fieldFunctionAttr = 5
	fieldMapKey       = 1
	fieldMapValue     = 2
)

// argShapes reads the shapes of a function's arguments that TensorFlow notes.
func argShapes(f []byte) (shapes []*tfpb.TensorShapeProto, err error) {
	err = tfpb.Each(f, fieldFunctionAttr, func(entry []byte) error {
		isShapes := false
		err := tfpb.Each(entry, fieldMapKey, func(key []byte) error {
			isShapes = string(key) == "_input_shapes"
			return nil
		})
		if err != nil || !isShapes {
			return err
		}
		return tfpb.Each(entry, fieldMapValue, func(value []byte) error {
			a := &tfpb.AttrValue{}
			err := proto.Unmarshal(value, a)
			shapes = a.GetList().GetShape()
			return err
		})
	})
	return shapes, err
}

// lower replaces the operations of a graph or a function's body. All of them are
// planned before one is changed: each may read another's results.
func (w *writer) lower(b *body) error {
	plans := map[*tfpb.NodeDef]*plan{}
	calls := map[string]*layer{}
	for _, n := range b.defs {
		if !isOperation(n.GetOp()) {
			continue
		}
		p, err := b.plan(n)
		if err == nil && len(w.found) >= maxOperations {
			err = fmt.Errorf("the file has more than %d of them", maxOperations)
		}
		if w.found = append(w.found, Operation{b.function, n.GetName(), n.GetOp(), err}); err == nil {
			plans[n] = p
			continue
		}
		if n.Attr == nil {
			n.Attr = map[string]*tfpb.AttrValue{}
		}
		n.Attr[RefusedAttr] = attrValue(err.Error())
	}
	for _, n := range b.defs {
		p := plans[n]
		if p == nil {
			continue
		}
		p.layer.name = w.free()
		calls[n.GetName()] = &p.layer
		for _, f := range b.replace(n, p) {
			raw, err := marshal(f)
			if err != nil {
				return err
			}
			w.added = protowire.AppendBytes(protowire.AppendTag(w.added, tfpb.FieldFunction, protowire.BytesType), raw)
		}
	}
	b.rename(calls)
	return nil
}

// free returns a name that begins none of the library's.
func (w *writer) free() string {
	for {
		name := fmt.Sprintf("lockstep_cudnn_%d", w.number)
		w.number++
		if !slices.ContainsFunc(w.order, func(f string) bool { return len(f) >= len(name) && f[:len(name)] == name }) {
			return name
		}
	}
}
