//go:build tensorflow

package tfbridge

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// loopGraph runs the iterations of a loop one by one, in TensorFlow's own operations:
// its condition and its body, each imported once, with placeholders for the loop's
// variables. So an iteration is run as often as there are any, and its memory does not
// grow with them. What an iteration leaves is fed to the next as it is, lists of
// tensors among it, which have no form outside libtensorflow.
type loopGraph struct {
	node            *savedmodel.Node
	inputs          []tf.Output // the variables before the loop; those without Op are handles of variables
	condition, body *loopFunction
	results         map[lockstep.InnerTensor]tf.Output // what is fetched of the variables
}

// loopFunction is a copy of a loop's condition or body.
type loopFunction struct {
	def     *savedmodel.LoopDef
	prefix  string
	fed     []tf.Output // by variable
	results []tf.Output // without Op where it is the variable itself
	copies  map[lockstep.InnerTensor]tf.Output
}

// looping finds a loop of the graph, which is imported when it is first asked for.
func (m *tfSession) looping(g *innerGraph, name string) (*loopGraph, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l, ok := g.loops[name]; ok {
		return l, nil
	}
	n := g.nodes[name]
	if n == nil || n.AttrFunc("body") == "" || n.AttrFunc("cond") == "" {
		return nil, fmt.Errorf("tfbridge: the graph has no loop %q", name)
	}
	l := &loopGraph{node: n, results: map[lockstep.InnerTensor]tf.Output{}}
	var err error
	if l.condition, err = m.loopFunction(n, "cond"); err != nil {
		return nil, err
	}
	if l.body, err = m.loopFunction(n, "body"); err != nil {
		return nil, err
	}
	for i, in := range n.Inputs {
		var out tf.Output
		if l.body.fed[i].Op != nil {
			if out, err = m.imported(g.prefix, in); err == nil {
				out, err = m.copyOf(out)
			}
			if err != nil {
				return nil, err
			}
		}
		l.inputs = append(l.inputs, out)
	}
	g.loops[name] = l
	return l, nil
}

// loopFunction imports a function of a loop.
func (m *tfSession) loopFunction(loop *savedmodel.Node, attr string) (*loopFunction, error) {
	f, err := m.graph.Function(loop.AttrFunc(attr))
	if err != nil {
		return nil, err
	}
	l := &loopFunction{copies: map[lockstep.InnerTensor]tf.Output{}}
	if l.def, err = m.graph.LoopDef(loop, f); err != nil {
		return nil, err
	}
	if l.prefix, err = m.importDef(l.def.Def, l.def.Main); err != nil {
		return nil, err
	}
	for _, name := range l.def.Fed {
		var out tf.Output
		if name != "" {
			if out, err = m.operation(l.prefix + "/" + name); err != nil {
				return nil, err
			}
		}
		l.fed = append(l.fed, out)
	}
	for i, name := range l.def.Want {
		var out tf.Output
		if attr == "cond" || l.fed[i].Op != nil && name != l.def.Fed[i] {
			if out, err = m.operation(l.prefix + "/" + name); err == nil {
				out, err = m.copyOf(out)
			}
			if err != nil {
				return nil, err
			}
		}
		l.results = append(l.results, out)
	}
	return l, nil
}

// fetchedOf finds what is fetched for tensors of a function: see fetched.
func (m *tfSession) fetchedOf(l *loopFunction, want []lockstep.InnerTensor) ([]tf.Output, error) {
	var all []tf.Output
	for _, t := range want {
		key := t
		key.Bytes = 0
		out, ok := l.copies[key]
		if !ok {
			name, err := l.def.Tensor(t.Node, t.Output)
			if err != nil {
				return nil, fmt.Errorf("tfbridge: %w", err)
			}
			if out, err = m.operation(l.prefix + "/" + name); err != nil {
				return nil, err
			}
			if out, err = m.shownOutput(out, t.List); err != nil {
				return nil, err
			}
			l.copies[key] = out
		}
		all = append(all, out)
	}
	return all, nil
}

// shownOutput adds what is fetched for a tensor: a list stacked, any other copied.
func (m *tfSession) shownOutput(out tf.Output, list lockstep.DType) (tf.Output, error) {
	if list != lockstep.Invalid {
		return m.stack(out, list)
	}
	return m.copyOf(out)
}

// loopRun is a loop in progress.
type loopRun struct {
	m    *tfSession
	of   *loopGraph
	want lockstep.LoopTensors
	vars []*tf.Tensor // before the next iteration, nil for handles

	condition, body []tf.Output // the wanted tensors, then the results
	changed         []int       // the variables that the body's results are
	over            bool
}

