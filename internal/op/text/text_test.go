package text

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// build builds an operation of attributes as ops_text.py writes them.
func build(t testing.TB, name, attrs string, inputs int) (op.Exec, error) {
	t.Helper()
	c := graphtest.Case{Op: name}
	if err := json.Unmarshal([]byte("{"+attrs+"}"), &c.Attrs); err != nil {
		t.Fatal(err)
	}
	x, _ := lockstep.Zeros(lockstep.String)
	in := make([]*lockstep.Tensor, inputs)
	for i := range in {
		in[i] = x
	}
	g, _, err := c.Graph(in, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n *savedmodel.Node
	for _, other := range g.Nodes {
		if other.Op == name {
			n = other
		}
	}
	return Ops[name].Build(n)
}

func run(e op.Exec, in ...*lockstep.Tensor) ([]value.Value, error) {
	values := make([]value.Value, len(in))
	for i, t := range in {
		values[i] = value.Value{Tensor: t}
	}
	var keep any
	return e(&op.Call{Out: make([]value.Value, 3), Keep: &keep}, values)
}

func texts(t testing.TB, list ...string) *lockstep.Tensor {
	x, err := lockstep.New(list, len(list))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// What is not supported is refused when the graph is compiled.
func TestRefuses(t *testing.T) {
	for _, c := range []struct{ op, attrs, want string }{
		{"StaticRegexReplace", `"pattern":["string","\\C"]`, `\C`},
		{"StaticRegexReplace", `"pattern":["string","(?=a)"]`, "(?="},
		{"StaticRegexReplace", `"pattern":["string","(a{900}){900}"]`, ""},
		{"StaticRegexReplace", `"pattern":["string","(((a{30}){30}){30}b{900}){2}"]`, ""},
		{"StaticRegexReplace", `"pattern":["string","a"],"rewrite":["string","\\x"]`, "the rewrite"},
		{"StaticRegexReplace", `"pattern":["string","a"],"rewrite":["string","b\\"]`, "the rewrite"},
		{"StaticRegexFullMatch", `"pattern":["string","["]`, "["},
		{"StringLower", `"encoding":["string","latin-1"]`, `attribute "encoding" is latin-1`},
		{"StringLength", `"unit":["string","WORD"]`, `attribute "unit" is WORD`},
		{"Substr", `"unit":["string",""]`, `attribute "unit"`},
		{"UnicodeDecode", `"input_encoding":["string","UTF-16-BE"]`, `attribute "input_encoding" is UTF-16-BE`},
		{"UnicodeDecode", `"input_encoding":["string","UTF-8"],"errors":["string","panic"]`, `attribute "errors" is panic`},
		{"UnicodeDecode", `"input_encoding":["string","UTF-8"],"replacement_char":["int",1114112]`, `attribute "replacement_char" is 1114112`},
		{"UnicodeDecodeWithOffsets", `"input_encoding":["string","UTF-8"],"Tsplits":["type","int32"]`, `attribute "Tsplits" is int32`},
		{"UnicodeEncode", `"output_encoding":["string","UTF-7"]`, `attribute "output_encoding" is UTF-7`},
		{"StringToHashBucketFast", `"num_buckets":["int",0]`, `attribute "num_buckets" is 0`},
		{"StringToHashBucketStrong", `"num_buckets":["int",5],"key":["list(int)",[1]]`, `attribute "key" has 1 numbers`},
		{"StringNGrams", `"ngram_widths":["list(int)",[0]]`, `attribute "ngram_widths" is [0]`},
		{"StringNGrams", `"ngram_widths":["list(int)",[2]],"pad_width":["int",1000000]`, `attribute "pad_width" is 1000000`},
		{"AsString", `"T":["type","float32"],"precision":["int",1000000000]`, "precision or width"},
		{"AsString", `"T":["type","int32"],"fill":["string","xy"]`, `attribute "fill"`},
		{"StringToNumber", `"out_type":["type","bool"]`, `attribute "out_type" is bool`},
		{"SparseCross", `"N":["int",1]`, "sparse features"},
		{"StringFormat", `"placeholder":["string",""]`, `attribute "placeholder"`},
	} {
		if _, err := build(t, c.op, c.attrs, 2); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s {%s}: error %v, want %q", c.op, c.attrs, err, c.want)
		}
	}
}

// Texts in which RE2 finds other matches than Go are refused when they come.
func TestTextsThatRE2ReadsOtherwise(t *testing.T) {
	e, err := compile(`\B`, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.find("aé", -1); !errors.Is(err, errInside) {
		t.Errorf("\\B in a text that is not ASCII: %v", err)
	}
	if e, err = compile(`.`, false); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"a\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\xafb", "\xff" + string(stranger)} {
		if _, err := e.find(s, -1); !errors.Is(err, errStrange) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if all, err := e.find("a\xffb\xc3", -1); err != nil || len(all) != 2 || all[1][0] != 2 || all[1][1] != 3 {
		t.Errorf("the characters of a text that is no UTF-8: %v, %v", all, err)
	}
	if all, err := e.find(string(stranger), -1); err != nil || len(all) != 1 {
		t.Errorf("the stranger in UTF-8: %v, %v", all, err)
	}
}

// What a few bytes ask for is compared with the budget before it is made.
func TestBudgetOfStrings(t *testing.T) {
	before := memory.Budget()
	memory.Set(64 << 20)
	defer memory.Set(before)
	long := strings.Repeat("a", 1<<20)
	replace, err := build(t, "StaticRegexReplace", `"pattern":["string","a"],"rewrite":["string","`+strings.Repeat("b", 1000)+`"]`, 1)
	if err != nil {
		t.Fatal(err)
	}
	join, err := build(t, "StringJoin", `"N":["int",100]`, 100)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]*lockstep.Tensor, 100)
	for i := range many {
		many[i] = texts(t, long)
	}
	for name, run := range map[string]func() error{
		"a replacement": func() error { _, err := run(replace, texts(t, long)); return err },
		"a join":        func() error { _, err := run(join, many...); return err },
	} {
		if err := run(); !errors.Is(err, lockstep.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRegex compiles expressions, and replaces in texts: nothing may panic, and what is
// outside of the matches stays.
func FuzzRegex(f *testing.F) {
	f.Add(`[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`+"`"+`{|}~\']`, "", "Don't!")
	f.Add(`(t)(h)?|\B`, `\2<\1\0`, "the \xff t")
	f.Add(`(a|b){2,40}\pL`, `\\`, "ab\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, pattern, to, text string) {
		if len(pattern)+len(text) > 1000 {
			return
		}
		e, err := compile(pattern, false)
		if err != nil {
			return
		}
		all, err := e.find(text, -1)
		if err != nil {
			return
		}
		at := 0
		for _, m := range all {
			if m[0] < at || m[1] < m[0] || m[1] > len(text) || !utf8.ValidString(text[m[0]:m[1]]) {
				t.Fatalf("%q in %q: the match %v after %d", pattern, text, m, at)
			}
			at = m[1]
		}
		r, err := newRewrite(to)
		if err != nil || r.most > e.plain.NumSubexp() {
			return
		}
		if size := r.size(text, all); size < 1<<20 && len(r.apply(text, all, size)) != size {
			t.Errorf("%q by %q in %q: %d bytes were foreseen", pattern, to, text, size)
		}
	})
}

// FuzzStrings runs every operation on strings of any bytes.
func FuzzStrings(f *testing.F) {
	f.Add("The cat\x00\xff", " ", "é\xe4\xb8", int64(-2), int64(3))
	f.Fuzz(func(t *testing.T, a, b, c string, at, n int64) {
		if len(a)+len(b)+len(c) > 10_000 {
			return
		}
		x := texts(t, a, b, c)
		one, err := lockstep.New([]string{b})
		if err != nil {
			t.Fatal(err)
		}
		at64, _ := lockstep.New([]int64{at})
		n64, _ := lockstep.New([]int64{n})
		numbers, _ := lockstep.New([]int32{int32(at), int32(n), 97, -1}, 4)
		ends, _ := lockstep.New([]int64{0, at % 5, 4}, 3)
		splits, _ := lockstep.New([]int64{0, n % 4, 3}, 3)
		axes, _ := lockstep.New([]int32{0}, 1)
		for _, c := range []struct {
			op, attrs string
			in        []*lockstep.Tensor
		}{
			{"StringLower", `"encoding":["string","utf-8"]`, []*lockstep.Tensor{x}}, {"StringUpper", `"encoding":["string","utf-8"]`, []*lockstep.Tensor{x}},
			{"StringLower", "", []*lockstep.Tensor{x}}, {"StringStrip", "", []*lockstep.Tensor{x}}, {"StringLength", `"unit":["string","UTF8_CHAR"]`, []*lockstep.Tensor{x}},
			{"Substr", `"unit":["string","UTF8_CHAR"]`, []*lockstep.Tensor{x, at64, n64}}, {"Substr", "", []*lockstep.Tensor{x, at64, n64}},
			{"StringSplitV2", "", []*lockstep.Tensor{x, one}}, {"StringSplit", `"skip_empty":["bool",false]`, []*lockstep.Tensor{x, one}},
			{"StringJoin", `"separator":["string","--"]`, []*lockstep.Tensor{x, one}}, {"ReduceJoin", "", []*lockstep.Tensor{x, axes}},
			{"UnicodeDecodeWithOffsets", `"input_encoding":["string","UTF-8"]`, []*lockstep.Tensor{x}}, {"UnicodeEncode", `"output_encoding":["string","UTF-16-BE"]`, []*lockstep.Tensor{numbers, ends}},
			{"UnicodeTranscode", `"input_encoding":["string","UTF-8"],"output_encoding":["string","UTF-8"],"errors":["string","ignore"]`, []*lockstep.Tensor{x}},
			{"StringNGrams", `"ngram_widths":["list(int)",[1,3]],"pad_width":["int",-1],"left_pad":["string","<"]`, []*lockstep.Tensor{x, splits}},
			{"StringToNumber", "", []*lockstep.Tensor{x}}, {"StringToHashBucketFast", `"num_buckets":["int",7]`, []*lockstep.Tensor{x}}, {"StringFormat", "", []*lockstep.Tensor{x}},
			{"RegexReplace", "", []*lockstep.Tensor{x, one, one}}, {"RegexFullMatch", "", []*lockstep.Tensor{x, one}},
		} {
			e, err := build(t, c.op, c.attrs, len(c.in))
			if err != nil {
				t.Fatalf("%s: %v", c.op, err)
			}
			out, err := run(e, c.in...)
			if err == nil && (len(out) == 0 || out[0].Tensor == nil) {
				t.Errorf("%s: neither a result nor an error", c.op)
			}
		}
	})
}
