// Package inside shows what a model's graph computes outside of its recurrent
// layers: the weights of attention over time, and the variables of loops that are
// no known layer, iteration by iteration. Watch finds both by what the operations
// compute, not by names, and runs them in either engine.
package inside

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Part is what is shown of an attention or of a loop.
type Part struct {
	Name       string // the path of its layer in the graph, with a number where that is not enough
	Kind       Kind
	Quantities []Quantity
}

// Kind is what a Part is of.
type Kind int

// The kinds of parts.
const (
	Attention Kind = iota
	Loop
)

// Quantity is a tensor (rows, steps, units): of an attention the weights of one head,
// whose steps are queries and whose units are keys; of a loop one variable after each
// iteration, whose first axis are the rows and whose others are the units.
type Quantity struct {
	Name   string // head0, variable3
	Title  string
	Values *lockstep.Tensor
}

// Result is what was seen of a model.
type Result struct {
	Parts []Part
	// LeftOut says what is not shown, and why.
	LeftOut []string
}

// maxBytes bounds what is kept of one attention, and maxParts how many there are.
const (
	maxBytes = 64 << 20
	maxParts = 64
)

// Watch runs a model in an engine and shows its attentions and loops. src is the
// model's graph. It returns an empty Result for a model without any.
func Watch(ctx context.Context, src *source.Source, e lockstep.Engine, inputs map[string]*lockstep.Tensor) (*Result, error) {
	w := &watching{src: src, named: map[string]int{}}
	w.findAttentions()
	if err := w.findLoops(); err != nil {
		return nil, fmt.Errorf("inside: %w", err)
	}
	var err error
	switch probe := e.(type) {
	case *native.Model:
		err = w.inNative(ctx, inputs)
	case lockstep.LoopProber:
		err = w.probe(ctx, probe, inputs)
	default:
		w.leaveOut("attention and loops: %s does not show tensors inside the graph", e.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("inside: %w", err)
	}
	return &w.result, nil
}

// watching is one Watch.
type watching struct {
	src        *source.Source
	attentions []attention
	loops      []*loop
	named      map[string]int
	result     Result
}

func (w *watching) leaveOut(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(w.result.LeftOut, s) {
		w.result.LeftOut = append(w.result.LeftOut, s)
	}
}

// name names a node by its layer, and again the same by a number.
func (w *watching) name(node string) string {
	name := source.LayerOf(node)
	if i := strings.LastIndexByte(name, '/'); i > 0 && strings.HasPrefix(name[i+1:], "softmax") {
		name = name[:i]
	}
	if name == "" {
		name = node
	}
	w.named[name]++
	if n := w.named[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	return name
}

// inNative runs the graph once in the native engine.
func (w *watching) inNative(ctx context.Context, inputs map[string]*lockstep.Tensor) error {
	if len(w.attentions)+len(w.loops) == 0 {
		return nil
	}
	extra, watched := map[string]savedmodel.Ref{}, map[*savedmodel.Node]*engine.Watched{}
	for _, a := range w.attentions {
		extra[a.name] = a.weights
	}
	for _, l := range w.loops {
		watched[l.node] = &engine.Watched{Variables: l.variables}
	}
	p, err := w.src.CompileFor(extra)
	if err != nil {
		return err
	}
	got, err := p.Watch(ctx, inputs, watched)
	if err != nil {
		return err
	}
	for _, a := range w.attentions {
		if err := w.addAttention(a, got[a.name]); err != nil {
			return err
		}
	}
	for _, l := range w.loops {
		of := watched[l.node]
		if err := w.addLoop(l, of.Iterations, of.Cut); err != nil {
			return err
		}
	}
	return nil
}

// probe asks another engine for the tensors inside its graph.
func (w *watching) probe(ctx context.Context, e lockstep.LoopProber, inputs map[string]*lockstep.Tensor) error {
	var want []lockstep.InnerTensor
	for _, a := range w.attentions {
		want = append(want, lockstep.InnerTensor{Node: a.weights.Node.Name, Output: a.weights.Index})
	}
	if len(want) > 0 {
		got, err := e.Inner(ctx, inputs, nil, want)
		if err != nil {
			return err
		}
		for i, a := range w.attentions {
			if err := w.addAttention(a, got[i]); err != nil {
				return err
			}
		}
	}
	for _, l := range w.loops {
		iterations, cut, err := l.probe(ctx, e, inputs)
		if err != nil {
			return err
		}
		if err := w.addLoop(l, iterations, cut); err != nil {
			return err
		}
	}
	return nil
}

// floats returns the elements of a tensor of numbers in the shape (rows, steps,
// units): those of 16 and 32 bits as float32, others as float64.
func floats(t *lockstep.Tensor, values []float64, rows, steps, units int) (*lockstep.Tensor, error) {
	if d := t.DType(); d != lockstep.Float32 && d != lockstep.Float16 && d != lockstep.BFloat16 {
		return lockstep.New(values, rows, steps, units)
	}
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return lockstep.New(out, rows, steps, units)
}
