package recurrent

import (
	"slices"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// uses are a list of operations' uses of variables, by their handles or by the
// arguments of a function that may be handles, in order of first use.
type uses struct {
	read    []savedmodel.Ref
	changed []savedmodel.Ref
	// effect says that a function among them changes something that outlives it.
	effect bool
}

// usesOf follows the variables of a graph into its loops and branches.
func usesOf(g *savedmodel.Graph) (uses, error) { return newUserOf(g).nodes(g.Nodes) }

func newUserOf(g *savedmodel.Graph) *userOf { return &userOf{g: g, known: map[string]uses{}} }

type userOf struct {
	g     *savedmodel.Graph
	known map[string]uses // by the function's name
}

func (u *userOf) nodes(nodes []*savedmodel.Node) (uses, error) {
	var out uses
	read, changed := map[savedmodel.Ref]bool{}, map[savedmodel.Ref]bool{}
	add := func(list *[]savedmodel.Ref, seen map[savedmodel.Ref]bool, r savedmodel.Ref) {
		if r = r.Through(); r.Node != nil && (r.Node.Op == "VarHandleOp" || r.Node.Op == "_Arg") && !seen[r] {
			seen[r] = true
			*list = append(*list, r)
		}
	}
	for _, n := range nodes {
		calls, first := n.Functions()
		for _, name := range calls {
			f, err := u.g.Function(name)
			if err != nil {
				return out, err
			}
			inner, err := u.function(f)
			if err != nil {
				return out, err
			}
			out.effect = out.effect || inner.effect
			args := map[*savedmodel.Node]int{}
			for i, arg := range f.Args {
				args[arg] = first + i
			}
			outer := func(r savedmodel.Ref) savedmodel.Ref {
				if i, isArg := args[r.Node]; isArg && i < len(n.Inputs) {
					return n.Inputs[i]
				}
				return r
			}
			for _, r := range inner.read {
				add(&out.read, read, outer(r))
			}
			for _, r := range inner.changed {
				add(&out.changed, changed, outer(r))
			}
		}
		if len(calls) > 0 || n.Op == "Identity" || n.Op == "IdentityN" {
			continue
		}
		for _, in := range n.Inputs {
			if n.Op != "AssignVariableOp" {
				add(&out.read, read, in)
			}
			if !n.ReadsResources() {
				add(&out.changed, changed, in)
			}
		}
	}
	return out, nil
}

func (u *userOf) function(f *savedmodel.Function) (uses, error) {
	if known, ok := u.known[f.Name]; ok {
		return known, nil
	}
	u.known[f.Name] = uses{} // for one that calls itself
	out, err := u.nodes(f.Nodes)
	out.effect = out.effect || len(f.Effects) > 0
	u.known[f.Name] = out
	return out, err
}

// changer returns an operation of a function that may change a resource: one that
// gets it, as an argument of the function, and does more than read it, or one
// that runs a function with an effect.
func (u *userOf) changer(f *savedmodel.Function, isResource map[*savedmodel.Node]bool) (*savedmodel.Node, error) {
	if len(f.Effects) > 0 {
		return f.Effects[0], nil
	}
	for _, n := range f.Nodes {
		inner, err := u.nodes([]*savedmodel.Node{n})
		if err != nil {
			return nil, err
		}
		if inner.effect || slices.ContainsFunc(inner.changed, func(r savedmodel.Ref) bool { return isResource[r.Node] }) {
			return n, nil
		}
	}
	return nil, nil
}
