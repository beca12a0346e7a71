package savedmodel

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// callee returns the function that a definition calls, "" if it is none.
// byName says that the function is called as an operation of its name, whose
// results are then the function's.
func (g *MetaGraph) callee(def *tfpb.NodeDef) (function string, byName bool) {
	switch def.GetOp() {
	case "PartitionedCall", "StatefulPartitionedCall":
		return def.GetAttr()["f"].GetFunc().GetName(), false
	}
	if _, ok := g.functions[def.GetOp()]; ok {
		return def.GetOp(), true
	}
	return "", false
}

// maxResults bounds a list's length in an attribute; a loop's variables are
// among the longest.
const maxResults = 100_000

// result is one result of an operation: a tensor, or a list of tensors whose
// number an attribute holds, as a number or as a list of types.
type result struct{ name, list string }

//go:embed opdefs.txt
var opdefs string

// knownResults are the results of TensorFlow's operations. A file has the
// definitions of those in its main graph, and not of all in its functions.
var knownResults = sync.OnceValue(func() map[string][]result {
	table := map[string][]result{}
	for line := range strings.Lines(opdefs) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		var results []result
		for _, f := range fields[1:] {
			name, list, _ := strings.Cut(f, "*")
			results = append(results, result{name, list})
		}
		table[fields[0]] = results
	}
	return table
})

// results returns the results of an operation. A file may define its own
// operations, but not redefine TensorFlow's: libtensorflow would ignore that.
func (g *MetaGraph) results(op string) ([]result, error) {
	if known, ok := knownResults()[op]; ok {
		return known, nil
	}
	if d, ok := g.ops[op]; ok {
		return readResults(d), nil
	}
	return nil, fmt.Errorf("operation %s is not one of TensorFlow's, and the file does not define it", op)
}

func readResults(d *tfpb.OpDef) []result {
	var out []result
	for _, a := range d.GetOutputArg() {
		r := result{name: a.GetName(), list: a.GetNumberAttr()}
		if r.list == "" {
			r.list = a.GetTypeListAttr()
		}
		out = append(out, r)
	}
	return out
}

// numOutputs returns how many tensors a node makes.
func (g *MetaGraph) numOutputs(def *tfpb.NodeDef) (int, error) {
	results, err := g.results(def.GetOp())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range results {
		k, err := r.length(def)
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

// resultRange returns which of the tensors that a node makes a named result
// is: n of them, beginning at from.
func (g *MetaGraph) resultRange(def *tfpb.NodeDef, name string) (from, n int, err error) {
	results, err := g.results(def.GetOp())
	if err != nil {
		return 0, 0, err
	}
	for _, r := range results {
		k, err := r.length(def)
		if err != nil {
			return 0, 0, err
		}
		if r.name == name {
			return from, k, nil
		}
		from += k
	}
	return 0, 0, fmt.Errorf("operation %s has no result %q", def.GetOp(), name)
}

// resultAt returns the name of the result that one of a node's tensors belongs to,
// and its place there.
func (g *MetaGraph) resultAt(def *tfpb.NodeDef, index int) (name string, at int, err error) {
	results, err := g.results(def.GetOp())
	if err != nil {
		return "", 0, err
	}
	for _, r := range results {
		k, err := r.length(def)
		if err != nil {
			return "", 0, err
		}
		if index < k {
			return r.name, index, nil
		}
		index -= k
	}
	return "", 0, fmt.Errorf("operation %s has no such result", def.GetOp())
}

// length returns how many tensors the result of a node is.
func (r result) length(def *tfpb.NodeDef) (int, error) {
	if r.list == "" {
		return 1, nil
	}
	a, ok := def.GetAttr()[r.list]
	if !ok {
		return 0, fmt.Errorf("%s has no attribute %q, which counts its results", def.GetOp(), r.list)
	}
	n := a.GetI()
	if list := a.GetList(); list != nil {
		n = int64(len(list.GetType()))
	}
	if n < 0 || n > maxResults {
		return 0, fmt.Errorf("%s: attribute %q counts %d results, want 0 to %d", def.GetOp(), r.list, n, maxResults)
	}
	return int(n), nil
}
