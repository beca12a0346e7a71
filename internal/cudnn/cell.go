package cudnn

import "github.com/lockstep-go/lockstep/internal/tfpb"

// The modes of the operations, and how many products of each kind a cell has.
const (
	lstm    = "lstm"
	gru     = "gru"
	rnnTanh = "rnn_tanh"
	rnnRelu = "rnn_relu"
)

var gates = map[string]int64{lstm: 4, gru: 3, rnnTanh: 1, rnnRelu: 1}

// cell is the step of a layer that is being written, in Keras's own equations and
// order of gates, which cuDNN's are after its weights are put in that order:
// NVIDIA's documentation of cudnnRNNMode_t.
type cell struct {
	*builder
	kind tfpb.DataType
}

func (c cell) unary(name, op, x string) string { return c.add(name, op, attrs{"T": c.kind}, x) }

func (c cell) binary(name, op, x, y string) string { return c.add(name, op, attrs{"T": c.kind}, x, y) }

func (c cell) product(name, x, w string) string {
	return c.add(name, "MatMul", attrs{"T": c.kind, "transpose_a": false, "transpose_b": false}, x, w)
}

func (c cell) bias(name, x, bias string) string {
	return c.add(name, "BiasAdd", attrs{"T": c.kind, "data_format": "NHWC"}, x, bias)
}

// split splits columns into the gates'.
func (c cell) split(name, x string, n int64) []string {
	first := c.add(name, "Split", attrs{"T": c.kind, "num_split": n}, c.scalar(name+"/axis", int32Type, 1), x)
	out := make([]string, n)
	for i := range out {
		out[i] = result(first, i)
	}
	return out
}

// lstm is the step of an LSTM, gates i, f, c, o.
func (c cell) lstm(x, h, state string) (newH, newC string) {
	sum := c.binary("add", "AddV2", c.product("MatMul", x, "kernel"), c.product("MatMul_1", h, "recurrent_kernel"))
	z := c.split("split", c.bias("BiasAdd", sum, "bias"), 4)
	i, f := c.unary("i", "Sigmoid", z[0]), c.unary("f", "Sigmoid", z[1])
	g, o := c.unary("g", "Tanh", z[2]), c.unary("o", "Sigmoid", z[3])
	newC = c.binary("c_new", "AddV2", c.binary("kept", "Mul", f, state), c.binary("added", "Mul", i, g))
	return c.binary("h_new", "Mul", o, c.unary("Tanh", "Tanh", newC)), newC
}

// gru is the step of a GRU, gates z, r, h, with the reset after the product.
func (c cell) gru(x, h string) string {
	xs := c.split("split", c.bias("BiasAdd", c.product("MatMul", x, "kernel"), "bias"), 3)
	hs := c.split("split_1", c.bias("BiasAdd_1", c.product("MatMul_1", h, "recurrent_kernel"), "recurrent_bias"), 3)
	z := c.unary("z", "Sigmoid", c.binary("add_z", "AddV2", xs[0], hs[0]))
	r := c.unary("r", "Sigmoid", c.binary("add_r", "AddV2", xs[1], hs[1]))
	g := c.unary("g", "Tanh", c.binary("add_g", "AddV2", xs[2], c.binary("reset", "Mul", r, hs[2])))
	rest := c.binary("sub", "Sub", c.number("one", c.kind, true), z)
	return c.binary("h_new", "AddV2", c.binary("kept", "Mul", z, h), c.binary("added", "Mul", rest, g))
}

// simple is the step of a layer without gates.
func (c cell) simple(x, h, activation string) string {
	sum := c.bias("BiasAdd", c.product("MatMul", x, "kernel"), "bias")
	return c.unary("h_new", activation, c.binary("add", "AddV2", sum, c.product("MatMul_1", h, "recurrent_kernel")))
}

// step writes the step of a mode and returns the states after it.
func (c cell) step(mode, x, h, state string) (newH, newC string) {
	switch mode {
	case lstm:
		return c.lstm(x, h, state)
	case gru:
		return c.gru(x, h), ""
	case rnnRelu:
		return c.simple(x, h, "Relu"), ""
	}
	return c.simple(x, h, "Tanh"), ""
}
