package fault

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// convolution is one along time, which TensorFlow computes as one of images with
// a height of one.
type convolution struct {
	node, expand *savedmodel.Node
	x            savedmodel.Ref // before any padding with zeros
	width        int            // of the kernel, in steps
	padding      string
}

// The paddings, by Keras's names.
const (
	same   = "same"
	valid  = "valid"
	causal = "causal"
)

func (a *around) convolutions() []*convolution {
	var out []*convolution
	for _, n := range a.main {
		if n.Op != "Conv2D" || len(n.Inputs) != 2 || n.HasAttr("data_format") && n.AttrString("data_format") != "NHWC" ||
			slices.ContainsFunc(n.AttrInts("dilations"), func(d int64) bool { return d != 1 }) {
			continue
		}
		expand, in := a.operands(n.Inputs[0], 2, "ExpandDims")
		filter, table := a.operands(n.Inputs[1], 2, "ExpandDims")
		if expand == nil || filter == nil {
			continue
		}
		height, ok := number(in[1])
		first, known := number(table[1])
		v := a.variable(table[0])
		if !ok || height != 1 && height != -3 || !known || first != 0 || v == nil || len(v.Shape) != 3 || v.Shape[0] < 2 {
			continue
		}
		c := &convolution{node: n, expand: expand, x: in[0], width: v.Shape[0]}
		_, padded := a.operands(in[0], 2, "Pad")
		switch before := c.causalPadding(); {
		case n.AttrString("padding") == "SAME":
			c.padding = same
		case n.AttrString("padding") != "VALID":
			continue
		case padded != nil && slices.Equal(integers(padded[1], 6), []int64{0, 0, int64(before[2]), 0, 0, 0}):
			c.padding, c.x = causal, padded[0]
		default:
			c.padding = valid
		}
		out = append(out, c)
	}
	return out
}

func (c *convolution) causalPadding() []int32 { return []int32{0, 0, int32(c.width - 1), 0, 0, 0} }

func (c *convolution) faults() []Fault {
	var out []Fault
	for _, to := range []string{same, causal, valid} {
		if to != c.padding {
			out = append(out, Fault{Kind: Padding, Node: c.node.Name, From: c.padding, To: to})
		}
	}
	return out
}

func (f Fault) plantPadding(src *source.Source, c *convolution) error {
	e := newExpressions(src, c.node, f.Kind)
	x, mode := c.x, "VALID"
	switch f.To {
	case same:
		mode = "SAME"
	case causal:
		x = e.op("Pad", map[string]any{"Tpaddings": lockstep.Int32}, x, e.ints(c.causalPadding(), 3, 2))
	case valid:
	default:
		return fmt.Errorf("there is no padding %q", f.To)
	}
	expand := e.with(c.expand, 0, x)
	e.replace(c.node, e.copied(c.node, []savedmodel.Ref{{Node: expand}, c.node.Inputs[1]}, map[string]any{"padding": mode}))
	return e.err
}

// activation is one that is an operation, or of which one operation decides what
// it is.
type activation struct {
	node *savedmodel.Node
	is   recurrent.Activation
	x    savedmodel.Ref // of a GeluTanh: what it is applied to
}

func (a *around) activations() []*activation {
	var out []*activation
	for _, n := range a.main {
		if len(n.Inputs) != 1 {
			continue
		}
		if t, err := n.AttrType("T"); err != nil || t != lockstep.Float32 && t != lockstep.Float64 {
			continue
		}
		switch n.Op {
		case "Sigmoid":
			out = append(out, &activation{node: n, is: recurrent.Sigmoid})
		case "Tanh":
			found := &activation{node: n, is: recurrent.Tanh}
			if x, ok := a.geluArgument(n.Inputs[0]); ok {
				found.is, found.x = recurrent.GeluTanh, x
			}
			out = append(out, found)
		case "Erf", "Erfc":
			if a.scaledBy(n.Inputs[0], math.Sqrt2/2) {
				out = append(out, &activation{node: n, is: recurrent.Gelu})
			}
		}
	}
	return out
}

// factors returns the constant and the other factor of a product.
func (a *around) factors(r savedmodel.Ref) (factor float64, of savedmodel.Ref, ok bool) {
	if _, in := a.operands(r, 2, "Mul"); in != nil {
		for i := range 2 {
			if v, is := number(in[i]); is {
				return v, in[1-i], true
			}
		}
	}
	if _, in := a.operands(r, 2, "RealDiv"); in != nil {
		if v, is := number(in[1]); is && v != 0 {
			return 1 / v, in[0], true
		}
	}
	return 0, r, false
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5*math.Abs(b) }

// scaledBy tells whether a tensor is another one times ±factor.
func (a *around) scaledBy(r savedmodel.Ref, factor float64) bool {
	v, _, ok := a.factors(r)
	return ok && near(math.Abs(v), factor)
}

