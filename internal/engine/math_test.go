package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
)

func TestMath(t *testing.T) { runCases(t, "ops_math") }

func TestSmallTypesCompute(t *testing.T) { runCases(t, "ops_small") }

// TestMathRefuses names the attribute and the value of what is not supported,
// before anything runs.
func TestMathRefuses(t *testing.T) {
	x, err := lockstep.Zeros(lockstep.Float32, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	const f = `"T":{"type":"type","value":"float32"}`
	const conv = f + `,"strides":{"type":"list(int)","value":[1,1,1,1]},"padding":{"type":"string","value":"SAME"}`
	const pool = conv + `,"ksize":{"type":"list(int)","value":[1,2,2,1]}`
	for _, test := range []struct {
		op, attrs string
		inputs    int
		want      string
	}{
		{"Sum", ofType("float8_e5m2"), 2, `attribute "T" is float8_e5m2`},
		{"Mean", ofType("string"), 2, `attribute "T" is string`},
		{"LogSoftmax", ofType("bfloat16"), 1, `attribute "T" is bfloat16`},
		{"FloorDiv", ofType("float16"), 2, `attribute "T" is float16`},
		{"AvgPool", replace(pool, "float32", "int8"), 1, `attribute "T" is int8`},
		{"AddV2", ofType("string"), 2, `attribute "T" is string`},
		{"MatMul", "", 2, `attribute "T"`},
		{"Exp", ofType("int32"), 1, `attribute "T" is int32`},
		{"LeakyRelu", ofType("int32"), 1, `attribute "T" is int32`},
		{"ArgMax", f + `,"output_type":{"type":"type","value":"float32"}`, 2, `attribute "output_type" is float32`},
		{"TopKV2", f + `,"sorted":{"type":"bool","value":false}`, 2, `attribute "sorted" is false`},
		{"BiasAdd", f + `,"data_format":{"type":"string","value":"NC"}`, 2, `attribute "data_format" is NC`},
		{"Cast", `"SrcT":{"type":"type","value":"string"},"DstT":{"type":"type","value":"int32"}`, 1, `attribute "DstT" is int32 of string`},
		{"Cast", `"SrcT":{"type":"type","value":"float32"},"DstT":{"type":"type","value":"string"}`, 1, `"DstT"`},
		{"BatchMatMulV3", `"Ta":{"type":"type","value":"float32"},"Tb":{"type":"type","value":"float32"},"Tout":{"type":"type","value":"float64"}`, 2, `attribute "Tout" is float64`},
		{"Einsum", f + `,"N":{"type":"int","value":1},"equation":{"type":"string","value":"i->ii"}`, 1, `attribute "equation" is "i->ii"`},
		{"Einsum", f + `,"N":{"type":"int","value":1},"equation":{"type":"string","value":"ab"}`, 1, "want one ->"},
		{"Einsum", f + `,"N":{"type":"int","value":1},"equation":{"type":"string","value":"ab->c"}`, 1, "no operand has"},
		{"Einsum", f + `,"N":{"type":"int","value":1},"equation":{"type":"string","value":"a b->ab"}`, 1, "not a letter"},
		{"Einsum", f + `,"N":{"type":"int","value":1},"equation":{"type":"string","value":"ab,bc->ac"}`, 1, "for 1 inputs"},
		{"Einsum", f + `,"N":{"type":"int","value":3},"equation":{"type":"string","value":"a,a,a->a"}`, 3, "3 operands"},
		{"Conv2D", conv + `,"data_format":{"type":"string","value":"NCHW_VECT_C"}`, 2, `attribute "data_format" is NCHW_VECT_C`},
		{"Conv2D", replace(conv, "[1,1,1,1]", "[1,1,1,2]"), 2, `attribute "strides" is [1 1 1 2]`},
		{"Conv2D", replace(conv, "[1,1,1,1]", "[1,2,1,1]") + `,"data_format":{"type":"string","value":"NCHW"}`, 2, `attribute "strides" is [1 2 1 1]`},
		{"Conv2DBackpropInput", replace(conv, "float32", "int32"), 3, `attribute "T" is int32`},
		{"Bitcast", ofType("float32") + `,"type":{"type":"type","value":"bool"}`, 1, `attribute "type" is bool`},
		{"Bucketize", f + `,"boundaries":{"type":"list(float)","value":[1,0]}`, 1, "attribute \"boundaries\" is [1 0]"},
		{"Unique", ofType("float16"), 1, `attribute "T" is float16`},
		{"Conv2D", replace(conv, "SAME", "FULL"), 2, `attribute "padding" is FULL`},
		{"Conv2D", replace(conv, "[1,1,1,1]", "[2,1,1,1]"), 2, `attribute "strides" is [2 1 1 1]`},
		{"Conv2D", replace(conv, "[1,1,1,1]", "[1,0,1,1]"), 2, `attribute "strides" is [1 0 1 1]`},
		{"Conv2D", replace(conv, "[1,1,1,1]", "[1,1]"), 2, `attribute "strides" is [1 1]`},
		{"Conv2D", conv + `,"dilations":{"type":"list(int)","value":[1,1,1,2]}`, 2, `attribute "dilations" is [1 1 1 2]`},
		{"Conv2D", conv + `,"explicit_paddings":{"type":"list(int)","value":[0,0,1,1,0,0,0,0]}`, 2, "explicit_paddings"},
		{"Conv2D", replace(conv, "SAME", "EXPLICIT") + `,"explicit_paddings":{"type":"list(int)","value":[1,0,1,1,0,0,0,0]}`, 2, "explicit_paddings"},
		{"Conv2D", replace(conv, "SAME", "EXPLICIT") + `,"explicit_paddings":{"type":"list(int)","value":[0,0,-1,1,0,0,0,0]}`, 2, "explicit_paddings"},
		{"DepthwiseConv2dNative", conv + `,"dilations":{"type":"list(int)","value":[1,2,2,1]}`, 2, `attribute "dilations" is [1 2 2 1]`},
		{"DepthwiseConv2dNative", replace(conv, "[1,1,1,1]", "[1,1,2,1]"), 2, `attribute "strides" is [1 1 2 1]`},
		{"MaxPool", replace(pool, "SAME", "EXPLICIT") + `,"explicit_paddings":{"type":"list(int)","value":[0,0,1,1,0,0,0,0]}`, 1, `attribute "padding" is EXPLICIT`},
		{"MaxPool", replace(pool, "[1,2,2,1]", "[1,1,1,2]"), 1, `attribute "ksize" is [1 1 1 2]`},
		{"MaxPool", pool + `,"data_format":{"type":"string","value":"NCHW"}`, 1, `attribute "ksize" is [1 2 2 1]`},
		{"AvgPool", replace(pool, "float32", "int32"), 1, `attribute "T" is int32`},
		{"FusedBatchNormV3", f + `,"U":{"type":"type","value":"float64"}`, 5, `attribute "U" is float64`},
		{"FusedBatchNormV3", f + `,"U":{"type":"type","value":"float32"},"data_format":{"type":"string","value":"NDHW"}`, 5, `attribute "data_format" is NDHW`},
	} {
		c := graphtest.Case{Op: test.op}
		if err := json.Unmarshal([]byte("{"+test.attrs+"}"), &c.Attrs); err != nil {
			t.Fatal(err)
		}
		inputs := make([]*lockstep.Tensor, test.inputs)
		for i := range inputs {
			inputs[i] = x
		}
		_, err := compileCase(&c, inputs, 0, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s {%s}: error %v, want %q in it", test.op, test.attrs, err, test.want)
		}
	}
}

func ofType(name string) string { return fmt.Sprintf(`"T":{"type":"type","value":%q}`, name) }

func replace(s, from, to string) string { return strings.Replace(s, from, to, 1) }

// TestMathHostile replaces each input by tensors that no operation expects
// there. Whatever an operation answers, it must not panic.
func TestMathHostile(t *testing.T) { hostile(t, "ops_math", 1) }

// Small types have many cases that are alike.
func TestSmallTypesHostile(t *testing.T) { hostile(t, "ops_small", 5) }

// hostile takes one of some cases, all of them for 1.
func hostile(t *testing.T, file string, some int) {
	t.Helper()
	cases, values := graphtest.ReadCases(t, file)
	odd := []*lockstep.Tensor{
		nil,
		tensorOf(t, []float32{float32(math.NaN())}),
		tensorOf(t, []float32{1, 2, 3}, 3),
		tensorOf(t, []float64{1, 2}, 1, 2),
		tensorOf(t, []int32{math.MinInt32}),
		tensorOf(t, []int32{math.MaxInt32, 0}, 2),
		tensorOf(t, []int64{math.MinInt64, math.MaxInt64}, 2, 1, 1, 1),
		tensorOf(t, []int64{-1}),
		tensorOf(t, []bool{true}, 1, 1, 1, 1, 1, 1, 1),
		tensorOf(t, []string{"x"}, 1),
		tensorOf(t, []int8{-128, 127}, 2),
		tensorOf(t, []uint8{255}),
		tensorOf(t, []uint64{math.MaxUint64}, 1, 1),
		tensorOf(t, []lockstep.Float8E5M2Bits{0x7c}, 1),
		tensorOf(t, []lockstep.Float16Bits{1}, 1),
		tensorOf(t, []complex64{1}, 1),
		tensorOf(t, []complex128{}, 1<<40, 0, 1<<40),
		tensorOf(t, []float32{}, 0),
		tensorOf(t, []float32{}, 1<<40, 0),
		tensorOf(t, []float32{}, 0, 1<<40, 1<<40),
		tensorOf(t, []float32{}, 1<<31, 0, 1<<31, 1<<31),
		tensorOf(t, []float32{}, 2, 3, 0, 1),
		tensorOf(t, make([]float32, 16), 2, 2, 2, 2),
		tensorOf(t, []int32{}, 0),
		tensorOf(t, []int32{}, 1<<40, 0, 3),
	}
	for i, c := range cases {
		if i%some != 0 {
			continue
		}
		inputs := map[string]*lockstep.Tensor{}
		var given []*lockstep.Tensor
		for i, key := range c.Inputs {
			inputs[fmt.Sprintf("x%d", i)] = values[key]
			given = append(given, values[key])
		}
		p, err := compileCase(&c, given, 0, nil)
		if err != nil && c.Error {
			continue // TensorFlow has no kernel for it, or it is refused when it is compiled
		}
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for name, was := range inputs {
			for _, x := range odd {
				inputs[name] = x
				runOdd(t, c.Name, p, inputs, name)
			}
			inputs[name] = was
		}
		for _, x := range odd {
			all := map[string]*lockstep.Tensor{}
			for name := range inputs {
				all[name] = x
			}
			runOdd(t, c.Name, p, all, "all")
		}
		if strings.HasPrefix(c.Op, "AddN") || c.Op == "" {
			continue
		}
		for _, some := range [][]*lockstep.Tensor{given[1:], append(given[:1:1], given...)} {
			if p, err = compileCase(&c, some, 0, nil); err != nil {
				continue
			}
			feed := map[string]*lockstep.Tensor{}
			for i, x := range some {
				feed[fmt.Sprintf("x%d", i)] = x
			}
			if out, err := runTwice(t, p, feed); err == nil {
				t.Errorf("%s with %d inputs: no error, but %v", c.Name, len(some), out)
			}
		}
	}
}

func runOdd(t *testing.T, name string, p *Program, inputs map[string]*lockstep.Tensor, which string) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s with %s = %v: panic: %v", name, which, inputs[which], r)
		}
	}()
	out, err := runTwice(t, p, inputs)
	if err == nil && out["y0"] == nil {
		t.Errorf("%s with %s = %v: neither a result nor an error", name, which, inputs[which])
	}
}

