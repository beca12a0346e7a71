package cudnn

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// operationResults are the results of the operations, in order.
var operationResults = []string{"output", "output_h", "output_c", "reserve_space", "host_reserved"}

// inputsOf are how many tensors each of the operations reads
// (tensorflow/core/ops/cudnn_rnn_ops.cc).
var inputsOf = map[string]int{"CudnnRNN": 4, "CudnnRNNV2": 4, "CudnnRNNV3": 5}

func isOperation(op string) bool { return inputsOf[op] > 0 }

// plan says how a node is replaced.
type plan struct {
	layer  layer
	inputs []string // of the call
}

// plan decides how a node is replaced, or why it is not.
func (b *body) plan(n *tfpb.NodeDef) (*plan, error) {
	in := dataInputs(n)
	if len(in) != inputsOf[n.GetOp()] {
		return nil, fmt.Errorf("it has %d inputs, want %d", len(in), inputsOf[n.GetOp()])
	}
	p := &plan{}
	if err := p.layer.options(n); err != nil {
		return nil, err
	}
	for _, result := range operationResults[3:] {
		if b.used[n.GetName()][result] {
			return nil, fmt.Errorf("its result %s, which is for training, is read: that is not supported", result)
		}
	}
	l := &p.layer
	if err := b.sizes(l, n, in); err != nil {
		return nil, err
	}
	p.inputs = in[:1:1]
	states := in[1:2:2]
	if l.mode == lstm {
		states = in[1:3:3]
	}
	p.inputs = append(p.inputs, b.states(l, states)...)
	given := in[3:4:4]
	if l.dirs == 1 && !l.skips {
		w, miopen, ok := b.weights(in[3], l.mode)
		if miopen {
			return nil, fmt.Errorf("its params are in the order of AMD's MIOpen, which is not supported")
		}
		if l.unpacked = ok; ok {
			given = []string{w.kernel, w.recurrent, w.bias}
		}
	}
	p.inputs = append(p.inputs, given...)
	if len(in) == 5 && !b.full(in[4], in[0], l.layerAxis()) {
		l.masked = true
		p.inputs = append(p.inputs, in[4])
	}
	return p, nil
}

// options reads the attributes; those that a file leaves out have their default.
func (l *layer) options(n *tfpb.NodeDef) error {
	text := func(name, absent string) string {
		if a := n.GetAttr()[name]; a != nil {
			return string(a.GetS())
		}
		return absent
	}
	refuse := func(name string, value any) error {
		return fmt.Errorf("attribute %q is %v, which is not supported", name, value)
	}
	l.mode = text("rnn_mode", lstm)
	if gates[l.mode] == 0 {
		return refuse("rnn_mode", fmt.Sprintf("%.100q", l.mode))
	}
	switch mode := text("input_mode", "linear_input"); mode {
	case "linear_input":
	case "auto_select":
		l.skips = true
	default:
		return refuse("input_mode", fmt.Sprintf("%.100q", mode))
	}
	switch direction := text("direction", "unidirectional"); direction {
	case "unidirectional":
		l.dirs = 1
	case "bidirectional":
		l.dirs = 2
	default:
		return refuse("direction", fmt.Sprintf("%.100q", direction))
	}
	if dropout := n.GetAttr()["dropout"].GetF(); dropout != 0 {
		return refuse("dropout", dropout)
	}
	if projection := n.GetAttr()["num_proj"].GetI(); projection != 0 {
		return refuse("num_proj", projection)
	}
	l.timeMajor = true
	if a := n.GetAttr()["time_major"]; a != nil {
		l.timeMajor = a.GetB()
	}
	l.dtype = n.GetAttr()["T"].GetType()
	switch l.dtype {
	case tfpb.DataType_DT_FLOAT, tfpb.DataType_DT_DOUBLE:
		l.compute = l.dtype
	case tfpb.DataType_DT_HALF, tfpb.DataType_DT_BFLOAT16:
		l.compute = tfpb.DataType_DT_FLOAT
	default:
		return refuse("T", l.dtype)
	}
	return nil
}

// maxSize bounds the elements of a layer's params, by the notes of a file.
const maxSize = 1 << 31

