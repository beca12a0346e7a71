package cudnn

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// The types that the functions pass on.
const (
	variantType = tfpb.DataType_DT_VARIANT
	int32Type   = tfpb.DataType_DT_INT32
	int64Type   = tfpb.DataType_DT_INT64
	boolType    = tfpb.DataType_DT_BOOL
	stringType  = tfpb.DataType_DT_STRING
)

// attrs are a node's attributes by name: types, lists of types, integers, bools,
// values and names of functions.
type attrs map[string]any

// functionName is the value of an attribute that names a function.
type functionName string

// builder writes the nodes of a function.
type builder struct {
	nodes []*tfpb.NodeDef
	names map[string]bool
}

func newBuilder() *builder { return &builder{names: map[string]bool{}} }

// results are the names of the operations' first results, by which a function's
// nodes name them; "output" where there is no other.
var results = map[string]string{
	"AddV2": "z", "Cast": "y", "GreaterEqual": "z", "Less": "z", "LessEqual": "z", "LogicalAnd": "z", "MatMul": "product",
	"Mul": "z", "NotEqual": "z", "Relu": "activations", "Sigmoid": "y", "Sub": "z", "Tanh": "y", "Transpose": "y", "ZerosLike": "y",
	"TensorListFromTensor": "output_handle", "TensorListReserve": "handle", "TensorListGetItem": "item",
	"TensorListSetItem": "output_handle", "TensorListStack": "tensor",
}

// add writes a node and returns its first result; a name that is taken gets a
// number.
func (b *builder) add(name, op string, with attrs, inputs ...string) string {
	own := name
	for i := 1; b.names[own]; i++ {
		own = fmt.Sprintf("%s_%d", name, i)
	}
	b.names[own] = true
	n := &tfpb.NodeDef{Name: own, Op: op, Input: inputs, Attr: map[string]*tfpb.AttrValue{}}
	for key, v := range with {
		n.Attr[key] = attrValue(v)
	}
	b.nodes = append(b.nodes, n)
	result := results[op]
	if result == "" {
		result = "output"
	}
	return own + ":" + result + ":0"
}

func attrValue(v any) *tfpb.AttrValue {
	switch v := v.(type) {
	case tfpb.DataType:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_Type{Type: v}}
	case []tfpb.DataType:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: &tfpb.AttrValue_ListValue{Type: v}}}
	case []int64:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: &tfpb.AttrValue_ListValue{I: v}}}
	case int64:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_I{I: v}}
	case bool:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_B{B: v}}
	case string:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_S{S: []byte(v)}}
	case *tfpb.TensorProto:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_Tensor{Tensor: v}}
	case functionName:
		return &tfpb.AttrValue{Value: &tfpb.AttrValue_Func{Func: &tfpb.NameAttrList{Name: string(v)}}}
	}
	panic(fmt.Sprintf("cudnn: an attribute of type %T", v)) // all are written in this package
}

// result names a further result of the node whose first result is first.
func result(first string, i int) string {
	return fmt.Sprintf("%s:%d", first[:len(first)-2], i)
}

// list writes a constant list of integers.
func (b *builder) list(name string, t tfpb.DataType, values ...int64) string {
	shape := &tfpb.TensorShapeProto{Dim: []*tfpb.TensorShapeProto_Dim{{Size: int64(len(values))}}}
	return b.constant(name, integers(t, shape, values))
}

// scalar writes a constant integer.
func (b *builder) scalar(name string, t tfpb.DataType, value int64) string {
	return b.constant(name, integers(t, &tfpb.TensorShapeProto{}, []int64{value}))
}

func integers(t tfpb.DataType, shape *tfpb.TensorShapeProto, values []int64) *tfpb.TensorProto {
	p := &tfpb.TensorProto{Dtype: t, TensorShape: shape}
	for _, v := range values {
		if t == int64Type {
			p.Int64Val = append(p.Int64Val, v)
		} else {
			p.IntVal = append(p.IntVal, int32(v))
		}
	}
	return p
}

// number writes a constant scalar that is 0 or 1, of a type of floats.
func (b *builder) number(name string, t tfpb.DataType, one bool) string {
	p := &tfpb.TensorProto{Dtype: t, TensorShape: &tfpb.TensorShapeProto{}}
	switch {
	case t == tfpb.DataType_DT_DOUBLE && one:
		p.DoubleVal = []float64{1}
	case t == tfpb.DataType_DT_DOUBLE:
		p.DoubleVal = []float64{0}
	case t == tfpb.DataType_DT_FLOAT && one:
		p.FloatVal = []float32{1}
	case t == tfpb.DataType_DT_FLOAT:
		p.FloatVal = []float32{0}
	default:
		p.HalfVal = []int32{0}
	}
	return b.constant(name, p)
}

