package savedmodel

import (
	"math"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/lockstep-go/lockstep"
)

func TestConst(t *testing.T) {
	shape := func(dims ...int64) *tensor_shape_go_proto.TensorShapeProto {
		s := &tensor_shape_go_proto.TensorShapeProto{}
		for _, d := range dims {
			s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
		}
		return s
	}
	type P = tensor_go_proto.TensorProto
	read := func(p *P) (*lockstep.Tensor, error) {
		def := node("c", "Const")
		if p != nil {
			attr(def, "value", &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: p}})
		}
		return defined(t, def).Const()
	}
	tensor := func(x *lockstep.Tensor, err error) *lockstep.Tensor {
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	const (
		f32, f64, f16, bf16 = types_go_proto.DataType_DT_FLOAT, types_go_proto.DataType_DT_DOUBLE, types_go_proto.DataType_DT_HALF, types_go_proto.DataType_DT_BFLOAT16
		i32, i64, boolean   = types_go_proto.DataType_DT_INT32, types_go_proto.DataType_DT_INT64, types_go_proto.DataType_DT_BOOL
		text                = types_go_proto.DataType_DT_STRING
	)
	for name, c := range map[string]struct {
		p    *P
		want *lockstep.Tensor
	}{
		"bytes":        {&P{Dtype: f32, TensorShape: shape(2), TensorContent: []byte{0, 0, 128, 63, 0, 0, 0, 64}}, tensor(lockstep.New([]float32{1, 2}, 2))},
		"list":         {&P{Dtype: f32, TensorShape: shape(2), FloatVal: []float32{1, 2}}, tensor(lockstep.New([]float32{1, 2}, 2))},
		"repeated":     {&P{Dtype: f64, TensorShape: shape(4), DoubleVal: []float64{1, 2}}, tensor(lockstep.New([]float64{1, 2, 2, 2}, 4))},
		"zeros":        {&P{Dtype: i32, TensorShape: shape(2, 2)}, tensor(lockstep.New(make([]int32, 4), 2, 2))},
		"scalar":       {&P{Dtype: i64, TensorShape: shape(), Int64Val: []int64{7}}, tensor(lockstep.New([]int64{7}))},
		"no shape":     {&P{Dtype: i64, Int64Val: []int64{7}}, tensor(lockstep.New([]int64{7}))},
		"empty":        {&P{Dtype: f32, TensorShape: shape(math.MaxInt32, 0)}, tensor(lockstep.New([]float32{}, math.MaxInt32, 0))},
		"float16":      {&P{Dtype: f16, TensorShape: shape(1), HalfVal: []int32{0xfbff}}, tensor(lockstep.New([]lockstep.Float16Bits{0xfbff}, 1))},
		"bfloat16":     {&P{Dtype: bf16, TensorShape: shape(1), HalfVal: []int32{0xff80}}, tensor(lockstep.New([]lockstep.BFloat16Bits{0xff80}, 1))},
		"bool":         {&P{Dtype: boolean, TensorShape: shape(2), BoolVal: []bool{false, true}}, tensor(lockstep.New([]bool{false, true}, 2))},
		"string":       {&P{Dtype: text, TensorShape: shape(2), StringVal: [][]byte{[]byte("a"), {0xff}}}, tensor(lockstep.New([]string{"a", "\xff"}, 2))},
		"int8":         {&P{Dtype: types_go_proto.DataType_DT_INT8, TensorShape: shape(3), IntVal: []int32{-128, 127}}, tensor(lockstep.New([]int8{-128, 127, 127}, 3))},
		"int16":        {&P{Dtype: types_go_proto.DataType_DT_INT16, TensorShape: shape(2), IntVal: []int32{math.MinInt16, 7}}, tensor(lockstep.New([]int16{math.MinInt16, 7}, 2))},
		"uint8":        {&P{Dtype: types_go_proto.DataType_DT_UINT8, TensorShape: shape(2), IntVal: []int32{255, 1}}, tensor(lockstep.New([]uint8{255, 1}, 2))},
		"uint16":       {&P{Dtype: types_go_proto.DataType_DT_UINT16, TensorShape: shape(), IntVal: []int32{65535}}, tensor(lockstep.New([]uint16{65535}))},
		"uint32":       {&P{Dtype: types_go_proto.DataType_DT_UINT32, TensorShape: shape(1), Uint32Val: []uint32{math.MaxUint32}}, tensor(lockstep.New([]uint32{math.MaxUint32}, 1))},
		"uint64":       {&P{Dtype: types_go_proto.DataType_DT_UINT64, TensorShape: shape(1), Uint64Val: []uint64{math.MaxUint64}}, tensor(lockstep.New([]uint64{math.MaxUint64}, 1))},
		"complex64":    {&P{Dtype: types_go_proto.DataType_DT_COMPLEX64, TensorShape: shape(2), ScomplexVal: []float32{1, -2, 3, 4}}, tensor(lockstep.New([]complex64{1 - 2i, 3 + 4i}, 2))},
		"complex128":   {&P{Dtype: types_go_proto.DataType_DT_COMPLEX128, TensorShape: shape(3), DcomplexVal: []float64{0, 0.5}}, tensor(lockstep.New([]complex128{0.5i, 0.5i, 0.5i}, 3))},
		"uint8 bytes":  {&P{Dtype: types_go_proto.DataType_DT_UINT8, TensorShape: shape(2), TensorContent: []byte{255, 2}}, tensor(lockstep.New([]uint8{255, 2}, 2))},
		"large repeat": {&P{Dtype: boolean, TensorShape: shape(maxConstElements)}, tensor(lockstep.Zeros(lockstep.Bool, maxConstElements))},
	} {
		got, err := read(c.p)
		if err != nil || !got.BitEqual(c.want) {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
	before := allocated()
	for name, c := range map[string]struct {
		p    *P
		want string
	}{
		"none":             {nil, "no value"},
		"a type":           {&P{Dtype: types_go_proto.DataType_DT_QINT8, TensorShape: shape()}, "the element type qint8 is not supported"},
		"no rank":          {&P{Dtype: f32, TensorShape: &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}}, "no shape"},
		"negative":         {&P{Dtype: f32, TensorShape: shape(-5)}, "negative axis"},
		"overflow":         {&P{Dtype: f32, TensorShape: shape(1<<40, 1<<40), FloatVal: []float32{1}}, "more elements than memory"},
		"huge":             {&P{Dtype: f32, TensorShape: shape(1 << 40), FloatVal: []float32{1}}, "want at most 4194304 where values repeat"},
		"huge zeros":       {&P{Dtype: text, TensorShape: shape(1 << 30)}, "want at most"},
		"too many":         {&P{Dtype: f32, TensorShape: shape(1), FloatVal: []float32{1, 2}}, "2 values for shape (1,), want at most 1"},
		"half a number":    {&P{Dtype: types_go_proto.DataType_DT_COMPLEX64, TensorShape: shape(2), ScomplexVal: []float32{1, 2, 3}}, "3 parts of complex numbers, want two for each"},
		"bytes too few":    {&P{Dtype: f32, TensorShape: shape(2), TensorContent: []byte{1, 2, 3}}, "3 bytes for a float32"},
		"bytes of strings": {&P{Dtype: text, TensorShape: shape(1), TensorContent: []byte{1, 2, 3}}, "no fixed size"},
	} {
		if _, err := read(c.p); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `constant "c"`) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if used := allocated() - before; used > 1<<20 {
		t.Errorf("refusing took %d bytes", used)
	}
	if _, err := (&Node{Name: "c", Op: "Tanh"}).Const(); err == nil {
		t.Error("a Tanh has a value")
	}
}