func tensorOf[E lockstep.Element](t *testing.T, data []E, shape ...int) *lockstep.Tensor {
	t.Helper()
	out, err := lockstep.New(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOverflowingSum shows where the sum in float64 differs from TensorFlow's:
// a partial sum in float32 that overflows does not come back.
func TestOverflowingSum(t *testing.T) {
	x := tensorOf(t, []float32{3e38, 3e38, -3e38}, 3)
	axis := tensorOf(t, []int32{0})
	c := graphtest.Case{Op: "Sum"}
	if err := json.Unmarshal([]byte("{"+ofType("float32")+"}"), &c.Attrs); err != nil {
		t.Fatal(err)
	}
	p, err := compileCase(&c, []*lockstep.Tensor{x, axis}, 1, func(int) lockstep.DType { return lockstep.Float32 })
	if err != nil {
		t.Fatal(err)
	}
	out, err := runTwice(t, p, map[string]*lockstep.Tensor{"x0": x, "x1": axis})
	if err != nil {
		t.Fatal(err)
	}
	if err := graphtest.Agree(out["y0"], tensorOf(t, []float32{3e38}), 0); err != nil {
		t.Error(err)
	}
}

// TestWorkIsBounded has numbers of products that would take days.
func TestWorkIsBounded(t *testing.T) {
	if err := op.Affordable(1<<20, 1<<20); err != nil {
		t.Error(err)
	}
	if err := op.Affordable(0, math.MaxInt, math.MaxInt); err != nil {
		t.Error(err)
	}
	for _, factors := range [][]int{{1 << 30, 1 << 11}, {math.MaxInt, math.MaxInt}, {math.MaxInt, 2, 0}} {
		if op.Affordable(factors...) == nil {
			t.Errorf("%v products: no error", factors)
		}
	}
}
