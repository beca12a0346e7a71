// Package trim leaves out of a saved_model.pb the functions that no call of the
// model reaches.
//
// Keras 2 writes some hundreds of functions, for training and for calls that
// nobody makes, and libtensorflow copies them all whenever its optimizer looks at
// a graph: of a masked bidirectional layer's 455 functions 14 are needed, and
// checking the model takes a fifth of the time without the others.
package trim

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Functions returns a saved_model.pb with those of its functions that its graphs
// reach, by the rule by which TensorFlow's own optimizer trims what it optimizes
// (ReachableFunctions in tensorflow/core/framework/function.cc): what nodes call
// or have as attributes, gradients, and the other implementations of an
// interface.
//
// cpuOnly says that TensorFlow has no other devices. Then an implementation that
// is meant for a CPU is never exchanged for another one (tensorflow/core/grappler/
// optimizers/implementation_selector.cc), and the others are left out too.
func Functions(b []byte, cpuOnly bool) ([]byte, error) {
	return tfpb.Rewrite(b, tfpb.FieldMetaGraphs, func(graph []byte) ([]byte, error) {
		l := library{cpuOnly: cpuOnly, functions: map[string]function{}, implements: map[string][]string{}, gradients: map[string]string{}, reached: map[string]bool{}}
		if err := l.read(graph); err != nil {
			return nil, err
		}
		return tfpb.Rewrite(graph, tfpb.FieldGraphDef, func(def []byte) ([]byte, error) {
			return tfpb.Rewrite(def, tfpb.FieldLibrary, l.trimmed)
		})
	})
}

// library is the functions of a graph, and which of them are reached.
type library struct {
	cpuOnly    bool
	functions  map[string]function // by name
	implements map[string][]string
	gradients  map[string]string

	reached map[string]bool
	queue   []string
}

// function is a FunctionDef, and what it implements, if that is said.
type function struct {
	raw                  []byte
	api, preferredDevice string
}

// read reads a MetaGraphDef: its functions, then what its nodes reach of them. The
// two may come in different pieces of a message.
func (l *library) read(graph []byte) error {
	err := tfpb.Each(graph, tfpb.FieldGraphDef, func(def []byte) error {
		return tfpb.Each(def, tfpb.FieldLibrary, l.readLibrary)
	})
	if err != nil {
		return err
	}
	err = tfpb.Each(graph, tfpb.FieldGraphDef, func(def []byte) error {
		return tfpb.Each(def, tfpb.FieldNode, l.readNode)
	})
	if err != nil {
		return err
	}
	return l.reach()
}

func (l *library) readLibrary(library []byte) error {
	err := tfpb.Each(library, tfpb.FieldFunction, func(f []byte) error {
		name, err := tfpb.FunctionName(f)
		if err != nil {
			return err
		}
		attrs, err := functionAttrs(f)
		if err != nil {
			return err
		}
		api := attrs[apiImplements]
		l.functions[name] = function{f, api, attrs[apiPreferredDevice]}
		if api != "" {
			l.implements[api] = append(l.implements[api], name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tfpb.Each(library, tfpb.FieldGradient, func(g []byte) error {
		function, gradient, err := gradientNames(g)
		l.gradients[function] = gradient
		return err
	})
}

// readNode adds what a NodeDef reaches. Where it names no function of the
// library, it is an operation.
func (l *library) readNode(b []byte) error {
	node := &tfpb.NodeDef{}
	if err := proto.Unmarshal(b, node); err != nil {
		return fmt.Errorf("a node: %w", err)
	}
	l.add(node.GetOp())
	l.addAttrs(node.GetAttr())
	return nil
}

func (l *library) addAttrs(attrs map[string]*tfpb.AttrValue) {
	for _, a := range attrs {
		for _, f := range append(a.GetList().GetFunc(), a.GetFunc()) {
			if f != nil {
				l.add(f.GetName())
				l.addAttrs(f.GetAttr())
			}
		}
	}
}

func (l *library) add(name string) {
	if _, ok := l.functions[name]; ok && !l.reached[name] {
		l.reached[name] = true
		l.queue = append(l.queue, name)
	}
}

// reach follows the functions that were reached.
func (l *library) reach() error {
	for len(l.queue) > 0 {
		name := l.queue[len(l.queue)-1]
		l.queue = l.queue[:len(l.queue)-1]
		f := l.functions[name]
		if err := tfpb.Each(f.raw, fieldFunctionNode, l.readNode); err != nil {
			return err
		}
		if f.api != "" && !(l.cpuOnly && f.preferredDevice == "CPU") {
			for _, other := range l.implements[f.api] {
				l.add(other)
			}
		}
		if gradient, ok := l.gradients[name]; ok {
			l.add(gradient)
		}
	}
	return nil
}

// trimmed returns a FunctionDefLibrary without what is not reached.
func (l *library) trimmed(library []byte) ([]byte, error) {
	out, err := tfpb.Rewrite(library, tfpb.FieldFunction, func(f []byte) ([]byte, error) {
		name, err := tfpb.FunctionName(f)
		if err != nil || !l.reached[name] {
			return nil, err
		}
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return tfpb.Rewrite(out, tfpb.FieldGradient, func(g []byte) ([]byte, error) {
		function, _, err := gradientNames(g)
		if err != nil || !l.reached[function] {
			return nil, err
		}
		return g, nil
	})
}
