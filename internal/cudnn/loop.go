package cudnn

import "github.com/lockstep-go/lockstep/internal/tfpb"

// loop is one direction of a layer: a While in the form in which Keras exports a
// layer.
type loop struct {
	layer *layer
	name  string // of the loop, of which its functions have theirs
	// Tensors of the function that the loop is written in.
	x, steps              string // (steps, batch, features), and the number of steps
	h, c                  string // (batch, units)
	kernel, recurrent     string
	bias, recurrentBias   string // the second of a GRU alone
	mask                  string // (steps, batch, 1): which steps there are; "" for all
	outputs, lastH, lastC string // what it computes
	cond, body            *tfpb.FunctionDef
	variables             []arg
	inputs                []string // what the variables are before the first step
}

// write writes the loop into b, and its functions.
func (l *loop) write(b *builder) {
	t := l.layer.compute
	open := b.list(l.name+"/element_shape", int32Type, -1, -1)
	listOf := func(name, x string, kind tfpb.DataType, shape string) string {
		return b.add(l.name+"/"+name, "TensorListFromTensor", attrs{"element_dtype": kind, "shape_type": int32Type}, x, shape)
	}
	l.variable("time", int32Type, b.scalar(l.name+"/time", int32Type, 0))
	l.variable("outputs", variantType, b.add(l.name+"/outputs", "TensorListReserve", attrs{"element_dtype": t, "shape_type": int32Type}, open, l.steps))
	l.variable("h", t, l.h)
	if l.c != "" {
		l.variable("c", t, l.c)
	}
	l.variable("steps", int32Type, l.steps)
	l.variable("x", variantType, listOf("x", l.x, t, open))
	l.variable("kernel", t, l.kernel)
	l.variable("recurrent_kernel", t, l.recurrent)
	l.variable("bias", t, l.bias)
	if l.recurrentBias != "" {
		l.variable("recurrent_bias", t, l.recurrentBias)
	}
	if l.mask != "" {
		l.variable("mask", variantType, listOf("mask", l.mask, boolType, open))
		l.variable("zeros", t, b.add(l.name+"/zeros", "ZerosLike", attrs{"T": t}, l.h))
	}
	l.writeBody()
	l.writeCondition()
	while := b.add(l.name, "StatelessWhile", attrs{
		"T": typesOf(l.variables), "cond": functionName(l.cond.Signature.Name), "body": functionName(l.body.Signature.Name),
		"parallel_iterations": int64(32), "_lower_using_switch_merge": true,
	}, l.inputs...)
	l.lastH = result(while, 2)
	if l.c != "" {
		l.lastC = result(while, 3)
	}
	l.outputs = b.add(l.name+"/stack", "TensorListStack", attrs{"element_dtype": t, "num_elements": int64(-1)}, result(while, 1), open)
}

func (l *loop) variable(name string, kind tfpb.DataType, start string) {
	l.variables = append(l.variables, arg{name: name, kind: kind})
	l.inputs = append(l.inputs, start)
}

// writeBody writes a step. Rows that have no step keep their states, and their
// output is zeros: so cuDNN pads with its unified layouts (cudnnRNNDataLayout_t,
// and the padding value 0 that TensorFlow gives it).
func (l *loop) writeBody() {
	t := l.layer.compute
	c := cell{newBuilder(), t}
	for _, v := range l.variables {
		c.names[v.name] = true // an argument's name is no node's
	}
	after := map[string]string{}
	element := c.list("element_shape", int32Type, -1, -1)
	item := func(name, list string, kind tfpb.DataType) string {
		return c.add(name, "TensorListGetItem", attrs{"element_dtype": kind}, list, "time", element)
	}
	h, state := c.step(l.layer.mode, item("item", "x", t), "h", "c")
	output := h
	if l.mask != "" {
		mask := item("has_step", "mask", boolType)
		choose := func(name, yes, no string) string {
			return c.add(name, "SelectV2", attrs{"T": t}, mask, yes, no)
		}
		output = choose("output", h, "zeros")
		h = choose("h_kept", h, "h")
		if state != "" {
			state = choose("c_kept", state, "c")
		}
	}
	after["h"], after["c"] = h, state
	after["outputs"] = c.add("outputs_new", "TensorListSetItem", attrs{"element_dtype": t}, "outputs", "time", output)
	after["time"] = c.add("time_new", "AddV2", attrs{"T": int32Type}, "time", c.scalar("one_step", int32Type, 1))
	var rets []arg
	for _, v := range l.variables {
		ref := v.name
		if next := after[v.name]; next != "" {
			ref = next
		}
		rets = append(rets, arg{v.name + "_out", v.kind, ref})
	}
	l.body = c.function(l.functionOf("body"), l.variables, rets)
}

func (l *loop) writeCondition() {
	b := newBuilder()
	less := b.add("Less", "Less", attrs{"T": int32Type}, "time", "steps")
	l.cond = b.function(l.functionOf("cond"), l.variables, []arg{{"goes_on", boolType, less}})
}

func (l *loop) functionOf(end string) string { return l.layer.name + "_" + l.name + "_" + end }
