package recurrent

import (
	"math"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// constants are changed one at a time: the node, by the end of its name, and
// another value.
var constants = []struct {
	fixture, body, node string
	becomes             *attr_value_go_proto.AttrValue
}{
	{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/sub/x", floatConst(2)},
	{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/sub/x", floatConst(0.9999999)},
	{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/split/split_dim", intConst(1)},
	{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/split_1/split_dim", intConst(0)},
	{"gru_states_keras3", "gru_1_while_body", "strided_slice/stack_1", list(0, 5)},
	{"gru_states_keras3", "gru_1_while_body", "strided_slice_1/stack", list(0, 3)},
	{"gru_states_keras3", "gru_1_while_body", "strided_slice_1/stack_2", list(1, 2)},
	{"gru_states_keras3", "gru_1_while_body", "strided_slice_2/stack", list(0, 4)},
	{"gru_before_masked_tfkeras", "gru_while_body", "gru_cell/Const", list(4, 3, -1)},
	{"gru_before_masked_tfkeras", "gru_while_body", "gru_cell/Const", list(4, -1, -1)},
	{"gru_before_masked_tfkeras", "gru_while_body", "gru_cell/Const", list(4, 4, 1)},
	{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile/multiples", list(1, 3)},
	{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile/multiples", list(2, 1)},
	{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile_1/multiples", list(1, 3)},
	{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile_1/multiples", list(1, 1, 1)},
	{"lstm_hard_sigmoid_tfkeras", "lstm_while_body", "lstm_cell/Const", floatConst(0.21)},
	{"lstm_hard_sigmoid_tfkeras", "lstm_while_body", "lstm_cell/Const", floatConst(math.Nextafter32(0.2, 1))},
	{"lstm_hard_sigmoid_tfkeras", "lstm_while_body", "lstm_cell/Const_3", floatConst(0.4)},
	{"lstm_hard_sigmoid_tfkeras", "lstm_while_body", "clip_by_value_1/Minimum/y", floatConst(2)},
	{"lstm_hard_sigmoid_tfkeras", "lstm_while_body", "clip_by_value_2/y", floatConst(-1)},
}

func TestChangedConstants(t *testing.T) {
	for _, c := range constants {
		f, err := edited(t, c.fixture, c.node, func(e *editor) { e.fn(c.body).node(c.node).Attr["value"] = c.becomes })
		if err != nil || len(f.Layers) != 0 || len(f.Slices) != 0 || len(f.Rest) != 1 {
			t.Errorf("%s with another %s: %v, %+v", c.fixture, c.node, err, f)
		}
	}
}

// The same in other words: a mask that is spread over all columns, a slice to
// the very end, sizes that are all given.
func TestTheSameConstants(t *testing.T) {
	for _, c := range []struct {
		fixture, body, node string
		becomes             *attr_value_go_proto.AttrValue
	}{
		{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile/multiples", list(1, 4)},
		{"gru_before_masked_tfkeras", "gru_while_body", "while/Tile_1/multiples", list(1, 4)},
		{"gru_before_masked_tfkeras", "gru_while_body", "gru_cell/Const", list(4, -1, 0)},
		{"gru_states_keras3", "gru_1_while_body", "strided_slice_1/stack_1", list(0, -4)},
		{"gru_states_keras3", "gru_1_while_body", "strided_slice/stack", list(0, 1)}, // whose begin is masked
		{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/split_1/split_dim", intConst(1)},
		{"gru_states_keras3", "gru_1_while_body", "gru_cell_1/split/split_dim", intConst(-2)},
	} {
		f, err := edited(t, c.fixture, c.node, func(e *editor) { e.fn(c.body).node(c.node).Attr["value"] = c.becomes })
		if err != nil || len(f.Layers) != 1 {
			t.Errorf("%s with another %s: %v, %+v", c.fixture, c.node, err, f.Rest)
		}
	}
}

func floatConst(v float32) *attr_value_go_proto.AttrValue {
	p := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, FloatVal: []float32{v}}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}}
}
