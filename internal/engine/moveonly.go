package engine

import (
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// moveOnly are the element types that elements are moved in and nothing is
// computed with. What is not known to move alone refuses them when it is
// compiled: no operation meets them by an oversight.
var moveOnly = []lockstep.DType{
	lockstep.Int8, lockstep.Int16, lockstep.Uint8, lockstep.Uint16, lockstep.Uint32, lockstep.Uint64,
}

// elementAttrs name the type of what is moved. Other attributes name those of
// indices and the like, which are computed with.
var elementAttrs = []string{"T", "Tparams", "dtype", "element_dtype", "Tin", "Tout"}

// passing are operations that pass tensors on, or look at their shapes alone,
// beside those of moving.
var passing = []string{
	"Const", "VarHandleOp", "AssignVariableOp", "Shape", "ShapeN", "Size", "Rank", "ZerosLike",
	"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase",
}

// checkTypes tells whether an operation may have the types that it names.
func checkTypes(n *savedmodel.Node) error {
	_, moves := moving[n.Op]
	moves = moves || slices.Contains(passing, n.Op)
	for attr, d := range n.Types() {
		if slices.Contains(moveOnly, d) && (!moves || !slices.Contains(elementAttrs, attr)) && n.Op != "Bitcast" {
			return unsupported(attr, d)
		}
	}
	return nil
}
