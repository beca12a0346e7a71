package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Compile makes the program of the signature. A *lockstep.UnsupportedError lists
// the operations that are not supported. A partial program leaves those out,
// with all that need them.
func (s *Source) Compile(partial bool) (*engine.Program, error) {
	o := s.options()
	o.Partial = partial
	p, err := engine.Compile(s.Graph, o)
	if err != nil {
		return nil, fmt.Errorf("native: %w", unsupported(s.Graph.Signature.Name, err))
	}
	return p, nil
}

// CompileFor makes a program of the signature that shows these tensors as its
// extra ones, by these names.
func (s *Source) CompileFor(extra map[string]savedmodel.Ref) (*engine.Program, error) {
	o := s.options()
	o.Extra = extra
	p, err := engine.Compile(s.Graph, o)
	if err != nil {
		return nil, fmt.Errorf("native: %w", unsupported(s.Graph.Signature.Name, err))
	}
	return p, nil
}

// Check tells whether the signature's types are supported and the checkpoint's
// files are complete.
func (s *Source) Check() error {
	if err := s.Graph.Signature.CheckTypes(); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	if err := s.meta.CheckData(); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return nil
}

// options say how the signature is compiled: with the final states of the layers of
// its own graph beside its outputs.
func (s *Source) options() engine.Options {
	extra := map[string]savedmodel.Ref{}
	for _, l := range s.Found.Layers {
		if l.Nested() {
			continue
		}
		for i, state := range l.FinalState {
			extra[lockstep.StepName(l.Name, l.Kind.StateNames()[i])] = state
		}
	}
	return engine.Options{
		Variable:    s.variable,
		Weight:      s.Weight,
		Table:       s.Table,
		Recurrences: s.Found.Recurrences,
		Slices:      s.Found.Slices,
		Edits:       s.Loops,
		Instead:     s.Instead,
		Extra:       extra,
		Workers:     s.Options.Workers,
		Memory:      s.Options.Memory,
	}
}

// unsupported lists the operations that keep a signature from being compiled,
// each with its layer if the node's name shows it.
func unsupported(signature string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("signature %q: %w", signature, err)
	}
	out := &lockstep.UnsupportedError{Signature: signature}
	seen := map[string]bool{}
	for _, e := range joined.Unwrap() {
		var u op.Unsupported
		if !errors.As(e, &u) || seen[u.Error()] {
			continue
		}
		seen[u.Error()] = true
		node := u.Node
		if u.Caller != "" {
			node = u.Caller // names of a function's nodes are local to it
		}
		out.Operations = append(out.Operations, lockstep.UnsupportedOperation{Op: u.Op, Node: u.Node, Layer: LayerOf(node), Caller: u.Caller, Reason: u.Reason})
	}
	if len(out.Operations) == 0 {
		return fmt.Errorf("signature %q: %w", signature, err)
	}
	return out
}

// LayerOf returns the path of a node's layer: its name without the names of the
// calls that lead to it and its own.
func LayerOf(node string) string {
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
