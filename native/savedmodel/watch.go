package savedmodel

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Watch is what is shown of each run of a function of a loop or a branch: tensors
// in it.
type Watch struct {
	Place   *Place
	Tensors []WatchedTensor
}

// WatchedTensor is a tensor, or a list of tensors of one shape, which is shown as
// one tensor of them.
type WatchedTensor struct {
	Ref   Ref
	DType lockstep.DType // of its elements
	List  bool
}

// WatchDef is a copy of a graph in which loops and branches note what is watched
// inside them: see Graph.WatchDef.
type WatchDef struct {
	Def  []byte
	Main []*Node // as of a StepDef
	// Shown are the names of what was noted, for each Watch.
	Shown []Notes
}

// Notes are two tensors each, as node:index: the elements that the runs noted, one
// run after the other, and how many each run noted (int64). At has int32: a 0 and
// then the iteration of each loop around the watched function. Values are the elements
// of each watched tensor, Shapes their shapes, int32.
type Notes struct {
	At             [2]string
	Values, Shapes [][2]string
}

// WatchDef writes the nodes that the wanted tensors need, as GraphDef does, and the
// loops and branches of the watches, in which each run of a watched function adds
// to lists that are passed through them: so what is shown is what that very run
// computes. Once a Watch has noted limit elements it notes shapes alone; every
// run counts as limit/runs elements more.
func (g *Graph) WatchDef(want []Ref, watches []Watch, limit int64, runs int) (*WatchDef, error) {
	w := &watchWriter{number: watchWriters.Add(1), graph: g, watches: watches, limit: limit, perRun: max(1, limit/int64(runs)), under: map[*Node][]int{}}
	needed := map[*Node]bool{}
	for _, r := range want {
		needed[r.Node] = true
	}
	for i, watch := range watches {
		path := watch.Place.path()
		if len(path) == 0 || path[0].Node.Main {
			return nil, fmt.Errorf("savedmodel: watch %d is of no function that the graph runs", i)
		}
		if watch.Place.InCondition() {
			return nil, fmt.Errorf("savedmodel: %s returns nothing but whether the loop goes on", watch.Place)
		}
		for _, p := range path {
			w.under[p.Node] = append(w.under[p.Node], i)
		}
		needed[path[0].Node] = true
	}
	def := g.newDef()
	out := &WatchDef{Main: g.exportNeeded(needed, def)}
	top := &watchScope{w: w, notes: map[int][]string{}}
	written := map[string]*tfpb.NodeDef{}
	for _, n := range def.Node {
		written[n.GetName()] = n
	}
	for _, n := range g.Nodes {
		if len(w.under[n]) == 0 {
			continue
		}
		for _, i := range w.under[n] {
			top.begin(i)
		}
		if err := top.instrument(n, written[n.Name], nil); err != nil {
			return nil, err
		}
	}
	for i := range watches {
		out.Shown = append(out.Shown, top.end(i))
	}
	def.Node = append(def.Node, top.nodes...)
	var err error
	out.Def, err = g.marshal(def, w.library)
	return out, err
}

type watchWriter struct {
	graph         *Graph
	watches       []Watch
	limit, perRun int64
	under         map[*Node][]int // the watches inside each loop or branch
	library       []byte          // a FunctionDefLibrary
	number        int64           // of the writer, for the names of the functions
	written       int             // how many functions the library has
}

// watchWriters numbers writers: a session's graph may get what several of them
// write.
var watchWriters atomic.Int64

// noteTypes are the types of what a watch passes on: three kinds of lists, At, the
// values and the shapes of each tensor, and the number of elements noted so far.
func (w *watchWriter) noteTypes(i int) []tfpb.DataType {
	types := slices.Repeat([]tfpb.DataType{tfpb.DataType_DT_VARIANT}, 1+2*len(w.watches[i].Tensors))
	return append(types, tfpb.DataType_DT_INT64)
}

// elementTypes are those of the lists' elements.
func (w *watchWriter) elementTypes(i int) []tfpb.DataType {
	types := []tfpb.DataType{tfpb.DataType_DT_INT32}
	for _, t := range w.watches[i].Tensors {
		types = append(types, protoDTypes[t.DType], tfpb.DataType_DT_INT32)
	}
	return types
}

// watchScope is the graph or a function that is being written.
type watchScope struct {
	w     *watchWriter
	args  map[*Node]bool // of the function, nil in the graph
	nodes []*tfpb.NodeDef
	notes map[int][]string // the tensors that each watch passes on, as they are now
	added int
}