func (b *builder) text(name, s string) string {
	return b.constant(name, &tfpb.TensorProto{Dtype: stringType, TensorShape: &tfpb.TensorShapeProto{}, StringVal: [][]byte{[]byte(s)}})
}

func (b *builder) constant(name string, p *tfpb.TensorProto) string {
	return b.add(name, "Const", attrs{"dtype": p.Dtype, "value": p})
}

// element returns element i of a list of integers.
func (b *builder) element(name string, t tfpb.DataType, list string, i int64) string {
	return b.add(name, "StridedSlice", attrs{"T": t, "Index": int32Type, "shrink_axis_mask": int64(1)},
		list, b.list(name+"/begin", int32Type, i), b.list(name+"/end", int32Type, i+1), b.list(name+"/strides", int32Type, 1))
}

// transpose exchanges axes.
func (b *builder) transpose(name string, t tfpb.DataType, x string, axes ...int64) string {
	return b.add(name, "Transpose", attrs{"T": t, "Tperm": int32Type}, x, b.list(name+"/perm", int32Type, axes...))
}

// concat joins tensors along an axis; of one it returns that.
func (b *builder) concat(name string, t tfpb.DataType, axis int64, parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	inputs := append(parts[:len(parts):len(parts)], b.scalar(name+"/axis", int32Type, axis))
	return b.add(name, "ConcatV2", attrs{"T": t, "N": int64(len(parts)), "Tidx": int32Type}, inputs...)
}

// dim is the length of an axis: a number, or if that is not known a tensor of it
// (int64).
type dim struct {
	n   int64 // -1 if not known
	ref string
}

func (b *builder) ofDim(name string, d dim) string {
	if d.n >= 0 {
		return b.scalar(name, int64Type, d.n)
	}
	return d.ref
}

// times multiplies lengths.
func (b *builder) times(name string, dims ...dim) dim {
	product, known := int64(1), true
	for _, d := range dims {
		product *= d.n
		known = known && d.n >= 0
	}
	if known {
		return dim{n: product}
	}
	out := b.ofDim(name+"/0", dims[0])
	for i, d := range dims[1:] {
		out = b.add(name, "Mul", attrs{"T": int64Type}, out, b.ofDim(fmt.Sprintf("%s/%d", name, i+1), d))
	}
	return dim{-1, out}
}

// vector is a list of lengths.
func (b *builder) vector(name string, dims ...dim) string {
	known := true
	values := make([]int64, len(dims))
	for i, d := range dims {
		values[i], known = d.n, known && d.n >= 0
	}
	if known {
		return b.list(name, int64Type, values...)
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = b.ofDim(fmt.Sprintf("%s/%d", name, i), d)
	}
	return b.add(name, "Pack", attrs{"T": int64Type, "N": int64(len(parts)), "axis": int64(0)}, parts...)
}

func (b *builder) reshape(name string, t tfpb.DataType, x string, to ...dim) string {
	return b.add(name, "Reshape", attrs{"T": t, "Tshape": int64Type}, x, b.vector(name+"/shape", to...))
}

// arg is an argument or a result of a function.
type arg struct {
	name string
	kind tfpb.DataType
	ref  string // what a result is
}

// function makes a function of the nodes.
func (b *builder) function(name string, args, rets []arg) *tfpb.FunctionDef {
	def := &tfpb.FunctionDef{Signature: &tfpb.OpDef{Name: name}, NodeDef: b.nodes, Ret: map[string]string{}}
	for _, a := range args {
		def.Signature.InputArg = append(def.Signature.InputArg, argDef(a))
	}
	for _, r := range rets {
		def.Signature.OutputArg = append(def.Signature.OutputArg, argDef(r))
		def.Ret[r.name] = r.ref
	}
	return def
}

// The numbers of fields that tfpb does not read.
const (
	fieldArgType    = 3  // of OpDef.ArgDef
	fieldIsStateful = 17 // of OpDef
)

func argDef(a arg) *tfpb.OpDef_ArgDef {
	out := &tfpb.OpDef_ArgDef{Name: a.name}
	out.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, fieldArgType, protowire.VarintType), uint64(a.kind)))
	return out
}

// stateful marks a function that has an operation with an effect.
func stateful(def *tfpb.FunctionDef) {
	b := protowire.AppendVarint(protowire.AppendTag(nil, fieldIsStateful, protowire.VarintType), 1)
	def.Signature.ProtoReflect().SetUnknown(append(def.Signature.ProtoReflect().GetUnknown(), b...))
}

func typesOf(args []arg) []tfpb.DataType {
	var out []tfpb.DataType
	for _, a := range args {
		out = append(out, a.kind)
	}
	return out
}
