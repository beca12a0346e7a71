package savedmodel

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// LookupTable is a table of values by keys, and what fills it when the model is
// loaded.
type LookupTable struct {
	// Name is the table's resource name, Node that of the operation in the main
	// graph.
	Name, Node string
	// Fills are the operations that fill it, in the order in which loading the
	// model runs them: those of the restore operation come first. Their inputs
	// are in a graph of their own.
	Fills []*Node
}

// Mutable tells whether a node is the handle of a table that may be filled again.
func (n *Node) Mutable() bool { return strings.HasPrefix(n.Op, "Mutable") }

// tableHandles are the operations that return the handle of a lookup table, and
// tableFills those that fill one, which is their first input.
var (
	tableHandles = []string{"HashTableV2", "MutableHashTableV2"}
	tableFills   = []string{"InitializeTableV2", "InitializeTableFromTextFileV2", "LookupTableImportV2"}
)

// LookupTable returns the table whose handle a node is.
func (g *MetaGraph) LookupTable(handle *Node) (*LookupTable, error) {
	all, err := g.tables()
	if err != nil {
		return nil, err
	}
	name := resourceName(handle)
	if t := all[name]; t != nil {
		return t, nil
	}
	return &LookupTable{Name: name, Node: handle.Name}, nil
}

// readTables follows the restore operation and the initializer, which
// libtensorflow runs in this order when it loads the model.
func (g *MetaGraph) readTables() (map[string]*LookupTable, error) {
	if _, err := g.variables(); err != nil {
		return nil, err
	}
	nodes := slices.Clone(g.imports)
	if init := g.initializer(); init != "" {
		more, err := g.inlined(init)
		if err != nil {
			return nil, fmt.Errorf("savedmodel: %s: the initializer %q: %w", g.model.name, init, err)
		}
		nodes = append(nodes, fillsIn(more)...)
		g.assigned = assignedIn(more)
	}
	all := map[string]*LookupTable{}
	for _, n := range nodes {
		handle := n.Inputs[0].Through().Node
		name := resourceName(handle)
		if all[name] == nil {
			all[name] = &LookupTable{Name: name, Node: handle.Name}
		}
		all[name].Fills = append(all[name].Fills, n)
	}
	return all, nil
}

// fillsIn returns those of the nodes that fill a table.
func fillsIn(nodes []*Node) (fills []*Node) {
	for _, n := range nodes {
		if !slices.Contains(tableFills, n.Op) || len(n.Inputs) < 2 {
			continue
		}
		if h := n.Inputs[0].Through().Node; h != nil && slices.Contains(tableHandles, h.Op) {
			fills = append(fills, n)
		}
	}
	return fills
}

// assignedIn returns what the nodes assign to variables, by the variables' names.
func assignedIn(nodes []*Node) map[string]Ref {
	out := map[string]Ref{}
	for _, n := range nodes {
		if n.Op != "AssignVariableOp" || len(n.Inputs) < 2 {
			continue
		}
		if h := n.Inputs[0].Through().Node; h != nil && h.Op == "VarHandleOp" {
			out[resourceName(h)] = n.Inputs[1].Through()
		}
	}
	return out
}

// initializer returns the operation that libtensorflow runs after it has restored
// the variables, "" if there is none.
func (g *MetaGraph) initializer() string {
	name := g.pb.GetSignatureDef()["__saved_model_init_op"].GetOutputs()["__saved_model_init_op"].GetName()
	name, _, _ = strings.Cut(name, ":")
	return name
}

// inlined returns the nodes that an operation of the main graph runs, calls
// inlined.
func (g *MetaGraph) inlined(operation string) ([]*Node, error) {
	in := newInliner(g, newBudget())
	s := in.main()
	m, err := s.make(operation)
	if err != nil {
		return nil, err
	}
	if m.call != nil {
		for i := range m.call.parts.def.GetSignature().GetOutputArg() {
			if _, err := s.resolve(fmt.Sprintf("%s:%d", operation, i)); err != nil {
				return nil, err
			}
		}
	}
	if _, err := in.finish(); err != nil {
		return nil, err
	}
	return in.nodes, nil
}

// Restored reads the checkpoint's entry that is a result of RestoreV2; false if r
// is something else.
func (g *MetaGraph) Restored(r Ref) (*lockstep.Tensor, bool, error) {
	if r.Node == nil || r.Node.Op != "RestoreV2" {
		return nil, false, nil
	}
	key, part, err := restoredKey(r, constants{})
	if err == nil && part != nil {
		err = fmt.Errorf("%q is restored in parts, which a table is not", key)
	}
	if err != nil {
		return nil, true, fmt.Errorf("savedmodel: %s: %w", g.model.name, err)
	}
	b, err := g.bundle()
	if err != nil {
		return nil, true, err
	}
	e, err := b.entry(key)
	if n := len(e.GetSlices()); err == nil && n > 0 {
		err = fmt.Errorf("it is partitioned in %d slices, which a table's is not", n)
	}
	if err != nil {
		return nil, true, fmt.Errorf("savedmodel: %s: checkpoint entry %q: %w", g.model.name, key, err)
	}
	if err := g.shards(); err != nil {
		return nil, true, err
	}
	t, err := b.read(key, e)
	return t, true, err
}

// maxAssetBytes bounds an asset that is read.
const maxAssetBytes = 1 << 30

// Asset reads the file whose path libtensorflow puts into a tensor of the main
// graph when it loads the model, also by a variable that the initializer assigns it
// to; false if it puts none there.
func (g *MetaGraph) Asset(r Ref) (content []byte, name string, ok bool, err error) {
	r = r.Through()
	if r.Node != nil && r.Node.Op == "ReadVariableOp" && len(r.Node.Inputs) == 1 {
		if h := r.Node.Inputs[0].Through().Node; h != nil && h.Op == "VarHandleOp" {
			if _, err := g.tables(); err != nil {
				return nil, "", false, err
			}
			r = g.assigned[resourceName(h)]
		}
	}
	if r.Node == nil || !r.Node.Main {
		return nil, "", false, nil
	}
	for _, asset := range g.pb.GetAssetFileDef() {
		node, index, _ := strings.Cut(asset.GetTensorInfo().GetName(), ":")
		if node != r.Node.Name || r.Index != 0 || index != "" && index != "0" {
			continue
		}
		name = asset.GetFilename()
		if err := checkAsset(name); err != nil {
			return nil, name, true, fmt.Errorf("savedmodel: %s: %w", g.model.name, err)
		}
		content, err = readFile(g.model.fsys, path.Join("assets", name), maxAssetBytes)
		if err != nil {
			return nil, name, true, fmt.Errorf("savedmodel: %s: asset %q: %w", g.model.name, name, err)
		}
		return content, name, true, nil
	}
	return nil, "", false, nil
}

// CheckAssets tells whether the names of all assets are those of files in the
// model's directory.
func (g *MetaGraph) CheckAssets() error {
	for _, name := range g.Assets() {
		if err := checkAsset(name); err != nil {
			return fmt.Errorf("savedmodel: %s: %w", g.model.name, err)
		}
	}
	return nil
}

func checkAsset(name string) error {
	if name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, `\:`) {
		return fmt.Errorf("asset %q: %w", name, errOutside)
	}
	return nil
}

var errOutside = errors.New("its name is not that of a file in the model's folder of assets: it is not read")