// begin makes the lists of a watch, which are empty.
func (s *watchScope) begin(i int) {
	vectors, unlimited := s.constant(tfpb.DataType_DT_INT32, []int64{1}, -1), s.constant(tfpb.DataType_DT_INT32, nil, -1)
	for _, element := range s.w.elementTypes(i) {
		s.notes[i] = append(s.notes[i], s.add("EmptyTensorList", attrs{"element_dtype": element, "shape_type": tfpb.DataType_DT_INT32}, vectors, unlimited))
	}
	s.notes[i] = append(s.notes[i], s.constant(tfpb.DataType_DT_INT64, nil, 0))
}

// end joins what a watch noted.
func (s *watchScope) end(i int) (out Notes) {
	var all [][2]string
	for k, element := range s.w.elementTypes(i) {
		joined := s.add("TensorListConcatV2", attrs{"element_dtype": element, "shape_type": tfpb.DataType_DT_INT32},
			s.notes[i][k], s.constant(tfpb.DataType_DT_INT32, []int64{1}, -1), s.constant(tfpb.DataType_DT_INT64, []int64{0}))
		all = append(all, [2]string{joined, joined + ":1"})
	}
	out.At = all[0]
	for k := 1; k < len(all); k += 2 {
		out.Values, out.Shapes = append(out.Values, all[k]), append(out.Shapes, all[k+1])
	}
	return out
}