func (m *tfSession) loop(inputs map[string]*lockstep.Tensor, given []lockstep.GivenTensor, want lockstep.LoopTensors) (sessionLoop, error) {
	g, err := m.probing()
	if err != nil {
		return nil, err
	}
	of, err := m.looping(g, want.Node)
	if err != nil {
		return nil, err
	}
	r := &loopRun{m: m, of: of, want: want, vars: make([]*tf.Tensor, len(of.inputs))}
	if err := r.wanted(g); err != nil {
		return nil, err
	}
	feeds, err := m.feeds(g, inputs, given)
	if err != nil {
		return nil, err
	}
	var fetches []tf.Output
	for _, in := range of.inputs {
		if in.Op != nil {
			fetches = append(fetches, in)
		}
	}
	before, err := m.runRaw(feeds, fetches)
	if err != nil {
		return nil, err
	}
	for i, in := range of.inputs {
		if in.Op != nil {
			r.vars[i], before = before[0], before[1:]
		}
	}
	return r, nil
}

// wanted finds what is fetched in each iteration.
func (r *loopRun) wanted(g *innerGraph) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.condition, err = r.m.fetchedOf(r.of.condition, r.want.Condition); err != nil {
		return err
	}
	if r.body, err = r.m.fetchedOf(r.of.body, r.want.Body); err != nil {
		return err
	}
	r.condition = append(r.condition, r.of.condition.results[0])
	for i, out := range r.of.body.results {
		if out.Op != nil {
			r.changed, r.body = append(r.changed, i), append(r.body, out)
		}
	}
	return nil
}

// run runs a function on the variables, and splits what it shows from its results.
func (r *loopRun) run(f *loopFunction, fetches []tf.Output, want int) (shown []*lockstep.Tensor, results []*tf.Tensor, err error) {
	feeds := map[tf.Output]*tf.Tensor{}
	for i, at := range f.fed {
		if at.Op != nil {
			feeds[at] = r.vars[i]
		}
	}
	all, err := r.m.runRaw(feeds, fetches)
	if err != nil {
		return nil, nil, err
	}
	shown, err = fromAll(all[:want])
	return shown, all[want:], err
}

func (r *loopRun) next(bytes int64) (all []lockstep.Iteration, err error) {
	for !r.over && (len(all) == 0 || bytes > 0) {
		var now lockstep.Iteration
		var results []*tf.Tensor
		if now.Condition, results, err = r.run(r.of.condition, r.condition, len(r.want.Condition)); err != nil {
			return nil, err
		}
		if now.Holds, err = truth(results[0]); err != nil {
			return nil, fmt.Errorf("tfbridge: the condition of the loop %q: %w", r.want.Node, err)
		}
		if r.over = !now.Holds; now.Holds {
			if now.Body, results, err = r.run(r.of.body, r.body, len(r.want.Body)); err != nil {
				return nil, err
			}
			for k, i := range r.changed {
				countTensorBytes(rawBytes(results[k]))
				r.vars[i] = results[k]
			}
		}
		for _, shown := range [][]*lockstep.Tensor{now.Condition, now.Body} {
			for _, t := range shown {
				bytes -= int64(t.Len()*max(t.DType().Size(), 1)) + tensorOverhead
			}
		}
		all = append(all, now)
	}
	return all, nil
}

// tensorOverhead is about what a tensor takes beside its elements.
const tensorOverhead = 128

// results shows the variables after the last iteration.
func (r *loopRun) results() (out []*lockstep.Tensor, err error) {
	g, err := r.m.probing()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !r.over {
		return nil, fmt.Errorf("tfbridge: the loop %q is not over", r.want.Node)
	}
	feeds := map[tf.Output]*tf.Tensor{}
	var fetches []tf.Output
	for _, t := range r.want.Results {
		if t.Output >= len(r.vars) || r.vars[t.Output] == nil {
			return nil, fmt.Errorf("tfbridge: the loop %q has no tensor %d", r.want.Node, t.Output)
		}
		at := r.of.body.fed[t.Output]
		feeds[at] = r.vars[t.Output]
		t.Bytes = 0
		shown, ok := r.of.results[t]
		if !ok {
			if shown, err = r.m.shownOutput(at, t.List); err != nil {
				return nil, err
			}
			r.of.results[t] = shown
		}
		fetches = append(fetches, shown)
	}
	all, err := r.m.runRaw(feeds, fetches)
	if err != nil {
		return nil, err
	}
	return fromAll(all)
}

// truth reads a condition.
func truth(t *tf.Tensor) (bool, error) {
	of, err := fromTensorFlow(t)
	if err != nil {
		return false, err
	}
	f, err := of.Float64s()
	if err != nil || len(f) != 1 {
		return false, fmt.Errorf("%s, want one bool: %w", of, err)
	}
	return f[0] != 0, nil
}

// rawBytes is the size of a tensor that stays in libtensorflow; of a list that of
// nothing, since its elements are counted where they are made.
func rawBytes(t *tf.Tensor) int {
	for dtype, theirs := range dtypes {
		if theirs == t.DataType() {
			n := max(dtype.Size(), 1)
			for _, d := range t.Shape() {
				n *= int(d)
			}
			return n
		}
	}
	return 0
}
