// Package ops has the table of all operations, whichever package they are in.
package ops

import (
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/op/cells"
	"github.com/lockstep-go/lockstep/internal/op/ctc"
	"github.com/lockstep-go/lockstep/internal/op/image"
	"github.com/lockstep-go/lockstep/internal/op/linalg"
	"github.com/lockstep-go/lockstep/internal/op/quantize"
	"github.com/lockstep-go/lockstep/internal/op/ragged"
	"github.com/lockstep-go/lockstep/internal/op/regroup"
	"github.com/lockstep-go/lockstep/internal/op/signal"
	"github.com/lockstep-go/lockstep/internal/op/sparse"
	"github.com/lockstep-go/lockstep/internal/op/special"
	"github.com/lockstep-go/lockstep/internal/op/text"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Specs are the known operations.
var Specs = op.Join(op.Core, cells.Ops, ctc.Ops, image.Ops, linalg.Ops, quantize.Ops, ragged.Ops, regroup.Ops, signal.Ops, sparse.Ops, special.Ops, text.Ops)

// unknown is the Spec of an operation that is in no table.
var unknown = &op.Spec{}

// SpecOf returns the Spec of a node's operation; supported is false if it
// cannot be run.
func SpecOf(n *savedmodel.Node) (s *op.Spec, supported bool) {
	if s = Specs[n.Op]; s == nil {
		return unknown, false
	}
	return s, s.Build != nil || s.Control != op.Computes
}