// geluScale and geluCube are the constants of gelu's approximation,
// x/2·(1 + tanh(geluScale·(x + geluCube·x³))).
var geluScale = math.Sqrt(2 / math.Pi)

const geluCube = 0.044715

// geluArgument returns the x of geluScale·(x + geluCube·x³).
func (a *around) geluArgument(r savedmodel.Ref) (x savedmodel.Ref, ok bool) {
	factor, sum, ok := a.factors(r)
	_, terms := a.operands(sum, 2, "AddV2", "Add")
	if !ok || !near(factor, geluScale) || terms == nil {
		return x, false
	}
	for i := range 2 {
		cube, of, ok := a.factors(terms[1-i])
		if !ok || !near(cube, geluCube) {
			continue
		}
		_, power := a.operands(of, 2, "Pow", "Mul")
		if power != nil && a.through(power[0]) == a.through(terms[i]) {
			return terms[i], true
		}
	}
	return x, false
}

// fewActivations bounds the operations of one activation in which a fault is listed
// alone: an unrolled layer has as many as steps.
const fewActivations = 8

// activationFaults are the activations of single operations, and of all places of
// a model that has several.
func (a *around) activationFaults() []Fault {
	nodes, places := map[recurrent.Activation][]*activation{}, map[recurrent.Activation]int{}
	for _, v := range a.activations() {
		nodes[v.is] = append(nodes[v.is], v)
		places[v.is]++
	}
	for _, l := range a.src.Found.Layers {
		places[l.Activation]++
		if l.Kind != recurrent.SimpleRNN {
			places[l.RecurrentActivation]++
		}
	}
	var out []Fault
	for _, is := range slices.Sorted(maps.Keys(mistaken)) {
		for _, to := range mistaken[is] {
			if is == recurrent.Relu || to == recurrent.Relu {
				continue // a mistake of one layer
			}
			f := Fault{Kind: ActivationChanged, From: is.String(), To: to.String()}
			if places[is] > 1 {
				out = append(out, f)
			}
			if len(nodes[is]) > fewActivations {
				continue
			}
			for _, v := range nodes[is] {
				f.Node, f.Role = v.node.Name, "activation"
				out = append(out, f)
			}
		}
	}
	return out
}

// plantActivations changes an activation wherever the model has it.
func (f Fault) plantActivations(src *source.Source) error {
	from, ok := recurrent.ActivationNamed(f.From)
	to, known := recurrent.ActivationNamed(f.To)
	if !ok || !known {
		return fmt.Errorf("there is no activation %q, or no %q", f.From, f.To)
	}
	for _, v := range lookAround(src).activations() {
		if v.is == from {
			if err := f.plantActivation(src, v); err != nil {
				return err
			}
		}
	}
	for _, l := range slices.Clone(src.Found.Layers) {
		if l.Activation != from && l.RecurrentActivation != from {
			continue
		}
		l, _, err := src.EditLayer(l.Name)
		if err != nil {
			return err
		}
		if l.Activation == from {
			l.Activation = to
		}
		if l.RecurrentActivation == from {
			l.RecurrentActivation = to
		}
	}
	return nil
}

func (f Fault) plantActivation(src *source.Source, v *activation) error {
	e := newExpressions(src, v.node, f.Kind)
	x := v.node.Inputs[0]
	var out savedmodel.Ref
	switch to, _ := recurrent.ActivationNamed(f.To); to {
	case recurrent.HardSigmoid2:
		out = e.clip(e.sum(e.product(x, e.num(0.2)), e.num(0.5)), 0, 1)
	case recurrent.HardSigmoid3:
		out = e.ratio(e.op("Relu6", nil, e.sum(x, e.num(3))), e.num(6))
	case recurrent.HardTanh:
		out = e.clip(x, -1, 1)
	case recurrent.RationalTanh:
		x = e.clip(x, -3, 3)
		square := e.op("Square", nil, x)
		out = e.ratio(e.product(x, e.sum(square, e.num(27))), e.sum(e.product(square, e.num(9)), e.num(27)))
	case recurrent.GeluTanh: // erf(z) for tanh of what gelu's x is, and erfc(z) = 1 - erf(z)
		x = e.product(x, e.num(math.Sqrt2))
		cube := e.product(e.op("Square", nil, x), x)
		out = e.op("Tanh", nil, e.product(e.sum(x, e.product(cube, e.num(geluCube))), e.num(geluScale)))
		if v.node.Op == "Erfc" {
			out = e.op("Sub", nil, e.num(1), out)
		}
	case recurrent.Gelu:
		out = e.op("Erf", nil, e.product(v.x, e.num(math.Sqrt2/2)))
	default:
		return fmt.Errorf("%s cannot be computed as %q", v.is, f.To)
	}
	if v.is == recurrent.GeluTanh && v.x.Node == nil {
		return fmt.Errorf("%q is no gelu", v.node.Name)
	}
	e.replace(v.node, out.Node)
	return e.err
}
