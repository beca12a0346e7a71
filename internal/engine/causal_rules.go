package engine

import (
	"errors"
	"slices"
)

// causal are the operations that are known not to mix time steps, or not in
// every case: each finds the timing of its results, or fails.
var causal = map[string]func(c *causality, s *step) error{
	"Reshape": keepsElements, "ExpandDims": keepsElements, "Squeeze": keepsElements,
	"Identity": keepsElements, "StopGradient": keepsElements, "PreventGradient": keepsElements, "Snapshot": keepsElements,
	"Softmax": alongLast, "LogSoftmax": alongLast,
	"Transpose": transposes, "MatMul": multiplies, "BatchMatMulV2": multiplies,
	"ConcatV2": joins, "StridedSlice": slicesOff, "Split": splits,
	"GatherV2": looksUp, "ResourceGather": looksUp, "BiasAdd": addsBias,
	"Sum": reduces, "Mean": reduces, "Max": reduces, "Min": reduces, "All": reduces, "Any": reduces,
	"TensorListFromTensor": lists, "TensorListStack": stacks,
	"While": loops, "StatelessWhile": loops,
}

func init() {
	for _, op := range []string{
		"Neg", "Abs", "Square", "Sqrt", "Rsqrt", "Exp", "Log", "Tanh", "Sigmoid", "Relu", "Relu6", "Elu", "Selu",
		"Softplus", "Softsign", "LeakyRelu", "Erf", "Erfc", "Sign", "Cast", "LogicalNot", "Floor", "Round", "Log1p", "Expm1",
	} {
		causal[op] = keepsElements
	}
	for _, op := range []string{
		"AddV2", "Add", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "SquaredDifference", "Pow", "DivNoNan", "AddN",
		"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "LogicalAnd", "LogicalOr", "Select", "SelectV2",
	} {
		causal[op] = elementwise
	}
}

// keepsElements is an operation whose result has an element for each of its
// first input, in their order.
func keepsElements(c *causality, s *step) error {
	l := c.of[s.in[0]]
	if l.kind == timeless {
		return errMixes
	}
	switch {
	case l.kind == bySteps && s.node.Op == "Reshape" && len(s.in) == 2:
		if err := c.shapes(s.in[1]); err != nil {
			return err
		}
	default:
		if err := c.rest(s, 0); err != nil {
			return err
		}
	}
	c.set(s, l)
	return nil
}

// alongLast is an operation along the last axis.
func alongLast(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if err != nil {
		return err
	}
	if l.kind == bySteps {
		if axis, _, ok := l.axis(shape, c.long.steps); !ok || axis == len(shape)-1 {
			return errMixes
		}
	}
	c.set(s, l)
	return nil
}

// elementwise is an operation of elements that stand at the same place in
// tensors which are spread over each other.
func elementwise(c *causality, s *step) error {
	out := c.shape(s.out)
	kind := timeless
	for _, slot := range s.in {
		switch l := c.of[slot]; {
		case l.kind == timeless:
		case kind == timeless:
			kind = l.kind
		case kind != l.kind:
			return errors.New("it sets values of single steps beside one of all steps so far")
		}
	}
	if kind == soFar {
		for _, slot := range s.in {
			if c.of[slot].kind == timeless {
				if err := c.same(slot); err != nil {
					return err
				}
			}
		}
		c.set(s, timing{kind: soFar})
		return nil
	}
	var found timing
	for _, slot := range s.in {
		l := c.of[slot]
		if l.kind == timeless {
			continue
		}
		spread, err := c.spread(l, c.shape(slot), out)
		if err != nil {
			return err
		}
		if found.kind == bySteps && found != spread {
			return errMixes
		}
		found = spread
	}
	axis, _, ok := found.axis(out, c.long.steps)
	if !ok {
		return errMixes
	}
	for _, slot := range s.in {
		if c.of[slot].kind != timeless {
			continue
		}
		if err := c.same(slot); err != nil {
			return err
		}
		shape := c.shape(slot)
		if at := axis - (len(out) - len(shape)); at >= 0 && shape[at] != 1 {
			return errors.New("it reads other values for each step")
		}
	}
	c.set(s, found)
	return nil
}

