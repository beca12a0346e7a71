package fault

import (
	"fmt"
	"math"
	"strconv"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// The normalizations, as words name them.
const (
	batchNormalization = "BatchNormalization"
	otherNormalization = "normalization"
)

// normalization is one that adds an epsilon to a variance.
type normalization struct {
	kind    string
	epsilon float64
	// node is the one operation, or that which adds epsilon, in arithmetic of
	// several; its inputs at the indices are the variance and epsilon.
	node             *savedmodel.Node
	fused            bool
	variance, number int
	moving           *savedmodel.Variable // the variance of a batch normalization
	// x are the data and center the product of the moving mean and the scale of a
	// batch normalization in several operations, whose input mean is the mean.
	x      savedmodel.Ref
	center *savedmodel.Node
	mean   int
}

// epsilons are those that engines and layers have by default.
var epsilons = map[string][]float64{batchNormalization: {1e-3, 1e-5}, otherNormalization: {1e-3, 1e-5, 1e-6, 1e-12}}

func (a *around) normalizations() []*normalization {
	var out []*normalization
	for _, n := range a.main {
		switch n.Op {
		case "FusedBatchNormV2", "FusedBatchNormV3":
			if b := a.fused(n); b != nil {
				out = append(out, b)
			}
		case "AddV2", "Add":
			if b := a.composed(n); b != nil {
				out = append(out, b)
			}
		}
	}
	return out
}

// fused is a normalization in one operation: by the statistics of its input, as
// Keras 2 writes a LayerNormalization, or by moving ones.
func (a *around) fused(n *savedmodel.Node) *normalization {
	if len(n.Inputs) != 5 || !n.HasAttr("epsilon") || n.HasAttr("exponential_avg_factor") && n.AttrFloat("exponential_avg_factor") != 1 {
		return nil
	}
	b := &normalization{kind: otherNormalization, node: n, fused: true, epsilon: float64(n.AttrFloat("epsilon"))}
	mean, variance := a.variable(n.Inputs[3]), a.variable(n.Inputs[4])
	switch training := !n.HasAttr("is_training") || n.AttrBool("is_training"); {
	case training && mean == nil && variance == nil:
		return b
	case !training && mean != nil && variance != nil:
		b.kind, b.moving = batchNormalization, variance
		return b
	}
	return nil
}

// composed is a normalization in several operations: 1/√(variance + ε), of a
// moving variance or of the mean of squared differences.
func (a *around) composed(n *savedmodel.Node) *normalization {
	if len(n.Inputs) != 2 {
		return nil
	}
	out := savedmodel.Ref{Node: n}
	root := a.reader(out, "Rsqrt")
	if root == nil {
		return nil
	}
	for i := range 2 {
		epsilon, ok := number(n.Inputs[1-i])
		if !ok || !(epsilon > 0 && epsilon < 0.1) {
			continue
		}
		b := &normalization{kind: otherNormalization, node: n, epsilon: epsilon, variance: i, number: 1 - i}
		if _, in := a.operands(n.Inputs[i], 2, "Mean"); in != nil {
			if _, squares := a.operands(in[0], 2, "SquaredDifference"); squares != nil {
				return b
			}
			return nil
		}
		if b.moving = a.alongLast(n.Inputs[i]); b.moving == nil {
			return nil
		}
		b.kind = batchNormalization
		a.findCenter(b, savedmodel.Ref{Node: root})
		return b
	}
	return nil
}

// reader is the only operation that reads a tensor, if it is of that type.
func (a *around) reader(r savedmodel.Ref, op string) *savedmodel.Node {
	all := a.readers[r]
	if len(all) != 1 || all[0].Op != op {
		return nil
	}
	return all[0]
}

// alongLast is the variable of one axis that a tensor is, or is with axes of 1
// before it.
func (a *around) alongLast(r savedmodel.Ref) *savedmodel.Variable {
	shape := []int64(nil)
	if _, in := a.operands(r, 2, "Reshape"); in != nil {
		if shape = integers(in[1], 8); len(shape) == 0 {
			return nil
		}
		r = in[0]
	}
	v := a.variable(r)
	if v == nil || len(v.Shape) != 1 {
		return nil
	}
	for i, n := range shape {
		if i < len(shape)-1 && n != 1 || i == len(shape)-1 && n != int64(v.Shape[0]) {
			return nil
		}
	}
	return v
}

// findCenter finds x·inv and mean·inv, where inv is 1/√(variance + ε), or that
// times a scale: the data and the mean that a batch normalization is of.
func (a *around) findCenter(b *normalization, inv savedmodel.Ref) {
	if scale := a.reader(inv, "Mul"); scale != nil {
		inv = savedmodel.Ref{Node: scale}
	}
	readers := a.readers[inv]
	if len(readers) != 2 || readers[0].Op != "Mul" || readers[1].Op != "Mul" {
		return
	}
	for k, n := range readers {
		for i := range 2 {
			if n.Inputs[1-i].Through() != inv || a.alongLast(n.Inputs[i]) == nil {
				continue
			}
			data := readers[1-k]
			for j := range 2 {
				if data.Inputs[1-j].Through() == inv && a.variable(data.Inputs[j]) == nil {
					b.x, b.center, b.mean = data.Inputs[j], n, i
					return
				}
			}
		}
	}
}

// batchStatistics tells whether the batch's own statistics can be put in.
func (b *normalization) batchStatistics() bool {
	return b.kind == batchNormalization && (b.fused || b.center != nil)
}

func (b *normalization) faults() []Fault {
	var out []Fault
	for _, e := range epsilons[b.kind] {
		if math.Abs(e-b.epsilon) > 1e-3*e {
			out = append(out, Fault{Kind: Epsilon, Node: b.node.Name, Role: b.kind, From: short(b.epsilon), To: short(e)})
		}
	}
	if b.batchStatistics() {
		out = append(out, Fault{Kind: BatchStatistics, Node: b.node.Name})
	}
	if b.moving != nil {
		out = append(out, Fault{Kind: Variance, Variable: b.moving.Name})
	}
	return out
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// plantInNormalization changes the epsilon, or whose statistics are used.
func (f Fault) plantInNormalization(src *source.Source, b *normalization) error {
	e := newExpressions(src, b.node, f.Kind)
	if f.Kind == BatchStatistics {
		if !b.batchStatistics() {
			return fmt.Errorf("%q is no batch normalization whose data and mean are known", b.node.Name)
		}
		if b.fused {
			e.replace(b.node, e.copied(b.node, b.node.Inputs, map[string]any{"is_training": true}))
			return e.err
		}
		channels := int32(b.moving.Shape[0])
		rows := e.op("Reshape", map[string]any{"Tshape": lockstep.Int32}, b.x, e.ints([]int32{-1, channels}, 2))
		first := e.ints([]int32{0}, 1)
		mean := e.op("Mean", map[string]any{"Tidx": lockstep.Int32}, rows, first)
		variance := e.op("Mean", map[string]any{"Tidx": lockstep.Int32}, e.op("SquaredDifference", nil, rows, mean), first)
		e.replace(b.center, e.with(b.center, b.mean, mean))
		e.replace(b.node, e.with(b.node, b.variance, variance))
		return e.err
	}
	to, err := strconv.ParseFloat(f.To, 64)
	if err != nil {
		return fmt.Errorf("the epsilon %q: %w", f.To, err)
	}
	if b.fused {
		e.replace(b.node, e.copied(b.node, b.node.Inputs, map[string]any{"epsilon": float32(to)}))
		return e.err
	}
	e.replace(b.node, e.with(b.node, b.number, e.num(to)))
	return e.err
}
