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
}

// usesOf follows the variables of a graph into its loops and branches.
func usesOf(g *savedmodel.Graph) (uses, error) {
	u := userOf{g: g, known: map[string]uses{}}
	return u.nodes(g.Nodes)
}

type userOf struct {
	g     *savedmodel.Graph
	known map[string]uses // by the function's name
}

// readers get a variable's handle and do not change the variable.
var readers = []string{"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp"}

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
		calls, first := functionsOf(n)
		for _, name := range calls {
			f, err := u.g.Function(name)
			if err != nil {
				return out, err
			}
			inner, err := u.function(f)
			if err != nil {
				return out, err
			}
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
			if !slices.Contains(readers, n.Op) {
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
	u.known[f.Name] = out
	return out, err
}

// functionsOf returns the functions that an operation runs, and which of its
// inputs is their first argument.
func functionsOf(n *savedmodel.Node) (names []string, first int) {
	switch n.Op {
	case "While", "StatelessWhile":
		return []string{n.AttrFunc("cond"), n.AttrFunc("body")}, 0
	case "If", "StatelessIf":
		return []string{n.AttrFunc("then_branch"), n.AttrFunc("else_branch")}, 1
	case "Case", "StatelessCase":
		return n.AttrFuncs("branches"), 1
	}
	return nil, 0
}