// sizes reads the shapes that the file notes, and refuses what they show to have
// several layers, or none of the units.
func (b *body) sizes(l *layer, n *tfpb.NodeDef, in []string) error {
	l.units, l.features = -1, -1
	state := b.shape(in[1])
	if len(state) != 3 {
		if own := n.GetAttr()["_output_shapes"].GetList().GetShape(); len(own) > 1 {
			state = dimsOf(own[1])
		}
	}
	if len(state) == 3 {
		l.units = state[2]
		switch both := state[l.layerAxis()]; {
		case both < 0 || both == l.dirs:
		case both%l.dirs == 0 && both > 0:
			return fmt.Errorf("it has %d layers in one, which is not supported", both/l.dirs)
		default:
			return fmt.Errorf("its states are of %d layers and directions, want %d", both, l.dirs)
		}
	}
	if x := b.shape(in[0]); len(x) == 3 {
		l.features = x[2]
	}
	switch {
	case l.units == 0 || l.features == 0:
		return fmt.Errorf("it has no units or no features")
	case l.skips && l.units > 0 && l.units == l.features:
		return fmt.Errorf("attribute \"input_mode\" is auto_select, with as many features as units, which skips a product: that is not supported")
	case l.units > maxSize || l.features > maxSize || l.units > 0 && (l.units+max(l.features, 0)+2) > maxSize/(8*l.units):
		return fmt.Errorf("it has %d units of %d features, which is too large", l.units, l.features)
	}
	if l.units > 0 && l.features > 0 {
		l.skips = false
	}
	return nil
}

// states returns what the function is given for the states: as Keras has them, if
// all of them are.
func (b *body) states(l *layer, states []string) []string {
	if l.dirs != 1 {
		return states
	}
	var flat []string
	for _, s := range states {
		inner, ok := b.withoutAxis(s, l.layerAxis())
		if !ok {
			return states
		}
		flat = append(flat, inner)
	}
	l.flat = true
	return flat
}

// replace replaces a node by a call of the layer's function, and returns that and the
// functions that it runs.
func (b *body) replace(n *tfpb.NodeDef, p *plan) []*tfpb.FunctionDef {
	functions := p.layer.functions()
	call := functions[len(functions)-1]
	rets := int64(len(call.GetSignature().GetOutputArg()))
	if b.function == "" {
		// The main graph's tensors go by number, and one of those must not become
		// another.
		call.Signature.OutputArg = call.Signature.OutputArg[:3]
		for r := range call.Ret {
			if !slices.Contains(operationResults[:3], r) {
				delete(call.Ret, r)
			}
		}
		rets = 3
	}
	n.Op = "StatefulPartitionedCall"
	n.Input = append(slices.Clone(p.inputs), controlInputs(n)...)
	n.Attr = map[string]*tfpb.AttrValue{
		"Tin": attrValue(typesOf(p.layer.args())), "Tout": attrValue(slices.Repeat([]tfpb.DataType{p.layer.dtype}, int(rets))),
		"f": attrValue(functionName(call.GetSignature().GetName())), "config": attrValue(""), "config_proto": attrValue(""), "executor_type": attrValue(""),
	}
	n.ProtoReflect().SetUnknown(nil) // the device that it ran on
	return functions
}

// rename has a function's nodes and results read the calls' results, which go by
// number, and not those of the operations, which went by name.
func (b *body) rename(calls map[string]*layer) {
	if b.function == "" || len(calls) == 0 {
		return
	}
	renamed := func(name string) string {
		t := b.parse(name)
		if calls[t.node] == nil {
			return name
		}
		return fmt.Sprintf("%s:output:%d", t.node, slices.Index(operationResults, t.result))
	}
	for _, n := range b.defs {
		for i, in := range n.GetInput() {
			if isControl(in) {
				continue
			}
			t := b.parse(in)
			l := calls[t.node]
			if i == 0 && l != nil && l.dirs == 1 && (t.result == "output_h" || t.result == "output_c") && b.dropsAxis(n.GetName(), l.layerAxis()) {
				flat := map[string]int{"output_h": resultFlatH, "output_c": resultFlatC}[t.result]
				n.Op, n.Input = "Identity", append([]string{fmt.Sprintf("%s:output:%d", t.node, flat)}, controlInputs(n)...)
				n.Attr = map[string]*tfpb.AttrValue{"T": attrValue(l.dtype)}
				break
			}
			n.Input[i] = renamed(in)
		}
	}
	for result, r := range b.ret {
		b.ret[result] = renamed(r)
	}
}