// spread is the timing of a tensor once it is spread over a shape.
func (c *causality) spread(l timing, shape, out []int) (timing, error) {
	if product(shape) == product(out) {
		return l, nil
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	if !ok || !whole {
		return l, errMixes
	}
	return at(out, axis+len(out)-len(shape)), nil
}

func transposes(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if err != nil {
		return err
	}
	if l.kind == soFar {
		c.set(s, l)
		return nil
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	perm, err := ints(c.long.slots[s.in[1]].Tensor)
	if err != nil || !ok || !whole {
		return errMixes
	}
	to := slices.IndexFunc(perm, func(from int) bool { return from == axis || from == axis-len(shape) })
	c.set(s, at(c.shape(s.out), to))
	return nil
}

// multiplies is a product with matrices that have nothing to do with time, of
// rows for the steps.
func multiplies(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if err != nil {
		return err
	}
	n := s.node
	if n.AttrBool("transpose_a") || n.AttrBool("adj_x") {
		return errMixes
	}
	if l.kind == bySteps {
		axis, whole, ok := l.axis(shape, c.long.steps)
		if !ok || axis == len(shape)-1 {
			return errMixes
		}
		out := c.shape(s.out)
		if len(c.shape(s.in[1])) == 2 {
			l.after = l.after / shape[len(shape)-1] * out[len(out)-1]
		} else if l = at(out, len(out)-2); !whole || axis != len(shape)-2 { // a matrix for each of a batch
			return errMixes
		}
	}
	c.set(s, l)
	return nil
}

func addsBias(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if err != nil {
		return err
	}
	if format := s.node.AttrString("data_format"); format != "" && format != "NHWC" {
		return errMixes
	}
	if l.kind == bySteps {
		if axis, _, ok := l.axis(shape, c.long.steps); !ok || axis == len(shape)-1 {
			return errMixes
		}
	}
	c.set(s, l)
	return nil
}

// joins is a concatenation along another axis than time.
func joins(c *causality, s *step) error {
	last := len(s.in) - 1
	if err := c.same(s.in[last]); err != nil {
		return err
	}
	along, err := scalarInt(c.long.slots[s.in[last]].Tensor)
	if err != nil {
		return err
	}
	out := c.shape(s.out)
	if along < 0 {
		along += len(out)
	}
	kind, axis := c.of[s.in[0]].kind, -1
	for _, slot := range s.in[:last] {
		l := c.of[slot]
		if l.kind != kind {
			return errors.New("it joins values of single steps with others")
		}
		if l.kind != bySteps {
			continue
		}
		i, whole, ok := l.axis(c.shape(slot), c.long.steps)
		if !ok || !whole || i == along || axis >= 0 && i != axis {
			return errMixes
		}
		axis = i
	}
	if kind == bySteps {
		c.set(s, at(out, axis))
		return nil
	}
	c.set(s, timing{kind: kind})
	return nil
}

// slicesOff is a slice that takes all steps of the time axis, or the last one.
func slicesOff(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if l.kind == soFar && err == nil {
		c.set(s, l)
		return nil
	}
	n := s.node
	if err != nil || n.AttrInt("ellipsis_mask") != 0 || n.AttrInt("new_axis_mask") != 0 {
		return errMixes
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	if !ok || !whole {
		return errMixes
	}
	begin, err1 := ints(c.long.slots[s.in[1]].Tensor)
	end, err2 := ints(c.long.slots[s.in[2]].Tensor)
	strides, err3 := ints(c.long.slots[s.in[3]].Tensor)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	dropped := 0
	for i := range min(axis, len(begin)) {
		if n.AttrInt("shrink_axis_mask")>>i&1 == 1 {
			dropped++
		}
	}
	bit := func(mask string) bool { return n.AttrInt(mask)>>axis&1 == 1 }
	switch {
	case axis >= len(begin), bit("begin_mask") && bit("end_mask") && strides[axis] == 1 && !bit("shrink_axis_mask"):
		c.set(s, at(c.shape(s.out), axis-dropped))
	case bit("shrink_axis_mask") && begin[axis] == -1:
		c.set(s, timing{kind: soFar}) // of the sequence so far, the last step
	case end[axis] == 0 && bit("end_mask") && begin[axis] == -1:
		return errMixes // the last step as a sequence of one: its own time axis
	default:
		return errMixes
	}
	return nil
}

// picks tells whether a step is a slice that takes one step, whichever, so that
// its shape does not depend on how many there are.
func (c *causality) picks(s *step) bool {
	l, shape, err := c.first(s, 0)
	n := s.node
	if err != nil || n.Op != "StridedSlice" || l.kind != bySteps || n.AttrInt("ellipsis_mask") != 0 || n.AttrInt("new_axis_mask") != 0 {
		return false
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	return ok && whole && n.AttrInt("shrink_axis_mask")>>axis&1 == 1
}

func splits(c *causality, s *step) error {
	l, shape, err := c.first(s, 1)
	if err != nil {
		return err
	}
	if l.kind == soFar {
		c.set(s, l)
		return nil
	}
	along, err := scalarInt(c.long.slots[s.in[0]].Tensor)
	if err != nil {
		return err
	}
	if along < 0 {
		along += len(shape)
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	if !ok || !whole || axis == along {
		return errMixes
	}
	c.set(s, at(c.shape(s.out), axis))
	return nil
}

// looksUp is a look-up of rows by the numbers of steps.
func looksUp(c *causality, s *step) error {
	l, shape, err := c.first(s, 1)
	if err != nil {
		return err
	}
	if len(s.in) > 2 {
		if axis, err := scalarInt(c.long.slots[s.in[2]].Tensor); err != nil || axis != 0 {
			return errMixes
		}
	}
	if s.node.AttrInt("batch_dims") != 0 {
		return errMixes
	}
	if l.kind == bySteps {
		l.after *= product(c.shape(s.out)[len(shape):])
	}
	c.set(s, l)
	return nil
}

// reduces is a reduction along other axes than time.
func reduces(c *causality, s *step) error {
	l, shape, err := c.first(s, 0)
	if err != nil {
		return err
	}
	if l.kind == soFar {
		c.set(s, l)
		return nil
	}
	axes, err := ints(c.long.slots[s.in[1]].Tensor)
	if err != nil {
		return err
	}
	axis, whole, ok := l.axis(shape, c.long.steps)
	if !ok || !whole {
		return errMixes
	}
	gone := 0
	for _, a := range axes {
		if a < 0 {
			a += len(shape)
		}
		if a == axis {
			return errMixes
		}
		if a < axis && !s.node.AttrBool("keep_dims") {
			gone++
		}
	}
	c.set(s, at(c.shape(s.out), axis-gone))
	return nil
}

func lists(c *causality, s *step) error {
	l, _, err := c.first(s, 0)
	if err != nil {
		return err
	}
	if l.kind != bySteps || l.before != 1 {
		return errors.New("its elements are no time steps")
	}
	c.set(s, l)
	return nil
}

func stacks(c *causality, s *step) error {
	if err := c.rest(s, 0); err != nil {
		return err
	}
	c.set(s, c.of[s.in[0]])
	return nil
}
