package recurrent

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Run is a run of a layer: At has the iteration of each loop around it, the
// outermost first.
type Run struct {
	Layer *Layer
	At    []int
}

// Name is the run's name in a trace.
func (r Run) Name() string { return lockstep.RunName(r.Layer.Name, r.At) }

// MaxRuns bounds the runs of a layer that are traced.
const MaxRuns = 512

// TooMany says why none is shown of a layer that runs more often.
func TooMany() string { return fmt.Sprintf("it runs more than %d times", MaxRuns) }

// SortRuns puts runs in the order in which the graph's nodes run.
func SortRuns(g *savedmodel.Graph, runs []Run) {
	at := map[*savedmodel.Node]int{}
	number := func(nodes []*savedmodel.Node) {
		for i, n := range nodes {
			at[n] = i
		}
	}
	number(g.Nodes)
	for _, r := range runs {
		for p := r.Layer.Place; p != nil; p = p.Outer {
			if _, done := at[p.Function.Nodes[0]]; !done {
				number(p.Function.Nodes)
			}
		}
	}
	keys := map[string][]int{}
	for _, r := range runs {
		keys[r.Name()] = r.key(at)
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return slices.Compare(keys[a.Name()], keys[b.Name()]) })
}

// key has the position of each loop and branch around the layer, with its
// iteration, and that of the layer's own loop.
func (r Run) key(position map[*savedmodel.Node]int) []int {
	var places []*savedmodel.Place
	for p := r.Layer.Place; p != nil; p = p.Outer {
		places = append(places, p)
	}
	slices.Reverse(places)
	var key []int
	loops := 0
	for _, p := range places {
		iteration := 0
		if p.Node.IsLoop() && loops < len(r.At) {
			iteration = r.At[loops]
			loops++
		}
		key = append(key, position[p.Node], iteration, p.Number)
	}
	return append(key, position[r.Layer.Loop])
}
