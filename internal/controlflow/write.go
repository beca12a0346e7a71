package controlflow

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

func compareNames(a, b *node) int { return cmp.Compare(a.name(), b.name()) }

// copying copies nodes into a function.
type copying struct {
	w    *rewriter
	args []*node
	// given returns what stands in the place of a tensor: with true an argument of the
	// function, or else a tensor that is copied in its place.
	given func(t tensor) (in tensor, isArg bool, err error)
	// waits tells whether what waits for a node does so in the function too.
	waits func(n *node) bool
}

func (w *rewriter) newCopy() *copying { return &copying{w: w} }

// argument is an argument of a function, by its number.
func argument(i int, t tfpb.DataType) *node {
	return made(fmt.Sprintf("given_%d", i), "_Arg", nil, t)
}

// argument adds an argument.
func (c *copying) argument(i int, t tfpb.DataType) { c.args = append(c.args, argument(i, t)) }

// region copies what tensors need.
func (c *copying) region(results []tensor) (*region, error) {
	var failed error
	find := func(t tensor) tensor {
		in, _, err := c.given(t)
		if err != nil && failed == nil {
			failed = err
		}
		return in
	}
	roots := make([]tensor, len(results))
	for i, t := range results {
		roots[i] = find(t)
	}
	order, err := sorted(nodesOf(roots), func(n *node) []*node {
		if n.op() == "_Arg" || failed != nil {
			return nil
		}
		var out []*node
		for _, t := range n.in {
			out = append(out, find(t).of)
		}
		for _, after := range n.control {
			if c.waits(after) {
				out = append(out, after)
			}
		}
		return out
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	copies := map[*node]*node{}
	at := func(t tensor) tensor {
		t = find(t)
		return tensor{copies[t.of], t.at}
	}
	for _, n := range order {
		if n.op() == "_Arg" {
			copies[n] = n
			continue
		}
		if c.w.copies++; c.w.copies > maxNodes {
			return nil, fmt.Errorf("loops and branches of more than %d nodes", maxNodes)
		}
		m := &node{def: n.def, types: n.types, outputs: n.outputs, changed: true}
		copies[n] = m
		for _, t := range n.in {
			m.in = append(m.in, at(t))
		}
		for _, after := range n.control {
			if c.waits(after) {
				m.control = append(m.control, copies[after])
			}
		}
		if n.op() == "LoopCond" {
			m.copied(m.in[0], tfpb.DataType_DT_BOOL)
		}
	}
	out := &region{args: c.args}
	for _, t := range results {
		out.results = append(out.results, at(t))
	}
	return out, failed
}

// write makes the branches of a function, and writes it. It returns its name.
func (w *rewriter) write(r *region, title string, depth int) (string, error) {
	if err := w.branches(r, depth); err != nil {
		return "", err
	}
	order, err := sorted(nodesOf(r.results), (*node).needs)
	if err != nil {
		return "", err
	}
	f := &functionWriter{w: w, taken: map[string]bool{}, names: map[*node]string{}}
	for _, n := range order {
		if n.op() != "_Arg" {
			f.taken[n.name()] = true
		}
	}
	def := &tfpb.FunctionDef{Signature: &tfpb.OpDef{Name: w.functionName(title)}, Ret: map[string]string{}}
	for i, a := range r.args {
		name := f.unique(fmt.Sprintf("given_%d", i))
		f.names[a] = name
		def.Signature.InputArg = append(def.Signature.InputArg, &tfpb.OpDef_ArgDef{Name: name, Type: a.types[0]})
	}
	for _, n := range order {
		if n.op() == "_Arg" {
			continue
		}
		d, err := f.node(n)
		if err != nil {
			return "", err
		}
		def.NodeDef = append(def.NodeDef, d)
	}
	for i, t := range r.results {
		d, err := w.typeOf(t)
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("result_%d", i)
		def.Signature.OutputArg = append(def.Signature.OutputArg, &tfpb.OpDef_ArgDef{Name: name, Type: d})
		if def.Ret[name], err = f.tensor(t); err != nil {
			return "", err
		}
	}
	w.out.Functions = append(w.out.Functions, def)
	return def.Signature.Name, nil
}

// functionName makes a name of a function that the graph does not have.
func (w *rewriter) functionName(title string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, title)
	for {
		w.bodies++
		if name := fmt.Sprintf("lockstep_%d_%s", w.bodies, clean); !w.Taken(name) {
			return name
		}
	}
}

// functionWriter writes the nodes of a function.
type functionWriter struct {
	w     *rewriter
	taken map[string]bool
	names map[*node]string // of the arguments
}

func (f *functionWriter) unique(want string) string {
	name := want
	for i := 1; f.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", want, i)
	}
	f.taken[name] = true
	return name
}

func (f *functionWriter) tensor(t tensor) (string, error) {
	if name, ok := f.names[t.of]; ok {
		return name, nil
	}
	result, at, err := f.w.Result(t.of.def, t.at)
	if err != nil {
		return "", t.of.errorf("%w", err)
	}
	return fmt.Sprintf("%s:%s:%d", t.of.name(), result, at), nil
}

func (f *functionWriter) node(n *node) (*tfpb.NodeDef, error) {
	def := &tfpb.NodeDef{Name: n.name(), Op: n.op(), Attr: attrs{}}
	for name, value := range n.def.GetAttr() {
		if !strings.HasPrefix(name, "_") { // annotations of its own graph, such as colocation
			def.Attr[name] = value
		}
	}
	for _, t := range n.in {
		name, err := f.tensor(t)
		if err != nil {
			return nil, err
		}
		def.Input = append(def.Input, name)
	}
	for _, c := range n.control {
		if c.op() != "_Arg" {
			def.Input = append(def.Input, "^"+c.name())
		}
	}
	return def, nil
}

// writeMain writes the nodes of the main graph that are new or changed.
func (w *rewriter) writeMain(r *region) error {
	order, err := sorted(nodesOf(r.results), (*node).needs)
	if err != nil {
		return err
	}
	for _, n := range order {
		if Uses(n.op()) {
			return n.errorf("it belongs to no loop and to no branch")
		}
		if !n.changed {
			continue
		}
		def := &tfpb.NodeDef{Name: n.name(), Op: n.op(), Attr: n.def.GetAttr()}
		for _, t := range n.in {
			name := t.of.name()
			if t.at > 0 {
				name = fmt.Sprintf("%s:%d", name, t.at)
			}
			def.Input = append(def.Input, name)
		}
		for _, c := range n.control {
			def.Input = append(def.Input, "^"+c.name())
		}
		w.out.Nodes[n.name()] = def
	}
	return nil
}