// instrument makes a loop or a branch, as it was written, pass on what the watches
// inside it note. counters are the iterations of the loops around it.
func (s *watchScope) instrument(n *Node, def *tfpb.NodeDef, counters []string) error {
	inside := s.w.under[n]
	places, err := s.w.graph.Places(n, nil)
	if err != nil {
		return err
	}
	data := len(n.Inputs)
	extra := slices.Clone(counters)
	types := slices.Repeat([]tfpb.DataType{tfpb.DataType_DT_INT32}, len(counters))
	if n.IsLoop() {
		extra, types = append(extra, s.constant(tfpb.DataType_DT_INT32, nil, 0)), append(types, tfpb.DataType_DT_INT32)
	}
	passed := len(extra)
	for _, i := range inside {
		extra, types = append(extra, s.notes[i]...), append(types, s.w.noteTypes(i)...)
	}
	def.Input = slices.Insert(def.Input, data, extra...)
	var names []string
	for _, p := range places {
		name, err := s.w.function(p, types, passed)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	setFunctions(def, names)
	results := n.NumOutputs
	if n.IsLoop() {
		addTypes(def, "T", types)
		results += passed
	} else {
		addTypes(def, "Tin", types)
		addTypes(def, "Tout", types[passed:])
	}
	delete(def.Attr, "output_shapes") // of the tensors that it had
	for _, i := range inside {
		for k := range s.notes[i] {
			name, err := s.output(def, results)
			if err != nil {
				return err
			}
			s.notes[i][k] = name
			results++
		}
	}
	return nil
}

// function writes a function that takes more arguments, of the given types: first
// passed counters, the last of them that of the loop that runs it, and then what
// the watches pass on. It returns the new function's name.
func (w *watchWriter) function(p *Place, types []tfpb.DataType, passed int) (string, error) {
	fn, ok := w.graph.meta.functions[p.Function.Name]
	if !ok {
		return "", fmt.Errorf("savedmodel: the graph's library has no function %q", p.Function.Name)
	}
	parts, err := fn.parts()
	if err != nil {
		return "", err
	}
	if n := len(p.Function.Effects); n > 0 {
		return "", fmt.Errorf("savedmodel: function %q changes something that outlives it, by %q (%s)", p.Function.Name, p.Function.Effects[0].Name, p.Function.Effects[0].Op)
	}
	w.written++
	sig := proto.Clone(parts.def.GetSignature()).(*tfpb.OpDef)
	sig.Name, sig.ControlOutput = fmt.Sprintf("lockstep_watch_%d_%d", w.number, w.written), nil
	s := &watchScope{w: w, args: map[*Node]bool{}, notes: map[int][]string{}}
	for _, a := range p.Function.Args {
		s.args[a] = true
	}
	var added []string
	for i, t := range types {
		name := fmt.Sprintf("lockstep_arg_%d", i)
		added = append(added, name)
		sig.InputArg = append(sig.InputArg, argDef(name, t))
	}
	at := passed
	for _, i := range w.under[p.Node] {
		n := len(w.noteTypes(i))
		s.notes[i] = slices.Clone(added[at : at+n])
		at += n
	}
	if err := s.body(p, added[:passed]); err != nil {
		return "", err
	}
	def := &tfpb.FunctionDef{Signature: sig, Ret: map[string]string{}}
	for i, a := range sig.GetOutputArg() {
		if i >= len(p.Function.Rets) {
			return "", fmt.Errorf("savedmodel: function %q has no result %q", p.Function.Name, a.GetName())
		}
		if def.Ret[a.GetName()], err = s.ref(p.Function.Rets[i]); err != nil {
			return "", err
		}
	}
	if !p.isCondition() {
		s.results(p, def, added[:passed], types)
	}
	def.NodeDef = s.nodes
	b, err := proto.Marshal(def)
	if err != nil {
		return "", fmt.Errorf("savedmodel: %w", err)
	}
	w.library = protowire.AppendBytes(protowire.AppendTag(w.library, tfpb.FieldFunction, protowire.BytesType), b)
	return sig.Name, nil
}

// body writes the nodes of a function, and what its watches note.
func (s *watchScope) body(p *Place, counters []string) error {
	for _, n := range p.Function.Nodes {
		if s.args[n] {
			continue
		}
		def := n.export(func(n *Node) string { return n.Name })
		for i, in := range n.Inputs {
			name, err := s.ref(in)
			if err != nil {
				return err
			}
			def.Input[i] = name
		}
		def.Input = slices.DeleteFunc(def.Input, func(name string) bool {
			return strings.HasPrefix(name, "^") && slices.ContainsFunc(p.Function.Args, func(a *Node) bool { return "^"+a.Name == name })
		})
		if len(s.w.under[n]) > 0 {
			if err := s.instrument(n, def, counters); err != nil {
				return err
			}
		}
		s.nodes = append(s.nodes, def)
	}
	for i, watch := range s.w.watches {
		if watch.Place.Node != p.Node || watch.Place.Number != p.Number {
			continue
		}
		if err := s.note(i, watch, counters); err != nil {
			return err
		}
	}
	return nil
}

// results adds what the function passes on to its results.
func (s *watchScope) results(p *Place, def *tfpb.FunctionDef, counters []string, types []tfpb.DataType) {
	var results []string
	if p.Node.IsLoop() {
		own := len(counters) - 1
		results = append(results, counters[:own]...)
		results = append(results, s.add("AddV2", attrs{"T": tfpb.DataType_DT_INT32}, counters[own], s.constant(tfpb.DataType_DT_INT32, nil, 1)))
	} else {
		types = types[len(counters):]
	}
	for _, i := range s.w.under[p.Node] {
		results = append(results, s.notes[i]...)
	}
	for i, r := range results {
		name := fmt.Sprintf("lockstep_result_%d", i)
		def.Signature.OutputArg = append(def.Signature.OutputArg, argDef(name, types[i]))
		def.Ret[name] = r
	}
}

// note adds a run of a watched function to the lists.
func (s *watchScope) note(i int, watch Watch, counters []string) error {
	const int32Type, int64Type = tfpb.DataType_DT_INT32, tfpb.DataType_DT_INT64
	notes := s.notes[i]
	last := len(notes) - 1
	push := func(k int, element tfpb.DataType, tensor string) {
		notes[k] = s.add("TensorListPushBack", attrs{"element_dtype": element}, notes[k], tensor)
	}
	open := s.add("Less", attrs{"T": int64Type}, notes[last], s.constant(int64Type, nil, s.w.limit))
	count := s.add("SelectV2", attrs{"T": int32Type}, open, s.constant(int32Type, []int64{1}, -1), s.constant(int32Type, []int64{1}, 0))
	add := func(n string) { notes[last] = s.add("AddV2", attrs{"T": int64Type}, notes[last], n) }
	for k, t := range watch.Tensors {
		element, ok := protoDTypes[t.DType]
		if !ok {
			return fmt.Errorf("savedmodel: %s is %s, which is not watched", t.Ref, t.DType)
		}
		x, err := s.ref(t.Ref)
		if err != nil {
			return err
		}
		if t.List {
			x = s.add("TensorListStack", attrs{"element_dtype": element, "num_elements": int64(-1)}, x, s.constant(int32Type, nil, -1))
		}
		flat := s.add("Reshape", attrs{"T": element, "Tshape": int32Type}, x, s.constant(int32Type, []int64{1}, -1))
		push(1+2*k, element, s.add("Slice", attrs{"T": element, "Index": int32Type}, flat, s.constant(int32Type, []int64{1}, 0), count))
		push(2+2*k, int32Type, s.add("Shape", attrs{"T": element, "out_type": int32Type}, x))
		add(s.add("Size", attrs{"T": element, "out_type": int64Type}, flat))
	}
	add(s.constant(int64Type, nil, s.w.perRun))
	at := append([]string{s.constant(int32Type, nil, 0)}, counters...)
	push(0, int32Type, s.add("Pack", attrs{"T": int32Type, "N": int64(len(at)), "axis": int64(0)}, at...))
	return nil
}
